//! Checks the rules of ARCHITECTURE.md by scanning the source: the order of the layers, no import cycles, platform crates in `src/worker/` only, handlers
//! imported by the dispatcher only, and the size of files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, from the one without imports to the entry point. A file may import only from its own layer and from those before it in this list.
const LAYERS: &[&str] = &[
    "base",
    "problem",
    "s3",
    "http",
    "jobs",
    "auth",
    "log",
    "sentry",
    "idempotency",
    "chunking",
    "files",
    "namespaces",
    "edges",
    "ledger",
    "accounts",
    "delivery",
    "gateway",
    "response_cache",
    "dedup",
    "receipts",
    "video",
    "uploads",
    "resumable",
    "webhooks",
    "analytics",
    "alerts",
    "live",
    "health",
    "config",
    "access",
    "io",
    "clients",
    "services",
    "objects",
    "worker/platform",
    "worker/http",
    "worker/content",
    "worker/services",
    "worker/handlers",
    "worker/objects",
    "worker/queue",
    "worker/cron",
    "worker/dispatch",
    "worker",
    "lib",
];
/// Crates that only `src/worker/` may name.
const PLATFORM: &[&str] = &["worker", "web_sys", "js_sys", "wasm_bindgen", "wasm_bindgen_futures"];
const HANDLERS: &str = "worker/handlers";
const DISPATCHER: &str = "worker/dispatch";
const OBJECTS: &str = "worker/objects";
/// Maximum lines of code in a file, without tests, comments and blank lines.
const MAX_FILE_LINES: usize = 400;
/// The same for the shell of a Durable Object.
const MAX_OBJECT_LINES: usize = 80;

/// Module path (`uploads/session/state`) to source text.
type Tree = BTreeMap<String, String>;

fn read_tree(root: &Path) -> Tree {
    fn walk(root: &Path, dir: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, tree);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = path.strip_prefix(root).unwrap().with_extension("").to_string_lossy().replace('\\', "/");
                tree.insert(module.strip_suffix("/mod").unwrap_or(&module).to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut tree = Tree::new();
    walk(root, root, &mut tree);
    tree.retain(|module, _| !module.ends_with("_tests"));
    tree
}

/// The code: without comments, the contents of string literals, and test modules.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().split("#[cfg(test)]\npub(super) mod tests {").next().unwrap();
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['"', '/', 'r', '\'']) {
        let (before, here) = rest.split_at(at);
        out.push_str(before);
        let raw = here.strip_prefix('r').map(|tail| tail.len() - tail.trim_start_matches('#').len());
        rest = if here.starts_with("//") {
            here.find('\n').map_or("", |end| &here[end..])
        } else if let Some(hashes) = raw.filter(|hashes| here[1 + hashes..].starts_with('"')) {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &here[hashes + 2..];
            &body[body.find(&close).map_or(body.len(), |end| end + close.len())..]
        } else if let Some(body) = here.strip_prefix('"') {
            let mut escaped = false;
            let end = body.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            &body[end.map_or(body.len(), |end| end + 1)..]
        } else if here.starts_with("'\"'") || here.starts_with("'/'") {
            &here[3..]
        } else {
            out.push_str(&here[..1]);
            &here[1..]
        };
    }
    out + rest
}

/// Every path of this crate in the code, as module segments from the crate root: `use` trees are expanded, `super` and `self` resolved.
fn crate_paths(module: &str, code: &str) -> BTreeSet<Vec<String>> {
    fn expand(prefix: &[String], text: &str, found: &mut BTreeSet<Vec<String>>) {
        let text = text.trim();
        let Some((head, group)) = text.split_once('{') else {
            let path = text.split(" as ").next().unwrap().split("::").map(|segment| segment.trim().to_owned()).filter(|segment| !segment.is_empty());
            found.insert(prefix.iter().cloned().chain(path).collect());
            return;
        };
        let prefix: Vec<String> =
            prefix.iter().cloned().chain(head.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned)).collect();
        let (mut depth, mut start, group) = (0, 0, group.strip_suffix('}').unwrap_or(group));
        for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        expand(&prefix, &group[start..at], found);
                    }
                    start = (at + 1).min(group.len());
                }
                _ => {}
            }
        }
    }
    let mut named = BTreeSet::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let begins = rest[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ')');
        rest = &rest[at + 4..];
        if begins && let Some(end) = rest.find(';') {
            expand(&[], &rest[..end], &mut named);
        }
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            if !code[..at].ends_with(|c: char| word(c) || c == ':') {
                let path = &code[at..];
                let end = path.find(|c: char| !word(c) && c != ':').unwrap_or(path.len());
                expand(&[], path[..end].trim_end_matches(':'), &mut named);
            }
        }
    }
    let own: Vec<String> = module.split('/').map(str::to_owned).collect();
    let resolve = |path: Vec<String>| -> Option<Vec<String>> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        match path.first().map(String::as_str)? {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some(own.iter().chain(&path[1..]).cloned().collect()),
            "super" => Some(own[..own.len().saturating_sub(ups)].iter().chain(&path[ups..]).cloned().collect()),
            _ => None,
        }
    };
    named.into_iter().filter_map(resolve).collect()
}

fn layer(module: &str) -> Option<usize> {
    let under = |layer: &&str| module == *layer || module.strip_prefix(*layer).is_some_and(|rest| rest.starts_with('/'));
    LAYERS.iter().enumerate().filter(|(_, layer)| under(layer)).max_by_key(|(_, layer)| layer.len()).map(|(at, _)| at)
}

/// The files that each file imports from.
fn imports(tree: &Tree) -> BTreeMap<&str, BTreeSet<&str>> {
    let file_of =
        |path: &[String]| (1..=path.len()).rev().find_map(|length| tree.get_key_value(&path[..length].join("/"))).map(|(module, _)| module.as_str());
    tree.iter()
        .map(|(module, text)| {
            let targets = crate_paths(module, &code_of(text)).iter().filter_map(|path| file_of(path)).filter(|target| target != module).collect();
            (module.as_str(), targets)
        })
        .collect()
}

fn upward_imports(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (module, targets) in imports(tree) {
        let Some(own) = layer(module) else {
            broken.push(format!("{module} is in no layer: add its room to LAYERS and to ARCHITECTURE.md"));
            continue;
        };
        for target in targets {
            if layer(target).is_some_and(|layer| layer > own) {
                broken.push(format!("{module} imports from {target}, which is in a later layer"));
            }
        }
    }
    broken
}

/// The shortest import cycle through each file, each cycle once.
fn circles(tree: &Tree) -> Vec<String> {
    let graph = imports(tree);
    let mut reported = BTreeSet::new();
    let mut broken = Vec::new();
    for start in graph.keys().copied() {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(module) = queue.pop_front().filter(|_| !came_from.contains_key(start)) {
            for target in graph[module].iter().copied() {
                came_from.entry(target).or_insert_with(|| {
                    queue.push_back(target);
                    module
                });
            }
        }
        if came_from.contains_key(start) {
            let mut circle = vec![start];
            while let Some(before) = came_from.get(circle[circle.len() - 1]).copied().filter(|before| *before != start) {
                circle.push(before);
            }
            circle.reverse();
            if reported.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
                broken.push(format!("{start} is on a circle: {start} -> {}", circle.join(" -> ")));
            }
        }
    }
    broken
}

fn platform_outside_worker(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (module, text) in tree.iter().filter(|(module, _)| !module.starts_with("worker") && *module != "lib") {
        let code = code_of(text);
        for name in PLATFORM {
            let names = code.match_indices(name).any(|(at, _)| {
                let before = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
                before && code[at + name.len()..].starts_with("::")
            });
            if names {
                broken.push(format!("{module} names {name}: only src/worker/ may"));
            }
        }
    }
    broken
}

fn handlers_called_by_others(tree: &Tree) -> Vec<String> {
    let folders: BTreeSet<&str> =
        tree.keys().map(String::as_str).filter(|module| tree.keys().any(|other| other.starts_with(&format!("{module}/")))).collect();
    let mut broken = Vec::new();
    for (module, targets) in imports(tree) {
        for target in targets.into_iter().filter(|target| target.starts_with(HANDLERS) && !folders.contains(target)) {
            if module != DISPATCHER {
                broken.push(format!("{module} imports the handler {target}: only {DISPATCHER} may; share a service instead"));
            }
        }
    }
    broken
}

fn lines_of_code(text: &str) -> usize {
    code_of(text).lines().filter(|line| !line.trim().is_empty()).count()
}

fn files_too_long(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (module, text) in tree {
        let lines = lines_of_code(text);
        if lines > MAX_FILE_LINES {
            broken.push(format!("{module} has {lines} lines of code, more than {MAX_FILE_LINES}"));
        }
        if module.starts_with(OBJECTS) && text.contains("#[durable_object") && lines > MAX_OBJECT_LINES {
            broken.push(format!("{module} has {lines} lines of code, more than the {MAX_OBJECT_LINES} of a Durable Object shell"));
        }
    }
    broken
}

/// What an object does for a request is logged with the request's trace, and what its alarm does with one of its own.
fn objects_without_traces(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (module, text) in tree.iter().filter(|(module, text)| module.starts_with(OBJECTS) && text.contains("#[durable_object")) {
        if !text.contains("trace::of_request(") {
            broken.push(format!("{module} handles requests without their trace"));
        }
        if text.contains("async fn alarm(") && !text.contains("alarm::run(") {
            broken.push(format!("{module} has an alarm without a trace"));
        }
    }
    broken
}

type Rule = fn(&Tree) -> Vec<String>;
const RULES: &[(&str, Rule)] = &[
    ("upward imports", upward_imports),
    ("circles", circles),
    ("the platform outside src/worker/", platform_outside_worker),
    ("handlers called by others", handlers_called_by_others),
    ("files too long", files_too_long),
    ("objects without traces", objects_without_traces),
];

#[test]
fn source_tree_breaks_no_rule() {
    let tree = read_tree(Path::new("src"));
    assert!(tree.len() > 100, "the scan found only {} files", tree.len());
    let graph = imports(&tree);
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > tree.len(), "the scan found hardly any imports");
    let broken: Vec<String> = RULES.iter().flat_map(|(rule, check)| check(&tree).into_iter().map(move |what| format!("{rule}: {what}"))).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// A rule, a tree that breaks it, and text of the expected message.
type Fixture = (&'static str, Vec<(&'static str, String)>, &'static str);

#[test]
fn fixture_that_breaks_a_rule_is_reported() {
    let long = |lines: usize| "fn f() {}\n".repeat(lines);
    let object = format!("#[durable_object]\n{}", long(MAX_OBJECT_LINES));
    let fixtures: Vec<Fixture> = vec![
        ("upward imports", vec![("base/id", "use crate::s3::error::X;".into()), ("s3/error", String::new())], "base/id imports from s3/error"),
        ("upward imports", vec![("base/id", "fn f() { crate::config::read() }".into()), ("config", String::new())], "base/id imports from config"),
        (
            "upward imports",
            vec![("s3/a", "use crate::{base::id, worker::{queue, cron}};".into()), ("base/id", String::new()), ("worker/cron", String::new())],
            "s3/a imports from worker/cron",
        ),
        ("upward imports", vec![("attic/old", String::new())], "attic/old is in no layer"),
        (
            "circles",
            vec![("base/a", "use super::b::B;".into()), ("base/b", "use crate::base::c;".into()), ("base/c", "use crate::base::a::A;".into())],
            "base/a is on a circle",
        ),
        ("circles", vec![("base", "pub use a::A;\nuse self::a::B;".into()), ("base/a", "use crate::base::A;".into())], "base is on a circle"),
        ("the platform outside src/worker/", vec![("uploads/start", "use worker::Env;".into())], "uploads/start names worker"),
        ("the platform outside src/worker/", vec![("uploads/start", "fn f(x: &js_sys::Object) {}".into())], "uploads/start names js_sys"),
        (
            "handlers called by others",
            vec![("worker/services/start", "use crate::worker::handlers::track::begin;".into()), ("worker/handlers/track", String::new())],
            "worker/services/start imports the handler worker/handlers/track",
        ),
        (
            "handlers called by others",
            vec![("worker/handlers/a", "use super::b;".into()), ("worker/handlers/b", String::new())],
            "worker/handlers/a imports the handler worker/handlers/b",
        ),
        ("files too long", vec![("base/id", long(MAX_FILE_LINES + 1))], "base/id has 401 lines"),
        ("files too long", vec![("worker/objects/session", object.clone())], "worker/objects/session has 81 lines"),
        ("objects without traces", vec![("worker/objects/session", object)], "session handles requests without their trace"),
        (
            "objects without traces",
            vec![("worker/objects/session", "#[durable_object] fn f() { trace::of_request( } async fn alarm(&self) {}".into())],
            "session has an alarm without a trace",
        ),
    ];
    for (rule, files, expected) in fixtures {
        let tree: Tree = files.into_iter().map(|(module, text)| (module.to_owned(), text)).collect();
        let broken = RULES.iter().find(|(name, _)| *name == rule).unwrap().1(&tree);
        assert!(broken.iter().any(|what| what.contains(expected)), "{rule} should report {expected:?}: {broken:?}");
    }
}

#[test]
fn imports_in_comments_strings_and_test_modules_are_ignored() {
    let text = "// use crate::config;\nconst A: &str = \"use crate::config;\"; const B: &str = r#\"crate::config::x \" \"#; const C: char = '\"';\n\n#[cfg(test)]\nmod tests {\n use crate::config;\n}";
    let tree: Tree = [("base/id".to_owned(), text.to_owned()), ("config".to_owned(), String::new())].into();
    assert_eq!((upward_imports(&tree), lines_of_code(text)), (vec![], 1));
}
