//! What is more than a new file: a duplicate, a change, an interruption, many files, an edge that dies.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use jettyspeed_devstack::Result;
use sha2::{Digest, Sha256};

use super::MB;
use super::measure::{Row, Sample, add, client_bytes, run};
use super::rows::random_file;
use super::tools::Tool;
use crate::lab::Lab;

const JETTY: &str = "jetty";

/// Files of [`many`], and bytes of each.
const MANY: usize = 1_000;
const SMALL: u64 = 100_000;

/// A file that is there already. Its row `hashing` is what reading and hashing it takes.
pub async fn duplicate(lab: &Lab, size: u64, rows: &mut Vec<Row>) -> Result<()> {
    let file = random_file(&lab.folder(), "duplicate.bin", size * MB)?;
    run(lab, Tool::Jetty.send(lab, &file, "-"), |_| false).await?;
    for _ in 0..3 {
        let outcome = run(lab, Tool::Jetty.send(lab, &file, "-"), |_| false).await;
        add(rows, JETTY, "duplicate", size, outcome);
        add(rows, "SHA-256", "hashing", size, Ok(Sample { seconds: hash_seconds(&file)?, ..Sample::default() }));
    }
    Ok(std::fs::remove_file(file)?)
}

fn hash_seconds(path: &Path) -> Result<f64> {
    let (began, mut hash, mut block) = (Instant::now(), Sha256::new(), vec![0; 1 << 20]);
    let mut file = std::fs::File::open(path)?;
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        hash.update(block.get(..count).unwrap_or_default());
    }
    std::hint::black_box(hash.finalize());
    Ok(began.elapsed().as_secs_f64())
}

/// A copy of a stored file with one percent changed, in one place in its middle.
pub async fn changed(lab: &Lab, size: u64, rows: &mut Vec<Row>) -> Result<()> {
    let bytes = size * MB;
    let file = random_file(&lab.folder(), "changed.bin", bytes)?;
    run(lab, Tool::Jetty.send(lab, &file, "-"), |_| false).await?;
    let mut other = vec![0; usize::try_from(bytes / 100)?];
    fastrand::Rng::new().fill(&mut other);
    let mut open = std::fs::File::options().write(true).open(&file)?;
    open.seek(SeekFrom::Start(bytes / 2))?;
    open.write_all(&other)?;
    drop(open);
    let outcome = run(lab, Tool::Jetty.send(lab, &file, "-"), |_| false).await;
    add(rows, JETTY, "1% changed", size, outcome);
    Ok(std::fs::remove_file(file)?)
}

/// Killed when half is sent, then run again. The row has both runs in one: its bytes are all that was sent.
pub async fn killed(lab: &Lab, size: u64, rows: &mut Vec<Row>) -> Result<()> {
    let file = random_file(&lab.folder(), "killed.bin", size * MB)?;
    // Over both runs: the kernel goes on sending what a killed process has handed to it.
    let before = client_bytes(lab);
    let first = run(lab, Tool::Jetty.send(lab, &file, "-"), |sent| sent > size * MB / 2).await?;
    let outcome = run(lab, Tool::Jetty.send(lab, &file, "-"), |_| false).await;
    let both = outcome.map(|second| Sample {
        seconds: first.seconds + second.seconds,
        client_bytes: client_bytes(lab) - before,
        client_cpu_ms: first.client_cpu_ms + second.client_cpu_ms,
        ..second
    });
    add(rows, JETTY, "killed", size, both);
    Ok(std::fs::remove_file(file)?)
}

/// A thousand files of 100 KB.
pub async fn many(lab: &Lab, tools: &[Tool], rows: &mut Vec<Row>) -> Result<()> {
    for tool in tools {
        let folder = lab.folder().join("many");
        let Some(command) = tool.send_all(lab, &folder) else { continue };
        std::fs::create_dir_all(&folder)?;
        for index in 0..MANY {
            random_file(&folder, &format!("{index:04}.bin"), SMALL)?;
        }
        let outcome = run(lab, command, |_| false).await;
        std::fs::remove_dir_all(&folder)?;
        add(rows, tool.name(), "1000 files", MANY as u64 * SMALL / MB, outcome);
    }
    Ok(())
}

/// The second edge answers nobody any more when a third is sent.
pub async fn dying_edge(lab: &Lab, size: u64, rows: &mut Vec<Row>) -> Result<()> {
    let file = random_file(&lab.folder(), "dying.bin", size * MB)?;
    let way = lab.network.way("client-edge2")?;
    let outcome = run(lab, Tool::Jetty.send(lab, &file, "-"), |sent| {
        if sent > size * MB / 3 {
            way.kill(true);
        }
        false
    })
    .await;
    way.kill(false);
    add(rows, JETTY, "edge dies", size, outcome);
    Ok(std::fs::remove_file(file)?)
}
