//! README as a newcomer follows it: its `sh` blocks run in order, in one bash, against a `script/server` of their own; a `text` block after an `sh` block
//! is what that must print. In such a block `…` stands for any text within a line, and for any lines where it is alone on one. `script/server` is started by
//! the test with free ports and a fresh state folder; `script/test` is not run, because it runs this.
#![allow(clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use jettyspeed_devstack::net::free_port;
use jettyspeed_devstack::root;

/// From a warm build it is seconds. A cold one compiles the Worker.
const READY: Duration = Duration::from_secs(1_800);
/// All snippets together. One of them waits for a job of the queue.
const SNIPPETS: Duration = Duration::from_secs(300);
const STOPPED: Duration = Duration::from_secs(60);

/// A `sh` block and the `text` block after it.
#[derive(Debug, PartialEq)]
struct Block {
    /// Of its first command in README, from 1 on.
    line: usize,
    commands: Vec<String>,
    expected: Option<String>,
}

impl Block {
    /// Whether it starts the stack. Such a block has no other commands, but for `script/test`.
    fn starts_server(&self) -> bool {
        let bare: Vec<&str> = self.commands.iter().map(|line| line.split(" #").next().unwrap().trim()).collect();
        let starts = bare.contains(&"script/server");
        assert!(
            !starts || bare.iter().all(|command| matches!(*command, "script/server" | "script/test")),
            "line {}: what is run beside it?",
            self.line
        );
        starts
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((fence, number)) = lines.next() {
        let Some(language) = fence.strip_prefix("```") else { continue };
        let inside: Vec<String> = lines.by_ref().map(|(line, _)| line.to_owned()).take_while(|line| line != "```").collect();
        match language {
            "sh" => blocks.push(Block { line: number + 1, commands: inside, expected: None }),
            "text" => {
                let last = blocks.last_mut().filter(|block| block.expected.is_none());
                last.unwrap_or_else(|| panic!("line {number}: the output of which commands?")).expected = Some(inside.join("\n"));
            }
            _ => {}
        }
    }
    blocks
}

/// Without colours, trailing spaces and trailing empty lines.
fn plain(text: &str) -> Vec<String> {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    let mut lines: Vec<String> = plain.lines().map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Whether `…` can stand for something in `pattern` that makes it `line`.
fn line_matches(pattern: &str, line: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('…') else { return pattern == line };
    let Some(tail) = line.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| line_matches(rest, &tail[at..]))
}

fn matches(pattern: &[String], lines: &[String]) -> bool {
    match pattern.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..])),
        Some((first, rest)) => lines.split_first().is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others)),
    }
}

/// Err names the block whose output is another than the one it states.
fn check(block: &Block, output: &str) -> Result<(), String> {
    let Some(expected) = &block.expected else { return Ok(()) };
    if matches(&plain(expected), &plain(output)) {
        return Ok(());
    }
    Err(format!("README line {}: the output differs\n--- stated\n{expected}\n--- printed\n{}\n", block.line, plain(output).join("\n")))
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// Runs the blocks in one bash and checks what each prints. `environment` gives the bash its folders.
fn run(blocks: &[Block], folder: &Path, environment: impl FnOnce(&mut Command)) -> Result<(), String> {
    let mark = |index: usize| format!("--- end of block {index} of this test ---");
    let mut script = "set -euo pipefail\n".to_owned();
    for (index, block) in blocks.iter().enumerate() {
        script.push_str(&format!("{}\nprintf '\\n%s\\n' '{}'\n", block.commands.join("\n"), mark(index)));
    }
    let [out, err] = ["stdout", "stderr"].map(|name| folder.join(name));
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(root()).stdin(Stdio::null());
    bash.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    environment(&mut bash);
    let mut bash = bash.spawn().unwrap();
    let ended = wait(&mut bash, SNIPPETS);
    if ended.is_none() {
        bash.kill().unwrap();
        bash.wait().unwrap();
    }
    let (out, err) = (fs::read_to_string(out).unwrap(), fs::read_to_string(err).unwrap());
    let mut rest = out.as_str();
    for (index, block) in blocks.iter().enumerate() {
        let Some((printed, after)) = rest.split_once(&mark(index)) else {
            let how = ended.map_or_else(|| "did not end".to_owned(), |status| format!("failed ({status})"));
            return Err(format!("README line {}: the commands {how}\n--- stdout\n{rest}\n--- stderr\n{err}\n", block.line));
        };
        check(block, printed.trim_start_matches('\n')).map_err(|difference| format!("{difference}--- stderr\n{err}\n"))?;
        rest = after;
    }
    match ended {
        Some(status) if status.success() => Ok(()),
        other => Err(format!("bash ended with {other:?}\n{err}")),
    }
}

/// A running `script/server`; stopped by Ctrl-C's signal when dropped.
struct Server {
    child: Child,
    lines: Receiver<String>,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let mut child = Command::new(root().join("script/server"))
            .current_dir(root())
            .env("STATE_DIR", folder.join("state"))
            .env("PORT", free_port().unwrap().to_string())
            .env("ORIGIN_PORT", free_port().unwrap().to_string())
            .env_remove("LYVE_ENDPOINT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        // Reads to the end, so that the server never waits for a reader.
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Server { child, lines }
    }

    /// What it prints until it says that it is ready.
    fn ready(&self, folder: &Path) -> String {
        let (started, mut printed) = (Instant::now(), String::new());
        loop {
            match self.lines.recv_timeout(READY.saturating_sub(started.elapsed())) {
                Ok(line) => {
                    printed.push_str(&(line.clone() + "\n"));
                    if line.contains("ready after") {
                        return printed;
                    }
                }
                Err(error) => {
                    let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                    let how = if error == RecvTimeoutError::Timeout { "is not ready in time" } else { "ended" };
                    panic!("script/server {how}\n{printed}\n{log}");
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shell's own kill: the program of that name is not on every machine.
        let _ = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        if wait(&mut self.child, STOPPED).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[test]
fn every_snippet_of_the_readme_prints_what_it_states() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let blocks = blocks(&fs::read_to_string(root().join("README.md")).unwrap());
    let (first, snippets) = blocks.split_first().unwrap();
    assert!(first.starts_server() && !snippets.iter().any(Block::starts_server), "the first block starts the server, and no other");
    assert!(snippets.len() >= 5 && first.expected.is_some(), "the tour was found");
    let server = Server::start(folder);
    check(first, &server.ready(folder)).unwrap_or_else(|difference| panic!("{difference}"));
    let temporary = folder.join("tmp");
    fs::create_dir(&temporary).unwrap();
    let outcome = run(snippets, folder, |bash| {
        bash.env("STATE_DIR", folder.join("state")).env("TMPDIR", &temporary).env("JETTY_CONFIG", folder.join("config.toml"));
        // The tour sets these.
        for name in ["JETTY_URL", "JETTY_API_KEY", "JETTY_API_SECRET", "ADMIN_TOKEN", "WEBHOOK_SECRET"] {
            bash.env_remove(name);
        }
    });
    drop(server);
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

const SAMPLE: &str = "# x\n\n```\na picture\n```\n```sh\necho a-1-b; echo more\n```\n\n```text\na-…-b\n…\n```\n```sh\nx=1\n```\n";

#[test]
fn sh_and_text_blocks_are_read_in_pairs_and_others_are_left_alone() {
    let found = blocks(SAMPLE);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[0].expected.as_deref()), (7, Some("a-…-b\n…")));
    assert_eq!((found[1].commands.as_slice(), &found[1].expected), (["x=1".to_owned()].as_slice(), &None));
}

#[test]
fn right_output_passes_and_other_output_or_a_failing_command_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = |text: &str| run(&blocks(text), folder.path(), |_| {});
    assert_eq!(run(SAMPLE), Ok(()));
    for (broken, said) in [
        (SAMPLE.replace("a-1-b", "a-1-c"), "README line 7: the output differs"),
        (SAMPLE.replace("\n…\n", "\n"), "README line 7: the output differs"),
        (SAMPLE.replace("x=1", "false"), "README line 15: the commands failed"),
        (SAMPLE.replace("x=1", "echo $unset_variable"), "README line 15: the commands failed"),
        (SAMPLE.replace("x=1", "false | true"), "README line 15: the commands failed"),
    ] {
        let error = run(&broken).expect_err(&broken);
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_wildcard_stands_for_text_within_a_line_and_alone_for_lines() {
    for (pattern, text, same) in [
        ("a…", "abc", true),
        ("a…c…", "abcd", true),
        ("a…", "a", true),
        ("…b", "abc", false),
        ("a…c", "a\nc", false),
        ("a\n…\nc", "a\nc", true),
        ("a\n…\nc", "a\nb\nb\nc", true),
        ("a\n…\nc", "a\nb", false),
        ("a", "a\nb", false),
        ("a", "\u{1b}[1ma\u{1b}[0m  \n\n", true),
    ] {
        assert_eq!(matches(&plain(pattern), &plain(text)), same, "{pattern:?} {text:?}");
    }
}
