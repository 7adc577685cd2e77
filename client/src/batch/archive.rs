//! A batch as a tar archive, with the hash of each file in a record before it.

use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Error;

/// What is put into an archive.
pub struct Item {
    /// Name at the server.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Time of its last change, ms since 1970.
    pub modified_ms: Option<u64>,
}

/// The archive of these files.
///
/// # Errors
/// [`Error::Unexpected`] for a name that an archive can not have.
pub fn archive(items: &[Item]) -> Result<Vec<u8>, Error> {
    let mut builder = tar::Builder::new(Vec::with_capacity(items.iter().map(|item| item.bytes.len() + 4_096).sum()));
    for Item { name, bytes, modified_ms } in items {
        let hash = hex(&Sha256::digest(bytes));
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // The name is a record, too: a head has room for 100 bytes, and would have to be cut.
        // A head has whole seconds only.
        let time = modified_ms.map(|ms| format!("{}.{:03}", ms / 1_000, ms % 1_000));
        let records = [("path", Some(name)), ("JETTYSPEED.sha256", Some(&hash)), ("mtime", time.as_ref())];
        let records = records.into_iter().filter_map(|(key, value)| Some((key, value?.as_bytes())));
        builder.append_pax_extensions(records).map_err(unexpected)?;
        let mut head = tar::Header::new_ustar();
        head.set_size(size);
        head.set_mode(0o644);
        head.set_path(Path::new("file")).map_err(unexpected)?;
        head.set_cksum();
        builder.append(&head, bytes.as_ref()).map_err(unexpected)?;
    }
    builder.into_inner().map_err(unexpected)
}

/// A `Content-Digest` of the archive (RFC 9530).
pub fn digest(archive: &[u8]) -> String {
    use base64::Engine;
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(archive)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unexpected(error: std::io::Error) -> Error {
    Error::Unexpected(format!("an archive: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn archive_has_each_file_with_its_name_and_hash() {
        let long = "n".repeat(300);
        let item = |name: &str, bytes: &[u8]| Item { name: name.to_owned(), bytes: Bytes::copy_from_slice(bytes), modified_ms: None };
        let items = [item("a.txt", b"hello"), item(&long, &[7; 600]), item("ü", b"")];
        let archived = archive(&items).unwrap();
        let mut reader = tar::Archive::new(&archived[..]);
        let mut seen = Vec::new();
        for entry in reader.entries().unwrap() {
            let mut entry = entry.unwrap();
            let hash = entry.pax_extensions().unwrap().unwrap().map(Result::unwrap).find(|record| record.key() == Ok("JETTYSPEED.sha256")).unwrap();
            let hash = hash.value().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(hash, hex(&Sha256::digest(&bytes)));
            seen.push((String::from_utf8(entry.path_bytes().into_owned()).unwrap(), bytes));
        }
        let expected: Vec<_> = items.iter().map(|item| (item.name.clone(), item.bytes.to_vec())).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn time_is_kept_to_the_millisecond_and_left_out_if_it_is_not_known() {
        let item = |name: &str, modified_ms| Item { name: name.to_owned(), bytes: Bytes::from_static(b"x"), modified_ms };
        let archived = archive(&[item("a", Some(1_577_934_245_006)), item("b", None)]).unwrap();
        let mut reader = tar::Archive::new(&archived[..]);
        let times = reader.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut records = entry.pax_extensions().unwrap().unwrap().map(Result::unwrap);
            records.find(|record| record.key() == Ok("mtime")).map(|record| record.value().unwrap().to_owned())
        });
        assert_eq!(times.collect::<Vec<_>>(), [Some("1577934245.006".to_owned()), None]);
    }
}
