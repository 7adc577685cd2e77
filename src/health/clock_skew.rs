//! How far another machine's clock is from ours, as told by the `Date` of one of its answers.

use crate::base::time::EpochMs;

/// `Date` has whole seconds (RFC 9110 section 5.6.7).
const RESOLUTION_MS: u64 = 1_000;

/// The least difference that explains an answer whose clock read `date`, to a request of ours that was sent at `sent` and answered at `answered`, ms: positive if
/// the other clock is ahead, 0 if the two may agree.
pub fn clock_skew_ms(date: EpochMs, sent: EpochMs, answered: EpochMs) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let (ahead, behind) = (date.since(answered), sent.since(date.plus(RESOLUTION_MS)));
    if ahead > 0 { signed(ahead) } else { signed(behind).saturating_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_what_second_and_round_trip_do_not_explain() {
        let skew = |date, sent, answered| clock_skew_ms(EpochMs(date), EpochMs(sent), EpochMs(answered));
        for (date, sent, answered, expected) in [
            (10_000, 10_400, 10_500, 0),
            (10_000, 9_900, 10_000, 0),
            (10_000, 11_000, 11_200, 0),
            // Answered while our clock read at most 9,400.
            (10_000, 9_000, 9_400, 600),
            // Asked when our clock read 15,000 already, and the other's last moment of that second is 11,000.
            (10_000, 15_000, 15_100, -4_000),
            (900_000, 0, 100, 899_900),
        ] {
            assert_eq!(skew(date, sent, answered), expected, "{date} {sent} {answered}");
        }
        assert_eq!(skew(u64::MAX, 0, 0), i64::MAX);
    }
}
