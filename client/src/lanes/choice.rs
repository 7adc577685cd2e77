//! Selects the next part and its lane.

use std::time::Duration;

use super::circuit::State;
use super::lane::Lane;
use super::{Lanes, Piece};

/// Expected speed of a lane of score 1 before any measurement, bytes/s.
const NOMINAL: f64 = 5e6;
/// A lane without measurements gets a part if this many are left per lane: near the end it could delay the upload.
const PARTS_TO_EXPLORE: usize = 4;

impl Lanes {
    /// The lanes that may get a part now: the open ones (or those due for a trial), else the reserve, else the one that opens first.
    fn usable(&self, now: Duration) -> Vec<usize> {
        let fit = |reserve: bool| {
            let fitting = move |(_, lane): &(usize, &Lane)| lane.spec.reserve == reserve && lane.circuit.state(now) <= State::Trial;
            self.all().filter(fitting).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let open = [fit(false), fit(true)].into_iter().find(|lanes| !lanes.is_empty());
        open.unwrap_or_else(|| {
            let left = self.all().filter(|(_, lane)| lane.circuit.state(now) != State::Out);
            left.min_by_key(|(_, lane)| lane.circuit.opens_at()).map(|(index, _)| index).into_iter().collect()
        })
    }

    /// A returned part and its lane.
    pub(super) fn again(&mut self, now: Duration) -> Option<(usize, Piece)> {
        if self.returned.is_empty() {
            return None;
        }
        let usable = self.usable(now);
        let open = |index: usize| self.lanes.get(index).is_some_and(|lane| lane.circuit.state(now) == State::Open);
        let (position, index) = self.returned.iter().enumerate().find_map(|(position, returned)| {
            let may = |index: &&usize| now >= returned.ready || returned.avoid.is_some_and(|avoid| avoid != **index) && open(**index);
            Some((position, self.soonest(usable.iter().filter(may).copied())?))
        })?;
        self.returned.remove(position).map(|returned| (index, returned.piece))
    }

    /// A part that has not started yet, and its lane.
    pub(super) fn fresh(&mut self, now: Duration) -> Option<(usize, Piece)> {
        let parts = self.fresh_parts();
        if parts == 0 {
            return None;
        }
        let usable = self.usable(now);
        let unknown = |index: &usize| self.lanes.get(*index).is_some_and(|lane| lane.in_flight() == 0 && !lane.rate.is_fresh(now));
        let worth_it = usable.len() > 1 && parts >= PARTS_TO_EXPLORE * self.lanes.len();
        let unexplored = usable.iter().copied().find(|index| worth_it && unknown(index));
        let index = unexplored.or_else(|| self.soonest(usable.iter().copied()))?;
        self.take(index, now).map(|piece| (index, piece))
    }

    /// The lane over which a part that starts now would be stored first.
    fn soonest(&self, among: impl Iterator<Item = usize>) -> Option<usize> {
        // A lane whose first part is still in flight has no measured speed: it gets no second part while there are measured lanes.
        let is_known = |index: usize| self.lanes.get(index).is_some_and(|lane| lane.rate.per_second().is_some() || lane.in_flight() == 0);
        let among: Vec<usize> = among.collect();
        let any_known = among.iter().any(|index| self.lanes.get(*index).is_some_and(|lane| lane.rate.per_second().is_some()));
        let among = among.into_iter().filter(|index| !any_known || is_known(*index));
        let expected = |index: usize| self.lanes.get(index).map_or(f64::INFINITY, |lane| lane.expected(self.bytes, self.estimate(lane)));
        among.map(|index| (index, expected(index))).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }

    /// The lane's own next part, or an unassigned one, or the last one of the lane with the longest backlog.
    fn take(&mut self, index: usize, now: Duration) -> Option<Piece> {
        if let Some(piece) = self.lanes.get_mut(index).and_then(|lane| lane.queue.pop_front()).or_else(|| self.free.pop_front()) {
            return Some(piece);
        }
        let backlog = |lane: &Lane| match lane.circuit.state(now) {
            State::Open | State::Trial => lane.backlog(self.estimate(lane)),
            State::Closed | State::Out => f64::INFINITY,
        };
        let full = self.all().filter(|(_, lane)| !lane.queue.is_empty()).map(|(index, lane)| (index, backlog(lane)));
        let (victim, _) = full.max_by(|a, b| a.1.total_cmp(&b.1))?;
        self.lanes.get_mut(victim)?.queue.pop_back()
    }

    /// Speed in bytes/s: measured, or estimated from its score relative to measured lanes.
    fn estimate(&self, lane: &Lane) -> f64 {
        lane.rate.per_second().unwrap_or_else(|| {
            let (sum, count) = self
                .lanes
                .iter()
                .filter_map(|other| Some(other.rate.per_second()? / other.score()))
                .fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
            lane.score() * if count > 0.0 { sum / count } else { NOMINAL }
        })
    }
}
