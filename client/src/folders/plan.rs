//! Which files of a folder are sent.

use std::collections::{HashMap, HashSet};

use crate::paths::IfExists;

/// What tells whether two files are the same: size, bytes, and time of the last change, ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub size: u64,
    pub modified_ms: Option<u64>,
}

impl Version {
    /// Whether they are as good as certainly the same; not if a time is not known.
    pub fn is_same(self, other: Version) -> bool {
        self.modified_ms.is_some() && self == other
    }
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is sent.
    Send,
    /// It is there already.
    Same,
    /// Another file has the path at the server, and is not to be replaced.
    Taken,
    /// A file before it has the same path.
    Twice,
}

/// The steps of local files with these paths at the server, in their order, where `remote` is there already.
pub fn plan(locals: &[(String, Version)], remote: &HashMap<String, Version>, if_exists: IfExists) -> Vec<Step> {
    let mut seen = HashSet::new();
    let step = |(path, local): &(String, Version)| match remote.get(path) {
        _ if !seen.insert(path.clone()) => Step::Twice,
        Some(there) if there.is_same(*local) => Step::Same,
        Some(_) if if_exists == IfExists::Fail => Step::Taken,
        _ => Step::Send,
    };
    locals.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(size: u64, modified_ms: impl Into<Option<u64>>) -> Version {
        Version { size, modified_ms: modified_ms.into() }
    }

    fn steps(if_exists: IfExists) -> Vec<Step> {
        let locals = [
            ("same", version(1, 5)),
            ("grown", version(2, 5)),
            ("touched", version(1, 6)),
            ("new", version(1, 5)),
            ("new", version(1, 5)),
            ("timeless", version(1, None)),
        ];
        let remote = ["same", "grown", "touched"].map(|path| (path.to_owned(), version(1, 5)));
        let timeless = ("timeless".to_owned(), version(1, None));
        let locals: Vec<_> = locals.into_iter().map(|(path, version)| (path.to_owned(), version)).collect();
        plan(&locals, &remote.into_iter().chain([timeless]).collect(), if_exists)
    }

    #[test]
    fn file_of_the_same_size_and_time_is_skipped_and_another_is_sent_or_refused() {
        use Step::{Same, Send, Taken, Twice};
        assert_eq!(steps(IfExists::Replace), [Same, Send, Send, Send, Twice, Send]);
        assert_eq!(steps(IfExists::KeepBoth), [Same, Send, Send, Send, Twice, Send]);
        assert_eq!(steps(IfExists::Fail), [Same, Taken, Taken, Send, Twice, Taken]);
    }

    proptest! {
        #[test]
        fn what_was_sent_is_not_sent_again_and_no_path_is_sent_twice(
            files in prop::collection::vec(("[a-c]{1,2}", 0u64..3, 0u64..3), 0..12),
            there in prop::collection::hash_map("[a-c]{1,2}", (0u64..3, 0u64..3), 0..6),
        ) {
            let locals: Vec<_> = files.into_iter().map(|(path, size, ms)| (path, version(size, ms))).collect();
            let mut remote: HashMap<_, _> = there.into_iter().map(|(path, (size, ms))| (path, version(size, ms))).collect();
            for ((path, local), step) in locals.iter().zip(plan(&locals, &remote.clone(), IfExists::Replace)) {
                prop_assert_ne!(step, Step::Taken);
                if step == Step::Send {
                    remote.insert(path.clone(), *local);
                }
            }
            let again = plan(&locals, &remote, IfExists::Replace);
            prop_assert!(again.iter().all(|step| matches!(step, Step::Same | Step::Twice)), "{:?}", again);
        }
    }
}
