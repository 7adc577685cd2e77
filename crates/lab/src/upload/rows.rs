//! A file of new bytes by each tool in turn.

use std::io::Write;
use std::path::{Path, PathBuf};

use jettyspeed_devstack::Result;

use super::MB;
use super::measure::{Row, add, run};
use super::tools::Tool;
use crate::lab::Lab;

/// A file of `bytes` random bytes; nothing in it was ever stored.
pub fn random_file(folder: &Path, name: &str, bytes: u64) -> Result<PathBuf> {
    let path = folder.join(name);
    let mut file = std::fs::File::create(&path)?;
    let (mut random, mut block, mut left) = (fastrand::Rng::new(), vec![0; 1 << 20], bytes);
    while left > 0 {
        random.fill(&mut block);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(block.get(..count).unwrap_or_default())?;
        left -= count as u64;
    }
    Ok(path)
}

/// One run of each.
pub async fn measure(lab: &Lab, tools: &[Tool], size: u64, condition: &str, rows: &mut Vec<Row>) -> Result<()> {
    for tool in tools {
        let key = format!("{}-{size}", tool.name().replace(' ', "-"));
        let file = random_file(&lab.folder(), &format!("{key}.bin"), size * MB)?;
        let outcome = run(lab, tool.send(lab, &file, &key), |_| false).await;
        std::fs::remove_file(&file)?;
        add(rows, tool.name(), condition, size, outcome);
    }
    Ok(())
}
