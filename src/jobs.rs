//! Queue jobs (docs/data-model.md, "Queue jobs"): work at the store that Durable Objects and requests enqueue; the consumer retries each until it succeeds.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::base::account_move::{Move, Step};
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::base::trace_context::TraceContext;

/// Time after which the store has finished a request whose client is gone, s: a write or completion whose response was lost.
pub const LATE_SECONDS: u64 = 3_600;

/// Time after which no request that is under way now changes anything any more, with what it has begun at the store, s: what it may have left behind is then
/// looked for.
pub const REQUEST_SECONDS: u64 = 9_000;

/// Jobs that may have been lost, and the last one that was sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// [`Job::Verify`]: when the object was created, and its place among those of that instant.
    Verify(EpochMs, u64),
    /// [`Job::Wake`]: when the upload was started, and its place among those of that instant.
    Wake(EpochMs, u64),
    /// [`Job::RemoveVideo`]: when the video was deleted, its namespace, its id.
    RemoveVideo(EpochMs, String, String),
    /// [`Job::DeliverWebhook`]: when the delivery was due, and its place among those of that instant.
    DeliverWebhook(EpochMs, u64),
    /// [`Job::DeleteAccount`]: since when the account is being deleted, and its place among those of that instant.
    DeleteAccount(EpochMs, u64),
}

impl Lost {
    /// All kinds, from their beginning.
    pub fn all() -> [Lost; 5] {
        let begin = EpochMs(0);
        [
            Lost::Verify(begin, 0),
            Lost::Wake(begin, 0),
            Lost::RemoveVideo(begin, String::new(), String::new()),
            Lost::DeliverWebhook(begin, 0),
            Lost::DeleteAccount(begin, 0),
        ]
    }
}

/// One job. All are idempotent: Queues deliver at least once (Cloudflare Queues, "Delivery guarantees").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Propagate to an account's open uploads that it was suspended or resumed.
    #[serde(rename = "tell_uploads")]
    PropagateSuspension {
        /// The account.
        account: Id,
        /// The last session that was notified.
        cursor: String,
    },
    /// End the uploads of an account that was taken out of a namespace.
    EndMembership {
        /// The account.
        account: Id,
        /// The namespace.
        namespace: Name,
        /// When it was taken out: later uploads are those of a member that came back.
        until: EpochMs,
        /// The last session that was ended.
        cursor: String,
    },
    /// Verify the hash of an object's bytes.
    Verify {
        /// The object.
        object: Id,
        /// The shard that has it.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
    },
    /// Abort multipart uploads at the store that no session owns.
    Sweep {
        /// Where to continue in the store's listing: key and upload id.
        marker: Option<(String, String)>,
    },
    /// Nothing: the health check sends it to find out whether the queue takes jobs.
    Nothing,
    /// Find out whether the store verifies payload hashes.
    Probe,
    /// Delete unreferenced objects.
    Collect,
    /// Delete those that were claimed for deletion, after this one.
    CollectAfter {
        /// The last object that was tried.
        object: Id,
        /// The shard of those.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
    },
    /// Send again the jobs of a kind that may have been lost, page by page: one that fails every day keeps none of the others waiting.
    Repeat {
        /// Which, and where to continue.
        lost: Lost,
        /// The shard whose jobs they are.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
    },
    /// Check an upload that has been open for long: if its record is lost it is restored, so that it expires.
    Wake {
        /// The session.
        session: Id,
        /// Its account.
        account: Id,
    },
    /// Delete the object of a file that was never recorded, if it exists.
    Orphan {
        /// The account that uploaded it.
        account: Id,
        /// The object.
        object: Id,
    },
    /// Reconcile the database with the store after a video file was written with an unknown outcome.
    #[serde(rename = "amend_video")]
    ReconcileVideo {
        /// The account that wrote it.
        account: Id,
        /// The version that was written.
        version: Id,
        /// Where it was written: [`crate::video::place::Place`] as text.
        place: String,
    },
    /// Delete the bytes of a deleted video.
    RemoveVideo {
        /// Namespace.
        namespace: Name,
        /// Video.
        video: Name,
    },
    /// Send an event to an endpoint, if it is due and no other job has it.
    DeliverWebhook {
        /// Namespace of both.
        namespace: Name,
        /// The delivery.
        delivery: Id,
    },
    /// Delete an account's files with a prefix.
    DeletePrefix {
        /// The account.
        account: Id,
        /// The namespace.
        namespace: Name,
        /// What their paths begin with.
        prefix: String,
        /// Files that were created later stay.
        until: EpochMs,
        /// `https://host`, for the addresses in events.
        base: String,
        /// The path of the last file that was deleted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        after: String,
    },
    /// Delete rows that are past their time: closed uploads, first answers, challenges.
    Prune {
        /// The account whose closed uploads are cut to the newest; None deletes what has expired of all accounts.
        #[serde(default)]
        account: Option<Id>,
    },
    /// Decide the alerts of a shard's namespaces.
    Alerts {
        /// The hour whose figures are decided by.
        hour: EpochMs,
        /// The shard.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
        /// The last namespace that was decided.
        after: String,
    },
    /// Decide the alerts of an account's storage, which has crossed a level.
    QuotaAlerts {
        /// The account.
        account: Id,
    },
    /// Move an account to another shard.
    Move {
        /// Which, and where to.
        moved: Move,
        /// How far it is.
        step: Step,
    },
    /// Remove what an account has that is being deleted, and in the end the account.
    DeleteAccount {
        /// The account.
        account: Id,
        /// Its user.
        user: Name,
        /// The shard that had it when the job was sent.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
        /// The last of its video files that was marked as deleted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        after: String,
    },
    /// Make the months of a shard's accounts final that are over.
    CloseMonths {
        /// The shard.
        #[serde(default, skip_serializing_if = "Shard::is_main")]
        shard: Shard,
        /// End and account of the last one that was tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<(EpochMs, Id)>,
    },
    /// Release what a session that ended without a file holds at the store.
    EndUpload {
        /// The session.
        session: Id,
    },
}

/// The field of a message that names its trace.
const TRACEPARENT: &str = "traceparent";

/// The message of a job: its JSON, with the trace among its fields, or as the only field of a job without any. A version that knows no traces skips the field and
/// cannot read the latter; all jobs without fields are sent again by the next daily run, deletion or health check.
///
/// # Errors
/// Of the serializer.
pub fn message(job: &Job, trace: Option<TraceContext>) -> serde_json::Result<String> {
    let mut message = serde_json::to_value(job)?;
    if let Some(trace) = trace {
        if let Value::String(kind) = message {
            message = json!({ kind: {} });
        }
        if let Some(fields) = message.as_object_mut().and_then(|kinds| kinds.values_mut().next()).and_then(Value::as_object_mut) {
            fields.insert(TRACEPARENT.to_owned(), trace.to_text().into());
        }
    }
    serde_json::to_string(&message)
}

/// The job of a message, with a trace or without.
///
/// # Errors
/// For a text that is no job.
pub fn read(message: &str) -> Result<Job, json::Error> {
    let without_fields = || {
        let kinds: Map<String, Value> = json::read(message).ok()?;
        let mut kinds = kinds.into_iter();
        let (kind, fields) = kinds.next()?;
        let has_none = kinds.next().is_none() && fields.as_object()?.keys().all(|field| field == TRACEPARENT);
        // As a text: another deserializer of all jobs would be several KB.
        has_none.then(|| json::read(&json::write(&kind).ok()?).ok()).flatten()
    };
    json::read(message).or_else(|error| without_fields().ok_or(error))
}

/// The trace of a message, if it names one.
pub fn trace_of(message: &str) -> Option<TraceContext> {
    let kinds: Map<String, Value> = serde_json::from_str(message).ok()?;
    TraceContext::parse(kinds.values().next()?.get(TRACEPARENT)?.as_str()?)
}

impl Job {
    /// Its kind, as messages name it.
    pub fn kind(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::Object(kinds)) => kinds.into_iter().map(|(kind, _)| kind).next().unwrap_or_default(),
            Ok(Value::String(kind)) => kind,
            _ => String::new(),
        }
    }

    /// Its kind and the ids that it names, for logs: without names that customers gave.
    pub fn described(&self) -> Value {
        const IDS: [&str; 6] = ["account", "delivery", "namespace", "object", "session", "version"];
        match serde_json::to_value(self) {
            Ok(Value::Object(kinds)) => kinds
                .into_iter()
                .map(|(kind, fields)| {
                    let ids = |fields: Map<String, Value>| fields.into_iter().filter(|(name, _)| IDS.contains(&name.as_str())).collect::<Map<_, _>>();
                    // The ids of a move are those of the account that is moved.
                    let fields = fields.get("moved").unwrap_or(&fields);
                    (kind, fields.as_object().cloned().map_or(Value::Null, |fields| Value::Object(ids(fields))))
                })
                .collect(),
            other => other.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs outlive deployments, so this text must stay readable.
    #[test]
    fn described_job_has_its_ids_and_no_name_of_a_customer() {
        let (account, version) = (Id::from_random([1; 16]), Id::from_random([2; 16]));
        let job = Job::ReconcileVideo { account, version, place: "ns/film/holiday.mp4".to_owned() };
        assert_eq!(job.described(), serde_json::json!({ "amend_video": { "account": account, "version": version } }));
        assert_eq!(Job::Probe.described(), serde_json::json!("probe"));
        let sweep = Job::Sweep { marker: Some(("users/u/x".to_owned(), "id".to_owned())) };
        assert_eq!(sweep.described(), serde_json::json!({ "sweep": {} }));
    }

    #[test]
    fn message_has_its_trace_among_the_jobs_fields_and_those_without_one_are_read_alike() {
        let trace = TraceContext::begin([1; 16], [2; 8]);
        let job = Job::EndUpload { session: Id::from_random([1; 16]) };
        let text = message(&job, Some(trace)).unwrap();
        let wanted = r#"{"end_upload":{"session":"01010101-0101-4101-8101-010101010101","traceparent":"00-01010101010101010101010101010101-0303030303030303-02"}}"#;
        assert_eq!(text, wanted.replace("0303030303030303", "0302020202020202"));
        assert_eq!((read(&text).unwrap(), trace_of(&text)), (job.clone(), Some(trace)));
        assert_eq!((job.kind().as_str(), Job::Probe.kind().as_str()), ("end_upload", "probe"));
        let old = serde_json::to_string(&job).unwrap();
        assert_eq!((message(&job, None).unwrap(), trace_of(&old)), (old, None));
        let prune = Job::Prune { account: None };
        let text = message(&prune, Some(trace)).unwrap();
        assert_eq!((read(&text), trace_of(&text)), (Ok(prune), Some(trace)));
        for bad in ["", "[]", "7", r#"{"verify":7}"#, r#"{"verify":{"traceparent":7}}"#, r#"{"verify":{"traceparent":"00-x"}}"#] {
            assert_eq!(trace_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn job_without_fields_has_its_trace_as_its_only_one_and_is_read_in_both_forms() {
        let trace = TraceContext::begin([1; 16], [2; 8]);
        for (job, kind) in [(Job::Nothing, "nothing"), (Job::Probe, "probe"), (Job::Collect, "collect")] {
            let text = message(&job, Some(trace)).unwrap();
            let wanted = format!(r#"{{"{kind}":{{"traceparent":"00-01010101010101010101010101010101-0302020202020202-02"}}}}"#);
            assert_eq!((text.as_str(), trace_of(&text)), (wanted.as_str(), Some(trace)));
            let old = format!("\"{kind}\"");
            assert_eq!((message(&job, None).unwrap(), trace_of(&old)), (old.clone(), None));
            for text in [text, old, format!(r#"{{"{kind}":{{}}}}"#), format!(r#"{{"{kind}":null}}"#)] {
                assert_eq!(read(&text), Ok(job.clone()), "{text}");
            }
        }
        for bad in [r#"{"probe":{"account":7}}"#, r#"{"probe":{},"collect":{}}"#, r#"{"verify":{}}"#, r#"{"no_job":{}}"#, "[]", "7", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn move_has_pinned_json() {
        let [id, account] = [1, 2].map(|n| Id::from_random([n; 16]));
        let moved = Move { id, account, namespace: Name::parse("jt_user_u").unwrap(), from: Shard::MAIN, to: Shard::new(1).unwrap() };
        for (step, text) in [
            (Step::Clean(3), r#"{"clean":3}"#),
            (Step::Copy(3, vec!["a".into(), 5.into()]), r#"{"copy":[3,["a",5]]}"#),
            (Step::Switch, r#""switch""#),
            (Step::Open, r#""open""#),
            (Step::Remove(0), r#"{"remove":0}"#),
        ] {
            let job = Job::Move { moved: moved.clone(), step };
            let text =
                format!(r#"{{"move":{{"moved":{{"id":"{id}","account":"{account}","namespace":"jt_user_u","from":0,"to":1}},"step":{text}}}}}"#);
            assert_eq!(serde_json::to_string(&job).unwrap(), text);
            assert_eq!(read(&text).unwrap(), job);
            assert_eq!(job.described(), serde_json::json!({ "move": { "account": account, "namespace": "jt_user_u" } }));
        }
    }

    #[test]
    fn jobs_have_pinned_json() {
        let job = Job::EndUpload { session: Id::from_random([1; 16]) };
        let text = r#"{"end_upload":{"session":"01010101-0101-4101-8101-010101010101"}}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), text);
        assert_eq!(read(text).unwrap(), job);
        for (job, text) in [
            (Job::Nothing, r#""nothing""#),
            (Job::Collect, r#""collect""#),
            (Job::Verify { object: Id::from_random([1; 16]), shard: Shard::MAIN }, r#"{"verify":{"object":"01010101-0101-4101-8101-010101010101"}}"#),
            (
                Job::Verify { object: Id::from_random([1; 16]), shard: Shard::new(2).unwrap() },
                r#"{"verify":{"object":"01010101-0101-4101-8101-010101010101","shard":2}}"#,
            ),
            (
                Job::CollectAfter { object: Id::from_random([1; 16]), shard: Shard::MAIN },
                r#"{"collect_after":{"object":"01010101-0101-4101-8101-010101010101"}}"#,
            ),
            (Job::Repeat { lost: Lost::Verify(EpochMs(5), 7), shard: Shard::MAIN }, r#"{"repeat":{"lost":{"verify":[5,7]}}}"#),
            (Job::Repeat { lost: Lost::Wake(EpochMs(5), 7), shard: Shard::MAIN }, r#"{"repeat":{"lost":{"wake":[5,7]}}}"#),
            (
                Job::Repeat { lost: Lost::RemoveVideo(EpochMs(5), "n".into(), "v".into()), shard: Shard::MAIN },
                r#"{"repeat":{"lost":{"remove_video":[5,"n","v"]}}}"#,
            ),
            (Job::Repeat { lost: Lost::DeliverWebhook(EpochMs(5), 7), shard: Shard::MAIN }, r#"{"repeat":{"lost":{"deliver_webhook":[5,7]}}}"#),
            (Job::Alerts { hour: EpochMs(7), shard: Shard::MAIN, after: "n".into() }, r#"{"alerts":{"hour":7,"after":"n"}}"#),
            (Job::QuotaAlerts { account: Id::from_random([1; 16]) }, r#"{"quota_alerts":{"account":"01010101-0101-4101-8101-010101010101"}}"#),
            (
                Job::DeliverWebhook { namespace: Name::parse("n").unwrap(), delivery: Id::from_random([1; 16]) },
                r#"{"deliver_webhook":{"namespace":"n","delivery":"01010101-0101-4101-8101-010101010101"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&job).unwrap(), text);
            assert_eq!(read(text).unwrap(), job);
        }
        let (account, user) = (Id::from_random([1; 16]), Name::parse("ada").unwrap());
        let (id, second) = (account.to_string(), Shard::new(2).unwrap());
        for (job, text) in [
            (
                Job::DeleteAccount { account, user: user.clone(), shard: Shard::MAIN, after: String::new() },
                format!(r#"{{"delete_account":{{"account":"{id}","user":"ada"}}}}"#),
            ),
            (
                Job::DeleteAccount { account, user, shard: second, after: "v".into() },
                format!(r#"{{"delete_account":{{"account":"{id}","user":"ada","shard":2,"after":"v"}}}}"#),
            ),
            (Job::CloseMonths { shard: Shard::MAIN, after: None }, r#"{"close_months":{}}"#.to_owned()),
            (
                Job::CloseMonths { shard: second, after: Some((EpochMs(5), account)) },
                format!(r#"{{"close_months":{{"shard":2,"after":[5,"{id}"]}}}}"#),
            ),
            (
                Job::Repeat { lost: Lost::DeleteAccount(EpochMs(5), 7), shard: Shard::MAIN },
                r#"{"repeat":{"lost":{"delete_account":[5,7]}}}"#.to_owned(),
            ),
        ] {
            assert_eq!(serde_json::to_string(&job).unwrap(), text);
            assert_eq!(read(&text).unwrap(), job);
        }
        let (account, namespace) = (Id::from_random([1; 16]), Name::parse("jt_customer_x").unwrap());
        let job = Job::EndMembership { account, namespace, until: EpochMs(7), cursor: String::new() };
        let text = r#"{"end_membership":{"account":"01010101-0101-4101-8101-010101010101","namespace":"jt_customer_x","until":7,"cursor":""}}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), text);
        assert_eq!(read(text).unwrap(), job);
    }
}
