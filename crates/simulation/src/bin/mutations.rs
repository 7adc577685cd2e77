//! `mutations [--most N] [NAME…]`, called by `script/mutations`: builds the simulation with one mutation after the other, and runs histories until one fails.
//! NAME is a part of a mutation's name; without any, all are run. `--most N` runs N histories at the most.
//!
//! A history that fails without the mutation, too, does not count.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

use jettyspeed_simulation::mutation::{Mutation, Mutations};

/// What the simulation is built from.
const SOURCES: [&str; 8] = ["Cargo.toml", "Cargo.lock", "build.rs", "wrangler.toml", "src", "crates", "client", "migrations"];

/// Documents that the Worker serves are part of it.
const DOCUMENTS: &str = "docs";

/// How a mutation ended.
enum Found {
    /// By the history of that number, with the promise that it breaks.
    After(u64, String),
    /// Not within so many histories.
    Never(u64),
    /// It does not compile.
    Broken(String),
}

struct Workshop {
    /// The repository.
    root: PathBuf,
    /// A copy of it.
    tree: PathBuf,
    /// Where the copy is built.
    build: PathBuf,
}

fn main() -> ExitCode {
    let mut names: Vec<String> = env::args().skip(1).collect();
    let most = names.iter().position(|name| name == "--most").and_then(|at| {
        let value = names.get(at + 1)?.parse::<u64>().ok()?;
        names.drain(at..at + 2);
        Some(value)
    });
    match run(&names, most) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(names: &[String], most: Option<u64>) -> Result<bool, String> {
    let root = env::current_dir().map_err(|error| error.to_string())?;
    let list = Mutations::read(&root)?;
    let wanted = |mutation: &&Mutation| names.is_empty() || names.iter().any(|name| mutation.name.contains(name.as_str()));
    let chosen: Vec<&Mutation> = list.mutation.iter().filter(wanted).collect();
    let folder = root.join("target/mutations");
    let workshop = Workshop { tree: folder.join("tree"), build: folder.join("build"), root };
    workshop.copy()?;
    workshop.build()?;
    fs::copy(workshop.simulate(), workshop.unmutated()).map_err(|error| error.to_string())?;
    println!("| Mutation | Found within | By |\n|---|---|---|");
    let mut all = true;
    for mutation in chosen {
        let histories = most.unwrap_or(mutation.histories.unwrap_or(list.histories));
        let began = Instant::now();
        let found = workshop.find(mutation, histories)?;
        let (within, how) = match &found {
            Found::After(number, wrong) => (number.to_string(), wrong.clone()),
            Found::Never(number) => (format!("NOT WITHIN {number}"), String::new()),
            Found::Broken(error) => ("DOES NOT COMPILE".to_owned(), error.clone()),
        };
        all &= matches!(found, Found::After(..));
        let past = mutation.found.as_ref().map(|commit| format!(" ({commit})")).unwrap_or_default();
        println!("| {}{past} | {within} | {} |", mutation.name, how.replace('|', "/"));
        eprintln!("{} s", began.elapsed().as_secs());
        let _ = std::io::stdout().flush();
    }
    Ok(all)
}

impl Workshop {
    fn simulate(&self) -> PathBuf {
        self.build.join("mutate/simulate")
    }

    fn unmutated(&self) -> PathBuf {
        self.build.join("unmutated")
    }

    /// Copies what has changed, so that the rest need not be built again, and removes what is gone.
    fn copy(&self) -> Result<(), String> {
        let all = || {
            fs::create_dir_all(&self.tree)?;
            SOURCES.iter().chain([&DOCUMENTS]).try_for_each(|name| copy(&self.root.join(name), &self.tree.join(name)))
        };
        all().map_err(|error: std::io::Error| error.to_string())
    }

    fn build(&self) -> Result<(), String> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--offline", "--profile", "mutate", "-p", "jettyspeed-simulation", "--bin", "simulate"]);
        cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build);
        let output = cargo.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stderr);
        let error = text.lines().find(|line| line.starts_with("error")).unwrap_or("cargo build failed").to_owned();
        if output.status.success() { Ok(()) } else { Err(error) }
    }

    fn find(&self, mutation: &Mutation, histories: u64) -> Result<Found, String> {
        let file = self.tree.join(&mutation.file);
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", mutation.file))?;
        let write = |text: &str| fs::write(&file, text).map_err(|error| error.to_string());
        write(&mutation.apply(&text)?)?;
        let found = match self.build() {
            Ok(()) => self.explore(histories),
            Err(error) => Ok(Found::Broken(error)),
        };
        write(&text)?;
        found
    }

    fn explore(&self, histories: u64) -> Result<Found, String> {
        let mut from = 0;
        while from < histories {
            let mut simulate = Command::new(self.simulate());
            simulate.args(["--brief", "--histories", &(histories - from).to_string(), "--from", &from.to_string()]);
            let output = simulate.output().map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&output.stdout);
            let failure = text.lines().find_map(|line| line.strip_prefix("seed ")?.split_once(": "));
            match failure {
                None if output.status.success() => break,
                // A task of the service panicked.
                None => return Ok(Found::After(from + 1, "the simulation ends with a panic".to_owned())),
                Some((seed, wrong)) => {
                    let seed: u64 = seed.parse().map_err(|_| format!("not a seed: {seed}"))?;
                    if !self.fails_anyway(seed)? {
                        return Ok(Found::After(seed + 1, wrong.chars().take(70).collect()));
                    }
                    eprintln!("history {seed} fails without a mutation");
                    from = seed + 1;
                }
            }
        }
        Ok(Found::Never(histories))
    }

    fn fails_anyway(&self, seed: u64) -> Result<bool, String> {
        let args = ["--brief", "--histories", "1", "--from", &seed.to_string()];
        let status = Command::new(self.unmutated()).args(args).stdout(Stdio::null()).status();
        status.map(|status| !status.success()).map_err(|error| error.to_string())
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        let bytes = fs::read(from)?;
        return if fs::read(to).is_ok_and(|old| old == bytes) { Ok(()) } else { fs::write(to, bytes) };
    }
    fs::create_dir_all(to)?;
    for old in fs::read_dir(to)? {
        let old = old?;
        if !from.join(old.file_name()).exists() {
            if old.file_type()?.is_dir() { fs::remove_dir_all(old.path())? } else { fs::remove_file(old.path())? }
        }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}
