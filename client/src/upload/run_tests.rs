//! Whole runs against simulated edges: their responses to parts, and the requests that they received.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex as Shared;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, RwLock};

use super::super::hashes::{Claim, UploadHashes};
use super::*;
use crate::api::RankedEdge;
use crate::edge::Edge;
use crate::lanes::spec::specs;
use crate::local_file::LocalFile;
use crate::progress::Progress;
use crate::retry::Retry;

const PART: u64 = 1_000;

/// Behaviour of a simulated edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    /// Answers parts with this status.
    Answers(u16),
    /// Answers the probe, but no part.
    Silent,
    /// Stops reading in the first attempt of the last part.
    StopsOnce(u32),
}

#[derive(Default)]
struct Seen {
    /// The heads of all received requests.
    heads: Shared<Vec<String>>,
    stored: AtomicUsize,
    stopped: AtomicUsize,
}

async fn serve(mut stream: TcpStream, kind: Kind, seen: Arc<Seen>) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if let Kind::StopsOnce(last) = kind
            && head.contains(&format!("x-part-number: {last}\r\n"))
            && seen.stopped.fetch_add(1, Ordering::SeqCst) == 0
        {
            // Until the client closes the connection, of which nothing is heard without reading.
            return std::future::pending().await;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let part = head.starts_with("post /api/jetty-speed/chunk ");
        let number = head.lines().find_map(|line| line.strip_prefix("x-part-number: ")).unwrap_or("0");
        let answer = format!(r#"{{"partNumber":{number},"etag":"e","size":{length},"sha256":null,"receipt":"r"}}"#);
        seen.heads.lock().unwrap().push(head);
        let status = match kind {
            Kind::Answers(status) if part => status,
            Kind::Silent if part => std::future::pending().await,
            _ => 200,
        };
        if part && status == 200 {
            // Slow enough for the parts to overlap.
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen.stored.fetch_add(1, Ordering::SeqCst);
        }
        stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).as_bytes()).await.ok()?;
    }
}

async fn stand_in(kind: Kind) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, seen) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(Seen::default()));
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, kind, Arc::clone(&shared)));
        }
    });
    (url, seen)
}

/// Sends `parts` parts over edges of these kinds, the first of which is the main server; returns the parts that each stored, and the result.
async fn run(kinds: &[Kind], parts: u32) -> (Vec<Arc<Seen>>, Vec<EdgeShare>, Result<(), Error>) {
    run_of(kinds, parts, PART, no_progress()).await
}

/// The same with parts of `part` bytes.
async fn run_of(kinds: &[Kind], parts: u32, part: u64, progress: Progress) -> (Vec<Arc<Seen>>, Vec<EdgeShare>, Result<(), Error>) {
    let (mut edges, mut all) = (Vec::new(), Vec::new());
    for (index, kind) in kinds.iter().enumerate() {
        let (url, seen) = stand_in(*kind).await;
        edges.push(RankedEdge { id: format!("E{index}"), url, score: 0.5, ..RankedEdge::default() });
        all.push(seen);
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; parts as usize * part as usize]).unwrap();
    let mut edge = Edge::new(&edges[0].url, "the-key", "the-secret").unwrap();
    edge.retry = Retry { attempts: 3, base: Duration::from_millis(20), cap: Duration::from_millis(50) };
    let mut lanes = Lanes::new(specs(edge.base(), &edges));
    let pieces: Vec<_> = (1..=parts).map(|number| Piece { number, bytes: part }).collect();
    lanes.offer(&pieces, &[]);
    let local = LocalFile::stat(file.path()).await.unwrap();
    let sending = Arc::new(Sending {
        edge,
        file: local.clone(),
        session: "s".into(),
        chunk_size: part,
        token: RwLock::new("the-token".into()),
        hashes: Arc::new(UploadHashes::new(&local, part, BTreeMap::new(), Claim::Nothing)),
        stored: Mutex::new(BTreeMap::new()),
        place: None,
        progress,
    });
    let mut runner = Runner::new(sending, lanes, Pace::new(8));
    let result = runner.run().await;
    (all, runner.shares(), result)
}

fn stored(all: &[Arc<Seen>]) -> Vec<usize> {
    all.iter().map(|seen| seen.stored.load(Ordering::SeqCst)).collect()
}

#[tokio::test]
async fn parts_go_over_several_edges_and_only_the_main_server_gets_credentials() {
    let (all, shares, result) = run(&[Kind::Good, Kind::Good], 60).await;
    result.unwrap();
    let stored = stored(&all);
    assert!(stored.iter().sum::<usize>() == 60 && stored.iter().all(|parts| *parts >= 10), "{stored:?}");
    let carried: Vec<_> = shares.iter().map(|share| (share.edge.as_str(), share.parts, share.bytes)).collect();
    assert_eq!(carried, [("E0", stored[0], stored[0] as u64 * PART), ("E1", stored[1], stored[1] as u64 * PART)]);
    let heads = all[1].heads.lock().unwrap();
    assert!(heads.iter().any(|head| head.starts_with("get /api/health ")));
    assert!(!heads.iter().any(|head| head.contains("the-key") || head.contains("the-secret")));
    assert!(heads.iter().filter(|head| head.starts_with("post")).all(|head| head.contains("x-upload-token: the-token")));
}

#[tokio::test]
async fn failing_or_refusing_edge_costs_only_a_few_attempts() {
    for (status, most) in [(503, 12), (403, 8)] {
        let (all, shares, result) = run(&[Kind::Good, Kind::Answers(status)], 60).await;
        result.unwrap();
        assert_eq!((stored(&all), shares.len()), (vec![60, 0], 1));
        let tries = all[1].heads.lock().unwrap().len();
        assert!((2..=most).contains(&tries), "{status}: {tries}");
    }
}

#[tokio::test]
async fn single_edge_is_not_probed_and_its_refusal_is_final() {
    let (all, _, result) = run(&[Kind::Answers(403)], 3).await;
    assert_eq!(result.unwrap_err().status(), Some(403));
    assert!(all[0].heads.lock().unwrap().iter().all(|head| head.starts_with("post /api/jetty-speed/chunk ")));
    let (_, _, result) = run(&[Kind::Answers(403), Kind::Answers(403)], 9).await;
    assert_eq!(result.unwrap_err().status(), Some(403));
    let (all, _, result) = run(&[Kind::Answers(503)], 1).await;
    assert_eq!((result.unwrap_err().status(), all[0].heads.lock().unwrap().len()), (Some(503), 3));
}

#[tokio::test]
async fn parts_move_away_from_an_edge_that_does_not_answer() {
    let (all, _, result) = tokio::time::timeout(Duration::from_secs(30), run(&[Kind::Good, Kind::Silent], 60)).await.unwrap();
    result.unwrap();
    assert_eq!(stored(&all), [60, 0]);
}

#[tokio::test]
async fn last_part_on_a_connection_that_stands_still_is_sent_a_second_time_and_counted_once() {
    let (parts, part) = (9, 16_000_000);
    let moved = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let counted = Arc::clone(&moved);
    let progress: Progress = Arc::new(move |event| {
        let by = |bytes: u64| i64::try_from(bytes).unwrap();
        match event {
            Event::Moved(bytes) => counted.fetch_add(by(bytes), Ordering::SeqCst),
            Event::Lost(bytes) => counted.fetch_sub(by(bytes), Ordering::SeqCst),
            _ => 0,
        };
    });
    let kinds = [Kind::StopsOnce(parts)];
    let running = run_of(&kinds, parts, part, progress);
    let (all, shares, result) = tokio::time::timeout(Duration::from_secs(40), running).await.unwrap();
    result.unwrap();
    // On a busy machine other parts may have been sent twice, too, and arrived twice.
    assert!(stored(&all)[0] >= 9 && all[0].stopped.load(Ordering::SeqCst) >= 2, "{:?}", stored(&all));
    assert_eq!((shares[0].parts, shares[0].bytes), (9, 9 * part));
    assert_eq!(moved.load(Ordering::SeqCst), 9 * 16_000_000);
}
