//! The secrets of a test run, recorded as they appear, for the test that searches the run's logs for them afterwards.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::{Result, root};

/// Shorter texts are not secrets and would be found by chance.
const SHORTEST: usize = 16;

/// The folder of an end-to-end run: states, logs, and the recorded secrets.
pub fn folder() -> PathBuf {
    std::env::var_os("E2E_FOLDER").map_or_else(|| root().join("target/e2e"), PathBuf::from)
}

fn path(folder: &Path) -> PathBuf {
    folder.join("secrets.txt")
}

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records secrets, each once, in a file that only its owner can read.
pub fn note(secrets: impl IntoIterator<Item = String>) -> Result<()> {
    let mut known = known();
    let fresh: Vec<_> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST && known.insert(secret.clone())).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let mut file = File::options().create(true).append(true).mode(0o600).open(path(&folder()))?;
    Ok(file.write_all((fresh.join("\n") + "\n").as_bytes())?)
}

/// The first secret of this run that `text` contains, if any.
pub fn find_leak(text: &str) -> Option<String> {
    known().iter().find(|secret| text.contains(secret.as_str())).cloned()
}

/// The secrets that an earlier run recorded in `folder`.
pub fn noted(folder: &Path) -> Result<BTreeSet<String>> {
    let path = path(folder);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Files that hold secrets by their purpose: what a Worker is started with, and what a test run notes; and the built Worker, which has the prefixes and the
/// documents' examples.
const MEANT_TO: [&str; 6] = ["secrets.txt", "dev.vars", "dev.json", "seed.sql", "secrets.json", "index_bg.wasm"];

/// Files below `folder` that contain one of the `prefixes` and at least 20 more characters of a token: databases, caches and traces that a Worker leaves
/// behind. Files of [`MEANT_TO`] are not read.
pub fn find_tokens(folder: &Path, prefixes: &[&str]) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && !MEANT_TO.iter().any(|name| entry.file_name() == *name) {
                let bytes = std::fs::read(entry.path())?;
                found.extend(tokens(&bytes, prefixes).into_iter().map(|token| (entry.path(), token)));
            }
        }
    }
    Ok(found)
}

/// The first token of each prefix in `bytes`.
fn tokens(bytes: &[u8], prefixes: &[&str]) -> Vec<String> {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let of = |prefix: &&str| {
        let starts = memchr::memmem::find_iter(bytes, prefix.as_bytes()).map(|at| &bytes[at..]);
        let token = starts.map(|rest| &rest[..rest.iter().take_while(is_token).count()]).find(|token| token.len() >= prefix.len() + 20);
        token.map(|token| String::from_utf8_lossy(token).into_owned())
    };
    prefixes.iter().filter_map(of).collect()
}

/// The secrets in a JSON response: credentials, tokens, and the tokens and signatures of URLs.
pub fn of_answer(answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(answer, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if matches!(name.as_str(), "uploadToken" | "api_key" | "api_secret" | "receipt" | "secret") => {
                        found.push(text.to_owned())
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::String(text) => {
            let after = |path: &str| text.split_once(path).and_then(|(_, rest)| rest.split('/').next());
            let token = after("/files/").filter(|token| token.starts_with("jtf")).or_else(|| after("/v/").filter(|token| token.starts_with("jtv")));
            let signature = text.split_once("X-Amz-Signature=").and_then(|(_, rest)| rest.split('&').next());
            found.extend([token, signature].into_iter().flatten().map(str::to_owned));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn response_yields_its_secrets_and_nothing_else() {
        let answer = json!({
            "uploadToken": "jtu1.a", "sessionId": "x", "account": { "api_key": "k", "api_secret": null },
            "candidates": [{ "url": "http://h/files/jtf1.b.c/name?x" }, { "url": "http://s/key?X-Amz-Date=1&X-Amz-Signature=abc&x=1" }],
            "asset": { "url": "http://h/files/00000000-0000-4000-8000-000000000000/name" }, "url": "http://h/v/jtv1.d.e/720p/i.m3u8", "receipt": "jtr1.f",
        });
        let mut found = of_answer(&answer);
        found.sort();
        assert_eq!(found, ["abc", "jtf1.b.c", "jtr1.f", "jtu1.a", "jtv1.d.e", "k"]);
    }

    #[test]
    fn token_in_any_file_of_a_folder_is_found_but_not_in_files_that_are_meant_to_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("v3/observability");
        std::fs::create_dir_all(&deep).unwrap();
        let token = format!("jtv1.{}.{}", "a".repeat(30), "b".repeat(43));
        std::fs::write(deep.join("traces.sqlite-wal"), [b"\0\xff{\"url.full\":\"http://h/v/", token.as_bytes(), b"/i.m3u8\"}"].concat()).unwrap();
        std::fs::write(folder.path().join("dev.vars"), &token).unwrap();
        std::fs::write(folder.path().join("harmless"), "jtv1. jtv1.short jts_").unwrap();
        let found = find_tokens(folder.path(), &["jts_", "jtv1."]).unwrap();
        assert_eq!(found, [(deep.join("traces.sqlite-wal"), token)]);
    }
}
