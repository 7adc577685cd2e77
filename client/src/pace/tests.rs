//! Simulated links: connections with windows that open, a shared rate, a price for too many.

use super::*;

const PART: u64 = 5_000_000;
/// Step of the simulation, s.
const STEP: f64 = 0.05;

/// A link as parts see it.
#[derive(Clone, Copy)]
struct Path {
    /// Bytes/s of all connections.
    rate: f64,
    /// Bytes/s of one connection, which loss or a window bounds.
    each: f64,
    /// Round trip, s.
    rtt: f64,
    /// Connections beyond which each costs this share of the rate (a shallow queue, a slow edge).
    room: usize,
    price: f64,
}

const FAT: Path = Path { rate: 125e6, each: 30e6, rtt: 0.15, room: 64, price: 0.0 };

/// A running simulation.
struct World {
    pace: Pace,
    now: f64,
    delivered: f64,
    /// Age of each connection, round trips: its window doubles in each.
    connections: Vec<f64>,
}

impl World {
    fn new(cap: usize) -> World {
        World { pace: Pace::new(cap), now: 0.0, delivered: 0.0, connections: Vec::new() }
    }

    /// Runs for `seconds`; returns the mean rate, bytes/s.
    fn run(&mut self, path: Path, seconds: f64) -> f64 {
        let (before, steps) = (self.delivered, (seconds / STEP) as usize);
        for _ in 0..steps {
            let flying = self.pace.allowed();
            self.connections.resize(flying.max(self.connections.len()), 0.0);
            let open: f64 = self.connections.iter().take(flying).map(|age| (14_600.0 * age.exp2() / path.rtt).min(path.each)).sum();
            let excess = flying.saturating_sub(path.room) as f64;
            self.delivered += open.min(path.rate) * (1.0 - path.price * excess).max(0.1) * STEP;
            self.connections.iter_mut().take(flying).for_each(|age| *age = (*age + STEP / path.rtt).min(30.0));
            self.now += STEP;
            self.pace.completed(PART, Duration::from_secs_f64(path.rtt));
            self.pace.tick(self.delivered as u64, flying, Duration::from_secs_f64(self.now));
        }
        (self.delivered - before) / seconds
    }
}

#[test]
fn fat_long_link_is_filled_by_few_connections_and_not_by_many() {
    let mut world = World::new(32);
    let slow_start = world.run(FAT, 3.0);
    assert!(slow_start > 0.3 * FAT.rate, "{slow_start}");
    assert!(world.run(FAT, 30.0) > 0.97 * FAT.rate);
    assert!((4..=10).contains(&world.pace.allowed()), "{}: five fill it", world.pace.allowed());
}

#[test]
fn lossy_link_gets_as_many_connections_as_are_allowed() {
    // Loss bounds each connection: 24 are three times as fast as 8.
    let lossy = Path { each: 0.2e6, ..FAT };
    let mut world = World::new(24);
    world.run(lossy, 12.0);
    assert!(world.pace.allowed() >= 22, "{}", world.pace.allowed());
    assert!(world.run(lossy, 30.0) > 0.85 * 24.0 * 0.2e6);
}

#[test]
fn shallow_queue_and_slow_edge_are_not_overrun() {
    // Each connection beyond four costs 3 %: eight are slower than five.
    let shallow = Path { rate: 10e6, each: 5e6, rtt: 0.04, room: 4, price: 0.03 };
    let mut world = World::new(32);
    world.run(shallow, 40.0);
    assert!(world.pace.allowed() <= 6, "{}", world.pace.allowed());
    assert!(world.run(shallow, 20.0) > 0.9 * shallow.rate);
}

#[test]
fn number_follows_a_rate_that_changes() {
    let mut world = World::new(32);
    let narrow = Path { rate: 20e6, each: 2.5e6, ..FAT };
    world.run(narrow, 20.0);
    assert!((7..=11).contains(&world.pace.allowed()), "{}", world.pace.allowed());
    let wide = Path { rate: 60e6, ..narrow };
    world.run(wide, 60.0);
    assert!(world.run(wide, 10.0) > 0.85 * wide.rate, "{} connections", world.pace.allowed());
    let slow = Path { rate: 5e6, ..narrow };
    world.run(slow, 120.0);
    assert!(world.pace.allowed() <= 12, "{}", world.pace.allowed());
    assert!(world.run(slow, 10.0) > 0.95 * slow.rate);
}

#[test]
fn number_starts_at_8_or_at_the_cap_and_never_leaves_the_bounds() {
    assert_eq!((Pace::new(24).allowed(), Pace::new(2).allowed(), Pace::new(0).allowed()), (8, 2, 1));
    let mut world = World::new(3);
    world.run(Path { each: 0.1e6, ..FAT }, 30.0);
    assert!((2..=3).contains(&world.pace.allowed()), "{}", world.pace.allowed());
}

#[test]
fn failures_halve_the_number_once_per_round_and_it_grows_again() {
    let lossy = Path { each: 0.2e6, ..FAT };
    let mut world = World::new(24);
    world.run(lossy, 12.0);
    let before = world.pace.allowed();
    (0..3).for_each(|_| world.pace.failed());
    assert_eq!(world.pace.allowed(), before / 2);
    for _ in 0..9 {
        world.run(lossy, 1.5);
        world.pace.failed();
    }
    assert_eq!(world.pace.allowed(), 1);
    world.run(lossy, 90.0);
    assert!(world.pace.allowed() >= 12, "{}", world.pace.allowed());
}

#[test]
fn rounds_with_fewer_parts_than_allowed_or_with_a_pause_decide_nothing() {
    let mut pace = Pace::new(24);
    for second in 0..60 {
        pace.tick(0, 3, Duration::from_secs(second));
        pace.tick(0, 8, Duration::from_millis(second * 1_000 + 1));
    }
    assert_eq!((pace.allowed(), pace.phase), (8, Phase::Startup));
}

#[test]
fn fixed_number_never_changes() {
    let mut world = World { pace: Pace::fixed(7), ..World::new(1) };
    world.pace.failed();
    world.run(FAT, 20.0);
    assert_eq!((world.pace.allowed(), world.pace.wakes_at()), (7, None));
}
