//! What became of each file of an archive.

use serde::Serialize;
use serde_json::Value;

use crate::files::asset::AssetView;
use crate::problem::Problem;

/// The answer to `POST /api/storage/batch`.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Batch"))]
pub struct Results {
    /// Files that were stored.
    stored: usize,
    /// Files that were not.
    failed: usize,
    /// One for each file that was read, in the order of the archive.
    results: Vec<FileResult>,
    /// Why the archive was not read to its end: what follows in it was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    problem: Option<Value>,
}

/// What became of one file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "BatchFile"))]
pub struct FileResult {
    /// Its number among the files of the archive, from 0.
    index: usize,
    /// Its path in the archive; None if that is not UTF-8.
    path: Option<String>,
    /// 201, or the status of the problem.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<AssetView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    problem: Option<Value>,
}

impl FileResult {
    /// Of the file `index`, at `path`; `request` is the request's id, as in every problem.
    pub fn of(index: usize, path: Option<String>, outcome: Result<AssetView, Problem>, request: &str) -> FileResult {
        match outcome {
            Ok(asset) => FileResult { index, path, status: 201, asset: Some(asset), problem: None },
            Err(problem) => FileResult { index, path, status: problem.kind().status, asset: None, problem: Some(problem.to_json(request)) },
        }
    }
}

impl Results {
    /// Adds a file, in any order.
    pub fn push(&mut self, result: FileResult) {
        if result.asset.is_some() {
            self.stored += 1;
        } else {
            self.failed += 1;
        }
        self.results.push(result);
    }

    /// The answer; `stopped` is why the archive was not read to its end.
    ///
    /// # Errors
    /// `stopped`, if no file was read: nothing is stored then.
    pub fn finish(mut self, stopped: Option<Problem>, request: &str) -> Result<Results, Problem> {
        self.results.sort_unstable_by_key(|result| result.index);
        match stopped {
            Some(problem) if self.results.is_empty() => return Err(problem),
            stopped => self.problem = stopped.map(|problem| problem.to_json(request)),
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::asset::tests::asset;

    fn refused(index: usize) -> FileResult {
        FileResult::of(index, Some("a/b".to_owned()), Err(Problem::ChunkHashMismatch), "r1")
    }

    #[test]
    fn files_are_counted_and_in_the_order_of_the_archive() {
        let mut results = Results::default();
        results.push(refused(2));
        results.push(FileResult::of(0, None, Ok(asset().view("https://h")), "r1"));
        results.push(refused(1));
        let answer = serde_json::to_value(results.finish(None, "r1").unwrap()).unwrap();
        assert_eq!((&answer["stored"], &answer["failed"], answer.get("problem")), (&1.into(), &2.into(), None));
        let seen: Vec<_> = answer["results"].as_array().unwrap().iter().map(|one| (one["index"].as_u64(), one["status"].as_u64())).collect();
        assert_eq!(seen, [(Some(0), Some(201)), (Some(1), Some(422)), (Some(2), Some(422))]);
        assert_eq!(answer["results"][1]["problem"]["code"], "chunk-hash-mismatch");
        assert_eq!((answer["results"][1].get("asset"), &answer["results"][1]["path"]), (None, &"a/b".into()));
    }

    #[test]
    fn archive_that_breaks_off_is_a_refusal_if_no_file_was_read_and_else_told_beside_the_files() {
        let broken = || Some(Problem::LengthRequired);
        assert_eq!(Results::default().finish(broken(), "r1").unwrap_err(), Problem::LengthRequired);
        let mut results = Results::default();
        results.push(refused(0));
        let answer = serde_json::to_value(results.finish(broken(), "r1").unwrap()).unwrap();
        assert_eq!(answer["problem"]["code"], "length-required");
        let empty = serde_json::to_value(Results::default().finish(None, "r1").unwrap()).unwrap();
        assert_eq!(empty, serde_json::json!({ "stored": 0, "failed": 0, "results": [] }));
    }
}
