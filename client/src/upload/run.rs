//! Sends parts over all lanes, as many at once as the pace allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::EdgeShare;
use super::part::{End, Flight, Sending, Try, attempt};
use super::verdict::{Verdict, classify_failure};
use crate::Error;
use crate::body::Meter;
use crate::edge::PROBE_LIMIT;
use crate::lanes::{Failing, LaneId, Lanes, Piece};
use crate::pace::Pace;
use crate::progress::Event;

/// Interval at which attempts in flight are checked for slowness.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Other probes are awaited for twice the time of the first response, but at least this long.
const PROBE_GRACE: Duration = Duration::from_millis(100);
/// Interval at which measurements are sent during a long upload.
const SAMPLES_INTERVAL: Duration = Duration::from_secs(30);
/// Minimum time before a part is sent again over a lane that it was moved from.
const MOVED_PAUSE: Duration = Duration::from_secs(5);
/// Maximum number of times that a part is moved, so that it is sent even if all lanes are slow.
const MAX_MOVES: u32 = 2;

/// Results of earlier attempts of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// Failed attempts that count.
    attempts: u32,
    /// Times it was moved to another lane.
    moves: u32,
    /// It may be stored, sent over this lane.
    maybe_stored_by: Option<LaneId>,
}

/// An attempt in flight.
struct Flying {
    lane: LaneId,
    piece: Piece,
    flight: Arc<Flight>,
    leave: Option<oneshot::Sender<()>>,
}

/// A finished attempt.
struct Ended {
    what: Try,
    end: End,
    took: Duration,
}

/// Sends parts; lanes and pace keep their measurements over several runs.
pub struct Runner {
    sending: Arc<Sending>,
    lanes: Lanes,
    pace: Pace,
    began: Instant,
    /// No part starts before this time, while probes are running.
    settled: Duration,
    samples_sent_at: Duration,
    past: HashMap<u32, Past>,
    flying: HashMap<u32, Flying>,
    tries: JoinSet<Ended>,
    probes: JoinSet<(LaneId, Option<Duration>)>,
}

impl Runner {
    /// A runner for the parts assigned to `lanes`; probes them if there are several.
    pub fn new(sending: Arc<Sending>, mut lanes: Lanes, pace: Pace) -> Runner {
        let mut probes = JoinSet::new();
        for (lane, url) in lanes.probes(PROBE_LIMIT) {
            let edge = sending.edge.clone();
            probes.spawn(async move { (lane, tokio::time::timeout(PROBE_LIMIT, edge.probe(&url)).await.ok().flatten()) });
        }
        Runner {
            sending,
            lanes,
            pace,
            began: Instant::now(),
            settled: PROBE_LIMIT,
            samples_sent_at: Duration::ZERO,
            past: HashMap::new(),
            flying: HashMap::new(),
            tries: JoinSet::new(),
            probes,
        }
    }

    /// Adds parts.
    pub fn offer(&mut self, pieces: &[Piece]) {
        self.lanes.offer(pieces, &[]);
    }

    /// Sends all parts.
    ///
    /// # Errors
    /// The first error that no retry can resolve; attempts in flight are cancelled then.
    pub async fn run(&mut self) -> Result<(), Error> {
        let result = self.until_done().await;
        self.tries.abort_all();
        self.send_samples();
        result
    }

    /// Parts and bytes sent over each edge.
    pub fn shares(&self) -> Vec<EdgeShare> {
        self.lanes.carried().map(|(edge, parts, bytes)| EdgeShare { edge: edge.to_owned(), parts, bytes }).collect()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn until_done(&mut self) -> Result<(), Error> {
        while !self.lanes.is_done() {
            self.begin_parts();
            self.leave_slow_lanes();
            if self.now().saturating_sub(self.samples_sent_at) >= SAMPLES_INTERVAL {
                self.send_samples();
            }
            let wait = self.wait();
            tokio::select! {
                Some(ended) = self.tries.join_next() => self.landed(ended)?,
                Some(Ok((lane, rtt))) = self.probes.join_next() => self.probed(lane, rtt),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    /// Time until the next timer.
    fn wait(&self) -> Duration {
        let now = self.now();
        let settled = (!self.probes.is_empty() && self.settled > now).then_some(self.settled);
        let next = self.lanes.wakes_at(now).into_iter().chain(settled).min();
        // Timers have a granularity of 1 ms: one that fires too early would be set again repeatedly.
        next.map_or(CHECK_INTERVAL, |at| (at.saturating_sub(now) + Duration::from_millis(1)).min(CHECK_INTERVAL))
    }

    fn begin_parts(&mut self) {
        let now = self.now();
        if !self.probes.is_empty() && now < self.settled {
            return;
        }
        if self.flying.is_empty() {
            self.pace.began(now);
        }
        while let Some((lane, piece)) = self.lanes.next(now, self.pace.allowed().saturating_sub(self.flying.len())) {
            let check_stored = self.past.get(&piece.number).is_some_and(|past| past.maybe_stored_by.is_some());
            let what = Try { lane, url: self.lanes.url(lane).to_owned(), piece, check_stored };
            let flight = Arc::new(Flight { meter: Meter::new(Arc::clone(&self.sending.progress)), began: Default::default() });
            let (leave, left) = oneshot::channel();
            self.flying.insert(piece.number, Flying { lane, piece, flight: Arc::clone(&flight), leave: Some(leave) });
            let sending = Arc::clone(&self.sending);
            self.tries.spawn(async move {
                let (end, took) = attempt(&sending, &what, &flight, left).await;
                Ended { what, end, took }
            });
        }
    }

    fn leave_slow_lanes(&mut self) {
        let now = self.now();
        for flying in self.flying.values_mut() {
            let moves = self.past.get(&flying.piece.number).map_or(0, |past| past.moves);
            let (sent, elapsed) = (flying.flight.meter.sent(), flying.flight.elapsed());
            if moves < MAX_MOVES && elapsed > Duration::ZERO && self.lanes.is_too_slow(flying.lane, flying.piece.bytes, sent, elapsed, now) {
                // None if the attempt has just ended and needs no cancelling.
                let _ = flying.leave.take().map(|leave| leave.send(()));
            }
        }
    }

    fn probed(&mut self, lane: LaneId, rtt: Option<Duration>) {
        let now = self.now();
        self.lanes.probed(lane, rtt, PROBE_LIMIT, now);
        if let Some(rtt) = rtt {
            self.settled = self.settled.min(now + PROBE_GRACE.max(rtt * 2));
        }
    }

    fn landed(&mut self, ended: Result<Ended, JoinError>) -> Result<(), Error> {
        let Ended { what: Try { lane, piece, .. }, end, took } = ended.map_err(|error| Error::Unexpected(error.to_string()))?;
        let (now, number) = (self.now(), piece.number);
        self.flying.remove(&number);
        let past = self.past.entry(number).or_default();
        let stored_by = past.maybe_stored_by.take();
        match end {
            End::Stored => {
                self.lanes.stored(lane, number, took, now);
                self.pace.completed(piece.bytes, now);
            }
            End::Found => self.lanes.found(lane, number, stored_by.unwrap_or(lane)),
            End::Left(sent) => {
                past.moves += 1;
                past.maybe_stored_by = (sent >= piece.bytes).then_some(lane);
                self.lanes.failed(lane, number, took, Failing::Slow(sent), now + MOVED_PAUSE, now);
                (self.sending.progress)(Event::Retrying { reason: "another edge is faster".to_owned() });
            }
            End::Over(error) => return Err(error),
            End::Failed(error) => {
                let reason = error.to_string();
                let others = self.lanes.has_other(lane, now);
                match classify_failure(error, past.attempts + 1, others, &self.sending.edge.retry, rand::random()) {
                    Verdict::End(error) => return Err(error),
                    Verdict::Again(again) => {
                        past.attempts += u32::from(again.counts);
                        past.maybe_stored_by = again.may_be_stored.then_some(lane);
                        // A failed trial, or a part in flight when its lane closed, says nothing about the capacity of the other lanes.
                        let good = self.lanes.failed(lane, number, took, again.failing, now + again.wait, now);
                        if again.slower && good {
                            self.pace.failed(now);
                        }
                        (self.sending.progress)(Event::Retrying { reason });
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends the collected measurements in the background.
    fn send_samples(&mut self) {
        self.samples_sent_at = self.now();
        let samples = self.lanes.take_samples();
        if samples.is_empty() {
            return;
        }
        let sending = Arc::clone(&self.sending);
        tokio::spawn(async move { sending.edge.send_samples(&sending.session, &samples).await });
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
