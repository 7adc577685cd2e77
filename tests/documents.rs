//! The documents say what the code says: every route, problem code, variable and table is in them, and every link leads somewhere.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jettyspeed_edge::access::routes::ROUTES;
use jettyspeed_edge::auth::webhook_signature::{Secret, Signed};
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::config::Config;
use jettyspeed_edge::problem::CATALOGUE;

/// README answers "what is this, and how do I begin?"; the rest belongs into docs/.
const README_LINES: usize = 150;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of the table rows whose first cell is code: `| `name` | … |`.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let row = |line: &str| {
        let mut cells = line.trim().strip_prefix("| `")?.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        Some((name, cells.collect()))
    };
    text.lines().filter_map(row).collect()
}

/// The part of a document under a heading of the second level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section '{heading}'"));
    rest.split("\n## ").next().unwrap()
}

#[test]
fn every_route_is_in_the_api_reference_and_nothing_else() {
    let api = read("docs/api.md");
    let routes: BTreeSet<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.pattern)).collect();
    let undocumented: Vec<_> = routes.iter().filter(|route| !api.contains(&format!("`{route}`"))).collect();
    assert!(undocumented.is_empty(), "not in docs/api.md: {undocumented:?}");
    let headings = api.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let gone: Vec<_> = headings.filter(|heading| !routes.contains(*heading)).collect();
    assert!(gone.is_empty(), "in docs/api.md, but no route: {gone:?}");
}

#[test]
fn every_problem_code_is_in_the_api_reference_with_its_status_and_title() {
    let api = read("docs/api.md");
    let documented: BTreeMap<_, _> =
        rows(section(&api, "Problem codes")).into_iter().map(|(code, cells)| (code, (cells[0].clone(), cells[1].clone()))).collect();
    let catalogue: BTreeMap<_, _> = CATALOGUE.iter().map(|kind| (kind.code.to_owned(), (kind.status.to_string(), kind.title.to_owned()))).collect();
    assert_eq!(documented, catalogue);
}

/// `NAME = "value"` lines of the table `[vars]`.
fn vars() -> BTreeMap<String, String> {
    let wrangler = read("wrangler.toml");
    let (_, rest) = wrangler.split_once("\n[vars]\n").unwrap();
    let lines = rest.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = \"")).map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

/// What the platform records of requests by itself has their URLs, and with these the tokens of content URLs.
#[test]
fn platform_records_neither_invocations_nor_traces_nor_queries_in_any_environment() {
    let config: toml::Table = read("wrangler.toml").parse().unwrap();
    let others = config.get("env").and_then(toml::Value::as_table).into_iter().flatten();
    for (name, config) in others.map(|(name, config)| (name.as_str(), config.as_table().unwrap())).chain([("default", &config)]) {
        let Some(observability) = config.get("observability") else {
            // An environment inherits it.
            assert_ne!(name, "default");
            continue;
        };
        assert_eq!(observability["logs"]["invocation_logs"].as_bool(), Some(false), "{name}");
        assert_eq!(observability["traces"]["enabled"].as_bool(), Some(false), "{name}");
        assert_eq!(observability["redact_query_string"].as_bool(), Some(true), "{name}");
    }
}

#[test]
fn every_variable_and_secret_is_in_the_deployment_guide_with_its_default() {
    let guide = read("docs/deploying.md");
    let rows = rows(&guide);
    let asked = RefCell::new(BTreeSet::new());
    let _ = Config::read(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    });
    let vars = vars();
    assert!(vars.len() > 10 && asked.borrow().len() > vars.len(), "vars and secrets were found");
    let missing: Vec<_> = asked.into_inner().into_iter().chain(vars.keys().cloned()).filter(|name| !rows.contains_key(name)).collect();
    assert!(missing.is_empty(), "without a row in docs/deploying.md: {missing:?}");
    for (name, value) in vars {
        assert_eq!(rows[&name][0], format!("`{value}`"), "default of {name} in docs/deploying.md");
    }
}

#[test]
fn every_table_view_and_durable_object_is_in_the_data_model() {
    let model = read("docs/data-model.md");
    let rows = rows(&model);
    let mut migrations: Vec<_> = fs::read_dir(root().join("migrations")).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    let sql: String = migrations.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let created = |kind: &str| -> Vec<String> {
        let names = sql.lines().filter_map(|line| line.strip_prefix(&format!("CREATE {kind} ")));
        names.map(|rest| rest.split([' ', '(']).next().unwrap().to_owned()).collect()
    };
    let (tables, views) = (created("TABLE"), created("VIEW"));
    assert!(tables.len() > 10 && views.len() > 5, "tables and views were found");
    let wrangler = read("wrangler.toml");
    let classes: Vec<String> = wrangler.split("class_name = \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(!classes.is_empty(), "Durable Objects were found");
    let missing: Vec<_> = tables.into_iter().chain(views).chain(classes).filter(|name| !rows.contains_key(name)).collect();
    assert!(missing.is_empty(), "without a row in docs/data-model.md: {missing:?}");
}

#[test]
fn the_signed_webhook_call_of_the_account_guide_verifies() {
    let guide = read("docs/accounts.md");
    let mut lines = guide.lines().skip_while(|line| !line.starts_with("sign msg_1 "));
    let (line, signature) = (lines.next().unwrap(), lines.next().unwrap());
    let mut words = line.splitn(4, ' ').skip(1);
    let (id, timestamp, body) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap().trim_matches('\''));
    let secret = guide.lines().find_map(|line| line.strip_prefix("SECRET=")).unwrap();
    let now = EpochMs(timestamp.parse::<u64>().unwrap() * 1000);
    let signed = Signed::read(Some(id), Some(timestamp), Some(&format!("v1,{signature}")), now).unwrap().unwrap();
    assert!(signed.verify(&[Secret::parse(secret).unwrap()], body.as_bytes()));
    assert!(!signed.verify(&[Secret::parse(secret).unwrap()], b"{}"));
}

#[test]
fn every_line_of_the_doctor_is_in_the_guide_of_the_command_and_no_other() {
    let guide = read("docs/command.md");
    let table = section(&guide, "Examining a deployment").lines().skip_while(|line| !line.starts_with("| line |"));
    let listed: Vec<_> = table.filter(|line| line.starts_with("| `")).flat_map(|line| line.split('|').nth(1).unwrap().split(", ")).collect();
    let listed: BTreeSet<_> = listed.into_iter().map(|name| name.trim().trim_matches('`')).collect();
    assert_eq!(listed, jettyspeed_client::check_ids().into_iter().collect());
}

#[test]
fn the_readme_stays_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "{lines} lines: move something into docs/");
}

/// Every Markdown file of the repository.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let built = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules" | "build" | "public" | "bench-results");
        if entry.file_type().unwrap().is_dir() {
            if !built {
                documents(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The lines of a document outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of `[text](target)`, but for those in code.
fn links(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        plain.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect::<Vec<_>>()
    };
    prose(text).flat_map(of_line).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|number| format!("{anchor}-{number}")).find(|again| !anchors.contains(again)).unwrap();
        anchors.insert(if anchors.contains(&anchor) { again } else { anchor });
    }
    anchors
}

/// Links of the document `path` that lead to no file or no heading.
fn broken(path: &Path, text: &str) -> Vec<String> {
    let leads_somewhere = |link: &String| {
        if link.contains("://") || link.starts_with("mailto:") {
            return true;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { path.to_owned() } else { path.parent().unwrap().join(file) };
        let has_anchor = || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
        target.exists() && (anchor.is_empty() || has_anchor())
    };
    links(text).into_iter().filter(|link| !leads_somewhere(link)).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut found = Vec::new();
    documents(&root(), &mut found);
    assert!(found.len() >= 10, "the documents were found");
    let broken: Vec<_> =
        found.iter().flat_map(|path| broken(path, &fs::read_to_string(path).unwrap()).into_iter().map(move |link| (path, link))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_link_without_file_or_heading_is_found() {
    let path = root().join("docs/sample.md");
    let text = "# One `two` three\n[a](#one-two-three) [b](../README.md) [c](https://example.com/x) `[d](nowhere)`\n```\n[e](nowhere)\n```\n";
    let text_and = |more: &str| format!("{text}{more}");
    // A link within the same document is looked up in the file, so the sample's own heading is looked up in `anchors`.
    assert_eq!(anchors(text), BTreeSet::from(["one-two-three".to_owned()]));
    assert_eq!(links(text), ["#one-two-three", "../README.md", "https://example.com/x"]);
    assert_eq!(broken(&path, &text_and("[x](nowhere.md)").replace("[a](#one-two-three)", "")), ["nowhere.md"]);
    assert_eq!(broken(&path, &text_and("[x](../README.md#no-such-heading)").replace("[a](#one-two-three)", "")), ["../README.md#no-such-heading"]);
}
