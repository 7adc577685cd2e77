//! An archive, entry by entry: what is to be read next, and what it was.

use std::str::from_utf8;

use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::base::unicode::Compose;
use crate::files::paths::path::Path;
use crate::files::paths::placement::{IfExists, Placement};
use crate::http::validate::{MAX_NAME_BYTES, check_content_type, check_file_name, check_hash};
use crate::problem::Problem;
use crate::uploads::batch::head::{Head, malformed, padding, read};
use crate::uploads::batch::{MAX_FILE, MAX_FILES, MAX_HEADS, MAX_TEXT_BYTES};
use crate::uploads::simple::SESSIONS_HINT;

/// The records that are ours (POSIX.1-2017, pax: keywords of implementations begin with the vendor's name in capitals and a point).
const SHA256: &str = "JETTYSPEED.sha256";
const CONTENT_TYPE: &str = "JETTYSPEED.contentType";

/// What to do next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Read so many bytes, give them to [`Archive::extend`], and skip so many.
    Extend(u64, u64),
    /// Skip so many bytes.
    Skip(u64),
    /// Read the file's bytes, then skip so many.
    File(Entry, u64),
    /// Say what is wrong with the file, and skip so many bytes.
    Refuse(Refused, u64),
    /// No entry follows.
    End,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number among the files of the archive, from 0.
    pub index: usize,
    /// Its path in the archive.
    pub path: String,
    /// Its name: the last part of the path.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// When it was changed last.
    pub modified_at: Option<EpochMs>,
    /// Its hash, which the store verifies.
    pub sha256: Option<Sha256Hex>,
}

/// A file that is not taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// As in [`Entry`].
    pub index: usize,
    /// Its path; None if it is not UTF-8, or too long.
    pub path: Option<String>,
    /// Why.
    pub problem: Problem,
}

/// What extended heads say of the next entry.
#[derive(Debug, Default)]
struct Records {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<EpochMs>,
    sha256: Option<String>,
    content_type: Option<String>,
}

/// How far the archive is read.
#[derive(Debug, Default)]
pub struct Archive {
    heads: usize,
    files: usize,
    text_bytes: usize,
    records: Records,
    is_path: bool,
}

impl Archive {
    /// Takes the next block of 512 bytes.
    ///
    /// # Errors
    /// 400 if it is no head; 422 after [`MAX_FILES`] files, [`MAX_HEADS`] heads or [`MAX_TEXT_BYTES`] of paths and media types.
    pub fn block(&mut self, block: &[u8]) -> Result<Step, Problem> {
        self.heads += 1;
        if self.heads > MAX_HEADS {
            return Err(Problem::invalid("entries", "must be at most 5,000 in one archive, with folders and what extends heads"));
        }
        let (path, size, modified) = match read(block)? {
            Head::End => return Ok(Step::End),
            Head::Records(bytes) => return Ok(self.extended_by(bytes, false)),
            Head::LongPath(bytes) => return Ok(self.extended_by(bytes, true)),
            Head::Other(bytes) => {
                self.records = Records::default();
                return Ok(Step::Skip(bytes.saturating_add(padding(bytes))));
            }
            Head::File { path, size, modified } => (path, size, modified),
        };
        let records = std::mem::take(&mut self.records);
        let index = self.files;
        if index == MAX_FILES {
            return Err(Problem::invalid("files", "must be at most 1,000 in one archive"));
        }
        self.files += 1;
        let size = records.size.unwrap_or(size);
        let path = records.path.as_ref().unwrap_or(&path);
        let path = from_utf8(path).ok().filter(|path| path.len() <= MAX_NAME_BYTES);
        let entry = entry(index, path, (size, modified), &records);
        let type_bytes = entry.as_ref().map_or(0, |entry| entry.content_type.len());
        self.text_bytes += path.map_or(0, str::len) + type_bytes;
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err(Problem::invalid("path", "must, with the media types, have at most 80,000 bytes in one archive"));
        }
        Ok(match entry {
            Ok(entry) => Step::File(entry, padding(size)),
            Err(problem) => Step::Refuse(Refused { index, path: path.map(str::to_owned), problem }, size.saturating_add(padding(size))),
        })
    }

    /// Takes the bytes of an extended head or long path.
    ///
    /// # Errors
    /// 400.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        if self.is_path {
            self.records.path = Some(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
            return Ok(());
        }
        for record in tar::PaxExtensions::new(bytes) {
            let record = record.map_err(|_| malformed("an extended head has a record without a length"))?;
            let text = || record.value().map(str::to_owned).map_err(|_| malformed("a record is not UTF-8"));
            match record.key().unwrap_or_default() {
                "path" => self.records.path = Some(record.value_bytes().to_vec()),
                "size" => self.records.size = Some(text()?.parse().map_err(|_| malformed("a size is no number"))?),
                "mtime" => self.records.modified = text()?.parse().ok().and_then(milliseconds),
                SHA256 => self.records.sha256 = Some(text()?),
                CONTENT_TYPE => self.records.content_type = Some(text()?),
                _ => {}
            }
        }
        Ok(())
    }

    fn extended_by(&mut self, bytes: u64, is_path: bool) -> Step {
        self.is_path = is_path;
        Step::Extend(bytes, padding(bytes))
    }
}

/// The instant so many seconds after 1970, to the millisecond; none before and none that is no number.
fn milliseconds(seconds: f64) -> Option<EpochMs> {
    let ms = (seconds * 1_000.0).round();
    // Below 2^53: exact.
    (0.0..=9_007_199_254_740_991.0).contains(&ms).then_some(EpochMs(ms as u64))
}

impl Entry {
    /// The place that it is to have: its path behind the prefix.
    ///
    /// # Errors
    /// 422 that names `path`.
    pub fn placement(&self, prefix: &str, if_exists: IfExists, compose: Compose) -> Result<Placement, Problem> {
        let path = Path::within("path", prefix, self.path.strip_prefix("./").unwrap_or(&self.path), compose)?;
        Ok(Placement { path, if_exists, modified_at: self.modified_at })
    }
}

fn entry(index: usize, path: Option<&str>, (size, modified): (u64, Option<u64>), records: &Records) -> Result<Entry, Problem> {
    let path = check_file_name("path", path.ok_or_else(|| Problem::invalid("path", "must be 1 to 1,024 bytes of UTF-8"))?)?;
    let name = check_file_name("path", path.rsplit('/').next().unwrap_or_default())?;
    if size > MAX_FILE {
        return Err(Problem::BodyTooLarge { limit: MAX_FILE, hint: SESSIONS_HINT });
    }
    let sha256 = check_hash(SHA256, records.sha256.as_deref())?;
    let content_type = check_content_type(records.content_type.as_deref(), &name)?;
    let modified_at = records.modified.or(modified.map(|seconds| EpochMs(seconds.saturating_mul(1_000))));
    Ok(Entry { index, path, name, content_type, size, modified_at, sha256 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::asset::Asset;
    use crate::files::asset::tests::asset;
    use crate::uploads::batch::results::{FileResult, Results};

    fn head(kind: tar::EntryType, path: &[u8], size: u64) -> Vec<u8> {
        let mut head = tar::Header::new_ustar();
        head.as_mut_bytes()[..path.len()].copy_from_slice(path);
        head.set_size(size);
        head.set_entry_type(kind);
        head.set_cksum();
        head.as_bytes().to_vec()
    }

    fn file(path: &str, size: u64) -> Vec<u8> {
        head(tar::EntryType::Regular, path.as_bytes(), size)
    }

    fn record(key: &str, value: &str) -> String {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|length| format!("{length}{rest}").len() == *length).unwrap();
        format!("{length}{rest}")
    }

    fn extended(archive: &mut Archive, records: &str) {
        let step = archive.block(&head(tar::EntryType::XHeader, b"x", records.len() as u64));
        assert_eq!(step, Ok(Step::Extend(records.len() as u64, padding(records.len() as u64))));
        archive.extend(records.as_bytes()).unwrap();
    }

    #[test]
    fn files_are_numbered_named_by_their_last_part_and_typed_by_name() {
        let mut archive = Archive::default();
        let Ok(Step::File(first, 12)) = archive.block(&file("photos/2026/été.jpg", 500)) else { panic!() };
        assert_eq!((first.index, first.path.as_str(), first.name.as_str()), (0, "photos/2026/été.jpg", "été.jpg"));
        assert_eq!((first.content_type.as_str(), first.size, first.sha256), ("image/jpeg", 500, None));
        assert_eq!(archive.block(&head(tar::EntryType::Directory, b"photos", 0)), Ok(Step::Skip(0)));
        let Ok(Step::File(second, 0)) = archive.block(&file("b", 0)) else { panic!() };
        assert_eq!(second.index, 1);
        assert_eq!(archive.block(&[0; 512]), Ok(Step::End));
    }

    #[test]
    fn records_give_path_size_hash_and_type_of_the_next_file_only() {
        let mut archive = Archive::default();
        let hash = "ab".repeat(32);
        let path = format!("{}/long name.bin", "d".repeat(300));
        let records = [("path", path.as_str()), ("size", "7"), (SHA256, hash.as_str()), (CONTENT_TYPE, "video/mp4"), ("mtime", "1.5")];
        extended(&mut archive, &records.map(|(key, value)| record(key, value)).concat());
        let Ok(Step::File(entry, 505)) = archive.block(&file("short", 3)) else { panic!() };
        assert_eq!((entry.path, entry.name.as_str(), entry.size), (path, "long name.bin", 7));
        assert_eq!((entry.content_type.as_str(), entry.sha256.unwrap().as_str().to_owned()), ("video/mp4", hash));
        let Ok(Step::File(next, _)) = archive.block(&file("short", 3)) else { panic!() };
        assert_eq!((next.name.as_str(), next.size, next.sha256), ("short", 3, None));
    }

    #[test]
    fn long_path_of_gnu_ends_with_its_zero() {
        let mut archive = Archive::default();
        assert_eq!(archive.block(&head(tar::EntryType::GNULongName, b"././@LongLink", 6)), Ok(Step::Extend(6, 506)));
        archive.extend(b"a/b/c\0").unwrap();
        let Ok(Step::File(entry, _)) = archive.block(&file("x", 1)) else { panic!() };
        assert_eq!(entry.name, "c");
    }

    #[test]
    fn file_that_is_not_taken_is_skipped_with_its_reason_and_the_next_one_is_read() {
        let mut archive = Archive::default();
        let Ok(Step::Refuse(refused, skip)) = archive.block(&file("large", 10_000_001)) else { panic!() };
        assert_eq!((refused.index, refused.path.as_deref(), skip), (0, Some("large"), 10_000_384));
        assert!(matches!(refused.problem, Problem::BodyTooLarge { limit: 10_000_000, .. }));
        let Ok(Step::Refuse(refused, _)) = archive.block(&head(tar::EntryType::Regular, b"a\xff", 1)) else { panic!() };
        assert_eq!((refused.path, refused.problem), (None, Problem::invalid("path", "must be 1 to 1,024 bytes of UTF-8")));
        let Ok(Step::Refuse(refused, _)) = archive.block(&file("folder/", 1)) else { panic!() };
        assert_eq!(refused.path.as_deref(), Some("folder/"));
        extended(&mut archive, &record(SHA256, "abc"));
        assert!(matches!(archive.block(&file("a", 1)), Ok(Step::Refuse(..))));
        assert!(matches!(archive.block(&file("a", 10_000_000)), Ok(Step::File(..))));
    }

    #[test]
    fn file_1001_is_refused() {
        let mut archive = Archive::default();
        for _ in 0..MAX_FILES {
            assert!(matches!(archive.block(&file("a", 1)), Ok(Step::File(..))));
        }
        assert!(matches!(archive.block(&file("a", 1)), Err(Problem::Invalid { .. })));
    }

    #[test]
    fn path_over_1024_bytes_or_with_control_characters_is_refused_and_not_repeated() {
        let mut archive = Archive::default();
        for (path, told) in [(format!("{}/f", "d".repeat(1_023)), None), ("a\tb/f".to_owned(), Some("a\tb/f"))] {
            extended(&mut archive, &record("path", &path));
            let Ok(Step::Refuse(refused, _)) = archive.block(&file("x", 1)) else { panic!() };
            assert_eq!(refused.path.as_deref(), told);
        }
        extended(&mut archive, &record("path", &format!("{}/f", "d".repeat(1_022))));
        assert!(matches!(archive.block(&file("x", 1)), Ok(Step::File(..))));
    }

    #[test]
    fn head_5001_is_refused_whatever_it_announces() {
        let mut archive = Archive::default();
        for _ in 0..MAX_HEADS {
            assert_eq!(archive.block(&head(tar::EntryType::Directory, b"d", 0)), Ok(Step::Skip(0)));
        }
        assert!(matches!(archive.block(&head(tar::EntryType::Directory, b"d", 0)), Err(Problem::Invalid { .. })));
    }

    #[test]
    fn answer_about_the_longest_texts_fits_into_a_row_when_it_is_sealed() {
        // The character that is the longest in JSON and in a URL.
        let path = "\"".repeat(MAX_TEXT_BYTES / MAX_FILES - "application/octet-stream".len());
        let (mut archive, mut results) = (Archive::default(), Results::default());
        for index in 0..MAX_FILES {
            let Ok(Step::File(entry, _)) = archive.block(&file(&path, 1)) else { panic!("{index}") };
            let asset = Asset { name: entry.name, s3_key: "k".repeat(200), ..asset() };
            results.push(FileResult::of(index, Some(entry.path), Ok(asset.view("https://edge.example.com")), "r"));
        }
        assert!(matches!(Archive { files: 0, ..archive }.block(&file(&path.repeat(5), 1)), Err(Problem::Invalid { .. })));
        let answer = serde_json::to_vec(&results.finish(None, "r").unwrap()).unwrap();
        // Sealed answers are base64.
        assert!(answer.len() * 4 / 3 < 2_000_000, "{} bytes", answer.len());
    }

    #[test]
    fn records_that_are_none_are_refused() {
        for wrong in ["x", "5 a=b", "99 path=a\n", "11 size=zz\n"] {
            let mut archive = Archive::default();
            assert!(archive.extend(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_block_and_no_records_panic(block in prop::collection::vec(any::<u8>(), 512), records in prop::collection::vec(any::<u8>(), 0..600), size in any::<u64>()) {
            let mut archive = Archive::default();
            let _ = archive.block(&block);
            let _ = archive.extend(&records);
            archive.records.size = Some(size);
            let _ = archive.block(&file("a", 1));
        }
    }
}
