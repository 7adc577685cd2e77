//! After the end-to-end tests: no secret of their run is in any log of it, nor in what it left on disk: databases, caches, traces. The tests note what they
//! use and what they are told (`jettyspeed_devstack::secrets`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jettyspeed_devstack::secrets;
use jettyspeed_edge::auth::secret_shapes::PREFIXES;

/// Parts of signed requests to the store.
const SIGNED: [&str; 3] = ["X-Amz-Signature=", "X-Amz-Credential=", "AWS4-HMAC-SHA256"];

/// Prefixes of tokens, keys and signatures: found even if no test noted the secret.
fn shapes<'a>() -> impl Iterator<Item = &'a str> {
    PREFIXES.into_iter().chain(SIGNED).map(|shape| -> &'a str { shape })
}

/// One stack alone has twenty secrets, and the shared one serves thousands of requests.
const FEWEST_SECRETS: usize = 100;
const FEWEST_REQUESTS: usize = 1_000;

/// `wrangler dev` writes a line for each request, with its path, which holds the token of a content URL. That is the development server's access log,
/// not the Worker's: on Cloudflare's network there is no such line.
fn is_access_line(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("[wrangler:info] ") else { return false };
    let mut words = rest.split(' ');
    words.next().is_some_and(|method| method.bytes().all(|b| b.is_ascii_uppercase())) && words.next().is_some_and(|path| path.starts_with('/'))
}

/// `**/logs/*.log`
fn logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            logs(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "log") && folder.ends_with("logs") {
            found.push(path);
        }
    }
}

/// The lines that give a secret away, and which.
fn find_leak<'a>(text: &'a str, secrets: &'a BTreeSet<String>) -> Vec<(&'a str, &'a str)> {
    let lines: Vec<_> = text.lines().filter(|line| !is_access_line(line)).collect();
    let all = lines.join("\n");
    let needles = secrets.iter().map(String::as_str).chain(shapes()).filter(|needle| all.contains(needle));
    needles.flat_map(|needle| lines.iter().filter(move |line| line.contains(needle)).map(move |line| (*line, needle))).collect()
}

#[test]
fn planted_secret_is_found_and_access_log_lines_are_ignored() {
    let secrets = BTreeSet::from(["0123456789abcdef".to_owned()]);
    let text = [
        "[wrangler:info] GET /files/jtf1.0123456789abcdef/a 200 OK (1ms)",
        "fine",
        "{\"error\":\"key 0123456789abcdef\"}",
        "[wrangler:error] jts_x",
        "[wrangler:info] jtu1.x",
    ]
    .join("\n");
    let mut found: Vec<_> = find_leak(&text, &secrets).into_iter().map(|(_, needle)| needle).collect();
    found.sort_unstable();
    assert_eq!(found, ["0123456789abcdef", "jts_", "jtu1."]);
}

#[test]
fn no_log_of_the_e2e_run_contains_a_noted_secret() {
    let folder = secrets::folder();
    let secrets = secrets::noted(&folder).unwrap_or_else(|error| panic!("{error}: run the end-to-end tests first"));
    assert!(secrets.len() >= FEWEST_SECRETS, "only {} secrets were noted", secrets.len());
    // Nobody issues keys for tests, and a run's own webhook secret is known without being told.
    for shape in PREFIXES.into_iter().filter(|shape| *shape != "jt_test_") {
        assert!(secrets.iter().any(|secret| secret.starts_with(shape)), "no {shape}… was noted");
    }
    let mut paths = Vec::new();
    logs(&folder, &mut paths);
    let (mut requests, mut found) = (0, Vec::new());
    for path in &paths {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        requests += text.lines().filter(|line| line.contains("\"event\":\"request\"")).count();
        found.extend(find_leak(&text, &secrets).into_iter().map(|(line, secret)| format!("{}: {secret} in: {line}", path.display())));
    }
    assert!(requests >= FEWEST_REQUESTS, "only {requests} requests are in the logs of {folder:?}");
    assert!(found.is_empty(), "{} lines give secrets away:\n{}", found.len(), found.join("\n"));
}

#[test]
fn nothing_that_the_e2e_run_left_on_disk_contains_a_token() {
    let found = secrets::find_tokens(&secrets::folder(), &PREFIXES).unwrap_or_else(|error| panic!("{error}: run the end-to-end tests first"));
    let found: Vec<_> = found.into_iter().filter(|(path, _)| path.extension().is_none_or(|kind| kind != "log")).collect();
    assert!(found.is_empty(), "{} files hold tokens: {found:#?}", found.len());
}
