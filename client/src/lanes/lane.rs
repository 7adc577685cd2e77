//! One lane: a URL that accepts parts, and its measurements.

use std::collections::VecDeque;
use std::time::Duration;

use super::Piece;
use super::circuit::Circuit;
use super::rate::Rate;
use super::spec::LaneSpec;

/// Lower bound of a lane's expected speed relative to the best score.
const LEAST_SCORE: f64 = 0.05;

/// A lane.
#[derive(Debug)]
pub struct Lane {
    pub spec: LaneSpec,
    /// Response time of the probe.
    pub rtt: Option<Duration>,
    pub rate: Rate,
    pub circuit: Circuit,
    /// Parts that the server assigned to it and that have not started.
    pub queue: VecDeque<Piece>,
    /// Parts that it carried.
    pub parts: usize,
    pub bytes: u64,
    /// In the order in which they started; a part may be in flight twice.
    flying: Vec<Flight>,
}

/// A part in flight.
#[derive(Debug, Clone, Copy)]
struct Flight {
    number: u32,
    bytes: u64,
    /// Parts in flight on the lane when it started, itself included.
    beside: usize,
}

impl Lane {
    /// A lane without measurements.
    pub fn new(spec: LaneSpec) -> Lane {
        Lane { spec, rtt: None, rate: Rate::default(), circuit: Circuit::default(), queue: VecDeque::new(), parts: 0, bytes: 0, flying: Vec::new() }
    }

    /// The server's score, > 0.
    pub fn score(&self) -> f64 {
        self.spec.score.max(LEAST_SCORE)
    }

    /// Parts in flight.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Records that a part has started.
    pub fn begin(&mut self, piece: Piece, now: Duration) {
        self.circuit.began(now);
        self.flying.push(Flight { number: piece.number, bytes: piece.bytes, beside: self.flying.len() + 1 });
    }

    /// Records that a part has ended with any result: returns its piece, and the mean number of parts that shared the lane. None if it is not in flight here.
    pub fn end(&mut self, number: u32) -> Option<(Piece, f64)> {
        let beside = self.flying.len();
        let position = self.flying.iter().position(|flight| flight.number == number)?;
        let flight = self.flying.remove(position);
        Some((Piece { number, bytes: flight.bytes }, (flight.beside + beside) as f64 / 2.0))
    }

    /// Seconds until a part of `bytes` that starts now is stored, at a total rate of `rate` bytes/s.
    pub fn expected(&self, bytes: u64, rate: f64) -> f64 {
        let before: u64 = self.flying.iter().map(|flight| flight.bytes).sum();
        self.rtt.unwrap_or_default().as_secs_f64() + before.saturating_add(bytes) as f64 / rate
    }

    /// Seconds until a part of `bytes` that starts now is stored, if it gets an equal share of the lane's rate; None before anything is measured.
    pub fn alone(&self, bytes: u64) -> Option<f64> {
        let share = self.rate.per_second()? / (self.flying.len() + 1) as f64;
        Some(self.rtt.unwrap_or_default().as_secs_f64() + bytes as f64 / share)
    }

    /// Seconds to send its queue at `rate` bytes/s.
    pub fn backlog(&self, rate: f64) -> f64 {
        self.queue.iter().map(|piece| piece.bytes).sum::<u64>() as f64 / rate
    }
}
