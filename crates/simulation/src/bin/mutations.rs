//! `mutations [--most N] [NAME…]`, called by `script/mutations`: builds the simulation with all mutations, switched off, and runs histories with one after the
//! other until one fails. NAME is a part of a mutation's name; without any, all are run. `--most N` runs N histories at the most.
//!
//! A first run without any tells which histories reach which mutation: only those are run with it. A history that fails without does not count.
#![allow(clippy::disallowed_methods)] // This program may read the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Instant;
use std::{env, fs};

use jettyspeed_simulation::mutation::{Mutation, Mutations, apply};

/// What the simulation is built from; of the documents the Worker serves some.
const SOURCES: [&str; 9] = ["Cargo.toml", "Cargo.lock", "build.rs", "wrangler.toml", "src", "crates", "client", "migrations", "docs"];

/// The variable that names the mutation of a run.
const SWITCH: &str = "JETTYSPEED_MUTATION";

/// How a mutation ended.
enum Found {
    /// By the history of that number, with the promise that it breaks.
    After(u64, String),
    /// Not within so many histories, of which so many reach it.
    Never(u64, usize),
}

/// Mutations by their numbers, whose places do not overlap.
type Round<'a> = Vec<(usize, &'a Mutation)>;

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
    let is_wanted = |mutation: &Mutation| names.is_empty() || names.iter().any(|name| mutation.name.contains(name.as_str()));
    let folder = root.join("target/mutations");
    let workshop = Workshop { tree: folder.join("tree"), build: folder.join("build"), root };
    println!("| Mutation | Found within | By |\n|---|---|---|");
    let (mut all, nowhere) = (true, BTreeSet::new());
    for round in workshop.rounds(&list.mutation)? {
        if !round.iter().any(|(_, mutation)| is_wanted(mutation)) {
            continue;
        }
        workshop.build(&round)?;
        let limit = |mutation: &Mutation| most.unwrap_or(mutation.histories.unwrap_or(list.histories));
        let longest = round.iter().filter(|(_, mutation)| is_wanted(mutation)).map(|(_, mutation)| limit(mutation)).max();
        let reached = workshop.reach(longest.unwrap_or_default())?;
        for (number, mutation) in round.into_iter().filter(|(_, mutation)| is_wanted(mutation)) {
            let began = Instant::now();
            let found = workshop.explore(number, reached.get(&number).unwrap_or(&nowhere), limit(mutation))?;
            let (within, how) = match &found {
                Found::After(number, wrong) => (number.to_string(), wrong.replace('|', "/")),
                Found::Never(number, reached) => (format!("NOT WITHIN {number}"), format!("{reached} of them reach it")),
            };
            all &= matches!(found, Found::After(..));
            let past = mutation.found.as_ref().map(|commit| format!(" ({commit})")).unwrap_or_default();
            println!("| {}{past} | {within} | {how} |", mutation.name);
            let _ = std::io::stdout().flush();
            eprintln!("{} s", began.elapsed().as_secs());
        }
    }
    Ok(all)
}

impl Workshop {
    /// All mutations, in as few builds as they allow.
    fn rounds<'a>(&self, all: &'a [Mutation]) -> Result<Vec<Round<'a>>, String> {
        #[allow(clippy::type_complexity)] // Used here only.
        let mut rounds: Vec<(Round<'a>, Vec<(&'a str, Range<usize>)>)> = Vec::new();
        for (number, mutation) in all.iter().enumerate() {
            let text = read(&self.root.join(&mutation.file))?;
            let places: Vec<_> = mutation.places(&text)?.into_iter().map(|place| (mutation.file.as_str(), place)).collect();
            let overlaps = |(file, one): &(&str, Range<usize>)| {
                places.iter().any(|(other, place)| file == other && one.start < place.end && place.start < one.end)
            };
            let at = rounds.iter().position(|(_, taken)| !taken.iter().any(overlaps)).unwrap_or(rounds.len());
            if at == rounds.len() {
                rounds.push((Vec::new(), Vec::new()));
            }
            rounds[at].0.push((number, mutation));
            rounds[at].1.extend(places);
        }
        Ok(rounds.into_iter().map(|(round, _)| round).collect())
    }

    /// Copies what has changed, so that the rest need not be built again, with a round's mutations, and builds it.
    fn build(&self, round: &Round) -> Result<(), String> {
        let file = |name: &str| self.root.join(name);
        let mut texts: Vec<(PathBuf, String)> = Vec::new();
        let mut files: Vec<&str> = round.iter().map(|(_, mutation)| mutation.file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        for name in files {
            let text = read(&file(name))?;
            let mut changes = Vec::new();
            for (number, mutation) in round.iter().filter(|(_, mutation)| mutation.file == name) {
                changes.extend(mutation.switched(*number, &text)?);
            }
            texts.push((file(name), apply(&text, changes)));
        }
        texts.push((file("src/lib.rs"), format!("{}\n#[allow(missing_docs)]\npub mod mutated;\n", read(&file("src/lib.rs"))?)));
        texts.push((file("src/mutated.rs"), SWITCHES.replace("\"SWITCH\"", &format!("\"{SWITCH}\""))));
        self.copy(&texts).map_err(|error| error.to_string())?;
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--profile", "mutate", "-p", "jettyspeed-simulation", "--bin", "simulate"]);
        cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build);
        let output = cargo.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(format!("the mutations do not compile:\n{}", String::from_utf8_lossy(&output.stderr))) }
    }

    fn copy(&self, texts: &[(PathBuf, String)]) -> std::io::Result<()> {
        fs::create_dir_all(&self.tree)?;
        for name in SOURCES {
            copy(&self.root.join(name), &self.tree.join(name), texts)?;
        }
        for (path, text) in texts {
            if let Ok(name) = path.strip_prefix(&self.root) {
                write(&self.tree.join(name), text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn simulate(&self) -> Command {
        let mut simulate = Command::new(self.build.join("mutate/simulate"));
        simulate.arg("--brief");
        simulate
    }

    /// Which of so many histories reach each mutation, except those that fail without one.
    fn reach(&self, histories: u64) -> Result<BTreeMap<usize, BTreeSet<u64>>, String> {
        let mut simulate = self.simulate();
        simulate.args(["--keep-going", "--histories", &histories.to_string()]);
        let output = simulate.env(SWITCH, "note").output().map_err(|error| error.to_string())?;
        let failing: BTreeSet<u64> = seeds(&output).collect();
        let mut reached: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stderr).lines().filter_map(|line| line.strip_prefix("reached ")) {
            let mut numbers = line.split(' ').filter_map(|text| text.parse::<u64>().ok());
            let Some(seed) = numbers.next().filter(|seed| !failing.contains(seed)) else { continue };
            for number in numbers {
                reached.entry(number as usize).or_default().insert(seed);
            }
        }
        Ok(reached)
    }

    fn explore(&self, number: usize, reached: &BTreeSet<u64>, histories: u64) -> Result<Found, String> {
        let chosen: Vec<String> = reached.range(..histories).map(u64::to_string).collect();
        if chosen.is_empty() {
            return Ok(Found::Never(histories, 0));
        }
        let file = self.build.join("seeds");
        fs::write(&file, chosen.join("\n")).map_err(|error| error.to_string())?;
        let output = self.simulate().arg("--only").arg(&file).env(SWITCH, number.to_string()).output().map_err(|error| error.to_string())?;
        match seeds(&output).min() {
            None if output.status.success() => Ok(Found::Never(histories, chosen.len())),
            None => Err(format!("the simulation ends with a panic: {}", String::from_utf8_lossy(&output.stderr))),
            Some(seed) => {
                let text = String::from_utf8_lossy(&output.stdout);
                let wrong = text.lines().find_map(|line| line.strip_prefix(&format!("seed {seed}: "))).unwrap_or_default();
                Ok(Found::After(seed + 1, wrong.chars().take(60).collect()))
            }
        }
    }
}

/// The seeds of histories that failed.
fn seeds(output: &Output) -> impl Iterator<Item = u64> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seeds: Vec<u64> = text.lines().filter_map(|line| line.strip_prefix("seed ")?.split_once(':')?.0.parse().ok()).collect();
    seeds.into_iter()
}

/// The module that mutated code asks. A history runs in a thread that is named by its seed.
const SWITCHES: &str = r#"//! Which mutation is switched on; with "note", none is, and each history says which it reaches.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

static SWITCH: OnceLock<String> = OnceLock::new();

struct Reached(String, BTreeSet<usize>);

impl Drop for Reached {
    fn drop(&mut self) {
        let numbers: Vec<String> = self.1.iter().map(usize::to_string).collect();
        eprintln!("reached {} {}", self.0, numbers.join(" "));
    }
}

thread_local! {
    static REACHED: RefCell<Option<Reached>> = const { RefCell::new(None) };
}

pub fn is(number: usize) -> bool {
    let switch = SWITCH.get_or_init(|| std::env::var("SWITCH").unwrap_or_default());
    if switch == "note" {
        let note = |reached: &RefCell<Option<Reached>>| {
            let name = || std::thread::current().name().unwrap_or_default().to_owned();
            reached.borrow_mut().get_or_insert_with(|| Reached(name(), BTreeSet::new())).1.insert(number);
        };
        let _ = REACHED.try_with(note);
        return false;
    }
    switch.parse() == Ok(number)
}
"#;

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes what has changed.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) { Ok(()) } else { fs::write(path, bytes) }
}

/// Copies a file or folder, except what is in `texts`, and removes what is gone.
fn copy(from: &Path, to: &Path, texts: &[(PathBuf, String)]) -> std::io::Result<()> {
    let is_text = |path: &Path| texts.iter().any(|(text, _)| text == path);
    if from.is_file() {
        return if is_text(from) { Ok(()) } else { write(to, &fs::read(from)?) };
    }
    fs::create_dir_all(to)?;
    for old in fs::read_dir(to)? {
        let (path, source) = old.map(|old| (old.path(), from.join(old.file_name())))?;
        if !source.exists() && !is_text(&source) {
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name), texts)?;
    }
    Ok(())
}
