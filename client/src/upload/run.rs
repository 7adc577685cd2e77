//! Sends parts over all lanes, as many at once as the pace allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::EdgeShare;
use super::part::{End, Flight, Sending, Try, attempt};
use super::verdict::{Verdict, judge};
use crate::Error;
use crate::body::Meter;
use crate::edge::PROBE_LIMIT;
use crate::lanes::{Failing, LaneId, Lanes, Piece};
use crate::pace::Pace;
use crate::progress::Event;

/// How often tries are looked at, whether they are too slow.
const LOOK: Duration = Duration::from_secs(1);
/// Probes of other edges are waited for as long after the first answer as it took, twice, but at least so long.
const GRACE: Duration = Duration::from_millis(100);
/// How often measurements are told in a long upload.
const TELL: Duration = Duration::from_secs(30);
/// A part that was called off goes to the same lane again no sooner.
const LEFT: Duration = Duration::from_secs(5);
/// A part is called off so often at most: if no lane is fast enough, one of them still has to bring it.
const MOVES: u32 = 2;

/// What became of earlier tries of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// Failed tries that count.
    attempts: u32,
    /// Times it was called off.
    moves: u32,
    /// It may be there, brought by this lane.
    ask: Option<LaneId>,
}

/// A try on its way.
struct Flying {
    lane: LaneId,
    piece: Piece,
    flight: Arc<Flight>,
    leave: Option<oneshot::Sender<()>>,
}

/// A try that ended.
struct Ended {
    what: Try,
    end: End,
    took: Duration,
}

/// The sending of parts; lanes and pace keep what they learned over several runs.
pub struct Runner {
    sending: Arc<Sending>,
    lanes: Lanes,
    pace: Pace,
    began: Instant,
    /// No part begins before, while probes are on the way.
    settled: Duration,
    told: Duration,
    past: HashMap<u32, Past>,
    flying: HashMap<u32, Flying>,
    tries: JoinSet<Ended>,
    probes: JoinSet<(LaneId, Option<Duration>)>,
}

impl Runner {
    /// Ready to send what `lanes` were offered; probes them if there are several.
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
            told: Duration::ZERO,
            past: HashMap::new(),
            flying: HashMap::new(),
            tries: JoinSet::new(),
            probes,
        }
    }

    /// More parts.
    pub fn offer(&mut self, pieces: &[Piece]) {
        self.lanes.offer(pieces, &[]);
    }

    /// Sends everything that was offered.
    ///
    /// # Errors
    /// The first that no try can cure; what is in flight then is given up.
    pub async fn run(&mut self) -> Result<(), Error> {
        let result = self.until_done().await;
        self.tries.abort_all();
        self.tell();
        result
    }

    /// What each edge carried.
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
            if self.now().saturating_sub(self.told) >= TELL {
                self.tell();
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

    /// Until something changes by itself.
    fn wait(&self) -> Duration {
        let now = self.now();
        let settled = (!self.probes.is_empty() && self.settled > now).then_some(self.settled);
        let next = self.lanes.wakes_at(now).into_iter().chain(settled).min();
        // Timers have the grain of a millisecond: one that fires too early would be set again and again.
        next.map_or(LOOK, |at| (at.saturating_sub(now) + Duration::from_millis(1)).min(LOOK))
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
            let ask = self.past.get(&piece.number).is_some_and(|past| past.ask.is_some());
            let what = Try { lane, url: self.lanes.url(lane).to_owned(), piece, ask };
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
            if moves < MOVES && elapsed > Duration::ZERO && self.lanes.is_too_slow(flying.lane, flying.piece.bytes, sent, elapsed, now) {
                // Gone if the try has just ended: then it needs no calling off.
                let _ = flying.leave.take().map(|leave| leave.send(()));
            }
        }
    }

    fn probed(&mut self, lane: LaneId, rtt: Option<Duration>) {
        let now = self.now();
        self.lanes.probed(lane, rtt, PROBE_LIMIT, now);
        if let Some(rtt) = rtt {
            self.settled = self.settled.min(now + GRACE.max(rtt * 2));
        }
    }

    fn landed(&mut self, ended: Result<Ended, JoinError>) -> Result<(), Error> {
        let Ended { what: Try { lane, piece, .. }, end, took } = ended.map_err(|error| Error::Unexpected(error.to_string()))?;
        let (now, number) = (self.now(), piece.number);
        self.flying.remove(&number);
        let past = self.past.entry(number).or_default();
        let asked = past.ask.take();
        match end {
            End::Stored => {
                self.lanes.stored(lane, number, took, now);
                self.pace.completed(piece.bytes, now);
            }
            End::Found => self.lanes.found(lane, number, asked.unwrap_or(lane)),
            End::Left(sent) => {
                past.moves += 1;
                past.ask = (sent >= piece.bytes).then_some(lane);
                self.lanes.failed(lane, number, took, Failing::Slow(sent), now + LEFT, now);
                (self.sending.progress)(Event::Retrying { reason: "another edge is faster".to_owned() });
            }
            End::Over(error) => return Err(error),
            End::Failed(error) => {
                let reason = error.to_string();
                let others = self.lanes.has_other(lane, now);
                match judge(error, past.attempts + 1, others, &self.sending.edge.retry, rand::random()) {
                    Verdict::End(error) => return Err(error),
                    Verdict::Again(again) => {
                        past.attempts += u32::from(again.counts);
                        past.ask = again.ask.then_some(lane);
                        // A trial that fails, and what was in flight when its lane closed, says nothing of the other lanes' room.
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

    /// Tells what was measured, without waiting for it.
    fn tell(&mut self) {
        self.told = self.now();
        let samples = self.lanes.take_samples();
        if samples.is_empty() {
            return;
        }
        let sending = Arc::clone(&self.sending);
        tokio::spawn(async move { sending.edge.tell(&sending.session, &samples).await });
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
