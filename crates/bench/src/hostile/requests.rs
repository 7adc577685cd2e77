//! The worst requests that are accepted, sent to the Worker in workerd: CPU time and memory of the process.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

use super::{MOST_MB, MOST_MS};
use crate::load::{Connection, Target};
use crate::peers::WEBHOOK_SECRET;
use crate::report::{Figure, median};
use crate::uploads::stage::{self, CHUNK, CHUNKS, Stage, text};
use jettyspeed_devstack::Result;
use jettyspeed_devstack::state::AccountAccess;

/// What workerd takes of one header field.
const HEADER: usize = 30_000;

/// Requests of each kind before the first one that is measured, and the time after them.
const WARM_UP: u32 = 5;
const COMPILING: Duration = Duration::from_millis(500);

/// A request, and the statuses that are right for it.
struct Worst {
    name: &'static str,
    target: Target,
    body: Bytes,
    statuses: &'static [u16],
    /// Bytes of the body that are in memory anyway.
    held: usize,
    /// What is not counted.
    beside: Plain,
}

/// A request of the same size that asks nothing of us but to pass bytes on: what it costs is the runtime's, the simulated platform's and the store's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// None.
    Nothing,
    /// A raw upload of 16 MB.
    Upload,
    /// A PUT of a video file of 2 MiB that is no playlist.
    VideoFile,
}

/// Measures all requests and returns the versions of the server.
pub async fn figures(folder: &Path, repeats: u32, figures: &mut Vec<Figure>) -> Result<String> {
    let stage = stage::set(folder).await?;
    let mut connection = Connection::open(&stage.server.address).await?;
    let plain = [(Plain::Upload, raw_upload(&stage)), (Plain::VideoFile, video_file(&stage))];
    let mut plain_ms = Vec::new();
    for (kind, worst) in &plain {
        let cpu_ms = measured(&stage, &mut connection, worst, repeats).await?.cpu_ms;
        plain_ms.push((*kind, median(&cpu_ms)));
        figures.push(Figure::without_target(&format!("beside: {}", worst.name), "ms CPU", &cpu_ms));
    }
    for worst in worst(&stage).await? {
        let Usage { mut cpu_ms, grown } = measured(&stage, &mut connection, &worst, repeats).await?;
        if let Some((_, plain_ms)) = plain_ms.iter().find(|(kind, _)| *kind == worst.beside) {
            cpu_ms.iter_mut().for_each(|ms| *ms = (*ms - plain_ms).max(0.0));
        }
        let grown = grown.saturating_sub(u64::try_from(worst.held)?);
        figures.push(Figure::at_most(&format!("request: {}", worst.name), "ms CPU", &cpu_ms, MOST_MS));
        figures.push(Figure::at_most(&format!("request: {}", worst.name), "MB", &[grown as f64 / 1e6], MOST_MB));
    }
    Ok(stage.server.versions.clone())
}

/// What a request cost.
struct Usage {
    /// CPU time of each repetition, ms.
    cpu_ms: Vec<f64>,
    /// Growth of the resident memory at the peak of the second one, bytes: of further ones more and more finds room in what earlier ones left.
    grown: u64,
}

async fn measured(stage: &Stage, connection: &mut Connection, worst: &Worst, repeats: u32) -> Result<Usage> {
    // The first of their kind make the engine compile what the others use, for which it takes other threads.
    call(connection, worst).await?;
    let rest = stage.server.resident_memory()?;
    stage.server.forget_peak_memory()?;
    call(connection, worst).await?;
    let grown = stage.server.peak_memory()?.saturating_sub(rest);
    for _ in 2..WARM_UP {
        call(connection, worst).await?;
    }
    tokio::time::sleep(COMPILING).await;
    let mut cpu_ms = Vec::new();
    for _ in 0..repeats {
        let before = stage.server.cpu_ms()?;
        call(connection, worst).await?;
        cpu_ms.push(stage.server.cpu_ms()? - before);
    }
    Ok(Usage { cpu_ms, grown })
}

fn raw_upload(stage: &Stage) -> Worst {
    let mut target = stage.call(&stage.caller, Method::POST, "/api/storage/upload");
    target.headers.retain(|(name, _)| name != "content-type");
    target.headers.push(("x-file-name".to_owned(), "a.bin".to_owned()));
    Worst { name: "a raw upload of 16 MB", target, body: vec![b'x'; 16_000_000].into(), statuses: &[201], held: 0, beside: Plain::Nothing }
}

fn video_file(stage: &Stage) -> Worst {
    let target = stage.call(&stage.caller, Method::PUT, "/api/video/plain/a/seg.ts");
    Worst { name: "a video file of 2 MiB", target, body: vec![b'x'; 2 * 1024 * 1024].into(), statuses: &[200, 201], held: 0, beside: Plain::Nothing }
}

async fn call(connection: &mut Connection, worst: &Worst) -> Result<()> {
    let (status, body) = connection.request(&worst.target, 0, worst.body.clone()).await?;
    if worst.statuses.contains(&status) {
        return Ok(());
    }
    Err(format!("{}: HTTP {status}: {}", worst.name, String::from_utf8_lossy(&body).chars().take(300).collect::<String>()).into())
}

fn filled(size: usize, before: &str, item: &str, after: &str) -> Bytes {
    format!("{before}{}{after}", item.repeat(size.saturating_sub(before.len() + after.len()) / item.len())).into()
}

async fn worst(stage: &Stage) -> Result<Vec<Worst>> {
    const TRACK: &str = "/api/jetty/track-upload";
    const START: &str = r#"{"action":"start","fileName":"a","fileSize":5,"chunkSize":5242880,"#;
    let (caller, chunked) = (&stage.caller, &stage.chunked);
    let of = |access: &AccountAccess, method: Method, path: &str| stage.call(access, method, path);
    let with = |mut target: Target, name: &str, value: String| {
        target.headers.retain(|(known, _)| known != name);
        target.headers.push((name.to_owned(), value));
        target
    };
    let track = 2 * 1024 * 1024;
    let mut customer = stage.customer(chunked).await?;
    let started = customer.opens(CHUNK * u64::from(CHUNKS), CHUNK).await?;
    let session = text(&started, "sessionId")?.to_owned();
    let unknown: Vec<String> = (0..CHUNKS).map(|index| stage::chunk_hash(index ^ 0x5555_5555)).collect();
    let complete = json!({ "action": "complete", "sessionId": session, "chunkHashes": unknown }).to_string();
    let webhook = |body: Bytes, signatures: String| {
        let bearer = ("authorization".to_owned(), format!("Bearer {WEBHOOK_SECRET}"));
        let signed = [("webhook-id", "msg_a".to_owned()), ("webhook-timestamp", now_s().to_string()), ("webhook-signature", signatures)];
        let mut headers: Vec<_> = signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.push(bearer);
        let path = "/api/agentcache/provision".to_owned();
        (Target { address: stage.server.address.clone(), method: Method::POST, path, headers, part_header: None }, body)
    };
    let (signed, signed_body) = webhook(filled(262_144, "{\"a\":\"", "x", "\"}"), "v1,AAAA ".repeat(HEADER / 8));
    let form = with(of(caller, Method::POST, "/api/storage/upload"), "content-type", "multipart/form-data; boundary=b".to_owned());
    let file = "--b\r\nContent-Disposition: form-data; name=file; filename=a.bin\r\n\r\n";
    let mut all = vec![
        Worst {
            name: "JSON 2 MiB, brackets",
            target: of(caller, Method::POST, TRACK),
            body: filled(track, &format!("{START}\"x\":"), "[", ""),
            statuses: &[400],
            held: track,
            beside: Plain::Nothing,
        },
        Worst {
            name: "JSON 2 MiB, empty chunk hashes",
            target: of(caller, Method::POST, TRACK),
            body: filled(track, &format!("{START}\"chunkHashes\":[\"\""), ",\"\"", "]}"),
            statuses: &[422],
            held: track,
            beside: Plain::Nothing,
        },
        Worst {
            name: "JSON 2 MiB, unknown numbers",
            target: of(caller, Method::POST, TRACK),
            body: filled(track, "{\"action\":\"fail\",\"sessionId\":\"x\",\"a\":[1", ",1", "]}"),
            statuses: &[404, 422],
            held: track,
            beside: Plain::Nothing,
        },
        Worst {
            name: "10,000 chunk hashes: complete",
            target: of(chunked, Method::POST, TRACK),
            body: complete.into(),
            statuses: &[409],
            held: 0,
            beside: Plain::Nothing,
        },
        Worst {
            name: "10,000 parts: progress",
            target: of(chunked, Method::GET, &format!("/api/jetty/cache-chunk?sessionId={session}")),
            body: Bytes::new(),
            statuses: &[200],
            held: 0,
            beside: Plain::Nothing,
        },
        Worst {
            name: "form 16 MB, one file",
            target: form.clone(),
            body: filled(16_000_000, file, "x", "\r\n--b--"),
            statuses: &[201],
            held: 16_000_000,
            beside: Plain::Upload,
        },
        Worst {
            name: "form 16 MB, boundaries that are none",
            target: form.clone(),
            body: filled(16_000_000, file, "\r\n--bx", "\r\n--b--"),
            statuses: &[400],
            held: 16_000_000,
            beside: Plain::Upload,
        },
        Worst {
            name: "form 16 MB, almost boundaries",
            target: form,
            body: filled(16_000_000, file, "\r\n--\r\n-", "\r\n--b--"),
            statuses: &[201],
            held: 16_000_000,
            beside: Plain::Upload,
        },
        Worst {
            name: "webhook of 256 KiB with 3,750 signatures",
            target: signed,
            body: signed_body,
            statuses: &[401],
            held: 262_144,
            beside: Plain::Nothing,
        },
    ];
    for (name, item) in [
        ("playlist 2 MiB, shortest names", "a\n"),
        ("playlist 2 MiB, 100,000 names", "aaaaaaaaaaaaaaaaaaaa\n"),
        ("playlist 2 MiB, attributes", "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n"),
    ] {
        let target = of(caller, Method::PUT, "/api/video/hostile/a/index.m3u8");
        all.push(Worst {
            name,
            target,
            body: filled(track, "#EXTM3U\n", item, ""),
            statuses: &[200, 201, 422],
            held: track,
            beside: Plain::VideoFile,
        });
    }
    for (name, field, value) in [
        ("header 30 KB, token", "x-upload-token", format!("jtu1.{}.A", "A".repeat(HEADER))),
        ("header 30 KB, credentials", "x-api-key", "a".repeat(HEADER)),
        ("header 30 KB, ranges", "range", format!("bytes=0-0{}", ",2-2".repeat(HEADER / 4))),
        ("header 30 KB, conditions", "if-none-match", "\"a\", ".repeat(HEADER / 5)),
    ] {
        let target = match field {
            "range" | "if-none-match" => of(caller, Method::HEAD, &stage::OWN.path()),
            _ => of(caller, Method::GET, &format!("/api/jetty/cache-chunk?sessionId={session}")),
        };
        all.push(Worst {
            name,
            target: with(target, field, value),
            body: Bytes::new(),
            statuses: &[200, 206, 401, 404],
            held: 0,
            beside: Plain::Nothing,
        });
    }
    Ok(all)
}

fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
