//! How much of the history of closed uploads is kept (docs/data-model.md, What one account can hold).

use crate::base::time::EpochMs;

/// How long a closed upload is kept, ms: 90 days.
pub const RETENTION_MS: u64 = 90 * 24 * 3600 * 1000;

/// Rows that one statement deletes, far from the 30 s that D1 gives a statement (Cloudflare D1, "Limits").
pub const ROWS_PER_STEP: u64 = 1_000;

/// Statements of one job; another job continues.
pub const STEPS_PER_JOB: u32 = 20;

/// One in so many starts has the account's history trimmed to its newest rows. The statement reads every row that is kept, so it is not run at each start; a
/// history is longer than it may be by a few times this number at most.
const STARTS_PER_TRIM: u16 = 1_024;

/// Maximum number of closed uploads that an account's history has, however many files it may have.
const MAX_ROWS: u64 = 50_000;

/// How many closed uploads are kept of an account that may have `objects` files.
pub fn most_kept(objects: u64) -> u64 {
    objects.min(MAX_ROWS)
}

/// Closed uploads that were last changed before this are deleted.
pub fn oldest_kept(now: EpochMs) -> EpochMs {
    EpochMs(now.0.saturating_sub(RETENTION_MS))
}

/// Whether a start with these random bytes has the account's history trimmed.
pub fn starts_trim(draw: [u8; 2]) -> bool {
    u16::from_le_bytes(draw).is_multiple_of(STARTS_PER_TRIM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_start_in_1024_trims_the_history() {
        let drawn = (0..=u16::MAX).filter(|draw| starts_trim(draw.to_le_bytes())).count();
        assert_eq!(drawn, 64);
    }

    #[test]
    fn history_is_as_long_as_the_files_may_be_many_up_to_50000() {
        assert_eq!([400, 50_000, 2_000_000].map(most_kept), [400, 50_000, 50_000]);
    }

    #[test]
    fn closed_upload_is_kept_for_90_days() {
        assert_eq!(oldest_kept(EpochMs(RETENTION_MS + 5)), EpochMs(5));
        assert_eq!(oldest_kept(EpochMs(5)), EpochMs(0));
    }
}
