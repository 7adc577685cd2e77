//! The worst reads of content: playlists that the Worker reads for warming, and ranges that lie in many slices.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{MOST_MB, MOST_MS};
use crate::delivery::origin;
use crate::delivery::stage::{self, FIVE_GB, HUNDRED_MB};
use crate::load::{Connection, Target};
use crate::miniflare::Server;
use crate::report::{Figure, median};
use jettyspeed_devstack::Result;
use jettyspeed_edge::delivery::slices::SLICE_BYTES;

/// What a playlist starts goes on after its answer.
const WARMING: Duration = Duration::from_millis(700);

/// Requests of each kind before the first one that is measured.
const WARM_UP: usize = 5;

/// Lines of the playlist, each a file in a folder of its own.
const FOLDERS: u64 = 22_000;

fn playlist() -> String {
    let lines: String = (0..FOLDERS).map(|number| format!("{number:05}/s\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}")
}

/// Measures all reads, each repetition of something that is not cached yet, and returns the versions of the server.
pub async fn figures(folder: &Path, repeats: u32, figures: &mut Vec<Figure>) -> Result<String> {
    let rounds = repeats + u32::try_from(WARM_UP)?;
    let playlist = playlist();
    let size = u64::try_from(playlist.len())?;
    let store = origin::start(Arc::default(), playlist)?;
    let playlists: Vec<String> = (0..rounds).map(|number| format!("{number}/{}", origin::PLAYLIST)).collect();
    let plain: Vec<String> = (0..rounds).map(|number| format!("{number}/{size}-plain.ts")).collect();
    let stage = stage::set_with(folder, &store, playlists.iter().chain(&plain).map(|path| (path.clone(), size))).await?;
    let mut connection = Connection::open(&stage.server.address).await?;
    let videos = |paths: &[String]| paths.iter().map(|path| Ok(vec![stage.video(path)?])).collect::<Result<Vec<_>>>();

    let plain = measure(&stage.server, &mut connection, &videos(&plain)?, 200).await?;
    let wide = measure(&stage.server, &mut connection, &videos(&playlists)?, 200).await?;
    push(figures, "playlist of 22,000 folders", &wide, ("a file of its size", &plain));

    // From other slices in each repetition.
    let eleven = |round: u32, file: u64| -> Vec<u64> { (0..11).map(|number| (file + u64::from(round) * 11 + number) * SLICE_BYTES).collect() };
    let of = |firsts: &[u64]| ranges(stage.file(FIVE_GB)?, firsts);
    let single = |firsts: Vec<u64>| firsts.iter().map(|first| of(&[*first])).collect::<Result<Vec<_>>>();
    let one_by_one: Vec<_> = (0..rounds).map(|round| single(eleven(round, 500))).collect::<Result<_>>()?;
    let at_once: Vec<_> = (0..rounds).map(|round| Ok(vec![of(&eleven(round, 0))?])).collect::<Result<_>>()?;
    let one_by_one = measure(&stage.server, &mut connection, &one_by_one, 206).await?;
    let at_once = measure(&stage.server, &mut connection, &at_once, 206).await?;
    push(figures, "a byte of each of eleven slices that are not cached", &at_once, ("the same, one by one", &one_by_one));

    let firsts: Vec<u64> = (0..64).map(|number| number % 3 * SLICE_BYTES + number * 1_000).collect();
    let of = |firsts: &[u64]| ranges(stage.file(HUNDRED_MB)?, firsts);
    let one_by_one: Vec<_> = firsts.iter().map(|first| of(&[*first])).collect::<Result<_>>()?;
    let one_by_one: Vec<_> = (0..rounds).map(|_| one_by_one.clone()).collect();
    let at_once: Vec<_> = (0..rounds).map(|_| Ok(vec![of(&firsts)?])).collect::<Result<_>>()?;
    let one_by_one = measure(&stage.server, &mut connection, &one_by_one, 206).await?;
    let at_once = measure(&stage.server, &mut connection, &at_once, 206).await?;
    push(figures, "64 ranges to and fro in three cached slices", &at_once, ("the same, one by one", &one_by_one));
    Ok(stage.server.versions.clone())
}

/// A read costs at most 50 ms beyond what its bytes cost a client that asks for them plainly: the runtime, the simulated cache and the store take the rest.
fn push(figures: &mut Vec<Figure>, name: &str, worst: &Usage, (plainly, plain): (&str, &Usage)) {
    figures.push(Figure::without_target(&format!("beside: {name}: {plainly}"), "ms CPU", &plain.cpu_ms));
    let plain_ms = median(&plain.cpu_ms);
    let beyond: Vec<f64> = worst.cpu_ms.iter().map(|ms| (ms - plain_ms).max(0.0)).collect();
    figures.push(Figure::without_target(&format!("read: {name}: all of it"), "ms CPU", &worst.cpu_ms));
    figures.push(Figure::at_most(&format!("read: {name}"), "ms CPU", &beyond, MOST_MS));
    figures.push(Figure::at_most(&format!("read: {name}"), "MB", &[worst.grown as f64 / 1e6], MOST_MB));
}

fn ranges(mut target: Target, firsts: &[u64]) -> Result<Target> {
    let ranges: Vec<String> = firsts.iter().map(|first| format!("{first}-{first}")).collect();
    target.headers.push(("range".to_owned(), format!("bytes={}", ranges.join(","))));
    Ok(target)
}

/// What a repetition cost.
struct Usage {
    /// CPU time of each, ms.
    cpu_ms: Vec<f64>,
    /// Growth of the resident memory at the peak of the second one, bytes.
    grown: u64,
}

/// Each repetition is a list of requests. The first of them make the engine compile what the others use, and fill the cache where they find something there.
async fn measure(server: &Server, connection: &mut Connection, repetitions: &[Vec<Target>], status: u16) -> Result<Usage> {
    let mut usage = Usage { cpu_ms: Vec::new(), grown: 0 };
    for (index, targets) in repetitions.iter().enumerate() {
        let (before, rest) = (server.cpu_ms()?, server.resident_memory()?);
        server.forget_peak_memory()?;
        for target in targets {
            let (answered, body) = connection.request(target, 0, Bytes::new()).await?;
            if answered != status {
                return Err(
                    format!("{}: HTTP {answered}: {}", target.path, String::from_utf8_lossy(&body).chars().take(300).collect::<String>()).into()
                );
            }
        }
        tokio::time::sleep(WARMING).await;
        if index == 1 {
            usage.grown = server.peak_memory()?.saturating_sub(rest);
        }
        if index >= WARM_UP {
            usage.cpu_ms.push(server.cpu_ms()? - before);
        }
    }
    Ok(usage)
}
