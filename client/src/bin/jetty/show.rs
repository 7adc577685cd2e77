//! Terminal output for users and scripts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jettyspeed_client::api::{Asset, Quota, SessionState};
use jettyspeed_client::{Downloaded, Error, Event, Playback, Progress, Pushed, Uploaded, no_progress};
use serde::Serialize;
use serde_json::json;

const BAR: &str = "{bar:30} {percent:>3}%  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  ETA {eta}  {msg}";

/// Output as text or JSON; progress always goes to standard error.
pub struct Show {
    json: bool,
    bar: ProgressBar,
    session: Arc<Mutex<Option<String>>>,
}

impl Show {
    pub fn new(json: bool) -> Show {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Show { json, bar, session: Arc::default() }
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
            Event::Retrying { reason } => bar.set_message(format!("(trying again: {reason})")),
            Event::Hashing => bar.set_message("hashing"),
            Event::Finishing => bar.set_message("finishing"),
            _ => {}
        })
    }

    /// Prints one line of JSON.
    pub fn json(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            println!("{text}");
        }
    }

    pub fn uploaded(&self, done: &Uploaded) {
        self.bar.finish_and_clear();
        if self.json {
            return self.json(done);
        }
        println!("{}  {}", done.asset.id, done.asset.name);
        let resumed = if done.bytes_resumed > 0 { format!(", {} were there already", DecimalBytes(done.bytes_resumed)) } else { String::new() };
        if done.bytes_sent == 0 && done.bytes_saved > 0 {
            println!("nothing to send: the server had all {}", DecimalBytes(done.bytes_saved));
            return;
        }
        let saved = if done.bytes_saved > 0 { format!(", {} the server had", DecimalBytes(done.bytes_saved)) } else { String::new() };
        println!("sent {} in {}{resumed}{saved}", DecimalBytes(done.bytes_sent), pace(done.bytes_sent, done.elapsed_ms));
        if done.edges.len() > 1 {
            for share in &done.edges {
                println!("  {}: {} parts, {}", share.edge, share.parts, DecimalBytes(share.bytes));
            }
        }
    }

    pub fn downloaded(&self, done: &Downloaded) {
        self.bar.finish_and_clear();
        if self.json {
            return self.json(done);
        }
        println!("{}", done.path.display());
        println!("received {} in {}", DecimalBytes(done.asset.size), pace(done.asset.size, done.elapsed_ms));
    }

    pub fn pushed(&self, done: &Pushed) {
        self.bar.finish_and_clear();
        if self.json {
            return self.json(done);
        }
        println!("{}  {} files, {}", done.video_id, done.files, DecimalBytes(done.bytes));
        let path = done.entry.as_deref().filter(|path| *path != "index.m3u8").map_or(String::new(), |path| format!(" --path {path}"));
        println!("play it: jetty video play {}{path}", done.video_id);
    }

    pub fn playback(&self, playback: &Playback) {
        if self.json {
            return self.json(playback);
        }
        println!("{}", playback.url);
    }

    pub fn deleted(&self, id: &str) {
        if self.json {
            return self.json(&json!({ "deleted": id }));
        }
        println!("deleted {id}");
    }

    pub fn quota(&self, quota: &Quota) {
        if self.json {
            return self.json(quota);
        }
        let line = |name: &str, used: u64, limit: u64, more: &str| {
            println!("{name:<10} {:>12} of {:>12}{more}", DecimalBytes(used).to_string(), DecimalBytes(limit).to_string());
        };
        let reserved = match quota.storage_reserved_bytes {
            0 => String::new(),
            bytes => format!(", {} reserved", DecimalBytes(bytes)),
        };
        line("storage", quota.storage_used_bytes, quota.storage_quota_bytes, &reserved);
        line("bandwidth", quota.bandwidth_used_bytes, quota.bandwidth_quota_bytes, &format!(" in {}", quota.period));
        println!("{:<10} {}", "tier", quota.tier);
    }

    pub fn status(&self, state: &SessionState) {
        if self.json {
            return self.json(state);
        }
        println!("{}  {}", state.file_name, state.status);
        println!(
            "{} of {} ({} %), {} of {} parts, expires {}",
            DecimalBytes(state.bytes_uploaded),
            DecimalBytes(state.file_size),
            state.percent,
            state.completed.len(),
            state.chunk_count,
            state.expires_at
        );
    }

    pub fn files(&self, files: &[Asset]) {
        for file in files {
            println!("{}  {}  {:>10}  {}", file.id, file.created_at, DecimalBytes(file.size).to_string(), file.name);
        }
    }

    pub fn error(&self, error: &Error) {
        self.bar.abandon();
        if self.json {
            self.json(&json!({ "error": { "message": error.to_string(), "code": error.code(), "status": error.status() } }));
        }
        eprintln!("jetty: {error}");
    }

    pub fn interrupted(&self) {
        self.bar.abandon();
        let session = self.session.lock().ok().and_then(|slot| slot.clone());
        match session {
            Some(session) => eprintln!("\njetty: interrupted; run the same command again to go on (session {session})"),
            None => eprintln!("\njetty: interrupted"),
        }
    }
}

fn pace(bytes: u64, ms: u64) -> String {
    let seconds = ms.max(1) as f64 / 1000.0;
    let megabits = bytes as f64 * 8.0 / 1_000_000.0 / seconds;
    let time = if ms < 60_000 { format!("{seconds:.1} s") } else { HumanDuration(Duration::from_millis(ms)).to_string() };
    format!("{time} ({megabits:.0} Mbit/s)")
}
