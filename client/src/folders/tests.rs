//! Folders against a stand-in for the server.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::*;
use crate::download::DownloadOptions;
use crate::progress::no_progress;
use crate::stand_in::{StandIn, asset_json, json_answer};
use crate::{Error, IfExists};

fn at(path: &str, size: u64, modified: &str) -> Value {
    let mut asset = asset_json(path, size, "pending");
    (asset["path"], asset["modifiedAt"]) = (path.into(), modified.into());
    asset
}

/// Writes a file that was last changed so many milliseconds after 1970.
fn write(path: &Path, text: &str, modified_ms: u64) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_millis(modified_ms)).unwrap();
}

fn to(prefix: &str, if_exists: Option<IfExists>) -> FolderOptions {
    FolderOptions { to: prefix.to_owned(), if_exists, ..FolderOptions::default() }
}

#[tokio::test]
async fn only_files_that_are_not_there_are_sent_with_whole_paths_and_times() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("same"), "12", 1_577_934_245_006);
    write(&folder.path().join("sub/e\u{301} %.txt"), "123", 1_577_934_245_007);
    write(&folder.path().join("grown"), "12", 1_577_934_245_006);
    let server = StandIn::start(|head, body| async move {
        let body = body.collect().await.unwrap().to_bytes();
        if head.method == "GET" {
            assert_eq!(head.uri.query().unwrap(), "prefix=up%2F&limit=500");
            let files = json!([at("up/same", 2, "2020-01-02T03:04:05.006Z"), at("up/grown", 1, "2020-01-02T03:04:05.006Z")]);
            return json_answer(200, &json!({ "files": files, "prefixes": [], "cursor": null }));
        }
        assert_eq!(
            (head.uri.path(), &head.headers["x-path-prefix"], &head.headers["x-if-exists"]),
            ("/api/storage/batch", &"".parse().unwrap(), &"replace".parse().unwrap())
        );
        let mut archive = tar::Archive::new(&body[..]);
        let sent: Vec<(String, String)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let time = entry.pax_extensions().unwrap().unwrap().map(Result::unwrap).find(|record| record.key() == Ok("mtime")).unwrap();
                (time.value().unwrap().to_owned(), String::from_utf8(entry.path_bytes().into_owned()).unwrap())
            })
            .collect();
        let pair = |time: &str, path: &str| (time.to_owned(), path.to_owned());
        assert_eq!(sent, [pair("1577934245.006", "up/grown"), pair("1577934245.007", "up/sub/\u{e9} %.txt")]);
        let result = |index: u32| json!({ "index": index, "path": "", "status": 201, "asset": asset_json("a", 2, "pending") });
        json_answer(200, &json!({ "stored": 2, "failed": 0, "results": [result(0), result(1)] }))
    })
    .await;
    let done = upload_folders(&server.edge(), &[folder.path().to_owned()], &to("up", None), no_progress()).await.unwrap();
    assert_eq!((done.unchanged, done.bytes, done.files.len()), (1, 5, 2));
    assert!(done.files.iter().all(|file| file.result.is_ok()), "{:?}", done.files);
}

#[tokio::test]
async fn single_file_gets_the_path_itself_and_what_is_there_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.txt"), "12", 1_000);
    let listed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&listed);
    let server = StandIn::start(move |head, body| {
        let seen = Arc::clone(&seen);
        async move {
            let _ = body.collect().await;
            if head.method == "GET" {
                seen.lock().unwrap().push(head.uri.query().unwrap().to_owned());
                return json_answer(200, &json!({ "files": [at("x/b.txt", 9, "1970-01-01T00:00:01Z"), at("x/a.txt", 2, "1970-01-01T00:00:01Z")] }));
            }
            assert_eq!(head.headers["x-if-exists"], "keep-both");
            json_answer(200, &json!({ "results": [{ "index": 0, "status": 201, "asset": asset_json("a", 2, "pending") }] }))
        }
    })
    .await;
    let paths = [folder.path().join("a.txt")];
    let does = async |prefix: &str, if_exists| upload_folders(&server.edge(), &paths, &to(prefix, if_exists), no_progress()).await.unwrap();
    let refused = does("x/b.txt", None).await;
    assert!(matches!(refused.files[0].result.as_ref().map_err(|error| &**error), Err(Error::Clash(_))), "{refused:?}");
    assert!(does("x/b.txt", Some(IfExists::KeepBoth)).await.files[0].result.is_ok());
    assert_eq!(does("x/", None).await.unchanged, 1);
    assert_eq!(*listed.lock().unwrap(), ["prefix=x%2Fb.txt&limit=500", "prefix=x%2Fb.txt&limit=500", "prefix=x%2F&limit=500"]);
    let wrong = upload_folders(&server.edge(), &paths, &to("a//b/", None), no_progress()).await;
    assert!(matches!(&wrong, Err(Error::Usage(text)) if text.starts_with("--to: 'a//b")), "{wrong:?}");
}

/// A server that lists these paths, each with a file of three bytes.
async fn of_paths(paths: &'static [&'static str], asked: Arc<AtomicUsize>) -> StandIn {
    StandIn::start(move |head, _| {
        let asked = Arc::clone(&asked);
        async move {
            if head.uri.path() == "/api/storage/files" {
                let files: Vec<Value> = paths.iter().map(|path| at(path, 3, "2020-01-02T03:04:05.006Z")).collect();
                return json_answer(200, &json!({ "files": files, "cursor": null }));
            }
            asked.fetch_add(1, Ordering::SeqCst);
            assert!(head.uri.path().starts_with("/files/") && head.headers.contains_key("authorization"));
            let answer = hyper::Response::builder().status(206).header("Content-Range", "bytes 0-2/3").header("ETag", "\"e\"");
            answer.body(Full::from(Bytes::from_static(b"abc"))).unwrap()
        }
    })
    .await
}

#[tokio::test]
async fn listing_of_a_hostile_server_writes_nothing_outside_of_the_folder() {
    let asked = Arc::new(AtomicUsize::new(0));
    let paths = &["d/../../evil", "/etc/evil", "d//evil", "evil", "d/link/evil", "d/..\\evil", "d/CON", "d/ok/fine.txt"];
    let server = of_paths(paths, Arc::clone(&asked)).await;
    let (outer, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = outer.path().join("in/here");
    std::fs::create_dir_all(&folder).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(elsewhere.path(), folder.join("link")).unwrap();
    let done = download_folder(&server.edge(), "d/", &folder, &DownloadOptions::default(), None, no_progress()).await.unwrap();
    let received: Vec<_> = done.files.iter().filter_map(|file| file.result.as_ref().ok()).collect();
    assert_eq!(received, [&folder.join("evil"), &folder.join("_CON"), &folder.join("ok/fine.txt")]);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing went through the link");
    assert_eq!(std::fs::read_dir(outer.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(outer.path().join("in")).unwrap().count(), 1);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn file_of_the_same_size_and_time_is_not_received_again_and_another_is_replaced_by_force_only() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = of_paths(&["d/a", "d/b"], Arc::clone(&asked)).await;
    let folder = tempfile::tempdir().unwrap();
    let does = async |force| {
        let options = DownloadOptions { force, ..DownloadOptions::default() };
        download_folder(&server.edge(), "d/", folder.path(), &options, None, no_progress()).await.unwrap()
    };
    assert_eq!(does(false).await.bytes, 6);
    let modified = std::fs::metadata(folder.path().join("a")).unwrap().modified().unwrap();
    assert_eq!(modified, UNIX_EPOCH + Duration::from_millis(1_577_934_245_006));
    assert_eq!((does(false).await.unchanged, asked.load(Ordering::SeqCst)), (2, 2));
    write(&folder.path().join("b"), "mine", 5);
    let kept = does(false).await;
    assert!(matches!(&kept.files[..], [Received { result: Err(Error::Clash(_)), .. }]), "{kept:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("b")).unwrap(), "mine");
    assert_eq!((does(true).await.bytes, std::fs::read_to_string(folder.path().join("b")).unwrap().as_str()), (3, "abc"));
    let empty = of_paths(&[], asked).await;
    let absent = download_folder(&empty.edge(), "d/", folder.path(), &DownloadOptions::default(), None, no_progress()).await;
    assert!(matches!(absent, Err(Error::NotFound(_))));
}
