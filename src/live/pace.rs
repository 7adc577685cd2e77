//! How often an upload tells of its parts: once a second while somebody listens; otherwise it asks now and then whether somebody does.

use crate::base::time::EpochMs;

/// Least time between two messages of an upload, ms.
const MESSAGE_MS: u64 = 1_000;

/// Least time between two questions while nobody listens, ms. The first is asked so long after the upload began: a short one asks nothing.
const ASK_MS: u64 = 10_000;

/// What an upload knows of its listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    is_heard: bool,
    last: EpochMs,
}

impl Pace {
    /// Of an upload that began at that instant; `is_heard`: somebody listened then.
    pub fn new(began: EpochMs, is_heard: bool) -> Pace {
        Pace { is_heard, last: if is_heard { EpochMs(0) } else { began } }
    }

    /// The pace after a message of now, if one may be sent.
    pub fn next(self, now: EpochMs) -> Option<Pace> {
        let least = if self.is_heard { MESSAGE_MS } else { ASK_MS };
        (now.since(self.last) >= least).then_some(Pace { last: now, ..self })
    }

    /// The pace after it became known whether somebody heard the last message.
    pub fn after(self, is_heard: bool) -> Pace {
        Pace { is_heard, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heard_upload_tells_once_a_second_and_an_unheard_one_asks_every_ten() {
        let mut pace = Pace::new(EpochMs(100_000), false);
        assert_eq!(pace.next(EpochMs(109_999)), None, "a short upload asks nothing");
        let mut sent = Vec::new();
        for at in (100_000..140_000).step_by(250) {
            let Some(next) = pace.next(EpochMs(at)) else { continue };
            sent.push(at);
            pace = next.after((120_000..123_000).contains(&at));
        }
        assert_eq!(sent, [110_000, 120_000, 121_000, 122_000, 123_000, 133_000]);
        assert!(Pace::new(EpochMs(5), true).next(EpochMs(1_000)).is_some(), "heard from the beginning");
    }
}
