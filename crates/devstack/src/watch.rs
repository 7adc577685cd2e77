//! Watches the sources of the Worker for changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Everything that determines the Worker's behaviour: code, the dashboard and the documents that it serves, configuration and database schema.
const SOURCES: [&str; 8] = ["src", "dashboard", "docs", "migrations", "build.rs", "Cargo.toml", "Cargo.lock", "wrangler.toml"];
/// A change counts as complete after this long without another: editors and git write several files one after the other.
const QUIET: Duration = Duration::from_millis(150);

type Files = Vec<(PathBuf, SystemTime, u64)>;

/// The last observed state of the files. They are polled, which works on every system and file system and takes 1 ms for 200 files.
pub struct Sources {
    root: PathBuf,
    seen: Files,
}

impl Sources {
    /// The current state of the repository at `root`.
    pub fn of(root: &Path) -> Sources {
        Sources { root: root.to_owned(), seen: files(root) }
    }

    /// Whether anything has changed since the last call; returns only when the change is complete.
    pub async fn have_changed(&mut self) -> bool {
        let mut now = files(&self.root);
        if now == self.seen {
            return false;
        }
        while now != self.seen {
            self.seen = now;
            tokio::time::sleep(QUIET).await;
            now = files(&self.root);
        }
        true
    }
}

fn files(root: &Path) -> Files {
    let mut found = Vec::new();
    for name in SOURCES {
        collect(&root.join(name), &mut found);
    }
    found.sort();
    found
}

/// A file that cannot be read is being replaced: it counts as absent until it is back.
fn collect(path: &Path, found: &mut Files) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if !metadata.is_dir() {
        found.push((path.to_owned(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len()));
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        // Editors write temporary files next to those they edit: .a.rs.swp, a.rs~, #a.rs#, 4913.
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_source = entry.file_type().is_ok_and(|kind| kind.is_dir())
            || ["rs", "sql", "txt", "md", "html", "js", "mjs", "css", "svg"].iter().any(|kind| name.ends_with(&format!(".{kind}")));
        if is_source && !name.starts_with(['.', '#']) {
            collect(&entry.path(), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn saved_added_or_removed_source_is_a_change_and_editor_temp_file_is_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("src/deep")).unwrap();
        fs::write(at("src/deep/a.rs"), "1").unwrap();
        let mut sources = Sources::of(root.path());
        assert!(!sources.have_changed().await);

        fs::write(at("src/deep/.a.rs.swp"), "x").unwrap();
        fs::write(at("src/deep/a.rs~"), "x").unwrap();
        fs::write(at("README.md"), "x").unwrap();
        assert!(!sources.have_changed().await, "none of these is a source");

        for change in ["save", "add", "migration", "configuration", "remove"] {
            match change {
                "save" => fs::write(at("src/deep/a.rs"), "12").unwrap(),
                "add" => fs::write(at("src/b.rs"), "").unwrap(),
                "migration" => {
                    fs::create_dir(at("migrations")).unwrap();
                    fs::write(at("migrations/0001_x.sql"), "").unwrap();
                }
                "configuration" => fs::write(at("wrangler.toml"), "").unwrap(),
                _ => fs::remove_file(at("src/b.rs")).unwrap(),
            }
            assert!(sources.have_changed().await, "{change}");
            assert!(!sources.have_changed().await, "{change}, asked again");
        }
    }
}
