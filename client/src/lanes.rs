//! Scheduling of parts: the state of all lanes, and the decisions. Nothing here waits or sends; times count from the start of the upload.

mod choice;
pub mod circuit;
pub mod double;
pub mod lane;
mod patience;
pub mod rate;
pub mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::api::{Assignment, Sample};
use circuit::State;
use lane::Lane;
use spec::LaneSpec;

/// Maximum number of collected samples; the server accepts no more per call.
const SAMPLES: usize = 1_000;

/// A part to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Part number, from 1.
    pub number: u32,
    /// Length of the part.
    pub bytes: u64,
}

/// Index of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneId(usize);

/// Why a part has to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// The lane failed.
    Lane,
    /// The lane is too slow: this many bytes were sent.
    Slow(u64),
    /// The lane refuses permanently.
    Refusal,
    /// A cause that another lane would not avoid.
    Other,
}

/// A part that was started and has to be sent again.
#[derive(Debug, Clone, Copy)]
struct Returned {
    piece: Piece,
    /// Another open lane than this one may take it immediately.
    avoid: Option<usize>,
    /// Any lane may take it from then on.
    ready: Duration,
}

/// All lanes, and every part that is not stored yet: in a lane's queue, unassigned, returned or in flight.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    of_edge: BTreeMap<String, usize>,
    free: VecDeque<Piece>,
    returned: VecDeque<Returned>,
    samples: VecDeque<Sample>,
    /// Length of the largest part.
    bytes: u64,
}

impl Lanes {
    /// The lanes of [`spec::specs`], without parts.
    pub fn new((specs, of_edge): (Vec<LaneSpec>, BTreeMap<String, usize>)) -> Lanes {
        let lanes = specs.into_iter().map(Lane::new).collect();
        Lanes { lanes, of_edge, free: VecDeque::new(), returned: VecDeque::new(), samples: VecDeque::new(), bytes: 0 }
    }

    /// Adds parts to send: assigned ones to their lanes, the others to any lane.
    pub fn offer(&mut self, pieces: &[Piece], assignments: &[Assignment]) {
        let mut left: BTreeMap<u32, Piece> = pieces.iter().map(|piece| (piece.number, *piece)).collect();
        self.bytes = left.values().map(|piece| piece.bytes).fold(self.bytes, u64::max);
        for assignment in assignments {
            if let Some(lane) = self.of_edge.get(&assignment.edge).and_then(|index| self.lanes.get_mut(*index)) {
                lane.queue.extend(assignment.parts.iter().filter_map(|number| left.remove(number)));
            }
        }
        self.free.extend(left.into_values());
    }

    /// The part to start now and its lane, if `room` (number of parts that may be started) and the lanes allow one.
    pub fn next(&mut self, now: Duration, room: usize) -> Option<(LaneId, Piece)> {
        if room == 0 {
            return None;
        }
        let found = match self.again(now) {
            Some(found) => Some(found),
            // A part that waits for its retry keeps its slot; otherwise a dead server would receive the first attempt of every part.
            None if room > self.returned.len() => self.fresh(now),
            None => None,
        };
        let (index, piece) = found?;
        self.lanes.get_mut(index)?.begin(piece, now);
        Some((LaneId(index), piece))
    }

    /// Records that a lane stored a part in `took`.
    pub fn stored(&mut self, LaneId(index): LaneId, number: u32, took: Duration, now: Duration) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let Some((piece, beside)) = lane.end(number) else { return };
        lane.rate.learn(piece.bytes, took, beside, now);
        lane.circuit.succeeded();
        lane.parts += 1;
        lane.bytes += piece.bytes;
        self.note(index, piece.bytes, took, true);
    }

    /// Records that a part that was to be sent over `on` was stored already over `by`.
    pub fn found(&mut self, LaneId(on): LaneId, number: u32, LaneId(by): LaneId) {
        let ended = self.lanes.get_mut(on).and_then(|lane| {
            lane.circuit.spared();
            lane.end(number)
        });
        if let (Some((piece, _)), Some(lane)) = (ended, self.lanes.get_mut(by)) {
            lane.parts += 1;
            lane.bytes += piece.bytes;
        }
    }

    /// Records that a part has to be sent again, over this lane not before `ready`. Returns whether the lane was open so far: neither in trial nor closed.
    pub fn failed(&mut self, LaneId(index): LaneId, number: u32, took: Duration, failing: Failing, ready: Duration, now: Duration) -> bool {
        let Some(lane) = self.lanes.get_mut(index) else { return false };
        let good = lane.circuit.state(now) == State::Open;
        let Some((piece, beside)) = lane.end(number) else { return good };
        match failing {
            Failing::Lane => lane.circuit.failed(now),
            Failing::Slow(sent) => {
                lane.rate.learn(sent, took, beside, now);
                lane.circuit.failed(now);
            }
            Failing::Refusal => lane.circuit.leave_out(),
            Failing::Other => lane.circuit.spared(),
        }
        let avoid = (failing != Failing::Other).then_some(index);
        self.returned.push_front(Returned { piece, avoid, ready });
        if avoid.is_some() {
            self.note(index, piece.bytes, took, false);
        }
        good
    }

    /// Whether any other lane has not refused permanently.
    pub fn has_other(&self, LaneId(index): LaneId, now: Duration) -> bool {
        self.all().any(|(other, lane)| other != index && lane.circuit.state(now) != State::Out)
    }

    /// The advised lanes and their URLs, if there are several to be probed. None of them gets a part before it has answered, or before `limit`.
    pub fn probes(&mut self, limit: Duration) -> Vec<(LaneId, String)> {
        let advised: Vec<_> = self.all().filter(|(_, lane)| !lane.spec.reserve).map(|(index, lane)| (LaneId(index), lane.spec.url.clone())).collect();
        if advised.len() < 2 {
            return Vec::new();
        }
        for lane in self.lanes.iter_mut().filter(|lane| !lane.spec.reserve) {
            lane.circuit.hold(limit);
        }
        advised
    }

    /// Records that a probe took `rtt`, or that there was no response within `limit`.
    pub fn probed(&mut self, LaneId(index): LaneId, rtt: Option<Duration>, limit: Duration, now: Duration) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.rtt = rtt;
        if rtt.is_some() {
            lane.circuit.succeeded();
        } else {
            lane.circuit.dead(now);
        }
        self.note(index, 0, rtt.unwrap_or(limit), rtt.is_some());
    }

    /// Whether nothing is left to send and nothing is in flight.
    pub fn is_done(&self) -> bool {
        self.returned.is_empty() && self.fresh_parts() == 0 && self.lanes.iter().all(|lane| lane.in_flight() == 0)
    }

    /// When a part or a lane becomes ready by time, if any does.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let parts = self.returned.iter().map(|returned| returned.ready);
        parts.chain(self.lanes.iter().map(|lane| lane.circuit.opens_at())).filter(|at| *at > now).min()
    }

    /// The measurements since the last call, oldest first; at most 1,000.
    pub fn take_samples(&mut self) -> Vec<Sample> {
        self.samples.drain(..).collect()
    }

    /// The URL of a lane.
    pub fn url(&self, LaneId(index): LaneId) -> &str {
        self.lanes.get(index).map_or("", |lane| &lane.spec.url)
    }

    /// Edge, parts and bytes of each lane that carried any.
    pub fn carried(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        self.lanes.iter().filter(|lane| lane.parts > 0).map(|lane| (lane.spec.edge.as_str(), lane.parts, lane.bytes))
    }

    fn all(&self) -> impl Iterator<Item = (usize, &Lane)> {
        self.lanes.iter().enumerate()
    }

    fn fresh_parts(&self) -> usize {
        self.free.len() + self.lanes.iter().map(|lane| lane.queue.len()).sum::<usize>()
    }

    /// Only edges that the server named are reported.
    fn note(&mut self, index: usize, bytes: u64, took: Duration, ok: bool) {
        let Some(lane) = self.lanes.get(index).filter(|lane| !lane.spec.reserve) else { return };
        if self.samples.len() >= SAMPLES {
            self.samples.pop_front();
        }
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.samples.push_back(Sample { edge: lane.spec.edge.clone(), bytes, ms, ok });
    }
}
