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
    /// Whether a message waits for its time.
    is_waiting: bool,
}

/// What a part that was stored leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A message now.
    Now,
    /// One after these ms, of what there is then: those who listen miss no last part.
    Later(u64),
    /// None: one is waiting, or nobody listens as far as is known.
    Not,
}

impl Pace {
    /// Of an upload that began at that instant; `is_heard`: somebody listened then.
    pub fn new(began: EpochMs, is_heard: bool) -> Pace {
        Pace { is_heard, last: if is_heard { EpochMs(0) } else { began }, is_waiting: false }
    }

    /// What a part stored now leads to, and the pace after it.
    pub fn next(self, now: EpochMs) -> (Turn, Pace) {
        let least = if self.is_heard { MESSAGE_MS } else { ASK_MS };
        let since = now.since(self.last);
        match () {
            () if self.is_waiting => (Turn::Not, self),
            () if since >= least => (Turn::Now, Pace { last: now, ..self }),
            () if self.is_heard => (Turn::Later(least.saturating_sub(since)), Pace { is_waiting: true, ..self }),
            () => (Turn::Not, self),
        }
    }

    /// The pace after the message that waited was sent now.
    pub fn waited(self, now: EpochMs) -> Pace {
        Pace { last: now, is_waiting: false, ..self }
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
    fn heard_upload_tells_once_a_second_and_its_last_part_and_an_unheard_one_asks_every_ten() {
        let mut pace = Pace::new(EpochMs(100_000), false);
        assert_eq!(pace.next(EpochMs(109_999)), (Turn::Not, pace), "a short upload asks nothing");
        let (mut sent, mut due) = (Vec::new(), None);
        for at in (100_000..140_000).step_by(250) {
            if due.is_some_and(|due| at >= due) {
                sent.push((at, "waited"));
                pace = pace.waited(EpochMs(at)).after((120_000..123_000).contains(&at));
                due = None;
            }
            // The last part comes a quarter of a second behind a message.
            if at > 133_250 {
                continue;
            }
            let (turn, next) = pace.next(EpochMs(at));
            pace = next;
            match turn {
                Turn::Now => {
                    sent.push((at, "now"));
                    pace = pace.after((120_000..123_000).contains(&at));
                }
                Turn::Later(ms) => due = Some(at + ms),
                Turn::Not => {}
            }
        }
        let waited = |at| (at, "waited");
        let wanted = [(110_000, "now"), (120_000, "now"), waited(121_000), waited(122_000), waited(123_000), (133_000, "now")];
        assert_eq!(sent, wanted);
        assert_eq!(Pace::new(EpochMs(5), true).next(EpochMs(1_000)).0, Turn::Now, "heard from the beginning");
    }

    #[test]
    fn part_within_the_second_waits_for_its_rest_and_others_wait_with_it() {
        let (turn, pace) = Pace::new(EpochMs(0), true).next(EpochMs(10_000));
        assert_eq!(turn, Turn::Now);
        let (turn, pace) = pace.next(EpochMs(10_300));
        assert_eq!(turn, Turn::Later(700));
        assert_eq!(pace.next(EpochMs(10_999)).0, Turn::Not);
        assert_eq!(pace.next(EpochMs(12_000)).0, Turn::Not, "one message for all that came meanwhile");
        assert_eq!(pace.waited(EpochMs(11_000)).next(EpochMs(11_999)).0, Turn::Later(1));
    }
}
