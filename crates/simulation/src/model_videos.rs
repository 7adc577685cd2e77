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
    /// How many deletions of the video had begun when something was last begun there.
    after: u64,
    /// How much of it has not ended.
    open: u64,
    /// Until when a write of unknown end may take effect.
    unclear_until: u64,
    /// What must be there, if that is known: some bytes, or none.
    settled: Option<Option<String>>,
}

impl Known {
    /// Begins something; whether nothing else is under way.
    fn begin(&mut self) -> (u64, bool) {
        let is_alone = self.open == 0;
        self.begun += 1;
        self.open += 1;
        self.settled = None;
        (self.begun, is_alone)
    }

    /// Ends what was begun; whether nothing else was begun meanwhile.
    fn end(&mut self, began: u64, is_clear: bool, now: u64) -> bool {
        self.open = self.open.saturating_sub(1);
        if !is_clear {
            self.unclear_until = now + UNCLEAR_MS;
        }
        self.begun == began && now > self.unclear_until
    }
}

/// What was begun: the number of the write or deletion, and of the deletions of its video before it.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    number: u64,
    deletions: u64,
    is_alone: bool,
}

/// All places, and the deletions of each video.
#[derive(Debug, Default)]
pub struct Videos {
    places: BTreeMap<Place, Known>,
    deletions: BTreeMap<String, Known>,
}

impl Videos {
    /// A write begins.
    pub fn begin_write(&mut self, place: &Place, content: &Content) -> Began {
        let known = self.places.entry(place.clone()).or_default();
        known.sent.insert(content.text());
        let (number, is_alone) = known.begin();
        let (deletions, is_kept) = self.deletions.get(&place.0).map_or((0, true), |video| (video.begun, video.open == 0));
        known.after = deletions;
        Began { number, deletions, is_alone: is_alone && is_kept }
    }

    /// A write ends.
    pub fn end_write(&mut self, place: &Place, began: Began, told: Option<&Result<Reply, Problem>>, content: &Content, now: u64) {
        let deletions = self.deletions.get(&place.0).map_or(0, |video| video.begun);
        let Some(known) = self.places.get_mut(place) else { return };
        let is_clear = match told {
            Some(Ok(_)) => true,
            Some(Err(problem)) => problem.kind().status < 500 && problem.kind().status != 409,
            None => false,
        };
        let was_alone = known.end(began.number, is_clear, now) && began.is_alone && deletions == began.deletions;
        if was_alone && matches!(told, Some(Ok(_))) {
            known.settled = Some(Some(content.text()));
        }
    }

    /// The deletion of a video begins.
    pub fn begin_delete(&mut self, folder: &str) -> Began {
        let (number, is_alone) = self.deletions.entry(folder.to_owned()).or_default().begin();
        let mut is_alone = is_alone;
        for (_, known) in self.places.iter_mut().filter(|((video, _), _)| video == folder) {
            is_alone &= known.open == 0;
            known.settled = None;
        }
        Began { number, deletions: number, is_alone }
    }

    /// The deletion of a video ends.
    pub fn end_delete(&mut self, folder: &str, began: Began, told: Option<&Result<Reply, Problem>>, now: u64) {
        let Some(video) = self.deletions.get_mut(folder) else { return };
        let was_alone = video.end(began.number, true, now) && began.is_alone;
        for (_, known) in self.places.iter_mut().filter(|((video, _), _)| video == folder) {
            if was_alone && known.open == 0 && known.after < began.number && now > known.unclear_until && matches!(told, Some(Ok(_))) {
                known.settled = Some(None);
            }
        }
    }

    /// Whether these bytes were sent to that place.
    pub fn allows(&self, place: &Place, content: &Content) -> bool {
        self.places.get(place).is_some_and(|known| known.sent.contains(&content.text()))
    }

    /// The places of which is known what must be there.
    pub fn settled(&self) -> impl Iterator<Item = (&Place, Option<&str>)> {
        self.places.iter().filter_map(|(place, known)| Some((place, known.settled.as_ref()?.as_deref())))
    }
}
