//! How fast an upload's bytes moved: the time in which they did, and the bytes that were sent in it (docs/uploads.md, "Speed").

use crate::uploads::session::state::{COPIED, Part};

/// Bytes that were sent and the time that it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Time in which at least one part was under way, ms: parts that were sent at the same time count once, pauses do not count.
    pub ms: u64,
    /// Bytes of the parts whose time is known.
    pub bytes: u64,
}

impl Transfer {
    /// The transfer of these parts: the union of the intervals in which each was under way, [`Part::took_ms`] long and ending when it was recorded. Parts that were
    /// copied inside the store were not sent, and parts that were found by ListParts have no known time: neither count.
    pub fn of<'a>(parts: impl Iterator<Item = &'a Part>) -> Transfer {
        let sent = parts.filter(|part| part.edge != COPIED);
        let mut spans: Vec<(u64, u64, u64)> = sent.filter_map(|part| Some((part.at.0.saturating_sub(part.took_ms?), part.at.0, part.size))).collect();
        spans.sort_unstable();
        let (mut transfer, mut until) = (Transfer::default(), 0);
        for (from, to, size) in spans {
            transfer.bytes = transfer.bytes.saturating_add(size);
            transfer.ms = transfer.ms.saturating_add(to.saturating_sub(from.max(until)));
            until = until.max(to);
        }
        transfer
    }

    /// Speed in megabits per second (10^6 bit/s), rounded to two decimals; 0 if no byte was sent. Less than a millisecond counts as one.
    pub fn mbps(&self) -> f64 {
        // Sizes are below 2^53: exact in f64.
        let megabits = self.bytes as f64 * 8.0 / 1_000_000.0;
        (megabits / (self.ms.max(1) as f64 / 1000.0) * 100.0).round() / 100.0
    }

    /// The speed, if any byte's time is known.
    pub fn known_mbps(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.mbps())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::uploads::session::state::Evidence;

    const DAY_MS: u64 = 86_400_000;

    fn part(number: u16, at: u64, took_ms: Option<u64>) -> Part {
        Part { number, etag: String::new(), size: 1_000_000, sha256: None, edge: "fra".into(), at: EpochMs(at), evidence: Evidence::Seen, took_ms }
    }

    #[test]
    fn days_between_two_parts_of_one_second_count_two_seconds() {
        let parts = [part(1, 10_000, Some(1_000)), part(2, 10_000 + 5 * DAY_MS, Some(1_000))];
        let transfer = Transfer::of(parts.iter());
        assert_eq!((transfer, transfer.mbps()), (Transfer { ms: 2_000, bytes: 2_000_000 }, 8.0));
    }

    #[test]
    fn parts_sent_at_once_count_their_time_once() {
        // 1 within 2, 3 overlaps the end of 2, 4 begins when 3 ends.
        let parts = [part(1, 3_000, Some(1_000)), part(2, 5_000, Some(4_000)), part(3, 6_000, Some(2_000)), part(4, 7_000, Some(1_000))];
        assert_eq!(Transfer::of(parts.iter()), Transfer { ms: 6_000, bytes: 4_000_000 });
        assert_eq!(Transfer::of(parts.iter().rev()), Transfer { ms: 6_000, bytes: 4_000_000 }, "in any order");
    }

    #[test]
    fn copied_and_listed_parts_count_neither_bytes_nor_time() {
        let copied = Part { edge: COPIED.into(), ..part(1, 9_000, Some(9_000)) };
        let transfer = Transfer::of([copied, part(2, 60_000, None)].iter());
        assert_eq!((transfer, transfer.mbps(), transfer.known_mbps()), (Transfer::default(), 0.0, None));
        let one = Transfer::of([part(2, 60_000, None), part(3, 70_000, Some(2_000))].iter());
        assert_eq!((one, one.known_mbps()), (Transfer { ms: 2_000, bytes: 1_000_000 }, Some(4.0)));
    }

    #[test]
    fn no_time_at_all_counts_as_a_millisecond_and_a_clock_before_the_epoch_as_zero() {
        let transfer = Transfer::of([part(1, 5, Some(0))].iter());
        assert_eq!((transfer.ms, transfer.mbps()), (0, 8_000.0));
        assert_eq!(Transfer::of([part(1, 5, Some(u64::MAX))].iter()).ms, 5);
    }
}
