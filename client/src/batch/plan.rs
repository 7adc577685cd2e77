//! Which files go together into one request (docs/api.md, `POST /api/storage/batch`).

/// Largest file of a batch, bytes.
pub const MAX_FILE: u64 = 10_000_000;
/// Files and bytes of a batch: far below the server's 1,000 and 64 MB, so that several are in flight, and little is sent again after a connection is lost.
const MAX_FILES: usize = 200;
const MAX_BYTES: u64 = 12_000_000;
/// Bytes of names in a batch; the server takes 80,000 with the media types.
const MAX_TEXT: usize = 60_000;
/// What a media type adds to a name, at most, as long as it is guessed from the name.
const TYPE_BYTES: usize = 100;

/// Groups files of these sizes and lengths of their names, in their order: the positions of those that go together, and of those that are too large and go alone.
pub fn group(sizes: &[(u64, usize)]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let (mut batches, mut alone) = (Vec::new(), Vec::new());
    let (mut batch, mut bytes, mut text) = (Vec::new(), 0, 0);
    for (position, (size, name)) in sizes.iter().copied().enumerate() {
        if size > MAX_FILE {
            alone.push(position);
            continue;
        }
        let is_full = batch.len() == MAX_FILES || bytes + size > MAX_BYTES || text + name + TYPE_BYTES > MAX_TEXT;
        if is_full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            (bytes, text) = (0, 0);
        }
        batch.push(position);
        bytes += size;
        text += name + TYPE_BYTES;
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
        let group = |sizes: &[u64]| super::group(&sizes.iter().map(|size| (*size, 10)).collect::<Vec<_>>());
        let (batches, alone) = group(&[10_000_000, 2_000_000, 1, 10_000_001, 12]);
        assert_eq!((batches, alone), (vec![vec![0, 1], vec![2, 4]], vec![3]));
        let (batches, _) = group(&[100; 401]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 1]);
        assert_eq!(group(&[]), (vec![], vec![]));
        assert_eq!(group(&[0]).0, [[0]]);
    }
    #[test]
    fn batch_of_long_names_has_fewer_files() {
        let (batches, _) = group(&[(1, 1_024); 100]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [53, 47]);
    }
}
