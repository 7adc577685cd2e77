//! A SHA-256 whose computation can be left off and taken up by another job.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

use crate::base::sha256::Sha256Hex;

/// The hash of the first bytes of an object.
#[derive(Clone)]
pub struct PartialHash {
    hasher: Sha256,
    /// Bytes hashed.
    position: u64,
}

impl PartialHash {
    /// Of nothing.
    pub fn new() -> PartialHash {
        PartialHash { hasher: Sha256::new(), position: 0 }
    }

    /// From what [`PartialHash::state`] gave after `position` bytes; `None` if that is not such a text.
    pub fn resume(position: u64, state: &str) -> Option<PartialHash> {
        let bytes = hex::decode(state).ok()?;
        let state = SerializedState::<Sha256>::try_from(bytes.as_slice()).ok()?;
        Some(PartialHash { hasher: Sha256::deserialize(&state).ok()?, position })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.position = self.position.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
    }

    /// Bytes hashed.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The state, about 200 hex digits.
    pub fn state(&self) -> String {
        hex::encode(self.hasher.serialize())
    }

    /// The hash of the bytes so far.
    pub fn finish(self) -> Option<Sha256Hex> {
        Sha256Hex::parse(&hex::encode(self.hasher.finalize()))
    }
}

impl Default for PartialHash {
    fn default() -> PartialHash {
        PartialHash::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// States outlive deployments: this one must still be taken up.
    #[test]
    fn state_has_pinned_form() {
        let mut hash = PartialHash::new();
        hash.update(&[b'a'; 70]);
        let state = "1cb85bdf26061ee894a845fb310fd44f16685eb2c199d4d6294990ab665e6300010000000000000006616161616161000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
        assert_eq!(hash.state(), state);
        let resumed = PartialHash::resume(70, state).unwrap();
        assert_eq!((resumed.position(), resumed.finish()), (70, Some(Sha256Hex::of(&[b'a'; 70]))));
    }

    #[test]
    fn text_that_is_no_state_is_refused() {
        let state = PartialHash::new().state();
        for bad in ["", "zz", &state[2..], &format!("{state}00"), &state.replace('0', "x")] {
            assert!(PartialHash::resume(0, bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hash_left_off_anywhere_is_the_hash_in_one_pass(bytes in prop::collection::vec(any::<u8>(), 0..500), cuts in prop::collection::vec(0usize..500, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let mut hash = PartialHash::new();
            for pair in cuts.windows(2) {
                hash = PartialHash::resume(hash.position(), &hash.state()).unwrap();
                hash.update(&bytes[pair[0]..pair[1]]);
            }
            prop_assert_eq!(hash.position(), bytes.len() as u64);
            prop_assert_eq!(hash.finish(), Some(Sha256Hex::of(&bytes)));
        }
    }
}
