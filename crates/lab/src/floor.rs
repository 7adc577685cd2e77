//! What a leg carries without any product: raw TCP, one connection, and probes of UDP for round trip and loss.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use jettyspeed_devstack::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::namespace::Namespace;
use crate::network::{CLIENT, Congestion, Network, STORE, edge_address};
use crate::profile::{Leg, Profile};

/// Share of an IP packet of 1,500 bytes that is data of TCP with timestamps.
pub const PAYLOAD: f64 = 1_448.0 / 1_500.0;
/// Datagrams for a figure of loss.
const LOSS_PROBES: usize = 20_000;
const BUFFER: usize = 256 * 1024;
const PROBES: usize = 40;
const PATIENCE: Duration = Duration::from_secs(3);

/// A raw transfer.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    /// What was sent.
    pub bytes: u64,
    /// From connect until the receiver has the last byte and has said so.
    pub seconds: f64,
    /// Mbit/s of the second half, at the receiver: without handshake and slow start.
    pub steady_mbit: f64,
}

/// Sends `bytes` over one connection. From an address of `from`, if it has several.
pub async fn transfer(from: (&Namespace, Ipv4Addr), to: (&Namespace, Ipv4Addr), bytes: u64) -> Result<Transfer> {
    let (address, source) = (to.1, from.1);
    // A socket stays in the namespace in which it was made.
    let listener = to.0.run(move || {
        let listener = std::net::TcpListener::bind((address, 0))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    })?;
    let target = listener.local_addr()?;
    let socket = from.0.run(move || {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        Ok(socket)
    })?;
    let (steady_mbit, seconds) = tokio::try_join!(receive(TcpListener::from_std(listener)?, bytes), send(socket, target, bytes))?;
    Ok(Transfer { bytes, seconds, steady_mbit })
}

/// Mbit/s of the second half.
async fn receive(listener: TcpListener, bytes: u64) -> Result<f64> {
    let (mut stream, _) = listener.accept().await?;
    let (mut buffer, mut left, mut half) = (vec![0; BUFFER], bytes, None);
    while left > 0 {
        let count = stream.read(&mut buffer).await? as u64;
        if count == 0 {
            return Err("the sender ended too early".into());
        }
        left = left.saturating_sub(count);
        if left <= bytes / 2 && half.is_none() {
            half = Some((left, Instant::now()));
        }
    }
    let steady = half.map_or(0.0, |(left, at)| left as f64 * 8e-6 / at.elapsed().as_secs_f64());
    stream.write_all(b"!").await?;
    Ok(steady)
}

/// Seconds.
async fn send(socket: TcpSocket, target: SocketAddr, bytes: u64) -> Result<f64> {
    let (buffer, began) = (vec![0x5a; BUFFER], Instant::now());
    let mut stream = socket.connect(target).await?;
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
        stream.write_all(buffer.get(..count).unwrap_or(&buffer)).await?;
        left -= count as u64;
    }
    stream.read_exact(&mut [0]).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// What probes say of a leg.
#[derive(Debug, Clone, Copy)]
pub struct Probed {
    /// Median round trip, ms.
    pub rtt_ms: f64,
    /// Share of `sent` that did not come back.
    pub lost: f64,
    /// Probes.
    pub sent: usize,
}

/// The median round trip of [`PROBES`] small datagrams, one after the other.
pub fn round_trip(from: (&Namespace, Ipv4Addr), to: (&Namespace, Ipv4Addr)) -> Result<Probed> {
    probe(from, to, PROBES, |socket, sent| {
        let mut times = Vec::new();
        for number in 0..sent {
            let began = Instant::now();
            socket.send(&(number as u64).to_le_bytes())?;
            let mut buffer = [0; 8];
            while let Ok(count) = socket.recv(&mut buffer) {
                if count == 8 && u64::from_le_bytes(buffer) == number as u64 {
                    times.push(began.elapsed().as_secs_f64() * 1e3);
                    break;
                }
            }
        }
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().ok_or("no probe came back")?;
        Ok(Probed { rtt_ms: median, lost: 1.0 - times.len() as f64 / sent as f64, sent })
    })
}

/// The loss of `sent` small datagrams. A round trip is lost if either of its directions is.
pub fn loss(from: (&Namespace, Ipv4Addr), to: (&Namespace, Ipv4Addr), sent: usize) -> Result<Probed> {
    probe(from, to, sent, |socket, sent| {
        let listening = socket.try_clone()?;
        let listener = std::thread::spawn(move || {
            let mut buffer = [0; 8];
            let mut count = 0;
            while count < sent && listening.recv(&mut buffer).is_ok() {
                count += 1;
            }
            count
        });
        for number in 0..sent {
            socket.send(&(number as u64).to_le_bytes())?;
            // Few at once: a receiver that waits for its turn must not run out of its buffer, which is not the link's loss.
            if number % 10 == 9 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let returned: usize = listener.join().map_err(|_| "the listener panicked")?;
        Ok(Probed { rtt_ms: 0.0, lost: 1.0 - returned as f64 / sent as f64, sent })
    })
}

fn probe(
    from: (&Namespace, Ipv4Addr),
    to: (&Namespace, Ipv4Addr),
    sent: usize,
    work: impl FnOnce(UdpSocket, usize) -> Result<Probed> + Send + 'static,
) -> Result<Probed> {
    let (address, source) = (to.1, from.1);
    let echo = to.0.run(move || Ok(UdpSocket::bind((address, 0))?))?;
    let target = echo.local_addr()?;
    echo.set_read_timeout(Some(PATIENCE))?;
    // It ends when nothing has come for a while.
    std::thread::spawn(move || {
        let mut buffer = [0; 8];
        while let Ok((count, sender)) = echo.recv_from(&mut buffer) {
            let _ = echo.send_to(buffer.get(..count).unwrap_or_default(), sender);
        }
    });
    from.0.run(move || {
        let socket = UdpSocket::bind((source, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(target)?;
        work(socket, sent)
    })
}

/// What a leg of a profile was measured to be.
#[derive(Debug, Clone)]
pub struct Floor {
    /// Its name.
    pub name: &'static str,
    /// As the profile has it.
    pub leg: Leg,
    /// Mbit/s of data that its bottleneck lets through.
    pub limit_mbit: f64,
    /// What probes say.
    pub probed: Probed,
    /// Share of round trips lost.
    pub lost: f64,
    /// Raw transfers.
    pub transfers: Vec<Transfer>,
}

/// The floors of the three legs, each in a network that does nothing else.
pub async fn of_profile(profile: &Profile, congestion: &Congestion, sizes: &[u64]) -> Result<Vec<Floor>> {
    let network = Network::start(profile, 1, congestion)?;
    let (client, edge, store) = ((&network.client, CLIENT), (&network.edge, edge_address(0)), (&network.store, STORE));
    let of_store = profile.store.mbit.unwrap_or(f64::INFINITY);
    let legs = [
        ("client-edge", profile.edge, profile.rate(&profile.edge), client, edge),
        ("edge-store", profile.store, of_store, edge, store),
        ("client-store", profile.direct, profile.rate(&profile.direct), client, store),
    ];
    let mut floors = Vec::new();
    for (name, leg, mbit, from, to) in legs {
        let probed = round_trip(from, to)?;
        let lost = if leg.loss_percent > 0.0 { loss(from, to, LOSS_PROBES)?.lost } else { probed.lost };
        let mut transfers = Vec::new();
        for bytes in sizes {
            transfers.push(transfer(from, to, *bytes).await?);
        }
        floors.push(Floor { name, leg, limit_mbit: mbit * PAYLOAD, probed, lost, transfers });
    }
    Ok(floors)
}

/// Prints them.
pub fn print(profile: &str, congestion: &Congestion, floors: &[Floor]) {
    println!("{profile}: raw TCP, one connection; client {}, edge {}", congestion.client, congestion.edge);
    println!("{:<13} {:>16} {:>20} {:>10}  transfers", "leg", "RTT ms (profile)", "lost round trips", "limit");
    for Floor { name, leg, limit_mbit, probed, lost, transfers } in floors {
        let both = 100.0 * (1.0 - (1.0 - leg.loss_percent / 100.0).powi(2));
        let transfers: Vec<_> = transfers
            .iter()
            .map(|Transfer { bytes, seconds, steady_mbit }| {
                format!("{} MB {seconds:.2} s = {:.0} Mbit/s, then {steady_mbit:.0}", bytes / 1_000_000, *bytes as f64 * 8e-6 / seconds)
            })
            .collect();
        let rtt = format!("{:.1} ({:.1})", probed.rtt_ms, leg.rtt_ms);
        let lost = format!("{:.2} % ({both:.2} %)", lost * 100.0);
        println!("{name:<13} {rtt:>16} {lost:>20} {limit_mbit:>10.0}  {}", transfers.join(", "));
    }
}
