//! When a delivery is tried, and what an attempt makes of it.

use crate::base::time::EpochMs;

/// The pauses behind the attempts that failed, s: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h (standardwebhooks.com, specification, "Deliverability and
/// reliability").
pub const PAUSES_SECONDS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Time in which an endpoint has to answer, body included, ms.
pub const ANSWER_MS: u32 = 15_000;

/// What is read of an answer at most, bytes; the rest is cut.
pub const MAX_ANSWER: usize = 65_536;

/// How long an attempt is its job's alone, ms: its answer, and several calls of the database.
pub const CLAIM_MS: u64 = 120_000;

/// An attempt does not begin any more when its claim is nearly over: it could still be under way when the next one begins. Before the end of the claim, ms.
pub const CLAIM_MARGIN_MS: u64 = 30_000;

/// What a job does with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is over.
    Nothing,
    /// Look again, in so many seconds.
    Wait(u64),
    /// Send it.
    Send,
}

/// A delivery as a job finds it after its attempt to claim it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Whether it is to be sent.
    pub is_pending: bool,
    /// Whether the claim is the job's.
    pub is_ours: bool,
    /// When it may be sent.
    pub due_at: EpochMs,
    /// Until when it is another attempt's.
    pub claimed_until: Option<EpochMs>,
}

/// What the job does.
pub fn next(standing: Standing, now: EpochMs) -> Next {
    if !standing.is_pending {
        return Next::Nothing;
    }
    if standing.is_ours && standing.claimed_until.is_some_and(|until| until.since(now) >= CLAIM_MARGIN_MS) {
        return Next::Send;
    }
    let free_at = standing.claimed_until.unwrap_or_default().max(standing.due_at);
    // At least a second: clocks differ, and the job would come back at once.
    Next::Wait(free_at.since(now).div_ceil(1_000).max(1))
}

/// What has become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint has taken it.
    Delivered,
    /// It is sent again, at that time.
    Again(EpochMs),
    /// It was tried as often as it is.
    Failed,
}

/// What the attempt of that number, from 1, makes of it. Only a status from 200 to 299 is a success: a redirect is none, nor is no answer.
pub fn outcome(attempt: u64, status: Option<u16>, now: EpochMs) -> Outcome {
    if status.is_some_and(|status| (200..300).contains(&status)) {
        return Outcome::Delivered;
    }
    let pause = usize::try_from(attempt.saturating_sub(1)).ok().and_then(|failed| PAUSES_SECONDS.get(failed));
    pause.map_or(Outcome::Failed, |seconds| Outcome::Again(now.plus(seconds.saturating_mul(1_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_that_fails_is_repeated_after_each_pause_and_the_tenth_is_the_last() {
        let now = EpochMs(1_000);
        let pauses: Vec<u64> = (1..=9)
            .map(|attempt| match outcome(attempt, Some(500), now) {
                Outcome::Again(at) => at.since(now) / 1_000,
                other => panic!("{attempt}: {other:?}"),
            })
            .collect();
        let (minute, hour) = (60, 3_600);
        assert_eq!(pauses, [5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour]);
        assert_eq!([10, 11, u64::MAX].map(|attempt| outcome(attempt, None, now)), [Outcome::Failed; 3]);
        assert_eq!(outcome(0, None, now), Outcome::Again(now.plus(5_000)));
    }

    #[test]
    fn only_a_status_from_200_to_299_delivers() {
        for (status, delivered) in [
            (Some(200), true),
            (Some(202), true),
            (Some(299), true),
            (Some(199), false),
            (Some(302), false),
            (Some(410), false),
            (Some(500), false),
            (None, false),
        ] {
            assert_eq!(outcome(1, status, EpochMs(0)) == Outcome::Delivered, delivered, "{status:?}");
        }
    }

    #[test]
    fn delivery_is_sent_by_the_holder_of_its_claim_and_others_wait_for_its_end() {
        let now = EpochMs(1_000_000);
        let standing = |is_ours, due: i64, until: Option<i64>| Standing {
            is_pending: true,
            is_ours,
            due_at: EpochMs(now.0.saturating_add_signed(due)),
            claimed_until: until.map(|ms| EpochMs(now.0.saturating_add_signed(ms))),
        };
        let claimed = i64::try_from(CLAIM_MS).unwrap();
        let margin = i64::try_from(CLAIM_MARGIN_MS).unwrap();
        assert_eq!(next(standing(true, -1, Some(claimed)), now), Next::Send);
        assert_eq!(next(standing(true, -1, Some(margin)), now), Next::Send);
        assert_eq!(next(standing(true, -1, Some(margin - 1)), now), Next::Wait(30), "its claim is nearly over");
        assert_eq!(next(standing(true, -1, Some(-5)), now), Next::Wait(1));
        assert_eq!(next(standing(false, -1, Some(60_000)), now), Next::Wait(60), "another's");
        assert_eq!(next(standing(false, 4_500, None), now), Next::Wait(5), "not yet");
        assert_eq!(next(standing(false, -1, None), now), Next::Wait(1), "by a clock that is ahead");
        assert_eq!(next(Standing { is_pending: false, ..standing(true, -1, Some(claimed)) }, now), Next::Nothing);
    }

    #[test]
    fn attempt_with_its_answer_ends_before_its_claim() {
        const { assert!(CLAIM_MARGIN_MS > ANSWER_MS as u64 && CLAIM_MS > CLAIM_MARGIN_MS) };
    }
}
