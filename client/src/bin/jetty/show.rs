//! Terminal output for users and scripts.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jettyspeed_client::api::{Asset, Quota, SessionState, SessionSummary};
use jettyspeed_client::text::{printable, printable_json};
use jettyspeed_client::{Downloaded, Error, Event, FileOutcome, Playback, Progress, Pushed, Uploaded, Verified, Video, no_progress};
use serde::Serialize;
use serde_json::{Value, json};

const BAR: &str = "{bar:30} {percent:>3}%  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  ETA {eta}  {msg}";

/// Output as text or JSON; progress and notices go to standard error. Nothing that a server or a file name gives reaches the terminal as anything but text.
pub struct Show {
    json: bool,
    bar: ProgressBar,
    session: Arc<Mutex<Option<String>>>,
    /// The first error of standard output.
    unwritten: Mutex<Option<std::io::Error>>,
}

impl Show {
    pub fn new(json: bool) -> Show {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Show { json, bar, session: Arc::default(), unwritten: Mutex::default() }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A listener that updates the progress bar.
    pub fn progress(&self) -> Progress {
        if self.json {
            return no_progress();
        }
        let (bar, session) = (self.bar.clone(), Arc::clone(&self.session));
        Arc::new(move |event| match event {
            Event::Planned { total, already, session: id } => {
                bar.set_length(total);
                // Bytes that were stored before must not count into the rate.
                bar.reset_elapsed();
                bar.reset_eta();
                bar.set_position(already);
                bar.enable_steady_tick(Duration::from_millis(200));
                if let Ok(mut slot) = session.lock() {
                    *slot = id;
                }
            }
            Event::Moved(bytes) => bar.inc(bytes),
            Event::Lost(bytes) => bar.dec(bytes),
            Event::Retrying { reason } => bar.set_message(format!("(trying again: {})", printable(&reason))),
            Event::Hashing => bar.set_message("hashing"),
            Event::Finishing => bar.set_message("finishing"),
            Event::Verifying => bar.set_message("the server is checking the bytes"),
            Event::Skipped { path, reason } => bar.suspend(|| eprintln!("jetty: skipped {}: {reason}", printable(&path.to_string_lossy()))),
            _ => {}
        })
    }

    /// Prints one line, on standard output.
    pub fn line(&self, text: &str) {
        self.write(&printable(text));
    }

    /// Prints one line of JSON.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.write(&printable_json(&text)),
            Err(error) => self.failed(error.into()),
        }
    }

    fn write(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            self.failed(error);
        }
    }

    fn failed(&self, error: std::io::Error) {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// # Errors
    /// [`Error::File`] if standard output has not taken everything. A reader that wants no more, like `head`, is none.
    pub fn must_have_been_written(&self) -> Result<(), Error> {
        match self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(source) if source.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::File { path: PathBuf::from("standard output"), source }),
            _ => Ok(()),
        }
    }

    /// Takes the progress bar away.
    pub fn finished(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints a notice, on standard error.
    pub fn notice(&self, text: &str) {
        eprintln!("jetty: {}", printable(text));
    }

    /// Prints an upload; `waited`: for the server's check of the bytes.
    pub fn uploaded(&self, done: &Uploaded, waited: bool) {
        self.bar.finish_and_clear();
        if waited && done.asset.verification == "pending" {
            self.notice("stored, but the server has not checked the bytes yet; 'jetty --json ls' tells when it has");
        }
        if self.json {
            return self.json(done);
        }
        self.line(&format!("{}  {}", done.asset.id, done.asset.name));
        let resumed = if done.bytes_resumed > 0 { format!(", {} were there already", DecimalBytes(done.bytes_resumed)) } else { String::new() };
        if done.bytes_sent == 0 && done.bytes_saved > 0 {
            return self.line(&format!("nothing to send: the server had all {}", DecimalBytes(done.bytes_saved)));
        }
        let saved = if done.bytes_saved > 0 { format!(", {} the server had", DecimalBytes(done.bytes_saved)) } else { String::new() };
        self.line(&format!("sent {} in {}{resumed}{saved}", DecimalBytes(done.bytes_sent), pace(done.bytes_sent, done.elapsed_ms)));
        if done.edges.len() > 1 {
            for share in &done.edges {
                self.line(&format!("  {}: {} parts, {}", share.edge, share.parts, DecimalBytes(share.bytes)));
            }
        }
    }

    /// Prints what became of several files.
    pub fn uploaded_many(&self, outcomes: &[FileOutcome]) {
        self.bar.finish_and_clear();
        if self.json {
            let files: Vec<_> = outcomes.iter().map(Show::outcome).collect();
            return self.json(&json!({ "files": files }));
        }
        for FileOutcome { path, result } in outcomes {
            match result {
                Ok(asset) => self.line(&format!("{}  {}", asset.id, asset.name)),
                Err(error) => self.notice(&format!("{}: {error}", path.display())),
            }
        }
    }

    /// What became of one of several files, as JSON.
    pub fn outcome(FileOutcome { path, result }: &FileOutcome) -> Value {
        match result {
            Ok(asset) => json!({ "path": path.to_string_lossy(), "asset": asset }),
            Err(error) => json!({ "path": path.to_string_lossy(), "error": error.to_string() }),
        }
    }

    pub fn downloaded(&self, done: &Downloaded) {
        self.bar.finish_and_clear();
        if self.json {
            return self.json(done);
        }
        self.line(&done.path.to_string_lossy());
        self.line(&received(done));
    }

    /// Prints a download whose bytes went to standard output.
    pub fn streamed(&self, done: &Downloaded) {
        self.bar.finish_and_clear();
        self.notice(&received(done));
    }

    pub fn pushed(&self, done: &Pushed) {
        self.bar.finish_and_clear();
        if self.json {
            return self.json(done);
        }
        self.line(&format!("{}  {} files, {}", done.video_id, done.files, DecimalBytes(done.bytes)));
        let path = done.entry.as_deref().filter(|path| *path != "index.m3u8").map_or(String::new(), |path| format!(" --path {path}"));
        self.line(&format!("play it: jetty video play {}{path}", done.video_id));
    }

    pub fn playback(&self, playback: &Playback) {
        if self.json {
            return self.json(playback);
        }
        self.line(&playback.url);
    }

    pub fn deleted(&self, id: &str) {
        if self.json {
            return self.json(&json!({ "deleted": id }));
        }
        self.line(&format!("deleted {id}"));
    }

    pub fn verified(&self, verified: &Verified) {
        let computed = verified.is_computed();
        if self.json {
            let receipt = &verified.receipt;
            return self.json(&json!({
                "verified": true, "asset": receipt.asset, "size": receipt.size, "sha256": verified.sha256, "parts": verified.parts, "computed": computed
            }));
        }
        self.line(&format!("{}  {} bytes, stored {}", verified.sha256, verified.receipt.size, verified.receipt.stored_at));
        if !computed {
            self.notice("this is what its uploader claimed: the server had not computed the hash when it wrote the receipt");
        }
    }

    pub fn cancelled(&self, session: &str) {
        if self.json {
            return self.json(&json!({ "cancelled": session }));
        }
        self.line(&format!("cancelled {session}"));
    }

    /// Prints a list: `whole` as JSON, or a line for each row.
    pub fn list<T>(&self, whole: &Value, rows: &[T], line: impl Fn(&T) -> String) {
        if self.json {
            return self.json(whole);
        }
        for row in rows {
            self.line(&line(row));
        }
    }

    pub fn file(file: &Asset) -> String {
        format!("{}  {}  {:>10}  {}", file.id, file.created_at, DecimalBytes(file.size).to_string(), file.name)
    }

    pub fn session(session: &SessionSummary) -> String {
        let size = DecimalBytes(session.file_size).to_string();
        format!("{}  {}  {:<10}  {size:>10}  {}", session.session_id, session.created_at, session.status, session.file_name)
    }

    pub fn video(video: &Video) -> String {
        format!("{}  {}  {}", video.video_id, video.updated_at.as_deref().unwrap_or("-"), video.entry.as_deref().unwrap_or("-"))
    }

    pub fn quota(&self, quota: &Quota) {
        if self.json {
            return self.json(quota);
        }
        let line = |name: &str, used: u64, limit: u64, more: &str| {
            self.line(&format!("{name:<10} {:>12} of {:>12}{more}", DecimalBytes(used).to_string(), DecimalBytes(limit).to_string()));
        };
        let reserved = match quota.storage_reserved_bytes {
            0 => String::new(),
            bytes => format!(", {} reserved", DecimalBytes(bytes)),
        };
        line("storage", quota.storage_used_bytes, quota.storage_quota_bytes, &reserved);
        line("bandwidth", quota.bandwidth_used_bytes, quota.bandwidth_quota_bytes, &format!(" in {}", quota.period));
        self.line(&format!("{:<10} {}", "tier", quota.tier));
    }

    pub fn status(&self, state: &SessionState) {
        if self.json {
            return self.json(state);
        }
        self.line(&format!("{}  {}", state.file_name, state.status));
        self.line(&format!(
            "{} of {} ({} %), {} of {} parts, expires {}",
            DecimalBytes(state.bytes_uploaded),
            DecimalBytes(state.file_size),
            state.percent,
            state.completed.len(),
            state.chunk_count,
            state.expires_at
        ));
    }

    pub fn error(&self, error: &Error) {
        self.bar.abandon();
        // What failed is in what was printed.
        if self.json && !matches!(error, Error::Incomplete { .. } | Error::NotReceived { .. } | Error::NotMoved { .. }) {
            self.json(&json!({ "error": { "message": error.to_string(), "code": error.code(), "status": error.status() } }));
        }
        self.notice(&error.to_string());
    }

    /// Tells what an interrupted examination could not delete.
    pub fn left(&self, what: &str) {
        self.notice(&format!("not everything that was stored could be deleted: {what}"));
    }

    pub fn interrupted(&self) {
        self.bar.abandon();
        let session = self.session.lock().ok().and_then(|slot| slot.clone());
        match session {
            Some(session) => eprintln!("\njetty: interrupted; run the same command again to go on (session {})", printable(&session)),
            None => eprintln!("\njetty: interrupted"),
        }
    }
}

fn received(done: &Downloaded) -> String {
    format!("received {} in {}", DecimalBytes(done.asset.size), pace(done.asset.size, done.elapsed_ms))
}

fn pace(bytes: u64, ms: u64) -> String {
    let seconds = ms.max(1) as f64 / 1000.0;
    let megabits = bytes as f64 * 8.0 / 1_000_000.0 / seconds;
    let time = if ms < 60_000 { format!("{seconds:.1} s") } else { HumanDuration(Duration::from_millis(ms)).to_string() };
    format!("{time} ({megabits:.0} Mbit/s)")
}
