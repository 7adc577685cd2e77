//! The three namespaces and the links between them: a client, the host of the edges, the store.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jettyspeed_devstack::Result;

use crate::link::model::{Gate, Path};
use crate::link::switch::{Counters, Host, Route, Switch};
use crate::namespace::{Namespace, ip, remove_abandoned};
use crate::profile::{Leg, Profile};
use crate::tun;

/// The client's address.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The store's address.
pub const STORE: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 1);
/// Name of the device in each namespace.
const DEVICE: &str = "lab0";
const SEED: u64 = 0x6a65_7474;

/// The address of edge `index`, 0 being the first.
pub fn edge_address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 1, u8::try_from(index + 1).unwrap_or(u8::MAX))
}

/// What servers on the Internet set: receive and send buffers that hold the product of rate and delay (128 MB: 1 Gbit/s over 1 s), against the kernel's 6 and 4 MB.
/// Nothing is remembered of earlier connections, so that rounds do not depend on each other.
const PARAMETERS: &[(&str, &str)] = &[
    ("net.ipv4.tcp_rmem", "4096 131072 134217728"),
    ("net.ipv4.tcp_wmem", "4096 65536 134217728"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.ipv4.ip_local_port_range", "10240 65535"),
];

const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";

/// The way between two hosts, for those who look on and interfere.
pub struct Way {
    /// Its name: `client-edge1`.
    pub name: String,
    /// From the nearer to the client to the farther.
    pub up: Arc<Counters>,
    /// Back.
    pub down: Arc<Counters>,
    dead: Arc<AtomicBool>,
}

impl Way {
    /// true: every packet is lost; false: they pass again.
    pub fn kill(&self, dead: bool) {
        self.dead.store(dead, Ordering::Relaxed);
    }
}

/// The running network. Dropping it stops the links, then removes the namespaces with every process in them.
pub struct Network {
    _switch: Switch,
    /// The client's namespace.
    pub client: Namespace,
    /// The edges' namespace.
    pub edge: Namespace,
    /// The store's namespace.
    pub store: Namespace,
    /// All ways: client to each edge, each edge to the store, client to the store.
    pub ways: Vec<Way>,
}

/// Congestion control of each side; of a server only what it sends depends on it.
#[derive(Debug, Clone)]
pub struct Congestion {
    /// `cubic` or `bbr`, of the client.
    pub client: String,
    /// Of the edges.
    pub edge: String,
}

impl Network {
    /// Builds it with the first `edges` edges of the profile.
    pub fn start(profile: &Profile, edges: usize, congestion: &Congestion) -> Result<Network> {
        remove_abandoned();
        let (client, edge, store) = (Namespace::create("client")?, Namespace::create("edge")?, Namespace::create("store")?);
        let edge_addresses: Vec<_> = (0..edges).map(edge_address).collect();
        let ends = [
            host(&client, &[CLIENT], &congestion.client)?,
            host(&edge, &edge_addresses, &congestion.edge)?,
            host(&store, &[STORE], &congestion.edge)?,
        ];
        let mut builder = Builder { profile, ends: &ends, routes: [vec![], vec![], vec![]], ways: vec![], seed: SEED };
        for (index, address) in edge_addresses.iter().enumerate() {
            let leg = profile.edge_leg(index).ok_or("no such edge in profiles.toml")?;
            builder.join(&format!("client-edge{}", index + 1), (0, CLIENT), (1, *address), &leg);
        }
        for (index, address) in edge_addresses.iter().enumerate() {
            builder.join(&format!("edge{}-store", index + 1), (1, *address), (2, STORE), &profile.store);
        }
        builder.join("client-store", (0, CLIENT), (2, STORE), &profile.direct);
        let Builder { routes, ways, .. } = builder;
        let access = Some(Gate::new(profile.access.up_mbit, profile.access.queue_ms));
        let hosts = [("client", access), ("edge", None), ("store", None)].into_iter().zip(ends).zip(routes);
        let hosts = hosts.map(|(((name, access), device), routes)| Host { name: name.to_owned(), device, access, routes });
        Ok(Network { _switch: Switch::start(hosts.collect())?, client, edge, store, ways })
    }

    /// The way of that name.
    pub fn way(&self, name: &str) -> Result<&Way> {
        self.ways.iter().find(|way| way.name == name).ok_or_else(|| format!("no way {name}").into())
    }
}

/// The device of a namespace with its addresses.
fn host(namespace: &Namespace, addresses: &[Ipv4Addr], congestion: &str) -> Result<Arc<OwnedFd>> {
    let device = namespace.run(|| tun::open(DEVICE))?;
    for address in addresses {
        ip(&["-n", namespace.name(), "addr", "add", &format!("{address}/32"), "dev", DEVICE])?;
    }
    // The device's own queue holds what a window sends at once; the links' queues are those of the profile.
    ip(&["-n", namespace.name(), "link", "set", DEVICE, "mtu", "1500", "txqueuelen", "20000", "up"])?;
    // Only the lab: what a program asks of the Internet fails at once, instead of waiting for an answer.
    ip(&["-n", namespace.name(), "route", "add", "10.77.0.0/16", "dev", DEVICE])?;
    namespace.set(PARAMETERS)?;
    set_congestion(namespace, congestion)?;
    Ok(Arc::new(device))
}

/// Sets the congestion control of a namespace, `cubic` or `bbr`.
pub fn set_congestion(namespace: &Namespace, congestion: &str) -> Result<()> {
    // Namespaces may have only what the host allows everyone.
    let allowed = std::fs::read_to_string(ALLOWED)?;
    if !allowed.split_whitespace().any(|one| one == congestion) {
        std::fs::write(ALLOWED, format!("{} {congestion}", allowed.trim())).map_err(|error| format!("{ALLOWED}: {congestion}: {error}"))?;
    }
    namespace.set(&[("net.ipv4.tcp_congestion_control", congestion)])
}

struct Builder<'a> {
    profile: &'a Profile,
    ends: &'a [Arc<OwnedFd>; 3],
    routes: [Vec<Route>; 3],
    ways: Vec<Way>,
    seed: u64,
}

impl Builder<'_> {
    /// Joins two hosts, given by index and address.
    fn join(&mut self, name: &str, near: (usize, Ipv4Addr), far: (usize, Ipv4Addr), leg: &Leg) {
        let way = Way { name: name.to_owned(), up: Arc::default(), down: Arc::default(), dead: Arc::default() };
        let own = leg.mbit.map(|mbit| Gate::new(mbit, leg.queue_ms));
        let down = if near.0 == 0 && leg.mbit.is_none_or(|mbit| mbit > self.profile.access.down_mbit) {
            Some(Gate::new(self.profile.access.down_mbit, self.profile.access.queue_ms))
        } else {
            own.clone()
        };
        for (from, to, gate, counters) in [(near, far, own, &way.up), (far, near, down, &way.down)] {
            self.seed += 1;
            let path = Path::new(leg.rtt_ms, gate, leg.loss_percent, leg.jitter_ms, self.seed);
            let device = Arc::clone(&self.ends[to.0]);
            let route = Route { from: from.1, to: to.1, path, device, dead: Arc::clone(&way.dead), counters: Arc::clone(counters) };
            self.routes[from.0].push(route);
        }
        self.ways.push(way);
    }
}
