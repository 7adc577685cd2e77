//! What a link does with a packet, as pure functions of time and a seeded generator. Times are nanoseconds of any monotonic clock.

use fastrand::Rng;

/// A bottleneck: a rate, and a bounded queue before it that drops what does not fit (tail drop).
#[derive(Debug, Clone)]
pub struct Gate {
    ns_per_byte: f64,
    queue_ns: u64,
    /// When all that was let in has left.
    free: u64,
}

impl Gate {
    /// `mbit` Mbit/s; the queue holds `queue_ms` of it.
    pub fn new(mbit: f64, queue_ms: f64) -> Gate {
        Gate { ns_per_byte: 8_000.0 / mbit, queue_ns: ns(queue_ms), free: 0 }
    }

    /// When the last bit of a packet of `bytes` that comes at `now` has left; None: the queue is full. Packets come in order.
    pub fn pass(&mut self, now: u64, bytes: usize) -> Option<u64> {
        let begins = self.free.max(now);
        if begins - now > self.queue_ns {
            return None;
        }
        self.free = begins + (self.ns_per_byte * bytes as f64) as u64;
        Some(self.free)
    }
}

/// One direction of the way between two hosts.
#[derive(Debug, Clone)]
pub struct Path {
    /// Its bottleneck, if it has one.
    pub gate: Option<Gate>,
    /// Propagation delay, ns.
    pub delay: u64,
    /// Upper bound of what is added to the delay, uniformly distributed, ns.
    pub jitter: u64,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Where the chances come from.
    pub chance: Rng,
    /// Arrival of the packet before: jitter does not reorder, as queues of radio links do not.
    pub last: u64,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then.
    Arrives(u64),
    /// The queue before the bottleneck is full.
    Dropped,
    /// Lost on the way.
    Lost,
}

impl Path {
    /// Half of `rtt_ms` long.
    pub fn new(rtt_ms: f64, gate: Option<Gate>, loss_percent: f64, jitter_ms: f64, seed: u64) -> Path {
        Path { gate, delay: ns(rtt_ms / 2.0), jitter: ns(jitter_ms), loss: loss_percent / 100.0, chance: Rng::with_seed(seed), last: 0 }
    }

    /// The fate of a packet of `bytes` that enters at `now`. Packets come in order.
    pub fn pass(&mut self, now: u64, bytes: usize) -> Fate {
        let left = match &mut self.gate {
            Some(gate) => match gate.pass(now, bytes) {
                Some(left) => left,
                None => return Fate::Dropped,
            },
            None => now,
        };
        if self.loss > 0.0 && self.chance.f64() < self.loss {
            return Fate::Lost;
        }
        let jitter = if self.jitter > 0 { self.chance.u64(0..=self.jitter) } else { 0 };
        self.last = self.last.max(left + self.delay + jitter);
        Fate::Arrives(self.last)
    }
}

/// Milliseconds in nanoseconds.
pub fn ns(ms: f64) -> u64 {
    (ms * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn rate_spaces_packets_and_idle_time_is_not_saved_up() {
        // 12 Mbit/s: 1,500 bytes take 1 ms.
        let mut gate = Gate::new(12.0, 100.0);
        assert_eq!([0, 0, 0].map(|now| gate.pass(now, 1_500)), [Some(MS), Some(2 * MS), Some(3 * MS)]);
        assert_eq!(gate.pass(50 * MS, 750), Some(50 * MS + MS / 2));
    }

    #[test]
    fn full_queue_drops_the_last_and_takes_again_when_it_has_drained() {
        let mut gate = Gate::new(12.0, 2.0);
        let passed = (0..5).filter(|_| gate.pass(0, 1_500).is_some()).count();
        assert_eq!(passed, 3, "one is being sent, two ms wait");
        assert_eq!(gate.pass(2 * MS, 1_500), Some(4 * MS));
    }

    #[test]
    fn path_without_bottleneck_takes_half_a_round_trip() {
        let mut path = Path::new(20.0, None, 0.0, 0.0, 1);
        assert_eq!(path.pass(5 * MS, 1_500), Fate::Arrives(15 * MS));
    }

    #[test]
    fn loss_is_that_of_the_profile_and_the_same_for_the_same_seed() {
        let lost = |seed| {
            let mut path = Path::new(20.0, None, 0.5, 0.0, seed);
            (0..100_000).map(|now| path.pass(now, 1_500)).filter(|fate| *fate == Fate::Lost).count()
        };
        assert!((400..600).contains(&lost(7)), "{}", lost(7));
        assert_eq!(lost(7), lost(7));
        assert_ne!(lost(7), lost(8));
    }

    #[test]
    fn jitter_varies_the_delay_within_its_bound_and_does_not_reorder() {
        let mut path = Path::new(60.0, None, 0.0, 10.0, 3);
        let arrivals: Vec<_> = (0..1_000)
            .map(|packet| {
                let sent = packet * MS;
                let Fate::Arrives(at) = path.pass(sent, 1_500) else { panic!("nothing is lost here") };
                assert!((30 * MS..=40 * MS).contains(&(at - sent)));
                at
            })
            .collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals.windows(2).any(|pair| pair[1] - pair[0] != MS));
    }
}
