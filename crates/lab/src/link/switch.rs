//! The network: one thread per host, which takes the packets that the host sends, puts each on its path, and hands it over when its time has come.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jettyspeed_devstack::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::model::{Fate, Gate, Path};

/// How often a busy thread turns: packets are taken and delivered in batches of this time, which is the precision of every delay.
const TURN: Duration = Duration::from_micros(200);
/// How long an idle thread waits before it looks whether it shall end.
const IDLE: Duration = Duration::from_millis(100);
/// Packets that are taken before some are delivered.
const BATCH: usize = 256;
/// Largest packet that a device gives.
const LARGEST: usize = 65_536;

/// What a path has done.
#[derive(Debug, Default)]
pub struct Counters {
    /// Packets that were put on it.
    pub packets: AtomicU64,
    /// Their bytes, with IP headers.
    pub bytes: AtomicU64,
    /// Packets that found a queue full.
    pub dropped: AtomicU64,
    /// Packets that were lost on the way.
    pub lost: AtomicU64,
}

/// One direction between two addresses.
pub struct Route {
    /// Sender.
    pub from: Ipv4Addr,
    /// Receiver.
    pub to: Ipv4Addr,
    /// The way.
    pub path: Path,
    /// The receiver's device.
    pub device: Arc<OwnedFd>,
    /// Nothing passes while it is set.
    pub dead: Arc<AtomicBool>,
    /// What passed.
    pub counters: Arc<Counters>,
}

/// A host: its device, the line that all its packets go through first, and its routes.
pub struct Host {
    /// Name of its thread.
    pub name: String,
    /// Its device.
    pub device: Arc<OwnedFd>,
    /// Its line.
    pub access: Option<Gate>,
    /// Where its packets go.
    pub routes: Vec<Route>,
}

/// The running threads; dropping it ends them.
pub struct Switch {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Switch {
    /// Starts a thread for each host.
    pub fn start(hosts: Vec<Host>) -> Result<Switch> {
        let (stop, epoch) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let threads = hosts.into_iter().map(|host| {
            let stop = Arc::clone(&stop);
            Ok(std::thread::Builder::new().name(format!("link-{}", host.name)).spawn(move || Worker::of(host, epoch).run(&stop))?)
        });
        Ok(Switch { threads: threads.collect::<Result<_>>()?, stop })
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Packets and when they arrive.
type Waiting = VecDeque<(u64, Vec<u8>)>;

struct Worker {
    device: Arc<OwnedFd>,
    access: Option<Gate>,
    /// Each route with the packets on it, in the order of their arrival.
    routes: Vec<(Route, Waiting)>,
    /// Buffers of packets that were delivered.
    spare: Vec<Vec<u8>>,
    epoch: Instant,
}

impl Worker {
    fn of(host: Host, epoch: Instant) -> Worker {
        let routes = host.routes.into_iter().map(|route| (route, VecDeque::new())).collect();
        Worker { device: host.device, access: host.access, routes, spare: Vec::new(), epoch }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn run(mut self, stop: &AtomicBool) {
        // The default of 50 us would be added to every wait.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
        let mut buffer = vec![0; LARGEST];
        while !stop.load(Ordering::Relaxed) {
            let turned = Instant::now();
            let more = self.take(&mut buffer);
            let next = self.deliver();
            if more {
                continue;
            }
            let wait = next.map_or(IDLE, |next| Duration::from_nanos(next.saturating_sub(self.now())).min(IDLE));
            let Ok(wait) = Timespec::try_from(wait) else { return };
            let device = Arc::clone(&self.device);
            let _ = poll(&mut [PollFd::new(&device, PollFlags::IN)], Some(&wait));
            if let Some(rest) = TURN.checked_sub(turned.elapsed()) {
                std::thread::sleep(rest);
            }
        }
    }

    /// Takes what the host has sent; whether there is more.
    fn take(&mut self, buffer: &mut [u8]) -> bool {
        let now = self.now();
        for _ in 0..BATCH {
            let Ok(count) = rustix::io::read(self.device.as_fd(), &mut *buffer) else { return false };
            if let Some(packet) = buffer.get(..count) {
                self.send(now, packet);
            }
        }
        true
    }

    fn send(&mut self, now: u64, packet: &[u8]) {
        let Some((from, to)) = addresses(packet) else { return };
        let Some((route, waiting)) = self.routes.iter_mut().find(|(route, _)| route.from == from && route.to == to) else { return };
        if route.dead.load(Ordering::Relaxed) {
            return;
        }
        route.counters.packets.fetch_add(1, Ordering::Relaxed);
        route.counters.bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
        let left = self.access.as_mut().map_or(Some(now), |access| access.pass(now, packet.len()));
        match left.map_or(Fate::Dropped, |left| route.path.pass(left, packet.len())) {
            Fate::Arrives(at) => {
                let mut kept = self.spare.pop().unwrap_or_default();
                kept.clear();
                kept.extend_from_slice(packet);
                waiting.push_back((at, kept));
            }
            Fate::Dropped => {
                route.counters.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Fate::Lost => {
                route.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Hands over what has arrived; when the next packet arrives.
    fn deliver(&mut self) -> Option<u64> {
        let now = self.now();
        for (route, waiting) in &mut self.routes {
            while waiting.front().is_some_and(|(at, _)| *at <= now) {
                let Some((_, packet)) = waiting.pop_front() else { break };
                // A device that is down takes nothing: the packet is lost.
                let _ = rustix::io::write(route.device.as_fd(), &packet);
                self.spare.push(packet);
            }
        }
        self.routes.iter().filter_map(|(_, waiting)| Some(waiting.front()?.0)).min()
    }
}

/// Sender and receiver of an IPv4 packet.
fn addresses(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    if packet.first()? >> 4 != 4 {
        return None;
    }
    let at = |from: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(from..from + 4)?).ok()?));
    Some((at(12)?, at(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ipv4_packets_only() {
        let mut packet = [0u8; 20];
        packet[0] = 0x45;
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        assert_eq!(addresses(&packet), Some((Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2))));
        packet[0] = 0x60;
        assert_eq!((addresses(&packet), addresses(&[0x45; 19]), addresses(&[])), (None, None, None));
    }
}
