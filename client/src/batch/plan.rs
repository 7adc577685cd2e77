//! Which files go together into one request (docs/api.md, `POST /api/storage/batch`).

/// Largest file of a batch, bytes.
pub const MAX_FILE: u64 = 10_000_000;
/// Files and bytes of a batch: far below the server's 1,000 and 64 MB, so that several are in flight, and little is sent again after a connection is lost.
const MAX_FILES: usize = 200;
const MAX_BYTES: u64 = 12_000_000;

/// Groups files of these sizes, in their order: the positions of those that go together, and of those that are too large and go alone.
pub fn group(sizes: &[u64]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let (mut batches, mut alone) = (Vec::new(), Vec::new());
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for (position, size) in sizes.iter().copied().enumerate() {
        if size > MAX_FILE {
            alone.push(position);
            continue;
        }
        if batch.len() == MAX_FILES || (bytes + size > MAX_BYTES && !batch.is_empty()) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        batch.push(position);
        bytes += size;
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    (batches, alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_at_most_200_files_or_12_mb_and_large_files_go_alone() {
        let (batches, alone) = group(&[10_000_000, 2_000_000, 1, 10_000_001, 12]);
        assert_eq!((batches, alone), (vec![vec![0, 1], vec![2, 4]], vec![3]));
        let (batches, _) = group(&[100; 401]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 1]);
        assert_eq!(group(&[]), (vec![], vec![]));
        assert_eq!(group(&[0]).0, [[0]]);
    }
}
