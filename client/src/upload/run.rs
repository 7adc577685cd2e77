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
use crate::lanes::double::InFlight;
use crate::lanes::{Failing, LaneId, Lanes, Piece};
use crate::limit::Rate;
use crate::pace::Pace;
use crate::progress::{Event, no_progress};

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

/// Maximum bytes that one upload sends a second time to be faster; the very last part may be beyond it, as everything waits for that.
const MAX_DOUBLED: u64 = 64_000_000;

/// Parts in flight under a limit are as many as can have this rate each, bytes per second: slower ones would take longer than a server waits.
const LEAST_PER_PART: u64 = 250_000;

/// Results of earlier attempts of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// Failed attempts that count.
    attempts: u32,
    /// Times it was moved to another lane.
    moves: u32,
    /// It may be stored, sent over this lane.
    maybe_stored_by: Option<LaneId>,
    /// It was sent a second time while the first attempt was in flight.
    doubled: bool,
    /// It is stored.
    stored: bool,
}

/// An attempt in flight.
struct Flying {
    /// It is the second one of a part whose first is in flight: its bytes are not shown as progress before it has won.
    double: bool,
    lane: LaneId,
    piece: Piece,
    flight: Arc<Flight>,
    leave: Option<oneshot::Sender<()>>,
}

impl Flying {
    fn state(&self) -> InFlight {
        let meter = &self.flight.meter;
        InFlight { piece: self.piece, sent: meter.sent(), elapsed: self.flight.elapsed(), waiting: meter.since_end().unwrap_or_default() }
    }
}

/// A finished attempt.
struct Ended {
    id: u64,
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
    /// By number of the attempt.
    flying: HashMap<u64, Flying>,
    attempts: u64,
    /// Bytes of stored parts.
    stored: u64,
    /// Bytes of parts that were sent a second time to be faster.
    doubled: u64,
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
            attempts: 0,
            stored: 0,
            doubled: 0,
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
            let sent = self.stored + self.flying.values().map(|flying| flying.flight.meter.sent()).sum::<u64>();
            self.pace.tick(sent, self.flying.len(), self.now());
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
        let next = self.lanes.wakes_at(now).into_iter().chain(settled).chain(self.pace.wakes_at()).min();
        // Timers have a granularity of 1 ms: one that fires too early would be set again repeatedly.
        next.map_or(CHECK_INTERVAL, |at| (at.saturating_sub(now) + Duration::from_millis(1)).min(CHECK_INTERVAL))
    }

    /// Parts that may be in flight now.
    fn allowed(&self) -> usize {
        self.sending.edge.limit.bodies(self.pace.allowed(), LEAST_PER_PART)
    }

    fn begin_parts(&mut self) {
        let now = self.now();
        if !self.probes.is_empty() && now < self.settled {
            return;
        }
        while let Some((lane, piece)) = self.lanes.next(now, self.allowed().saturating_sub(self.flying.len())) {
            self.past.entry(piece.number).or_default().stored = false;
            self.begin(lane, piece, false);
        }
        self.double_slow_parts();
    }

    fn begin(&mut self, lane: LaneId, piece: Piece, double: bool) {
        let check_stored = self.past.get(&piece.number).is_some_and(|past| past.maybe_stored_by.is_some());
        let what = Try { lane, url: self.lanes.url(lane).to_owned(), piece, check_stored };
        let progress = if double { no_progress() } else { Arc::clone(&self.sending.progress) };
        let flight = Arc::new(Flight { meter: Meter::new(progress, &self.sending.edge.limit), began: Default::default() });
        let (leave, left) = oneshot::channel();
        self.attempts += 1;
        let id = self.attempts;
        self.flying.insert(id, Flying { double, lane, piece, flight: Arc::clone(&flight), leave: Some(leave) });
        let sending = Arc::clone(&self.sending);
        self.tries.spawn(async move {
            let (end, took) = attempt(&sending, &what, &flight, left).await;
            Ended { id, what, end, took }
        });
    }

    /// Sends the slowest of the last parts a second time, where that is allowed and promises to be faster. Both attempts carry the same bytes under the same hash,
    /// so that it does not matter which of them the server sees last.
    fn double_slow_parts(&mut self) {
        // Under a limit it could not be faster: the second attempt would take from the first what it gets.
        if self.sending.edge.limit.rate() != Rate::OFF {
            return;
        }
        while self.flying.len() < self.allowed() {
            let is_last = self.flying.len() == 1;
            let may = |flying: &&Flying| {
                let doubled = self.past.get(&flying.piece.number).is_some_and(|past| past.doubled || past.stored);
                !doubled && (is_last || self.doubled + flying.piece.bytes <= MAX_DOUBLED)
            };
            let candidates: Vec<InFlight> = self.flying.values().filter(may).map(Flying::state).collect();
            let Some((lane, piece)) = self.lanes.double(&candidates, self.now()) else { return };
            self.doubled += piece.bytes;
            self.past.entry(piece.number).or_default().doubled = true;
            self.begin(lane, piece, true);
        }
    }

    /// Cancels the other attempt of a part that is stored.
    fn leave_twins(&mut self, number: u32) {
        for twin in self.flying.values_mut().filter(|flying| flying.piece.number == number) {
            let _ = twin.leave.take().map(|leave| leave.send(()));
        }
    }

    fn leave_slow_lanes(&mut self) {
        let now = self.now();
        for flying in self.flying.values_mut() {
            let Past { moves, doubled, .. } = self.past.get(&flying.piece.number).copied().unwrap_or_default();
            let (sent, elapsed) = (flying.flight.meter.sent(), flying.flight.elapsed());
            if !doubled
                && moves < MAX_MOVES
                && elapsed > Duration::ZERO
                && self.lanes.is_too_slow(flying.lane, flying.piece.bytes, sent, elapsed, now)
            {
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
        let Ended { id, what: Try { lane, piece, .. }, end, took } = ended.map_err(|error| Error::Unexpected(error.to_string()))?;
        let (now, number) = (self.now(), piece.number);
        let flown = self.flying.remove(&id);
        let has_twin = self.flying.values().any(|flying| flying.piece.number == number);
        let past = self.past.entry(number).or_default();
        let won = matches!(end, End::Stored | End::Found);
        if past.stored || has_twin && !won && !matches!(end, End::Over(_)) {
            // The other attempt has stored it, or goes on.
            self.lanes.dropped(lane, number);
            return Ok(());
        }
        if won {
            past.stored = true;
            self.stored += piece.bytes;
        }
        let stored_by = past.maybe_stored_by.take();
        match end {
            End::Stored => {
                self.lanes.stored(lane, number, took, now);
                if let Some(answer) = flown.as_ref().and_then(|flown| flown.flight.meter.since_end()) {
                    self.pace.completed(piece.bytes, answer);
                }
                if flown.is_some_and(|flown| flown.double) {
                    (self.sending.progress)(Event::Moved(piece.bytes));
                }
                self.leave_twins(number);
            }
            End::Found => {
                self.lanes.found(lane, number, stored_by.unwrap_or(lane));
                self.leave_twins(number);
            }
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
                            self.pace.failed();
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
