//! Where the files of a prefix are written to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::local_name::local_name;

/// Where files with these paths are written to, below a folder, or why one is not. Whatever the paths are, none leads out of the folder, and no two are one.
/// `folds_case`: the file system takes `A` and `a` for one name.
pub fn targets(prefix: &str, paths: &[&str], folds_case: bool) -> Vec<Result<PathBuf, String>> {
    let mut taken = Taken { names: HashMap::new(), folds_case };
    paths.iter().map(|path| target(prefix, path).and_then(|segments| taken.take(path, &segments))).collect()
}

fn target(prefix: &str, path: &str) -> Result<Vec<String>, String> {
    let below = path.strip_prefix(prefix).ok_or_else(|| format!("'{path}' does not begin with '{prefix}'"))?;
    let segment = |segment: &str| match segment {
        "" | "." | ".." => Err(format!("'{path}' is no path of a file in a folder")),
        _ => Ok(local_name(segment)),
    };
    below.split('/').map(segment).collect()
}

/// Names that are in use: of a file, or of a folder (`None`).
struct Taken<'a> {
    names: HashMap<PathBuf, Option<&'a str>>,
    folds_case: bool,
}

impl<'a> Taken<'a> {
    fn take(&mut self, path: &'a str, segments: &[String]) -> Result<PathBuf, String> {
        let (mut key, mut target) = (PathBuf::new(), PathBuf::new());
        let mut folders = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            key.push(if self.folds_case { segment.to_lowercase() } else { segment.clone() });
            target.push(segment);
            let is_file = index + 1 == segments.len();
            match self.names.get(&key) {
                Some(Some(other)) => return Err(format!("'{path}' and '{other}' can not both be files here")),
                Some(None) if is_file => return Err(format!("'{path}' is a folder, too, because of other files")),
                _ if !is_file => folders.push(key.clone()),
                _ => {}
            }
        }
        self.names.extend(folders.into_iter().map(|folder| (folder, None)));
        self.names.insert(key, Some(path));
        Ok(target)
    }
}

/// The part of `target` that is a link or no folder, where folders are needed: a file is never written through it.
pub fn obstacle(folder: &Path, target: &Path) -> Option<PathBuf> {
    let mut at = folder.to_owned();
    for segment in target.parent()?.components() {
        at.push(segment);
        match std::fs::symlink_metadata(&at) {
            Ok(meta) if !meta.is_dir() => return Some(at),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(prefix: &str, paths: &[&str], folds_case: bool) -> Vec<Option<String>> {
        let targets = targets(prefix, paths, folds_case);
        targets.into_iter().map(|target| target.ok().map(|path| path.to_string_lossy().replace('\\', "/"))).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn path_that_leads_out_of_the_folder_is_refused_and_names_become_harmless() {
        let paths = ["d/a b/\u{fc}.txt", "d/../x", "d//etc/passwd", "other", "d/", "d/NUL.txt", "d/C:/x", "d/a/./b", "d/..\\..\\y"];
        let expected = [some("a b/\u{fc}.txt"), None, None, None, None, some("_NUL.txt"), some("C_/x"), None, some("y")];
        assert_eq!(all("d/", &paths, false), expected);
        assert_eq!(all("", &["/etc/passwd", "a"], false), [None, some("a")]);
    }

    #[test]
    fn second_of_two_files_that_would_be_one_is_refused() {
        assert_eq!(all("", &["a", "a/b", "c/d", "c"], false), [some("a"), None, some("c/d"), None]);
        assert_eq!(all("", &["a:b", "a_b", "a?b"], false), [some("a_b"), None, None]);
        assert_eq!(all("", &["A", "a", "B/x", "b/y"], true), [some("A"), None, some("B/x"), some("b/y")]);
        assert_eq!(all("", &["A", "a"], false), [some("A"), some("a")]);
    }

    #[cfg(unix)]
    #[test]
    fn link_in_place_of_a_folder_is_an_obstacle_and_what_is_not_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink("/tmp", at("sub/link")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        let obstacle = |target: &str| obstacle(folder.path(), Path::new(target));
        assert_eq!(obstacle("sub/link/deep/x"), Some(at("sub/link")));
        assert_eq!(obstacle("file/x"), Some(at("file")));
        assert_eq!([obstacle("sub/x"), obstacle("new/deep/x"), obstacle("x")], [None, None, None]);
    }

    proptest! {
        #[test]
        fn no_target_leaves_the_folder_and_no_two_are_one(paths in prop::collection::vec("([a-cA-C./\\\\: ]|\\PC){0,12}", 0..12), folds_case: bool) {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let mut seen = std::collections::HashSet::new();
            for target in targets("", &paths, folds_case).into_iter().flatten() {
                prop_assert!(target.components().all(|component| matches!(component, std::path::Component::Normal(_))), "{:?}", target);
                let key = target.to_string_lossy().into_owned();
                let is_new = seen.insert(if folds_case { key.to_lowercase() } else { key });
                prop_assert!(is_new);
            }
        }
    }
}
