//! What clients sent as files of videos, and what must be there.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::reply::Reply;

use crate::content::Content;

/// How long the bytes of a write of unknown end may still appear, ms: what the service waits for, and what its jobs take.
const UNCLEAR_MS: u64 = 2 * 3_600_000;

/// Namespace and video, and the path in it.
pub type Place = (String, String);

/// What is known of one place.
#[derive(Debug, Default)]
struct Known {
    /// Everything that was ever sent there.
    sent: BTreeSet<String>,
    /// How often something was begun there.
    begun: u64,
    /// How much of it has not ended.
    open: u64,
    /// Until when a write of unknown end may take effect.
    unclear_until: u64,
    /// What must be there, if that is known: some bytes, or none.
    settled: Option<Option<String>>,
}

impl Known {
    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.open += 1;
        self.settled = None;
        self.begun
    }

    /// Ends what began as number `began`. `outcome`: what must be there, if the answer says so.
    fn end(&mut self, began: u64, outcome: Option<Option<String>>, is_clear: bool, now: u64) {
        self.open = self.open.saturating_sub(1);
        if !is_clear {
            self.unclear_until = now + UNCLEAR_MS;
        }
        // Only if nothing else was under way.
        if self.open == 0 && self.begun == began && now > self.unclear_until {
            self.settled = outcome;
        }
    }
}

/// All places.
#[derive(Debug, Default)]
pub struct Videos(BTreeMap<Place, Known>);

impl Videos {
    /// A write begins.
    pub fn begin_write(&mut self, place: &Place, content: &Content, _now: u64) -> u64 {
        let known = self.0.entry(place.clone()).or_default();
        known.sent.insert(content.text());
        known.begin()
    }

    /// A write ends.
    pub fn end_write(&mut self, place: &Place, began: u64, told: Option<&Result<Reply, Problem>>, content: &Content, now: u64) {
        let Some(known) = self.0.get_mut(place) else { return };
        match told {
            Some(Ok(_)) => known.end(began, Some(Some(content.text())), true, now),
            Some(Err(problem)) => known.end(began, None, problem.kind().status < 500 && problem.kind().status != 409, now),
            None => known.end(began, None, false, now),
        }
    }

    /// The deletion of a video begins; the numbers by path.
    pub fn begin_delete(&mut self, folder: &str, _now: u64) -> Vec<(Place, u64)> {
        let within = self.0.iter_mut().filter(|((place, _), _)| place == folder);
        within.map(|(place, known)| (place.clone(), known.begin())).collect()
    }

    /// The deletion of a video ends.
    pub fn end_delete(&mut self, folder: &str, began: Vec<(Place, u64)>, told: Option<&Result<Reply, Problem>>, now: u64) {
        debug_assert!(began.iter().all(|((place, _), _)| place == folder));
        for (place, number) in began {
            let Some(known) = self.0.get_mut(&place) else { continue };
            match told {
                Some(Ok(_)) => known.end(number, Some(None), true, now),
                _ => known.end(number, None, true, now),
            }
        }
    }

    /// Whether these bytes were sent to that place.
    pub fn allows(&self, place: &Place, content: &Content) -> bool {
        self.0.get(place).is_some_and(|known| known.sent.contains(&content.text()))
    }

    /// The places of which is known what must be there.
    pub fn settled(&self) -> impl Iterator<Item = (&Place, Option<&str>)> {
        self.0.iter().filter_map(|(place, known)| Some((place, known.settled.as_ref()?.as_deref())))
    }
}
