//! Header fields of answers.

use crate::base::time::EpochMs;
use crate::chunking::MAX_APPENDED;
use crate::problem::Problem;
use crate::resumable::Dialect;
use crate::resumable::checksum::ALGORITHMS;
use crate::resumable::ietf::Interop;
use crate::resumable::tus::{EXTENSIONS, VERSION};

/// Header fields.
pub type Fields = Vec<(&'static str, String)>;

/// An upload as its answers tell it.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Bytes.
    pub offset: u64,
    /// Bytes; `None` if it is not known yet.
    pub length: Option<u64>,
    /// Whether there is a file.
    pub is_complete: bool,
    /// `Upload-Metadata` as it came.
    pub metadata: Option<String>,
    /// `Upload-Concat` as it came.
    pub concat: Option<String>,
    /// When it expires; unknown, or not any more, if `None`.
    pub expires: Option<EpochMs>,
    /// Id of the file, once there is one.
    pub file: Option<String>,
}

/// The fields of every answer at a path, errors included; of an OPTIONS request all that the server can do. `most` is the largest body, bytes.
pub fn common(path: &str, method: &str, problem: Option<&Problem>, most: u64) -> Fields {
    let mut fields = Fields::new();
    match Dialect::of(path) {
        Some(Dialect::Tus) => {
            fields.push(("tus-resumable", VERSION.to_owned()));
            if method == "OPTIONS" || matches!(problem, Some(Problem::TusVersion)) {
                fields.push(("tus-version", VERSION.to_owned()));
            }
            if method == "OPTIONS" {
                fields.push(("tus-extension", EXTENSIONS.to_owned()));
                fields.push(("tus-max-size", MAX_APPENDED.to_string()));
                fields.push(("tus-checksum-algorithm", ALGORITHMS.to_owned()));
            }
        }
        Some(Dialect::Ietf) if method == "OPTIONS" => {
            fields.push(("upload-limit", limits(None, most)));
            fields.push(("accept-patch", crate::resumable::ietf::BYTES.to_owned()));
        }
        _ => {}
    }
    if let Some(Problem::WrongOffset { expected, .. }) = problem {
        fields.push(("upload-offset", expected.to_string()));
    }
    fields
}

/// `Upload-Limit`; `max-age` in seconds.
pub fn limits(max_age: Option<u64>, most: u64) -> String {
    let age = max_age.map(|seconds| format!(", max-age={seconds}")).unwrap_or_default();
    format!("max-size={MAX_APPENDED}, max-append-size={most}{age}")
}

/// The fields that tell an upload in tus.
pub fn tus(upload: &Upload) -> Fields {
    let mut fields = vec![("upload-offset", upload.offset.to_string()), ("cache-control", "no-store".to_owned())];
    fields.extend(upload.expires.filter(|_| !upload.is_complete).map(|at| ("upload-expires", http_date(at))));
    fields.extend(upload.file.clone().map(|file| ("jetty-file-id", file)));
    fields
}

/// What HEAD adds in tus.
pub fn tus_whole(upload: &Upload) -> Fields {
    let mut fields = tus(upload);
    fields.push(match upload.length {
        Some(length) => ("upload-length", length.to_string()),
        None => ("upload-defer-length", "1".to_owned()),
    });
    fields.extend(upload.metadata.clone().map(|metadata| ("upload-metadata", metadata)));
    fields.extend(upload.concat.clone().map(|concat| ("upload-concat", concat)));
    fields
}

/// The fields that tell an upload in IETF resumable uploads.
pub fn ietf(upload: &Upload, interop: Interop, now: EpochMs, most: u64) -> Fields {
    let mut fields = vec![
        ("upload-offset", upload.offset.to_string()),
        interop.completed(upload.is_complete),
        ("upload-draft-interop-version", interop.version().to_string()),
        ("cache-control", "no-store".to_owned()),
    ];
    fields.extend(upload.length.map(|length| ("upload-length", length.to_string())));
    if !upload.is_complete {
        fields.push(("upload-limit", limits(upload.expires.map(|at| at.since(now) / 1_000), most)));
    }
    fields.extend(upload.file.clone().map(|file| ("jetty-file-id", file)));
    fields
}

fn http_date(at: EpochMs) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Upload {
        Upload {
            offset: 5,
            length: Some(10),
            is_complete: false,
            metadata: Some("a YQ==".into()),
            concat: None,
            expires: Some(EpochMs(1_000_000)),
            file: None,
        }
    }

    #[test]
    fn head_of_tus_tells_offset_length_expiry_and_metadata() {
        let told = [
            ("upload-offset", "5"),
            ("cache-control", "no-store"),
            ("upload-expires", "Thu, 01 Jan 1970 00:16:40 GMT"),
            ("upload-length", "10"),
            ("upload-metadata", "a YQ=="),
        ];
        assert_eq!(tus_whole(&upload()), told.map(|(name, value)| (name, value.to_owned())));
        assert!(tus_whole(&Upload { length: None, ..upload() }).contains(&("upload-defer-length", "1".to_owned())));
    }

    #[test]
    fn errors_and_options_tell_what_the_dialect_asks_for() {
        let names =
            |path, method, problem: Option<&Problem>| common(path, method, problem, 100).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("/tus/x", "PATCH", Some(&Problem::NotFound)), ["tus-resumable"]);
        assert_eq!(names("/tus/x", "PATCH", Some(&Problem::TusVersion)), ["tus-resumable", "tus-version"]);
        assert_eq!(names("/tus", "OPTIONS", None), ["tus-resumable", "tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm"]);
        assert_eq!(names("/resumable", "OPTIONS", None), ["upload-limit", "accept-patch"]);
        assert_eq!(names("/resumable/x", "PATCH", Some(&Problem::WrongOffset { expected: 5, provided: 4 })), ["upload-offset"]);
        assert!(names("/api/health", "OPTIONS", None).is_empty());
    }

    #[test]
    fn ietf_tells_completeness_in_the_words_of_the_version() {
        let complete = Upload { is_complete: true, file: Some("f".into()), ..upload() };
        let fields = |version: &str| Interop::read(&crate::resumable::fields::tests::of(&[("Upload-Draft-Interop-Version", version)])).unwrap();
        let told = ietf(&upload(), fields("8"), EpochMs(0), 100);
        assert!(
            told.contains(&("upload-complete", "?0".into()))
                && told.contains(&("upload-limit", "max-size=167772160000, max-append-size=100, max-age=1000".into()))
        );
        let told = ietf(&complete, fields("3"), EpochMs(0), 100);
        assert!(
            told.contains(&("upload-incomplete", "?0".into()))
                && told.contains(&("jetty-file-id", "f".into()))
                && told.iter().all(|(name, _)| *name != "upload-limit")
        );
    }
}
