//! Which of the last parts is sent a second time, so that a slow connection does not delay the end of an upload.

use std::time::Duration;

use super::circuit::State;
use super::{LaneId, Lanes, Piece};

/// Factor by which the rest of a part must take longer than all of it elsewhere.
const SLOWER: f64 = 2.0;
/// Shortest rest that is worth sending a part again, s.
const LEAST_REST: f64 = 0.5;
/// Shortest time after which the rest is extrapolated.
const LEAST_ELAPSED: Duration = Duration::from_millis(500);

/// A part in flight.
#[derive(Debug, Clone, Copy)]
pub struct InFlight {
    /// The part.
    pub piece: Piece,
    /// Bytes of it that are sent.
    pub sent: u64,
    /// Time since they began to be.
    pub elapsed: Duration,
    /// Time since the last one was; zero before.
    pub waiting: Duration,
}

impl InFlight {
    /// Seconds until it is stored; None if it is too early to tell. Of one whose bytes are all on their way, perhaps in buffers of a connection that stands still,
    /// as long as its answer has been waited for: who has waited that long has no reason to expect less.
    fn rest(&self) -> Option<f64> {
        if self.sent >= self.piece.bytes {
            return Some(self.waiting.as_secs_f64());
        }
        let left = (self.piece.bytes - self.sent) as f64;
        (self.elapsed >= LEAST_ELAPSED).then(|| self.elapsed.as_secs_f64() * left / (self.sent as f64).max(1.0))
    }
}

impl Lanes {
    /// The part to send a second time and its lane, when nothing else is left to start: the slowest one, if over another connection all of it takes half the
    /// time that its rest does.
    pub fn double(&mut self, flying: &[InFlight], now: Duration) -> Option<(LaneId, Piece)> {
        if !self.returned.is_empty() || self.fresh_parts() > 0 {
            return None;
        }
        let (slowest, rest) = flying.iter().filter_map(|part| Some((part, part.rest()?))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let open = self.all().filter(|(_, lane)| !lane.spec.reserve && lane.circuit.state(now) == State::Open);
        let timed = open.filter_map(|(index, lane)| Some((index, lane.alone(slowest.piece.bytes)?)));
        let (index, takes) = timed.min_by(|a, b| a.1.total_cmp(&b.1))?;
        if rest < LEAST_REST || rest < takes * SLOWER {
            return None;
        }
        self.lanes.get_mut(index)?.begin(slowest.piece, now);
        Some((LaneId(index), slowest.piece))
    }

    /// Records that one of two attempts of a part ended without being needed, with no information about the lane.
    pub fn dropped(&mut self, LaneId(index): LaneId, number: u32) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.end(number);
            lane.circuit.spared();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::RankedEdge;
    use crate::lanes::spec::specs;

    const PART: u64 = 10_000_000;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Two lanes; the first has stored a part in a second, and the second part is in flight over the second one.
    fn at_the_end() -> (Lanes, Piece) {
        let edge = |id: &str| RankedEdge { id: id.into(), url: format!("https://{id}.example"), score: 1.0, ..RankedEdge::default() };
        let mut lanes = Lanes::new(specs("https://a.example", &[edge("a"), edge("b")]));
        lanes.offer(&[Piece { number: 1, bytes: PART }, Piece { number: 2, bytes: PART }], &[]);
        let (first, piece) = lanes.next(seconds(0.0), 2).unwrap();
        let (_, slow) = lanes.next(seconds(0.0), 2).unwrap();
        lanes.stored(first, piece.number, seconds(1.0), seconds(1.0));
        (lanes, slow)
    }

    fn after(piece: Piece, sent: u64, elapsed: f64) -> [InFlight; 1] {
        [InFlight { piece, sent, elapsed: seconds(elapsed), waiting: Duration::ZERO }]
    }

    #[test]
    fn part_whose_rest_takes_twice_as_long_as_all_of_it_elsewhere_is_sent_again() {
        let (mut lanes, slow) = at_the_end();
        assert_eq!(lanes.double(&after(slow, PART / 2, 1.9), seconds(2.0)), None, "1.9 s more, against one elsewhere");
        assert_eq!(lanes.double(&after(slow, PART / 2, 0.4), seconds(2.0)), None, "too early");
        assert_eq!(lanes.double(&after(slow, PART, 60.0), seconds(60.0)), None, "the last byte has just been sent");
        let (lane, piece) = lanes.double(&after(slow, PART / 4, 1.0), seconds(2.0)).unwrap();
        assert_eq!((lanes.url(lane), piece), ("https://a.example", slow));
        lanes.dropped(lane, slow.number);
        assert!(!lanes.is_done(), "the first attempt is in flight");
    }

    #[test]
    fn part_whose_answer_is_waited_for_twice_as_long_as_all_of_it_takes_elsewhere_is_sent_again() {
        let (mut lanes, slow) = at_the_end();
        let waiting = |waiting: f64| [InFlight { piece: slow, sent: PART, elapsed: seconds(60.0), waiting: seconds(waiting) }];
        assert_eq!(lanes.double(&waiting(1.9), seconds(62.0)), None, "a second elsewhere");
        assert!(lanes.double(&waiting(2.1), seconds(62.2)).is_some());
    }

    #[test]
    fn nothing_is_doubled_while_there_are_parts_to_start() {
        let (mut lanes, slow) = at_the_end();
        lanes.offer(&[Piece { number: 3, bytes: PART }], &[]);
        assert_eq!(lanes.double(&after(slow, 0, 10.0), seconds(10.0)), None);
    }

    #[test]
    fn single_lane_sends_the_last_part_over_another_connection_and_both_attempts_are_counted_apart() {
        let mut lanes = Lanes::new(specs("https://a.example", &[]));
        lanes.lanes[0].spec.reserve = false;
        lanes.offer(&[Piece { number: 1, bytes: PART }, Piece { number: 2, bytes: PART }], &[]);
        let (lane, _) = lanes.next(seconds(0.0), 2).unwrap();
        let (_, slow) = lanes.next(seconds(0.0), 2).unwrap();
        lanes.stored(lane, 1, seconds(1.0), seconds(1.0));
        let (again, _) = lanes.double(&after(slow, PART / 10, 3.0), seconds(3.0)).unwrap();
        lanes.stored(again, slow.number, seconds(1.0), seconds(4.0));
        assert!(!lanes.is_done());
        lanes.dropped(lane, slow.number);
        assert!(lanes.is_done());
        assert_eq!(lanes.carried().map(|(_, parts, _)| parts).sum::<usize>(), 2);
    }
}
