//! Examines a deployment, local or real, from the outside (docs/command.md, "Examining a deployment"): what the provider, the zone in front and the store do is
//! not in the Worker's hands.
//!
//! Every check is independent of the others and has a time limit. What a check stores has the examination's prefix in its name, and is deleted at the end.

mod answer;
mod bindings;
mod browser;
mod chunks;
mod cleaning;
mod content;
mod edges;
mod large;
mod logs;
mod paced_body;
mod paths;
mod report;
mod service;
mod visit;
mod webhook;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use report::{Check, Report, Status};
pub use visit::DoctorOptions;

use crate::Error;
use crate::edge::Edge;
use report::Verdict;
use visit::Visit;

/// Time limit of a check.
const LIMIT: Duration = Duration::from_secs(90);
/// The same for large files, whose transfers have limits of their own.
const LARGE_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// How long after an interruption a request that was under way may still store something.
const LATE: Duration = Duration::from_secs(1);

/// What a check needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Account,
    Operator,
    Webhook,
    Large,
    Logs,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Error>> + Send + 'a>>;

/// One line of the report.
struct Line {
    id: &'static str,
    title: &'static str,
    needs: Needs,
    run: for<'a> fn(&'a Visit) -> Running<'a>,
}

const fn line(id: &'static str, title: &'static str, needs: Needs, run: for<'a> fn(&'a Visit) -> Running<'a>) -> Line {
    Line { id, title, needs, run }
}

/// Without it no other check has a meaning.
const REACHABLE: &str = "reachable";
/// Without it none that needs an account has.
const CREDENTIALS: &str = "credentials";
const CLEAN_UP: (&str, &str) = ("clean-up", "What was stored is deleted");

/// All checks, in the order in which they run. `logs` is the last, because it looks for what the others used.
#[rustfmt::skip]
const LINES: [Line; 25] = [
    line(REACHABLE, "The Worker answers", Needs::Nothing, |visit| Box::pin(service::reachable(visit))),
    line(CREDENTIALS, "The account's credentials are accepted", Needs::Account, |visit| Box::pin(service::credentials(visit))),
    line("bindings", "D1, KV, queue and Durable Objects answer", Needs::Operator, |visit| Box::pin(bindings::bindings(visit))),
    line("migrations", "The database has the tables of this build", Needs::Operator, |visit| Box::pin(bindings::migrations(visit))),
    line("pop-cache", "The data centre's cache keeps entries", Needs::Operator, |visit| Box::pin(bindings::pop_cache(visit))),
    line("store", "The store answers", Needs::Operator, |visit| Box::pin(bindings::store(visit))),
    line("clock", "The store's clock agrees", Needs::Operator, |visit| Box::pin(bindings::clock(visit))),
    line("payload-hash", "The store enforces hashes", Needs::Nothing, |visit| Box::pin(bindings::payload_hash(visit))),
    line("presigned-hash", "Presigned URLs are bound to their hash", Needs::Nothing, |visit| Box::pin(bindings::presigned_hash(visit))),
    line("bucket-owner", "The bucket is this deployment's", Needs::Nothing, |visit| Box::pin(bindings::bucket_owner(visit))),
    line("cache-hit", "The second GET comes from the cache", Needs::Account, |visit| Box::pin(content::cache_hit(visit))),
    line("ranges", "Ranges are answered", Needs::Account, |visit| Box::pin(content::ranges(visit))),
    line("html", "An HTML file comes back unaltered", Needs::Account, |visit| Box::pin(content::html(visit))),
    line("json", "A JSON file comes back unaltered", Needs::Account, |visit| Box::pin(content::json(visit))),
    line("file-names", "Odd file names arrive", Needs::Account, |visit| Box::pin(paths::file_names(visit))),
    line("video-paths", "Odd paths of videos arrive", Needs::Account, |visit| Box::pin(paths::video_paths(visit))),
    line("chunk-streaming", "Chunks are passed on while they arrive", Needs::Account, |visit| Box::pin(chunks::streaming(visit))),
    line("early-refusal", "A refusal is readable while 100 MB are being sent", Needs::Nothing, |visit| Box::pin(chunks::early_refusal(visit))),
    line("cors", "Browsers may read answers and errors", Needs::Nothing, |visit| Box::pin(browser::cors(visit))),
    line("rate-limit", "Answers tell the rate limit", Needs::Account, |visit| Box::pin(browser::rate_limit(visit))),
    line("webhook", "A webhook call arrives and is believed", Needs::Webhook, |visit| Box::pin(webhook::echo(visit))),
    line("edges-reachable", "Every edge answers", Needs::Nothing, |visit| Box::pin(edges::reachable(visit))),
    line("edges-distinct", "Edges are different places", Needs::Nothing, |visit| Box::pin(edges::distinct(visit))),
    line("large-file", "A file of several GB comes back whole", Needs::Large, |visit| Box::pin(large::whole_twice(visit))),
    line("log-secrets", "No token or secret is in the log", Needs::Logs, |visit| Box::pin(logs::secrets(visit))),
];

/// The ids of all checks, in the order of the report.
pub fn check_ids() -> Vec<&'static str> {
    LINES.iter().map(|line| line.id).chain([CLEAN_UP.0]).collect()
}

/// An examination. Cheap to clone.
#[derive(Clone)]
pub struct Doctor(Arc<Visit>);

impl Doctor {
    /// An examination of the deployment at `edge`.
    pub fn new(edge: Edge, options: DoctorOptions) -> Doctor {
        Doctor(Arc::new(Visit::new(edge, options)))
    }

    /// Runs all checks and deletes what they stored. Each is told to `progress` as soon as it is done.
    pub async fn run(&self, mut progress: impl FnMut(&Check)) -> Report {
        let mut checks: Vec<Check> = Vec::new();
        for line in &LINES {
            let verdict = match self.hindrance(line, &checks) {
                Some(verdict) => verdict,
                None => self.verdict(line).await,
            };
            let check = verdict.of(line.id, line.title);
            progress(&check);
            checks.push(check);
        }
        let check = self.clean_up(&checks).await.of(CLEAN_UP.0, CLEAN_UP.1);
        progress(&check);
        checks.push(check);
        Report { url: self.0.edge.base().to_owned(), checks }
    }

    /// Deletes what an examination that was interrupted has stored.
    ///
    /// # Errors
    /// What is left, for the user.
    pub async fn clean_up_after_interruption(&self) -> Result<(), String> {
        if !self.0.options.has_account {
            return Ok(());
        }
        // Once at once, and once for what was under way.
        for pause in [Duration::ZERO, LATE] {
            tokio::time::sleep(pause).await;
            let verdict = cleaning::clean_up(&self.0).await.map_err(|error| error.to_string())?;
            if verdict.status != Status::Ok {
                return Err(verdict.detail);
            }
        }
        Ok(())
    }

    async fn clean_up(&self, checks: &[Check]) -> Verdict {
        let has_failed = |id: &str| checks.iter().any(|check| check.id == id && check.status == Status::Failure);
        if !self.0.options.has_account || has_failed(REACHABLE) || has_failed(CREDENTIALS) {
            return Verdict::ok("nothing was stored");
        }
        let limited = tokio::time::timeout(LIMIT, cleaning::clean_up(&self.0)).await;
        let told = |error: String| {
            Verdict::failure(error, format!("delete what begins with {}: jetty ls, sessions, video ls tell the ids", self.0.prefix()))
        };
        limited.map_or_else(|_| told(timed_out(LIMIT)), |ended| ended.unwrap_or_else(|error| told(error.to_string())))
    }

    /// Why a check is not run.
    fn hindrance(&self, line: &Line, before: &[Check]) -> Option<Verdict> {
        let has_failed = |id: &str| before.iter().any(|check| check.id == id && check.status == Status::Failure);
        if has_failed(REACHABLE) {
            return Some(Verdict::skipped("the Worker does not answer", "see the line reachable"));
        }
        let DoctorOptions { has_account, admin_token, webhook_secret, large, logs, .. } = &self.0.options;
        let (detail, remedy) = match line.needs {
            Needs::Nothing => return None,
            Needs::Account | Needs::Large if !has_account => {
                ("needs an account", "give credentials: JETTY_API_KEY and JETTY_API_SECRET, or jetty config --key … --secret …")
            }
            Needs::Account | Needs::Large if line.id != CREDENTIALS && has_failed(CREDENTIALS) => {
                ("the account's credentials are refused", "see the line credentials")
            }
            Needs::Operator if admin_token.is_none() => {
                ("needs the operator's token", "give ADMIN_TOKEN of the deployment: JETTY_ADMIN_TOKEN, or --admin-token")
            }
            Needs::Webhook if webhook_secret.is_none() => {
                ("needs a webhook secret", "give one of WEBHOOK_SECRETS of the deployment: JETTY_WEBHOOK_SECRET, or --webhook-secret")
            }
            Needs::Large if large.is_none() => {
                ("stores and reads several GB", "run with --large: it reads 12 GB, which the account and the store's traffic are billed for")
            }
            Needs::Logs if logs.is_none() => (
                "needs the log of the deployment",
                "run 'wrangler tail --format json > tail.json' in another terminal, then 'jetty doctor --logs tail.json'",
            ),
            _ => return None,
        };
        Some(Verdict::skipped(detail, remedy))
    }

    async fn verdict(&self, line: &Line) -> Verdict {
        let limit = if line.needs == Needs::Large { LARGE_LIMIT } else { LIMIT };
        match tokio::time::timeout(limit, (line.run)(&self.0)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => Verdict::of_error(&error),
            Err(_) => Verdict::failure(timed_out(limit), "try again; if it stays so, look into the log of the deployment"),
        }
    }
}

fn timed_out(limit: Duration) -> String {
    format!("not done after {} s", limit.as_secs())
}

#[cfg(test)]
#[path = "doctor/tests.rs"]
mod tests;
