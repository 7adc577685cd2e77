//! Downloads from a stand-in for the server, to every kind of destination.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;

use super::*;
use crate::progress::no_progress;
use crate::stand_in::{Answer, StandIn, asset_json, json_answer};

const BYTES: &[u8] = b"the bytes of the file";

/// How a stand-in answers ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ranges {
    Right,
    /// The first answer of each range ends after three bytes.
    CutOnce,
    /// Bytes of another place.
    Other,
    /// Another ETag each time.
    Changing,
}

/// A server with one file of that name.
async fn server(name: &str, ranges: Ranges) -> StandIn {
    let (asked, name) = (AtomicU64::new(0), name.to_owned());
    StandIn::start(move |head, _| {
        let count = asked.fetch_add(1, Ordering::SeqCst);
        let mut asset = asset_json("a", BYTES.len() as u64, "none");
        asset["name"] = json!(name);
        let host = head.headers["host"].to_str().unwrap().to_owned();
        let range = head.headers.get("range").map(|range| range.to_str().unwrap().to_owned());
        async move {
            match range {
                Some(range) => ranged(&range, ranges, count),
                None if head.uri.path() == "/api/storage/download" => json_answer(200, &json!({ "url": format!("http://{host}/files/t/n") })),
                None => json_answer(200, &json!({ "asset": asset })),
            }
        }
    })
    .await
}

fn ranged(range: &str, ranges: Ranges, count: u64) -> Answer {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let shift = usize::from(ranges == Ranges::Other);
    let etag = if ranges == Ranges::Changing { format!("\"{count}\"") } else { "\"e\"".to_owned() };
    let end = if ranges == Ranges::CutOnce && first == 0 { 2 } else { last };
    let bytes = Bytes::copy_from_slice(&BYTES[first..=end]);
    let answer = hyper::Response::builder().status(206).header("ETag", etag);
    answer.header("Content-Range", format!("bytes {}-{last}/{}", first + shift, BYTES.len())).body(Full::from(bytes)).unwrap()
}

async fn get(server: &StandIn, path: &Path, force: bool) -> Result<Downloaded, Error> {
    download(&server.edge(), "a", Some(path), &DownloadOptions { threads: None, force }, no_progress()).await
}

fn usage(ended: Result<Downloaded, Error>) -> String {
    match ended {
        Err(Error::Usage(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn names_of_up_to_255_bytes_are_downloaded_and_longer_ones_are_shortened() {
    for length in [235, 236, 250, 255, 256, 1_000] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(&format!("{}.mp4", "n".repeat(length - 4)), Ranges::Right).await;
        let done = get(&server, folder.path(), false).await.unwrap();
        assert_eq!(std::fs::read(&done.path).unwrap(), BYTES);
        let name = done.path.file_name().unwrap().to_str().unwrap();
        assert_eq!((name.len(), name.ends_with(".mp4")), (length.min(255), true));
        assert_eq!(names(folder.path()).len(), 1, "nothing else is left");
    }
}

#[tokio::test]
async fn existing_file_is_kept_without_force_and_replaced_with_its_permissions_with_force() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::Right).await);
    let path = folder.path().join("mine");
    std::fs::write(&path, "mine").unwrap();
    assert!(usage(get(&server, &path, false).await).contains("--force replaces it"));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    get(&server, &path, true).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), BYTES);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["mine"]);
}

#[tokio::test]
async fn of_two_downloads_of_one_name_at_once_one_succeeds_and_the_other_says_why_not() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::Right).await);
    let path = folder.path().join("n");
    let (asset, source) = (server.edge().file("a").await.unwrap(), BYTES);
    // Both have examined the destination before either is done.
    let both = [Destination::examine(&path, false).unwrap(), Destination::examine(&path, false).unwrap()].map(|destination| {
        let partial = destination.partial(asset.size).unwrap();
        write_at(&partial.writer().unwrap(), source, 0).unwrap();
        (destination, partial)
    });
    let ended = both.map(|(destination, partial)| destination.keep(partial));
    assert!(ended[0].is_ok());
    assert!(matches!(&ended[1], Err(Error::Usage(text)) if text.contains("was written by somebody else meanwhile")), "{ended:?}");
    assert_eq!((std::fs::read(&path).unwrap(), names(folder.path())), (BYTES.to_vec(), vec!["n".to_owned()]));
}

#[cfg(unix)]
#[tokio::test]
async fn symbolic_link_stays_and_what_it_leads_to_is_replaced_with_force_only() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::Right).await);
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    for force in [false, true] {
        assert!(usage(get(&server, &link, force).await).contains("leads nowhere"));
    }
    std::fs::write(&target, "mine").unwrap();
    assert!(usage(get(&server, &link, false).await).contains("--force replaces it"));
    get(&server, &link, true).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((std::fs::read(&target).unwrap(), names(folder.path())), (BYTES.to_vec(), vec!["link".to_owned(), "target".to_owned()]));
    let loops = folder.path().join("loop");
    std::os::unix::fs::symlink(&loops, &loops).unwrap();
    assert!(usage(get(&server, &loops, true).await).contains("leads nowhere"));
}

#[cfg(unix)]
#[tokio::test]
async fn fifo_is_written_into_with_force_and_stays_a_fifo() {
    use std::os::unix::fs::FileTypeExt;
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::CutOnce).await);
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(usage(get(&server, &fifo, false).await).contains("--force writes into it"));
    let (reader, path) = (fifo.clone(), fifo.clone());
    let read = tokio::task::spawn_blocking(move || std::fs::read(reader).unwrap());
    get(&server, &path, true).await.unwrap();
    assert_eq!(read.await.unwrap(), BYTES);
    assert!(std::fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    assert_eq!(names(folder.path()), ["fifo"]);
}

#[cfg(unix)]
#[tokio::test]
async fn device_is_written_into_with_force_and_stays_a_device_also_behind_a_link() {
    use std::os::unix::fs::FileTypeExt;
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::Right).await);
    let (null, link) = (folder.path().join("null"), folder.path().join("link"));
    // The numbers of /dev/null (Linux, Documentation/admin-guide/devices.txt).
    let made = std::process::Command::new("mknod").arg(&null).args(["c", "1", "3"]).output().unwrap();
    // A mount may forbid devices although they can be made.
    if !made.status.success() || std::fs::write(&null, "x").is_err() {
        eprintln!("skipped: this user can make no device node here: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    std::os::unix::fs::symlink(&null, &link).unwrap();
    for path in [&null, &link] {
        assert!(usage(get(&server, path, false).await).contains("--force writes into it"));
        get(&server, path, true).await.unwrap();
    }
    assert!(std::fs::symlink_metadata(&null).unwrap().file_type().is_char_device());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(folder.path()), ["link", "null"]);
}

#[cfg(unix)]
#[tokio::test]
async fn socket_and_folder_are_refused() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server("sub", Ranges::Right).await);
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(usage(get(&server, &socket, true).await).contains("is neither a file"));
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    assert!(usage(get(&server, folder.path(), true).await).contains("is a folder"), "a folder of the server's name is in the way");
}

#[tokio::test]
async fn cut_answer_is_continued_in_file_and_stream() {
    let (folder, server) = (tempfile::tempdir().unwrap(), server("n", Ranges::CutOnce).await);
    let done = get(&server, folder.path(), false).await.unwrap();
    assert_eq!(std::fs::read(done.path).unwrap(), BYTES);
    let mut written = Vec::new();
    download_to(&server.edge(), "a", &mut written, Path::new("-"), no_progress()).await.unwrap();
    assert_eq!(written, BYTES);
}

#[tokio::test]
async fn range_of_another_place_or_version_leaves_no_file() {
    for ranges in [Ranges::Other, Ranges::Changing] {
        let (folder, server) = (tempfile::tempdir().unwrap(), server("n", ranges).await);
        let mut edge = server.edge();
        edge.retry.attempts = 2;
        let source = Source::new(&edge, edge.file("a").await.unwrap(), no_progress()).await.unwrap();
        let _ = source.range(0, 3).await;
        assert!(source.range(4, 5).await.is_err(), "{ranges:?}");
        if ranges == Ranges::Other {
            assert!(download(&edge, "a", Some(folder.path()), &DownloadOptions::default(), no_progress()).await.is_err());
        }
        assert!(names(folder.path()).is_empty());
    }
}
