//! What an examination found: one line per check, a summary, an exit code.

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::Error;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but something about it costs or will hurt.
    Warning,
    /// A promise of the product is not kept.
    Failure,
    /// Not looked at.
    Skipped,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 4] = [Status::Ok, Status::Warning, Status::Failure, Status::Skipped];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failure => "failure",
            Status::Skipped => "skipped",
        }
    }
}

/// One check with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, which scripts may rely on.
    pub id: &'static str,
    /// What it looks at.
    pub title: &'static str,
    /// Its outcome.
    pub status: Status,
    /// What was found. No token, secret or URL with one.
    pub detail: String,
    /// What to do about it; None if there is nothing to do.
    pub remedy: Option<String>,
}

/// The outcome of a check, before it has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    pub detail: String,
    pub remedy: Option<String>,
}

impl Verdict {
    /// Nothing to do.
    pub fn ok(detail: impl Into<String>) -> Verdict {
        Verdict { status: Status::Ok, detail: detail.into(), remedy: None }
    }

    fn with(status: Status, detail: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict { status, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    /// See [`Status::Warning`].
    pub fn warning(detail: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict::with(Status::Warning, detail, remedy)
    }

    /// See [`Status::Failure`].
    pub fn failure(detail: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict::with(Status::Failure, detail, remedy)
    }

    /// See [`Status::Skipped`].
    pub fn skipped(detail: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict::with(Status::Skipped, detail, remedy)
    }

    /// The verdict on a check that `error` ended. What the account may not do says nothing about the deployment.
    pub fn of_error(error: &Error) -> Verdict {
        let detail = error.to_string();
        match (error.status(), error.code().unwrap_or_default()) {
            (_, "tier-forbidden" | "storage-exceeded" | "too-many-objects" | "too-many-uploads" | "file-too-large" | "bandwidth-exceeded") => {
                Verdict::skipped(detail, "use the credentials of an account with room, in a tier with JettySpeed (pro or above)")
            }
            (_, "feature-off") => Verdict::skipped(detail, "switch the feature on in the account's namespace, or use another account"),
            (_, "acceleration-off") => Verdict::skipped(detail, "set the var JETTYSPEED_ENABLED to true, if sessions are wanted"),
            (Some(401), _) => Verdict::failure(detail, "give credentials that this deployment issued"),
            (Some(403), "") => {
                Verdict::failure(detail, "the answer is not the Worker's: let WAF rules and bot protection of the zone skip /api, /files and /v")
            }
            (Some(_), _) => {
                Verdict::failure(detail, "look for the request in the log of the deployment (level debug), and see whether the other lines tell why")
            }
            (None, _) => Verdict::failure(detail, "the connection broke: see whether the other lines tell why, and try again"),
        }
    }

    /// The check of that name with this outcome.
    pub fn of(self, id: &'static str, title: &'static str) -> Check {
        let Verdict { status, detail, remedy } = self;
        Check { id, title, status, detail, remedy }
    }
}

/// All checks of an examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The deployment.
    pub url: String,
    /// The checks, in the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// How many checks have that outcome.
    pub fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// The worst outcome; what was skipped does not count.
    pub fn status(&self) -> Status {
        [Status::Failure, Status::Warning].into_iter().find(|status| self.count(*status) > 0).unwrap_or(Status::Ok)
    }

    /// 0 unless a check failed.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.status() == Status::Failure)
    }

    /// `22 ok, 1 warning, 0 failures, 3 skipped`
    pub fn summary(&self) -> String {
        let counted = |status: Status| {
            let count = self.count(status);
            let plural = if count != 1 && matches!(status, Status::Warning | Status::Failure) { "s" } else { "" };
            format!("{count} {}{plural}", status.as_str())
        };
        Status::ALL.map(counted).join(", ")
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts: serde_json::Map<_, _> = Status::ALL.iter().map(|status| (status.as_str().to_owned(), json!(self.count(*status)))).collect();
        json!({ "url": self.url, "status": self.status(), "counts": counts, "checks": self.checks }).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;

    fn report(statuses: &[Status]) -> Report {
        let check = |status: &Status| Check { id: "a", title: "A", status: *status, detail: "d".into(), remedy: None };
        Report { url: "https://edge.example.com".into(), checks: statuses.iter().map(check).collect() }
    }

    #[test]
    fn exit_code_is_one_only_for_a_failure() {
        for (statuses, status, code) in [
            (&[][..], Status::Ok, 0),
            (&[Status::Ok, Status::Skipped], Status::Ok, 0),
            (&[Status::Skipped], Status::Ok, 0),
            (&[Status::Ok, Status::Warning], Status::Warning, 0),
            (&[Status::Failure, Status::Warning, Status::Ok], Status::Failure, 1),
        ] {
            let report = report(statuses);
            assert_eq!((report.status(), report.exit_code()), (status, code), "{statuses:?}");
        }
    }

    #[test]
    fn report_is_one_json_document_with_counts_and_every_line() {
        let mut report = report(&[Status::Ok, Status::Warning]);
        report.checks[1] = Verdict::warning("slow", "wait").of("b", "B");
        let expected = json!({
            "url": "https://edge.example.com", "status": "warning", "counts": { "ok": 1, "warning": 1, "failure": 0, "skipped": 0 },
            "checks": [
                { "id": "a", "title": "A", "status": "ok", "detail": "d", "remedy": null },
                { "id": "b", "title": "B", "status": "warning", "detail": "slow", "remedy": "wait" },
            ],
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);
        assert_eq!(report.summary(), "1 ok, 1 warning, 0 failures, 0 skipped");
    }

    #[test]
    fn what_the_account_may_not_do_is_skipped_and_every_other_error_is_a_failure() {
        let refused =
            |status, code: &str| Error::Refused { status, problem: Box::new(Problem { code: code.into(), ..Problem::default() }), retry_after: None };
        for (status, code, expected) in [
            (403, "tier-forbidden", Status::Skipped),
            (507, "storage-exceeded", Status::Skipped),
            (413, "file-too-large", Status::Skipped),
            (503, "acceleration-off", Status::Skipped),
            (403, "feature-off", Status::Skipped),
            (401, "unauthenticated", Status::Failure),
            (403, "", Status::Failure),
            (500, "internal", Status::Failure),
        ] {
            let verdict = Verdict::of_error(&refused(status, code));
            assert_eq!(verdict.status, expected, "{code}");
            assert!(verdict.remedy.is_some_and(|remedy| !remedy.is_empty()));
        }
        assert_eq!(Verdict::of_error(&Error::Stalled).status, Status::Failure);
    }
}
