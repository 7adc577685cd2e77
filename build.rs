//! Fails the build if bindings in wrangler.toml and in the code, or the environments of wrangler.toml, differ, and a build for a deployment if it has ids or routes that
//! are placeholders; generates the tables of media types and countries, and embeds the schema version and
//! revision that /api/health returns.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use toml::{Table, Value};

/// Countries and their geographic centres; the file's first lines cite the source.
const COUNTRIES: &str = "src/edges/places/countries.txt";

fn main() {
    for path in ["wrangler.toml", "migrations", "src/worker/platform/bindings.rs", COUNTRIES, ".git/HEAD"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=WRANGLER_COMMAND");
    println!("cargo:rerun-if-env-changed=JETTYSPEED_DRY_RUN");
    let environments = environments();
    check_bindings(&environments);
    check_environments(&environments);
    // Wrangler names its command to the build that it runs.
    if env::var("WRANGLER_COMMAND").is_ok_and(|command| matches!(command.as_str(), "deploy" | "versions upload"))
        && env::var("JETTYSPEED_DRY_RUN").is_err()
    {
        check_deployment(&environments);
    }
    write_countries();
    println!("cargo:rustc-env=JETTYSPEED_SCHEMA={}", schema());
    println!("cargo:rustc-env=JETTYSPEED_REVISION={}", revision());
}

/// The default environment of wrangler.toml, with the name `default`, and every other.
pub fn environments() -> Vec<(String, Table)> {
    let text = fs::read_to_string("wrangler.toml").expect("wrangler.toml");
    let mut default: Table = text.parse().unwrap_or_else(|error| panic!("wrangler.toml: {error}"));
    let others = match default.remove("env") {
        Some(Value::Table(environments)) => environments,
        Some(_) => panic!("wrangler.toml: env is no table"),
        None => Table::new(),
    };
    let others = others.into_iter().map(|(name, config)| match config {
        Value::Table(config) => (name, config),
        _ => panic!("wrangler.toml: env.{name} is no table"),
    });
    std::iter::once(("default".to_owned(), default)).chain(others).collect()
}

/// Every binding that src/worker/platform/bindings.rs names must be in every environment of wrangler.toml, because environments do not inherit bindings;
/// but static assets (Wrangler documentation, "Inheritable keys").
fn check_bindings(environments: &[(String, Table)]) {
    let code = fs::read_to_string("src/worker/platform/bindings.rs").expect("src/worker/platform/bindings.rs");
    let names: Vec<&str> =
        code.lines().filter(|line| line.starts_with("const ") && line.contains(": &str = \"")).filter_map(|line| line.split('"').nth(1)).collect();
    assert!(!names.is_empty(), "src/worker/platform/bindings.rs names no binding, so this check would check nothing");
    let assets = environments.first().and_then(|(_, default)| default.get("assets")?.get("binding")?.as_str());
    for (environment, config) in environments {
        for name in &names {
            assert!(
                assets == Some(*name) || binds(&Value::Table(config.clone()), name),
                "wrangler.toml, environment '{environment}': binding {name} is missing"
            );
        }
    }
}

/// The deployments of one product share their data and settings.
pub fn check_environments(environments: &[(String, Table)]) {
    let [(_, default), others @ ..] = environments else { return };
    for (name, config) in others {
        for shared in ["vars", "d1_databases", "kv_namespaces", "ratelimits"] {
            assert!(config.get(shared) == default.get(shared), "wrangler.toml, environment '{name}': {shared} differ from those of the default one");
        }
    }
}

/// What a checkout has before its owner has set it up.
pub fn check_deployment(environments: &[(String, Table)]) {
    for (name, config) in environments {
        for (kind, field) in [("d1_databases", "database_id"), ("kv_namespaces", "id")] {
            for entry in config.get(kind).and_then(Value::as_array).into_iter().flatten() {
                let id = entry.get(field).and_then(Value::as_str).unwrap_or_default();
                // Of the platform's random ids none begins so.
                assert!(
                    !id.is_empty() && !id.starts_with("00000000"),
                    "wrangler.toml, environment '{name}': {kind} has the placeholder '{id}' as {field}: docs/deploying.md, Deploying to Cloudflare with Lyve"
                );
            }
        }
    }
    let default = environments.iter().find(|(name, _)| name == "default").map(|(_, config)| config);
    let routed =
        |config: &Table| config.contains_key("route") || config.get("routes").and_then(Value::as_array).is_some_and(|routes| !routes.is_empty());
    assert!(
        default.is_some_and(routed),
        "wrangler.toml has no route: the Worker would be reachable nowhere. Add one of your zone: docs/deploying.md, Deploying to Cloudflare with Lyve"
    );
}

/// Whether a list in `config`, of whatever kind of binding and however deep, has an entry of that name. Kinds differ in what they call it
/// (`kv_namespaces` have a `binding`, `durable_objects.bindings` a `name`).
fn binds(config: &Value, name: &str) -> bool {
    match config {
        Value::Table(table) => table.values().any(|value| binds(value, name)),
        Value::Array(entries) => entries
            .iter()
            .any(|entry| ["binding", "name"].iter().any(|key| entry.get(key).and_then(Value::as_str) == Some(name)) || binds(entry, name)),
        _ => false,
    }
}

/// Writes the lines of [`COUNTRIES`] without its comments, after checking their format: `DE EU 51.2 10.5`.
fn write_countries() {
    let text = fs::read_to_string(COUNTRIES).expect(COUNTRIES);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.is_sorted(), "{COUNTRIES}: the lines are not in order");
    for line in &lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let [code, continent, lat, lon] = fields[..] else { panic!("{COUNTRIES}: {line}") };
        let within = |text: &str, max: f64| text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= max);
        assert!(code.len() == 2 && continent.len() == 2 && within(lat, 90.0) && within(lon, 180.0), "{COUNTRIES}: {line}");
    }
    let path = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("countries.txt");
    fs::write(path, lines.join("\n")).expect("OUT_DIR is writable");
}

/// The number of the last migration; they are numbered from 1 without gaps, four digits.
fn schema() -> usize {
    let mut names: Vec<String> = fs::read_dir("migrations")
        .expect("migrations/")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    names.sort();
    let number = |name: &str| name.split_once('_').filter(|(digits, _)| digits.len() == 4).and_then(|(digits, _)| digits.parse::<usize>().ok());
    let numbers: Vec<usize> =
        names.iter().map(|name| number(name).unwrap_or_else(|| panic!("migrations/{name}: expected a name starting with a number"))).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "migrations/: not numbered from 1 without gaps: {numbers:?}");
    numbers.len()
}

/// The Git revision, or `unknown` outside a repository.
fn revision() -> String {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
