//! `Upload-Metadata` (tus 1.0, "Creation"): pairs of a key and a value in base64, separated by commas.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::problem::Problem;
use crate::resumable::fields::{Fields, bad, text};

/// The longest field that is kept for its echo, bytes.
const MAX_BYTES: usize = 8_192;

/// What is read of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The field as it came.
    pub raw: Option<String>,
    pairs: Vec<(String, String)>,
}

impl Metadata {
    /// Reads the field.
    ///
    /// # Errors
    /// 400 for what is not pairs, and for a key that comes twice.
    pub fn read(fields: Fields<'_>) -> Result<Metadata, Problem> {
        const NAME: &str = "Upload-Metadata";
        let Some(raw) = text(fields, NAME).filter(|raw| !raw.is_empty()) else { return Ok(Metadata::default()) };
        if raw.len() > MAX_BYTES {
            return Err(bad(NAME, "must be at most 8,192 bytes"));
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in raw.split(',') {
            let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
            let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
            let value = STANDARD.decode(value.trim()).ok();
            let (true, Some(value)) = (is_key && pairs.iter().all(|(known, _)| known != key), value) else {
                return Err(bad(NAME, "must be pairs of a key, each once, a space and the value in base64, separated by commas"));
            };
            // A value that is no text is kept for the echo only.
            if let Ok(value) = String::from_utf8(value) {
                pairs.push((key.to_owned(), value));
            } else {
                pairs.push((key.to_owned(), String::new()));
            }
        }
        Ok(Metadata { raw: Some(raw), pairs })
    }

    /// The first of these keys that has a value.
    pub fn get(&self, keys: &[&str]) -> Option<&str> {
        let value = |key: &&str| self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        keys.iter().filter_map(value).find(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resumable::fields::tests::of;

    fn read(text: &str) -> Result<Metadata, Problem> {
        Metadata::read(&of(&[("Upload-Metadata", text)]))
    }

    #[test]
    fn pairs_are_decoded_and_the_field_is_kept() {
        let found = read("filename d29ybGQucGRm,is_confidential, filetype  aW1hZ2UvcG5n").unwrap();
        assert_eq!(found.get(&["name", "filename"]), Some("world.pdf"));
        assert_eq!(found.get(&["filetype"]), Some("image/png"));
        assert_eq!(found.get(&["is_confidential"]), None);
        assert_eq!(found.raw.as_deref(), Some("filename d29ybGQucGRm,is_confidential, filetype  aW1hZ2UvcG5n"));
        assert_eq!(read(""), Ok(Metadata::default()));
        assert_eq!(read("filename /w==").unwrap().get(&["filename"]), None, "no UTF-8");
    }

    #[test]
    fn what_is_not_pairs_is_refused() {
        for text in ["filename !", "a YQ==,a YQ==", ",", "a YQ==,", "é YQ==", &format!("a {}", "A".repeat(9_000))] {
            assert!(matches!(read(text), Err(Problem::BadHeader { field: "Upload-Metadata", .. })), "{text}");
        }
    }
}
