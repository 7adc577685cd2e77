//! One lane: an address that takes parts, and what is known of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Piece;
use super::circuit::Circuit;
use super::rate::Rate;
use super::spec::LaneSpec;

/// No score makes a lane slower than this much of the best.
const LEAST_SCORE: f64 = 0.05;

/// A lane.
#[derive(Debug)]
pub struct Lane {
    pub spec: LaneSpec,
    /// Of the probe.
    pub rtt: Option<Duration>,
    pub rate: Rate,
    pub circuit: Circuit,
    /// What the server would have it send, and nobody has begun.
    pub queue: VecDeque<Piece>,
    /// What it carried.
    pub parts: usize,
    pub bytes: u64,
    flying: BTreeMap<u32, Flight>,
}

/// A part on its way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    bytes: u64,
    /// In flight when it began, itself included.
    beside: usize,
}

impl Lane {
    /// Nothing is known yet.
    pub fn new(spec: LaneSpec) -> Lane {
        Lane {
            spec,
            rtt: None,
            rate: Rate::default(),
            circuit: Circuit::default(),
            queue: VecDeque::new(),
            parts: 0,
            bytes: 0,
            flying: BTreeMap::new(),
        }
    }

    /// The server's word for how good it is, > 0.
    pub fn score(&self) -> f64 {
        self.spec.score.max(LEAST_SCORE)
    }

    /// Parts in flight.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// A part begins.
    pub fn begin(&mut self, piece: Piece, now: Duration) {
        self.circuit.began(now);
        self.flying.insert(piece.number, Flight { bytes: piece.bytes, beside: self.flying.len() + 1 });
    }

    /// A part ended, in whatever way: its piece, and how many shared the lane on the mean. None if it is not in flight here.
    pub fn end(&mut self, number: u32) -> Option<(Piece, f64)> {
        let beside = self.flying.len();
        let flight = self.flying.remove(&number)?;
        Some((Piece { number, bytes: flight.bytes }, (flight.beside + beside) as f64 / 2.0))
    }

    /// Seconds until a part of `bytes` that begins now is through, at `rate` bytes/s of all together.
    pub fn expected(&self, bytes: u64, rate: f64) -> f64 {
        let before: u64 = self.flying.values().map(|flight| flight.bytes).sum();
        self.rtt.unwrap_or_default().as_secs_f64() + before.saturating_add(bytes) as f64 / rate
    }

    /// Seconds that its queue takes at `rate`.
    pub fn backlog(&self, rate: f64) -> f64 {
        self.queue.iter().map(|piece| piece.bytes).sum::<u64>() as f64 / rate
    }
}
