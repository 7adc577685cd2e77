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
                    Some(text) if matches!(name.as_str(), "uploadToken" | "api_key" | "api_secret") => found.push(text.to_owned()),
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::String(text) => {
            let token = text.split_once("/files/").and_then(|(_, rest)| rest.split('/').next()).filter(|token| token.starts_with("jtf"));
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
            "asset": { "url": "http://h/files/00000000-0000-4000-8000-000000000000/name" },
        });
        let mut found = of_answer(&answer);
        found.sort();
        assert_eq!(found, ["abc", "jtf1.b.c", "jtu1.a", "k"]);
    }
}
