//! AWS's Signature Version 4 test suite (`tests/vectors/sigv4`), every folder at every stage it has files for, in headers and in the query.

use chrono::{DateTime, NaiveDateTime};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::sigv4::canonical::{CanonicalInput, canonical_request, string_to_sign};
use jettyspeed_edge::s3::sigv4::signer::Signer;

/// 38 complete folders and the two without `context.json`.
const FOLDERS: usize = 40;
/// Eight stages of each complete folder; canonical request and Authorization of both others, and the string to sign of one of them.
const STAGES: usize = 38 * 8 + 2 + 3;

type Pairs = Vec<(String, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    credentials: Credentials,
    expiration_in_seconds: u64,
    normalize: bool,
    region: String,
    service: String,
    sign_body: bool,
    timestamp: String,
    #[serde(default)]
    omit_session_token: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

struct Request {
    method: String,
    path: String,
    query: Pairs,
    headers: Pairs,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

struct Folder(PathBuf);

impl Folder {
    fn name(&self) -> &str {
        self.0.file_name().and_then(|name| name.to_str()).expect("a folder name")
    }

    fn read(&self, file: &str) -> Option<String> {
        let path = self.0.join(file);
        path.exists().then(|| fs::read_to_string(path).expect("a readable file").trim_end().to_owned())
    }

    fn expect(&self, file: &str) -> String {
        self.read(file).unwrap_or_else(|| panic!("{} has no {file}", self.name()))
    }
}

#[derive(Default)]
struct Report {
    compared: usize,
    failures: Vec<String>,
}

impl Report {
    fn compare(&mut self, folder: &Folder, stage: &str, ours: &str, expected: &str) {
        self.compared += 1;
        if ours != expected {
            self.failures.push(format!("{} {stage}\n  ours:     {ours:?}\n  expected: {expected:?}", folder.name()));
        }
    }
}

#[test]
fn every_aws_vector_matches_at_every_stage() {
    let folders = folders();
    let mut report = Report::default();
    for folder in &folders {
        match folder.read("context.json") {
            Some(context) => complete_folder(folder, &serde_json::from_str(&context).expect("a context"), &mut report),
            None => folder_without_context(folder, &mut report),
        }
    }
    assert!(report.failures.is_empty(), "{} stages differ:\n{}", report.failures.len(), report.failures.join("\n"));
    assert_eq!((folders.len(), report.compared), (FOLDERS, STAGES));
}

fn complete_folder(folder: &Folder, context: &Context, report: &mut Report) {
    assert_eq!(context.service, "service");
    let signer = Signer::new(&context.credentials.access_key_id, &context.credentials.secret_access_key, &context.region, "service");
    let now = rfc3339(&context.timestamp);
    let mut request = request(folder);
    if context.normalize {
        request.path = normalized(&request.path);
    }
    let payload_hash = Sha256Hex::of(request.body.as_bytes());
    let signed_token = context.credentials.token.as_ref().filter(|_| !context.omit_session_token);

    let mut headers = dated(&request, now);
    if context.sign_body {
        headers.push(("x-amz-content-sha256".to_owned(), payload_hash.as_str().to_owned()));
    }
    headers.extend(signed_token.map(|token| ("X-Amz-Security-Token".to_owned(), token.clone())));
    let signed = input(&request, &headers, payload_hash.as_str());
    stages(folder, "header", &signer, &signed, now, report);
    report.compare(folder, "Authorization", &signer.authorization(&signed, now), &signed_authorization(folder));

    // Presigned, the token travels in the query and the payload's hash in no header.
    let mut query = request.query.clone();
    query.extend(signed_token.map(|token| ("X-Amz-Security-Token".to_owned(), token.clone())));
    let presigned = CanonicalInput { query: &query, headers: &request.headers, ..signed };
    let all = presign_query(&presigned, context, &signer, now);
    stages(folder, "query", &signer, &CanonicalInput { query: &all, ..presigned }, now, report);

    let mut ours = pairs(&signer.presigned_query(&presigned, now, context.expiration_in_seconds));
    if context.omit_session_token {
        let token = context.credentials.token.clone().expect("a token to omit");
        ours.push(("X-Amz-Security-Token".to_owned(), token));
    }
    let mut expected = parse_request(&folder.expect("query-signed-request.txt")).query;
    // The suite appends its parameters unsorted; the order on the wire is not part of the signature.
    ours.sort();
    expected.sort();
    report.compare(folder, "presigned query", &format!("{ours:?}"), &format!("{expected:?}"));
}

/// Canonical request, string to sign and signature as the files `<kind>-*.txt` have them.
fn stages(folder: &Folder, kind: &str, signer: &Signer, input: &CanonicalInput<'_>, now: EpochMs, report: &mut Report) {
    let (stamp, day) = now.amz();
    let canonical = canonical_request(input).request;
    report.compare(folder, &format!("{kind} canonical request"), &canonical, &folder.expect(&format!("{kind}-canonical-request.txt")));
    let to_sign = string_to_sign(&stamp, &signer.scope(&day), &canonical);
    report.compare(folder, &format!("{kind} string to sign"), &to_sign, &folder.expect(&format!("{kind}-string-to-sign.txt")));
    let signature = signer.signature(&day, &to_sign);
    report.compare(folder, &format!("{kind} signature"), &signature, &folder.expect(&format!("{kind}-signature.txt")));
}

/// `input.query` with the parameters that a presigned URL adds before it is signed.
fn presign_query(input: &CanonicalInput<'_>, context: &Context, signer: &Signer, now: EpochMs) -> Pairs {
    let (stamp, day) = now.amz();
    let added = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
        ("X-Amz-Credential", format!("{}/{}", context.credentials.access_key_id, signer.scope(&day))),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", context.expiration_in_seconds.to_string()),
        ("X-Amz-SignedHeaders", canonical_request(input).signed_headers),
    ];
    let mut query = input.query.to_vec();
    query.extend(added.map(|(name, value)| (name.to_owned(), value)));
    query
}

/// `double-encode-path` and `double-url-encode`: time, region, service and key are what the credential scope of the signed request says.
fn folder_without_context(folder: &Folder, report: &mut Report) {
    let request = request(folder);
    let authorization = signed_authorization(folder);
    let credential = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").and_then(|rest| rest.split(',').next()).expect("a credential");
    let [access_key_id, day, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        panic!("{} has the credential {credential}", folder.name());
    };
    // These folders do not say their secrets: the first is the test key of `aws-credential-types`, the second that of all other folders.
    let secret = match access_key_id {
        "ANOTREAL" => "notrealrnrELgWzOk3IfjzDKtFBhDby",
        "AKIDEXAMPLE" => "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        other => panic!("no secret for {other}"),
    };
    let service = match service {
        "service" => "service",
        "lambda" => "lambda",
        other => panic!("unexpected service {other}"),
    };
    let signer = Signer::new(access_key_id, secret, region, service);
    let payload_hash = Sha256Hex::of(request.body.as_bytes());
    // The canonical request of `double-encode-path` was made at another time (2021) than its request and signature (2015), so it is compared
    // at the time it says itself.
    let expected = folder.expect("header-canonical-request.txt");
    let made_at = expected.lines().find_map(|line| line.strip_prefix("x-amz-date:")).map(stamp).expect("a date");
    let headers = dated(&request, made_at);
    let canonical = canonical_request(&input(&request, &headers, payload_hash.as_str())).request;
    report.compare(folder, "header canonical request", &canonical, &expected);
    if let Some(expected) = folder.read("header-string-to-sign.txt") {
        let (stamp, day) = made_at.amz();
        let ours = string_to_sign(&stamp, &signer.scope(&day), &canonical);
        report.compare(folder, "header string to sign", &ours, &expected);
    }

    let signed_at = stamp(request.header("x-amz-date").expect("a date in the request"));
    assert_eq!(signed_at.amz().1, day, "{}", folder.name());
    let headers = dated(&request, signed_at);
    let ours = signer.authorization(&input(&request, &headers, payload_hash.as_str()), signed_at);
    report.compare(folder, "Authorization", &ours, &authorization);
}

/// The headers of the request with `now` for their date.
fn dated(request: &Request, now: EpochMs) -> Pairs {
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-amz-date"));
    headers.push(("X-Amz-Date".to_owned(), now.amz().0));
    headers
}

fn input<'a>(request: &'a Request, headers: &'a Pairs, payload_hash: &'a str) -> CanonicalInput<'a> {
    CanonicalInput { method: &request.method, path: &request.path, query: &request.query, headers, payload_hash }
}

fn folders() -> Vec<Folder> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sigv4");
    let mut folders: Vec<_> =
        fs::read_dir(root).expect("the vectors").map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).map(Folder).collect();
    folders.sort_by(|a, b| a.0.cmp(&b.0));
    folders
}

/// The request, with the path as it is to be encoded for the canonical request.
///
/// The suite encodes the path of the wire once more, so that path is given to the encoder as it stands. It is the one of the signed request:
/// `get-space-normalized` has `/example%20space/` in its `request.txt`, but signs and sends `/example space/`.
fn request(folder: &Folder) -> Request {
    let request = parse_request(&folder.expect("request.txt"));
    let path = parse_request(&folder.expect("header-signed-request.txt")).path;
    let decoded = percent_decode_str(&request.path).decode_utf8().expect("UTF-8");
    assert!(path == request.path || path == decoded, "{} sends {path}, not {}", folder.name(), request.path);
    Request { path, ..request }
}

fn parse_request(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).expect("a request line");
    // Spaces inside are part of `get-space-*`; the signed request of `double-url-encode` has no version.
    let target = target.strip_suffix(" HTTP/1.1").unwrap_or(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Pairs::new();
    for line in lines {
        match (line.strip_prefix([' ', '\t']), headers.last_mut()) {
            // obs-fold (RFC 9112 section 5.2) reads as white space.
            (Some(folded), Some((_, value))) => {
                value.push(' ');
                value.push_str(folded);
            }
            _ => {
                let (name, value) = line.split_once(':').expect("a header");
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Request { method: method.to_owned(), path: path.to_owned(), query: pairs(query), headers, body: body.to_owned() }
}

fn signed_authorization(folder: &Folder) -> String {
    let signed = parse_request(&folder.expect("header-signed-request.txt"));
    signed.header("authorization").expect("an Authorization header").trim().to_owned()
}

fn pairs(query: &str) -> Pairs {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// RFC 3986 section 5.2.4 and one slash for several: what callers do for services that normalise, which S3 does not.
fn normalized(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

fn rfc3339(text: &str) -> EpochMs {
    epoch(DateTime::parse_from_rfc3339(text).expect("RFC 3339").timestamp_millis())
}

fn stamp(text: &str) -> EpochMs {
    let at = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").expect("a stamp");
    epoch(at.and_utc().timestamp_millis())
}

fn epoch(ms: i64) -> EpochMs {
    EpochMs(u64::try_from(ms).expect("after 1970"))
}
