//! Proof-of-possession challenge: the byte ranges it covers and how an answer is verified (docs/uploads.md, Proof of possession).

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};

use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;

/// Validity of a challenge, ms: enough for a client to read 32 KiB of its own file.
pub const TTL_MS: u64 = 120_000;

/// Maximum answers per account, namespace and file within [`MEMORY_MS`], correct or not. After that no challenge is issued and the file is uploaded.
pub const MAX_ANSWERS: u64 = 3;

/// Window over which answers are counted, ms.
pub const MEMORY_MS: u64 = 24 * 3600 * 1000;

/// Number of ranges. A client that has 75 % of the file answers a challenge with probability 0.75^32, about 1 in 10,000: at [`MAX_ANSWERS`] per day,
/// one success in ten years.
const RANGES: u64 = 32;

/// Bytes per range.
const RANGE_BYTES: u64 = 1_024;

/// Random bytes consumed by one challenge: a 32-byte nonce and 8 bytes for each range offset.
pub const RANDOM_BYTES: usize = 32 + 8 * 32;

/// A challenge: byte ranges of a file over which the client has to compute an HMAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Challenge id.
    pub id: Id,
    /// HMAC key, 64 lower-case hex digits.
    pub nonce: String,
    /// First and last byte of each range, inclusive, ascending.
    pub ranges: Vec<(u64, u64)>,
    /// Expiry: later answers are refused.
    pub expires_at: EpochMs,
}

/// Member `challenge` of the 202 response of `start`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Challenge"))]
#[serde(rename_all = "camelCase")]
pub struct ChallengeView<'a> {
    id: Id,
    nonce: &'a str,
    ranges: &'a [(u64, u64)],
    expires_at: String,
}

impl Challenge {
    /// Draws a challenge for a file of `size` bytes (≥ 1). Each range lies in its own 1/32 of the file, so that every part of the file can be covered.
    /// A file of up to 32 KiB is covered by a single range.
    pub fn draw(id: Id, size: u64, random: &[u8; RANDOM_BYTES], now: EpochMs) -> Challenge {
        let (nonce, places) = random.split_at(32);
        let ranges = if size <= RANGES * RANGE_BYTES {
            vec![(0, size.saturating_sub(1))]
        } else {
            let place = |(index, bytes): (u64, &[u8])| {
                // Sizes are below 2^53: no overflow.
                let (begin, end) = (size * index / RANGES, size * (index + 1) / RANGES);
                let drawn = bytes.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
                let first = begin + drawn % (end - begin - RANGE_BYTES + 1).max(1);
                (first, first + RANGE_BYTES - 1)
            };
            (0..RANGES).zip(places.chunks_exact(8)).map(place).collect()
        };
        Challenge { id, nonce: hex::encode(nonce), ranges, expires_at: now.plus(TTL_MS) }
    }

    /// The challenge in the form of the API.
    pub fn view(&self) -> ChallengeView<'_> {
        ChallengeView { id: self.id, nonce: &self.nonce, ranges: &self.ranges, expires_at: self.expires_at.rfc3339() }
    }

    /// The two accepted HMAC keys: the nonce as text, and the 32 bytes that its hex digits encode.
    pub fn keys(&self) -> [Vec<u8>; 2] {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
        let bytes = self.nonce.as_bytes().chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, c| (sum << 4) | digit(*c)));
        [self.nonce.clone().into_bytes(), bytes.collect()]
    }
}

/// Whether `proof` equals one of the expected answers. The comparison runs in constant time.
pub fn is_right(answers: &[[u8; 32]], proof: &Sha256Hex) -> bool {
    let right = answers.iter().map(|answer| hex::encode(answer).as_bytes().ct_eq(proof.as_str().as_bytes()));
    right.fold(Choice::from(0), |any, this| any | this).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(size: u64, random: &[u8; RANDOM_BYTES]) -> Challenge {
        Challenge::draw(Id::from_random([1; 16]), size, random, EpochMs(5))
    }

    proptest! {
        #[test]
        fn ranges_are_ascending_inside_the_file_and_cover_32_kib(size in prop_oneof![1u64..40_000, 1u64..(1 << 53)], seed in any::<[u8; 32]>()) {
            let random: [u8; RANDOM_BYTES] = std::array::from_fn(|index| seed[index % 32].wrapping_mul(u8::try_from(index % 256).unwrap()));
            let challenge = drawn(size, &random);
            prop_assert!(challenge.ranges.iter().all(|(first, last)| first <= last && *last < size));
            prop_assert!(challenge.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
            let asked: u64 = challenge.ranges.iter().map(|(first, last)| last - first + 1).sum();
            prop_assert_eq!(asked, size.min(32 * 1_024));
        }
    }

    #[test]
    fn different_random_bytes_give_different_challenges_with_two_minutes_of_validity() {
        let random = |n: u8| std::array::from_fn(|index| n ^ u8::try_from(index % 256).unwrap());
        let (one, two) = (drawn(1_000_000, &random(1)), drawn(1_000_000, &random(2)));
        assert!(one.ranges != two.ranges && one.nonce != two.nonce);
        assert_eq!((one.nonce.len(), one.expires_at, one.ranges.len()), (64, EpochMs(5 + TTL_MS), 32));
        assert_eq!(one.keys(), [one.nonce.clone().into_bytes(), random(1)[..32].to_vec()]);
        let view = serde_json::to_string(&Challenge { ranges: vec![(0, 9)], nonce: "ab".into(), ..one }.view()).unwrap();
        assert_eq!(view, r#"{"id":"01010101-0101-4101-8101-010101010101","nonce":"ab","ranges":[[0,9]],"expiresAt":"1970-01-01T00:02:00.005Z"}"#);
    }

    #[test]
    fn only_an_expected_answer_is_accepted() {
        let (answer, other) = ([7; 32], [8; 32]);
        let proof = Sha256Hex::parse(&hex::encode(answer)).unwrap();
        assert!(is_right(&[answer], &proof) && is_right(&[other, answer], &proof));
        assert!(!is_right(&[other], &proof) && !is_right(&[], &proof));
    }
}
