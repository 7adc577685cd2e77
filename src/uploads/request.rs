//! Request bodies of `track-upload`, and their validation.

use serde::Deserialize;

use crate::base::id::Name;
use crate::base::json::{null_as_default, objects, optional_list};
use crate::base::sha256::Sha256Hex;
use crate::base::unicode::Compose;
use crate::chunking::{MAX_PARTS, PlanLimits, Strategy, appended_chunk, plan, smallest_chunk};
use crate::dedup::lookup::Wanted;
use crate::edges::request::{MAX_SAMPLES, Priority, Sample};
use crate::files::paths::placement;
use crate::files::paths::placement::{FIELDS, Placement};
use crate::http::json_body::JsonText;
use crate::http::validate::{check_chunk_hashes, check_content_type, check_file_name, check_file_size, check_hash, check_namespace};
use crate::problem::Problem;
use crate::uploads::concat::final_chunk;
use crate::uploads::session::appending::Appending;

/// Maximum chunk hashes: as many as an upload has parts.
const MAX_HASHES: usize = 10_000;

/// Maximum commas in a body: several times those of 10,000 hashes or 1,000 samples.
const MAX_COMMAS: usize = 65_536;

/// Body of `POST /api/jetty/track-upload`.
#[derive(Debug)]
pub enum Track {
    /// Starts an upload.
    Start(Box<Start>),
    /// Reads the upload's progress.
    Progress(Progress),
    /// Completes the upload.
    Complete(Complete),
    /// Aborts the upload.
    Fail(OfSession),
}

impl Track {
    /// Reads the body by its `action`. Twice, since an enum tagged by serde would not tell which field is wrong.
    ///
    /// # Errors
    /// 400 and 422 as [`JsonText`]; 422 for another `action`, and for a body of far more values than it can have.
    pub fn parse(body: &[u8]) -> Result<Track, Problem> {
        #[derive(Deserialize)]
        struct Tag {
            action: String,
        }
        // Lists that are too long are refused before two megabytes of them are parsed.
        if body.iter().filter(|byte| **byte == b',').count() > MAX_COMMAS {
            return Err(Problem::invalid("body", "must have at most 65,536 values"));
        }
        let text = JsonText::check(body)?;
        match text.read::<Tag>()?.action.as_str() {
            "start" => text.read().map(|start| Track::Start(Box::new(start))),
            "progress" => text.read().map(Track::Progress),
            "complete" => text.read().map(Track::Complete),
            "fail" => text.read().map(Track::Fail),
            _ => Err(Problem::invalid("action", "must be start, progress, complete or fail")),
        }
    }
}

/// Body of `start`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StartUpload"))]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// File name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub file_name: String,
    /// File size, bytes, ≥ 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 9_007_199_254_740_991_u64)))]
    pub file_size: u64,
    /// SHA-256 of the file, claimed by the client.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    pub file_hash: Option<String>,
    /// SHA-256 of every chunk, in order.
    #[serde(default, deserialize_with = "optional_list::<MAX_HASHES, _, _>")]
    #[cfg_attr(feature = "schema", schemars(length(max = 10_000)))]
    pub chunk_hashes: Option<Vec<String>>,
    /// The chunk size that the client wants, bytes; at least [`smallest_chunk`].
    #[serde(default)]
    pub chunk_size: Option<u64>,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Namespace; default: the account's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    pub namespace: Option<String>,
    /// Priority for edge ranking.
    #[serde(default, deserialize_with = "null_as_default")]
    pub priority: Priority,
    /// The file's path.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub path: Option<String>,
    /// What happens if another file has the path: `fail`, `replace` or `keep-both`.
    #[serde(default)]
    pub if_exists: Option<String>,
    /// When the file was changed last where it comes from, RFC 3339; kept for a file with a path.
    #[serde(default)]
    pub modified_at: Option<String>,
    /// Answer to a proof-of-possession challenge.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    pub proof: Option<String>,
}

/// A body with only a session id.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FailUpload"))]
#[serde(rename_all = "camelCase")]
pub struct OfSession {
    /// Session id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub session_id: String,
}

/// Body of `progress`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ReadProgress"))]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Session id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub session_id: String,
    /// The client's measurements of edges.
    #[serde(default, deserialize_with = "objects::<MAX_SAMPLES, _, _>")]
    pub samples: Vec<Sample>,
}

/// Body of `complete`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CompleteUpload"))]
#[serde(rename_all = "camelCase")]
pub struct Complete {
    /// Session id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub session_id: String,
    /// SHA-256 of the file, claimed by the client.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    pub file_hash: Option<String>,
    /// SHA-256 of every chunk of the client's file. If present, all recorded parts must have these hashes.
    #[serde(default, deserialize_with = "optional_list::<MAX_HASHES, _, _>")]
    #[cfg_attr(feature = "schema", schemars(length(max = 10_000)))]
    pub chunk_hashes: Option<Vec<String>>,
    /// What happens if another file has got the upload's path meanwhile, in place of what `start` said.
    #[serde(default)]
    pub if_exists: Option<String>,
}

/// Validated parameters of `start`.
#[derive(Debug, PartialEq, Eq)]
pub struct StartParams {
    /// File name.
    pub file_name: String,
    /// File size, bytes.
    pub file_size: u64,
    /// Claimed SHA-256 of the file.
    pub file_hash: Option<Sha256Hex>,
    /// Claimed SHA-256 of every chunk.
    pub chunk_hashes: Option<Vec<Sha256Hex>>,
    /// The chunk size that the client wants, bytes; at least [`smallest_chunk`].
    pub chunk_size: Option<u64>,
    /// Media type; guessed from the file name if absent.
    pub content_type: String,
    /// Namespace; `None`: the account's own.
    pub namespace: Option<Name>,
    /// The place that the file is to have.
    pub placement: Option<Placement>,
    /// Answer to a challenge about `file_hash`.
    pub proof: Option<Sha256Hex>,
    /// Priority for edge ranking.
    pub priority: Priority,
    /// What an upload by offset begins with: it is cut in parts that are held in memory ([`appended_chunk`]).
    pub resumable: Option<Appending>,
}

impl Start {
    /// Validates every field. The chunk plan is checked later by [`StartParams::plan`], because it depends on the namespace.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with the name of the invalid field, [`Problem::ChunkTooSmall`].
    pub fn check(self, compose: Compose) -> Result<StartParams, Problem> {
        check_file_size(self.file_size)?;
        let chunk_hashes = match self.chunk_hashes {
            Some(_) if self.chunk_size.is_none() => {
                return Err(Problem::invalid("chunkSize", "is required with chunkHashes"));
            }
            given => check_chunk_hashes(given.as_deref())?,
        };
        let least = smallest_chunk(self.file_size);
        if self.chunk_size.is_some_and(|wanted| wanted < least) {
            return Err(Problem::ChunkTooSmall { least, most_parts: MAX_PARTS });
        }
        let file_name = check_file_name("fileName", &self.file_name)?;
        Ok(StartParams {
            content_type: check_content_type(self.content_type.as_deref(), &file_name)?,
            file_name,
            file_size: self.file_size,
            file_hash: check_hash("fileHash", self.file_hash.as_deref())?,
            chunk_hashes,
            chunk_size: self.chunk_size,
            namespace: check_namespace("namespace", self.namespace.as_deref())?,
            placement: placement::check(FIELDS, self.path.as_deref(), self.if_exists.as_deref(), self.modified_at.as_deref(), compose)?,
            proof: check_hash("proof", self.proof.as_deref())?,
            priority: self.priority,
            resumable: None,
        })
    }
}

impl StartParams {
    /// Which of the account's files with the same bytes is the one that is asked for.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted { name: &self.file_name, path: self.placement.as_ref().map(|placement| &placement.path) }
    }

    /// The chunk plan, with the client's chunk size if that is smaller than the plan's (docs/uploads.md, The chunk plan).
    ///
    /// # Errors
    /// [`Problem::FileTooLarge`], [`Problem::PlanMismatch`] if the client's chunk size is larger than the plan's, or [`Problem::Invalid`] if the number of
    /// chunk hashes differs from the plan.
    pub fn plan(&self, namespace_chunk: Option<u64>, limits: &PlanLimits) -> Result<Strategy, Problem> {
        let planned = plan(self.file_size, namespace_chunk, limits)?;
        let strategy = match self.chunk_size {
            Some(wanted) if wanted > planned.chunk_size => {
                return Err(Problem::PlanMismatch { strategy: serde_json::to_value(planned).unwrap_or_default() });
            }
            Some(wanted) => planned.with_chunk(self.file_size, wanted),
            None if self.resumable.as_ref().is_some_and(Appending::is_final) => planned.with_chunk(self.file_size, final_chunk(self.file_size)),
            None if self.resumable.is_some() => planned.with_chunk(self.file_size, appended_chunk(self.file_size).min(planned.chunk_size)),
            None => planned,
        };
        let count = usize::try_from(strategy.chunk_count).unwrap_or(usize::MAX);
        match &self.chunk_hashes {
            Some(hashes) if hashes.len() != count => Err(Problem::invalid("chunkHashes", "must have one hash for each chunk of the plan")),
            _ => Ok(strategy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unicode::compose;
    use crate::base::units::MB;

    const LIMITS: PlanLimits = PlanLimits { max_part_bytes: 100 * MB, smallest_chunk: 10 * MB, max_threads: 32 };

    fn start(json: &str) -> Result<StartParams, Problem> {
        crate::http::json_body::parse::<Start>(json.as_bytes())?.check(compose)
    }

    fn field(result: Result<StartParams, Problem>) -> String {
        match result {
            Err(Problem::Invalid { field, .. }) => field.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn action_selects_the_body() {
        let parse = |body: &str| Track::parse(body.as_bytes());
        assert!(matches!(parse(r#"{"action":"start","fileName":"a","fileSize":1}"#), Ok(Track::Start(_))));
        assert!(matches!(parse(r#"{"action":"stop"}"#), Err(Problem::Invalid { field, .. }) if field == "action"));
        let commas = |count: usize| parse(&format!(r#"{{"action":"start","fileName":"a","fileSize":1,"x":[0{}]}}"#, ",0".repeat(count - 3)));
        assert!(commas(MAX_COMMAS).is_ok());
        assert!(matches!(commas(MAX_COMMAS + 1), Err(Problem::Invalid { field, .. }) if field == "body"));
    }

    #[test]
    fn start_with_all_and_unknown_fields_is_accepted() {
        let wanted = start(r#"{"fileName":"a.mp4","fileSize":25000000,"fileHash":null,"priority":"speed","new":1}"#).unwrap();
        assert_eq!((wanted.content_type.as_str(), wanted.file_hash.is_none()), ("video/mp4", true));
        assert_eq!(wanted.plan(None, &LIMITS).unwrap().chunk_count, 3);
    }

    #[test]
    fn invalid_value_gives_the_name_of_its_field() {
        assert_eq!(field(start(r#"{"fileName":"","fileSize":1}"#)), "fileName");
        assert_eq!(field(start(r#"{"fileName":"a\u0000b","fileSize":1}"#)), "fileName");
        assert_eq!(field(start(&format!(r#"{{"fileName":"{}","fileSize":1}}"#, "x".repeat(1025)))), "fileName");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":0}"#)), "fileSize");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":9007199254740992}"#)), "fileSize");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":1,"fileHash":"x"}"#)), "fileHash");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":1,"contentType":"x\ny/z"}"#)), "contentType");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":1,"namespace":"../x"}"#)), "namespace");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":1,"chunkHashes":[]}"#)), "chunkSize");
        assert_eq!(field(start(r#"{"fileName":"a","fileSize":1,"chunkSize":5242880,"chunkHashes":["z"]}"#)), "chunkHashes");
        assert!(matches!(start(r#"{"fileName":"a","fileSize":"1"}"#), Err(Problem::Invalid { .. })));
        assert!(matches!(start(r#"{"fileName":"a","fileSize":1"#), Err(Problem::Malformed { .. })));
    }

    #[test]
    fn chunk_size_up_to_the_plans_is_taken_and_a_larger_one_gets_the_strategy() {
        let planned = |file_size: u64, chunk_size: u64, namespace: Option<u64>| {
            let wanted = start(&format!(r#"{{"fileName":"a","fileSize":{file_size},"chunkSize":{chunk_size}}}"#)).unwrap();
            wanted.plan(namespace, &LIMITS).map(|strategy| (strategy.chunk_size, strategy.chunk_count, strategy.threads)).map_err(|problem| {
                match problem {
                    Problem::PlanMismatch { strategy } => strategy.to_string(),
                    other => other.to_string(),
                }
            })
        };
        assert_eq!(planned(25_000_000, 5_242_880, None), Ok((5_242_880, 5, 16)));
        assert_eq!(planned(25_000_000, 10_000_000, None), Ok((10_000_000, 3, 16)));
        assert_eq!(planned(25_000_000, 10_000_001, None), Err(r#"{"chunkCount":3,"chunkSize":10000000,"threads":16}"#.to_owned()));
        assert_eq!(planned(25_000_000, 10_000_000, Some(6_000_000)), Err(r#"{"chunkCount":5,"chunkSize":6000000,"threads":16}"#.to_owned()));
        assert_eq!(planned(25_000_000, 12_000_000, Some(20_000_000)), Ok((12_000_000, 3, 16)), "the namespace's chunk is the largest");
        assert_eq!(planned(52_428_800_000, 5_242_880, None), Ok((5_242_880, 10_000, 32)));
        assert_eq!(planned(1, 5_242_880, None), Ok((5_242_880, 1, 16)));
    }

    #[test]
    fn chunk_size_under_5_mib_or_for_more_than_10_000_parts_is_refused_with_the_bounds() {
        let bounds = |file_size: u64, chunk_size: u64| {
            let problem = start(&format!(r#"{{"fileName":"a","fileSize":{file_size},"chunkSize":{chunk_size}}}"#)).unwrap_err();
            let body = problem.to_json("r");
            ["status", "code", "field", "minimum", "maxParts"].map(|name| body.get(name).unwrap().to_string()).join(" ")
        };
        let least_is = |least: u64| format!(r#"422 "invalid-value" "chunkSize" {least} 10000"#);
        assert_eq!(bounds(25_000_000, 5_242_879), least_is(5_242_880));
        assert_eq!(bounds(25_000_000, 0), least_is(5_242_880));
        assert_eq!(bounds(1, 1), least_is(5_242_880));
        assert_eq!(bounds(52_428_800_001, 5_242_880), least_is(5_242_881));
        assert_eq!(bounds(100_000_000_000, 9_999_999), least_is(10_000_000));
    }

    #[test]
    fn number_of_chunk_hashes_other_than_the_plans_is_refused() {
        let hash = "0".repeat(64);
        let wanted = start(&format!(r#"{{"fileName":"a","fileSize":25000000,"chunkSize":10000000,"chunkHashes":["{hash}"]}}"#)).unwrap();
        assert!(matches!(wanted.plan(None, &LIMITS), Err(Problem::Invalid { ref field, .. }) if field == "chunkHashes"));
    }
}
