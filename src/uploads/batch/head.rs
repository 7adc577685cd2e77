//! The head of an entry of a tar archive: POSIX.1-1988 (ustar), its extended heads (pax, POSIX.1-2001) and GNU's long names.

use crate::problem::Problem;

/// Bytes of a head, and what the bytes behind it are a multiple of.
pub const BLOCK: u64 = 512;

/// Maximum bytes of an extended head or long name.
pub const MAX_EXTENSION: u64 = 16_384;

/// What a head announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A file of that path and size, bytes.
    File {
        /// As it is in the archive.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
        /// When it was changed last, s since 1970.
        modified: Option<u64>,
    },
    /// Records about the next entry (pax), of so many bytes.
    Records(u64),
    /// The path of the next entry (GNU), of so many bytes.
    LongPath(u64),
    /// What is no file, or records about all entries, with so many bytes behind it.
    Other(u64),
    /// A block of zeros: the end.
    End,
}

/// Reads a block of 512 bytes.
///
/// # Errors
/// 400 for what is no head, with a wrong checksum, or of a sparse file.
pub fn read(block: &[u8]) -> Result<Head, Problem> {
    if u64::try_from(block.len()) != Ok(BLOCK) {
        return Err(malformed("a head is not whole"));
    }
    if block.iter().all(|byte| *byte == 0) {
        return Ok(Head::End);
    }
    let head = tar::Header::from_byte_slice(block);
    // The field itself counts as eight blanks.
    let sum = block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum::<u32>();
    if head.cksum().ok() != Some(sum) {
        return Err(malformed("a head has a wrong checksum"));
    }
    let size = head.entry_size().map_err(|_| malformed("a head has no size"))?;
    let kind = head.entry_type();
    if kind.is_gnu_sparse() {
        return Err(malformed("sparse files are not taken"));
    }
    Ok(match () {
        () if kind.is_file() || kind.is_contiguous() => {
            Head::File { path: head.path_bytes().into_owned(), size, modified: head.mtime().ok().filter(|time| *time > 0) }
        }
        () if kind.is_pax_local_extensions() => Head::Records(extension(size)?),
        () if kind.is_gnu_longname() => Head::LongPath(extension(size)?),
        // Only the size field of files counts: links and directories may have one that is not followed by bytes (POSIX.1-2017, pax, "size").
        () if kind.is_hard_link()
            || kind.is_symlink()
            || kind.is_dir()
            || kind.is_character_special()
            || kind.is_block_special()
            || kind.is_fifo() =>
        {
            Head::Other(0)
        }
        () => Head::Other(size),
    })
}

fn extension(size: u64) -> Result<u64, Problem> {
    if size <= MAX_EXTENSION { Ok(size) } else { Err(malformed("an extended head has more than 16 KB")) }
}

/// The bytes behind `size` bytes up to the next block.
pub fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// A 400 about the archive.
pub fn malformed(what: &str) -> Problem {
    Problem::Malformed { detail: format!("The archive is not well-formed: {what}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn block(kind: tar::EntryType, path: &str, size: u64) -> Vec<u8> {
        let mut head = tar::Header::new_ustar();
        head.set_path(path).unwrap();
        head.set_size(size);
        head.set_entry_type(kind);
        head.set_cksum();
        head.as_bytes().to_vec()
    }

    #[test]
    fn file_has_its_path_and_size_and_other_entries_are_told_apart() {
        use tar::EntryType as Kind;
        assert_eq!(read(&block(Kind::Regular, "a/b.txt", 700)), Ok(Head::File { path: b"a/b.txt".to_vec(), size: 700, modified: None }));
        assert_eq!(read(&block(Kind::XHeader, "x", 30)), Ok(Head::Records(30)));
        assert_eq!(read(&block(Kind::GNULongName, "x", 300)), Ok(Head::LongPath(300)));
        assert_eq!(read(&block(Kind::XGlobalHeader, "x", 52)), Ok(Head::Other(52)));
        for empty in [Kind::Directory, Kind::Symlink, Kind::Link, Kind::Char, Kind::Block, Kind::Fifo] {
            assert_eq!(read(&block(empty, "x", 52)), Ok(Head::Other(0)), "{empty:?}");
        }
        assert_eq!(read(&[0; 512]), Ok(Head::End));
    }

    #[test]
    fn long_ustar_path_has_its_prefix() {
        let path = format!("{}/{}", "d".repeat(120), "f".repeat(90));
        assert_eq!(read(&block(tar::EntryType::Regular, &path, 1)), Ok(Head::File { path: path.into_bytes(), size: 1 }));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let mut changed = block(tar::EntryType::Regular, "a", 1);
        changed[0] ^= 1;
        let mut sizeless = block(tar::EntryType::Regular, "a", 1);
        sizeless[124..136].copy_from_slice(b"zzzzzzzzzzz\0");
        let mut head = tar::Header::new_ustar();
        head.as_mut_bytes().copy_from_slice(&sizeless);
        head.set_cksum();
        for wrong in [&changed[..], &head.as_bytes()[..], &[0; 511], &[], &[255; 512], &block(tar::EntryType::GNUSparse, "a", 1)] {
            assert!(matches!(read(wrong), Err(Problem::Malformed { .. })), "{wrong:?}");
        }
        assert!(read(&block(tar::EntryType::XHeader, "x", 16_385)).is_err());
    }

    #[test]
    fn entries_end_with_their_block() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
