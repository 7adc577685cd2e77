//! Requests to the store are sent as they are signed: compared with the AWS SDK's signer, and with every kind of unusual key.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{percent_decode, percent_decode_str};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reqwest::Url;
use std::time::{Duration, UNIX_EPOCH};

use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::{Action, ObjectHeaders, Payload};
use jettyspeed_edge::s3::operations::{
    abort_multipart_upload, complete_multipart_upload, create_multipart_upload, delete_object, get_object, head_object, list_multipart_uploads,
    list_parts, put_object, upload_part, upload_part_copy,
};
use jettyspeed_edge::s3::request::{Location, SignedRequest, Store};
use jettyspeed_edge::s3::sigv4::canonical::{CanonicalInput, canonical_request, string_to_sign};
use jettyspeed_edge::s3::sigv4::signer::{Signer, UNSIGNED_PAYLOAD};

const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const YEAR_2015: u64 = 1_420_070_400_000;
const YEAR_2101: u64 = 4_133_980_800_000;
const PRESIGN_PARAMETERS: [&str; 6] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"];
/// What actions send unsigned, and what a proxy may add.
const PLAIN_HEADERS: [&str; 4] = ["accept-encoding", "content-disposition", "range", "if-none-match"];
/// Without `x-amz-checksum-mode` and `x-amz-user-agent`, which the SDK leaves out of presigned URLs on purpose.
const SIGNED_HEADERS: [&str; 10] = [
    "content-type",
    "content-md5",
    "Content-Language",
    "x-amz-acl",
    "x-amz-checksum-crc32",
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "x-amz-meta-name",
    "X-Amz-Meta-Name",
    "x-amz-storage-class",
];

type Pairs = Vec<(String, String)>;

#[derive(Debug)]
struct Case {
    endpoint: String,
    bucket: String,
    region: String,
    access_key_id: String,
    secret: String,
    action: Action,
    /// The same signer signs for another day first, so that a cached signing key of that day must not be used on this one.
    before: EpochMs,
    now: EpochMs,
}

impl Case {
    fn store(&self) -> Store {
        let location = Location::parse(&self.endpoint, &self.bucket).expect("an endpoint and a bucket");
        let store = Store::new(location, Signer::new(&self.access_key_id, &self.secret, &self.region, "s3"));
        store.request(&self.action, self.before);
        store
    }

    /// The SDK's signature of a request to `url` with `headers`.
    fn sdk_sign(&self, url: &str, headers: &[(String, String)], body: SignableBody<'_>, presign: Option<u64>) -> (SigningInstructions, String) {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        // The SDK signs all headers it gets but these.
        settings.excluded_headers.get_or_insert_default().extend(PLAIN_HEADERS.map(Into::into));
        if let Some(seconds) = presign {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let identity = Credentials::from_keys(&self.access_key_id, &self.secret, None).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_millis(self.now.0))
            .settings(settings)
            .build()
            .expect("complete parameters")
            .into();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new(self.action.method, url, headers, body).expect("a signable request");
        sign(request, &params).expect("a signature").into_parts()
    }
}

fn payload_hash(payload: &Payload) -> &str {
    match payload {
        Payload::Empty => EMPTY_SHA256,
        Payload::Sha256(hash) => hash.as_str(),
        Payload::Unsigned => UNSIGNED_PAYLOAD,
    }
}

fn owned(pairs: &[(&'static str, String)]) -> Pairs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{name} twice in {pairs:?}");
    first.unwrap_or_else(|| panic!("no {name} in {pairs:?}"))
}

/// Splits `&`-separated pairs and decodes them once.
fn decoded_pairs(query: &str) -> Pairs {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').expect("name=value")).map(decoded_pair).collect()
}

fn decoded_pair((name, value): (&str, &str)) -> (String, String) {
    (decoded(name), decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned()
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort();
    pairs
}

fn endpoint() -> impl Strategy<Value = String> {
    prop_oneof![
        "https?://[a-z][a-z0-9-]{0,8}(\\.[A-Za-z0-9]{1,6}){0,3}(:(80|443|9000|[1-9][0-9]{1,3}))?/?",
        Just("http://[::1]:9000".to_owned()),
        Just("https://S3.US-West-1.lyvecloud.seagate.com:443/".to_owned()),
    ]
}

/// Text with every kind of character that an encoder treats specially.
fn nasty(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[A-Za-z0-9_.~-]{1,8}",
        4 => "[ %+=#?&;:@!$'\"()*,<>\\[\\]{}|^`\\\\~]{1,3}",
        2 => select(vec!["%20", "%2F", "%2f", "%252F", "%zz", "/", "//", "/./", "/../", "..", "é", "e\u{301}", "日本", "🦀", "\u{a0}", "\0", "\u{7f}"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, length).prop_map(|pieces| pieces.concat())
}

fn query() -> impl Strategy<Value = Pairs> {
    let pair = prop_oneof![
        (nasty(0..4), nasty(0..6)),
        (select(vec!["uploads", "uploadId", "partNumber", "prefix", "a"]).prop_map(str::to_owned), nasty(0..3)),
        ("[a-b]", "[A-Ba-b]?"),
    ];
    vec(pair, 0..6)
}

/// Header text, white space runs included. Without tabs: the SDK folds spaces only, we fold both, and no action sends a tab.
fn header_text() -> impl Strategy<Value = String> {
    prop_oneof![" {0,2}[a-z]{1,8}/[a-z]{1,8}; {0,3}charset= {0,3}[a-z]{1,8} {0,2}", "[!-~]{0,12}( {1,4}[!-~]{0,12}){0,3}", "[ -~éßж日🦀\u{a0}]{0,16}",]
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![Just(Payload::Empty), any::<[u8; 8]>().prop_map(|bytes| Payload::Sha256(Sha256Hex::of(&bytes))), Just(Payload::Unsigned)]
}

fn action() -> impl Strategy<Value = Action> {
    (
        select(vec!["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]),
        prop::option::weighted(0.9, nasty(0..10)),
        query(),
        vec((select(SIGNED_HEADERS.as_slice()), header_text()), 0..5),
        vec((select(PLAIN_HEADERS.as_slice()), header_text()), 0..3),
        payload(),
    )
        .prop_map(|(method, key, query, signed_headers, plain_headers, payload)| Action {
            method,
            key,
            query,
            signed_headers,
            plain_headers,
            payload,
            kept: None,
        })
}

fn case() -> impl Strategy<Value = Case> {
    (
        endpoint(),
        "[a-z0-9.-]{3,63}",
        prop_oneof!["[a-z]{2}-[a-z]{4,9}-[1-9]", Just("us-east-1".to_owned()), Just("auto".to_owned())],
        prop_oneof!["[A-Z0-9]{16,24}", "[!-~]{1,40}"],
        prop_oneof!["[A-Za-z0-9/+]{40}", "[ -~é]{1,80}"],
        action(),
        (YEAR_2015..YEAR_2101).prop_map(EpochMs),
        (YEAR_2015..YEAR_2101).prop_map(EpochMs),
    )
        .prop_map(|(endpoint, bucket, region, access_key_id, secret, action, before, now)| Case {
            endpoint,
            bucket,
            region,
            access_key_id,
            secret,
            action,
            before,
            now,
        })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn header_signature_equals_that_of_the_aws_sdk(case in case()) {
        let SignedRequest { method, url, headers } = case.store().request(&case.action, case.now);
        prop_assert_eq!(method, case.action.method);
        let body = match &case.action.payload {
            Payload::Unsigned => SignableBody::UnsignedPayload,
            covered => SignableBody::Precomputed(payload_hash(covered).to_owned()),
        };
        let (instructions, signature) = case.sdk_sign(&url, &headers, body, None);
        let sdk: Pairs = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for name in ["authorization", "x-amz-date", "x-amz-content-sha256"] {
            prop_assert_eq!(value(&headers, name), value(&sdk, name));
        }
        prop_assert_eq!(value(&headers, "authorization").rsplit('=').next(), Some(signature.as_str()));
        prop_assert_eq!(sdk.len(), 3);
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn presigned_url_equals_that_of_the_aws_sdk(case in case(), seconds in prop_oneof![1u64..=604_800, Just(0), Just(700_000)]) {
        let SignedRequest { url, headers, .. } = case.store().presign(&case.action, case.now, seconds);
        let (base, query) = url.split_once('?').expect("a query");
        let (added, own): (Vec<_>, Vec<_>) =
            query.split('&').partition(|pair| PRESIGN_PARAMETERS.iter().any(|name| pair.split_once('=').is_some_and(|(n, _)| n == *name)));
        let separator = if own.is_empty() { "" } else { "?" };
        let unsigned = format!("{base}{separator}{}", own.join("&"));
        let body = match &case.action.payload {
            Payload::Sha256(hash) => SignableBody::Precomputed(hash.as_str().to_owned()),
            Payload::Empty | Payload::Unsigned => SignableBody::UnsignedPayload,
        };
        prop_assert_eq!(headers.len(), case.action.signed_headers.len() + usize::from(matches!(case.action.payload, Payload::Sha256(_))));
        let (instructions, signature) = case.sdk_sign(&unsigned, &headers, body, Some(seconds.clamp(1, 604_800)));
        let ours = sorted(decoded_pairs(&added.join("&")));
        let sdk = instructions.params().iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        prop_assert_eq!(value(&ours, "X-Amz-Signature"), signature);
        prop_assert_eq!(ours, sorted(sdk));
    }
}

const ENDPOINT: &str = "https://s3.us-west-1.lyvecloud.seagate.com";
const BUCKET: &str = "jetty-bucket";
const UPLOAD_ID: &str = "2~up/load+id=%3D&x #?";
const NOW: EpochMs = EpochMs(1_795_147_583_120);

/// Keys that need correct encoding. Without segments of `.` and `..`: every URL parser takes those out of a path, encoded or not, so no
/// encoding can carry them.
fn corpus() -> Vec<String> {
    let mut keys: Vec<String> = [
        "100%.txt",
        "literal-%3D-triplet.txt",
        "literal-%2f-%2F-%252F.txt",
        "%",
        "%%41%",
        "two  spaces and a trailing one ",
        " leading space",
        "a+b c%20d.txt",
        "a=b==.txt",
        "#hash#.txt",
        "what?.txt",
        "?uploads&x=y",
        "a&b;c,d:e@f$g!h",
        "it's \"quoted\" `thrice`.txt",
        "~tilde~/~",
        "[brackets](round){curly}<angle>.txt",
        "star*.txt",
        "pipe|caret^backslash\\.txt",
        "C:\\dir\\file",
        "-._~",
        "...",
        "a/..b/c../.d/e.",
        "🦀/👩‍👩‍👧‍👦.txt",
        "é-e\u{301}-\u{1112}\u{1161}\u{11ab}-한.txt",
        "\u{a0}\u{200b}\u{202e}\u{feff}",
        "日本語/ファイル.txt",
        "tab\tnewline\ncarriage\rdel\u{7f}nul\0",
        "a//b",
        "a///b//",
        "trailing/",
        "/leading",
        "//leading",
        "/",
        "users/jt_user_7/o/07070707-0707-4707-8707-070707070707",
    ]
    .map(str::to_owned)
    .into();
    keys.extend(["x".repeat(1_024), "é".repeat(512), "%".repeat(1_024), "a/".repeat(512)]);
    keys
}

/// Every constructor of `s3::operations`, with `text` in every text parameter.
fn every_action(text: &str, store: &Store) -> Vec<(&'static str, Action)> {
    let headers = ObjectHeaders { content_type: "text/plain; charset=utf-8", content_disposition: "attachment" };
    let answer = ObjectHeaders { content_type: text, content_disposition: text };
    let source = store.path(Some(text));
    let hash = Payload::Sha256(Sha256Hex::of(text.as_bytes()));
    vec![
        ("create_multipart_upload", create_multipart_upload::create_multipart_upload(text, headers)),
        ("upload_part", upload_part::upload_part(text, UPLOAD_ID, 1, Payload::Unsigned)),
        ("upload_part", upload_part::upload_part(text, text, 10_000, hash.clone())),
        ("upload_part_of", upload_part::upload_part_of(text, UPLOAD_ID, 3, Payload::Sha256(Sha256Hex::of(b"part")), 5_242_880)),
        ("upload_part_copy", upload_part_copy::upload_part_copy(text, UPLOAD_ID, 2, &source, 0, 5_242_879)),
        ("complete_multipart_upload", complete_multipart_upload::complete_multipart_upload(text, UPLOAD_ID, &[(1, text.to_owned())]).0),
        ("abort_multipart_upload", abort_multipart_upload::abort_multipart_upload(text, UPLOAD_ID)),
        ("list_parts", list_parts::list_parts(text, UPLOAD_ID, None)),
        ("list_parts", list_parts::list_parts(text, text, Some(1_000))),
        ("list_multipart_uploads", list_multipart_uploads::list_multipart_uploads(text, None)),
        ("list_multipart_uploads", list_multipart_uploads::list_multipart_uploads(text, Some((text, UPLOAD_ID)))),
        ("put_object", put_object::put_object(text, headers, hash)),
        ("get_object", get_object::get_object(text, None)),
        ("get_object", get_object::get_object(text, Some((1, 2)))),
        ("get_object_as", get_object::get_object_as(text, answer)),
        ("head_object", head_object::head_object(text)),
        ("delete_object", delete_object::delete_object(text)),
    ]
}

fn signer() -> Signer {
    Signer::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-west-1", "s3")
}

fn store(endpoint: &str) -> Store {
    Store::new(Location::parse(endpoint, BUCKET).expect("a location"), signer())
}

/// What an HTTP client puts on the request line: URLs go through the WHATWG parser, which must find nothing to change.
fn wire(url: &str) -> Url {
    let wire = Url::parse(url).expect("a URL");
    assert_eq!(wire.as_str(), url);
    wire
}

/// Whether `text` is what AWS's `UriEncode` makes: unreserved characters as they are, everything else but `delimiters` as `%XX` in upper case.
fn is_uri_encoded(text: &str, delimiters: &[u8]) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high @ (b'0'..=b'9' | b'A'..=b'F'), low @ (b'0'..=b'9' | b'A'..=b'F'), rest @ ..] => {
                let byte = percent_decode(&[b'%', *high, *low]).next();
                if byte.is_none_or(is_unreserved) {
                    return false;
                }
                rest
            }
            [byte, rest @ ..] if is_unreserved(*byte) || delimiters.contains(byte) => rest,
            _ => return false,
        };
    }
}

/// Compares path and query on the wire with what was meant.
fn check_encoding(wire: &Url, action: &Action, presign: &[(String, String)], what: &str) {
    let path = wire.path();
    let meant = match &action.key {
        Some(key) => format!("/{BUCKET}/{key}"),
        None => format!("/{BUCKET}"),
    };
    assert_eq!(percent_decode_str(path).collect::<Vec<u8>>(), meant.as_bytes(), "{what}");
    assert!(is_uri_encoded(path, b"/"), "{what}: {path}");
    let query = wire.query().unwrap_or_default();
    assert!(is_uri_encoded(query, b"=&"), "{what}: {query}");
    let meant = action.query.iter().chain(presign).cloned().collect();
    assert_eq!(sorted(decoded_pairs(query)), sorted(meant), "{what}");
    assert_eq!(wire.fragment(), None, "{what}");
}

/// The canonical request of `action` says what is on the wire, and is the one that `signature` signs.
fn check_signed(wire: &Url, action: &Action, input: &CanonicalInput<'_>, signature: &str, what: &str) {
    let wire_query = wire.query().unwrap_or_default();
    let unsigned_query = wire_query.split("&X-Amz-Signature=").next().unwrap_or_default();
    let canonical = canonical_request(input).request;
    let lines: Vec<_> = canonical.split('\n').take(3).collect();
    assert_eq!(lines, [action.method, wire.path(), unsigned_query], "{what}");
    let (stamp, day) = NOW.amz();
    let signer = signer();
    assert_eq!(signer.signature(&day, &string_to_sign(&stamp, &signer.scope(&day), &canonical)), signature, "{what}");
}

fn host(wire: &Url) -> (String, String) {
    ("host".to_owned(), wire.authority().to_owned())
}

fn check_request(store: &Store, action: &Action, what: &str) {
    let request = store.request(action, NOW);
    let wire = wire(&request.url);
    check_encoding(&wire, action, &[], what);

    let mut headers = request.headers.clone();
    let authorization = value(&headers, "authorization").to_owned();
    headers.retain(|(name, _)| name != "authorization" && !PLAIN_HEADERS.contains(&name.as_str()));
    headers.push(host(&wire));
    let input = CanonicalInput {
        method: request.method,
        path: &store.path(action.key.as_deref()),
        query: &action.query,
        headers: &headers,
        payload_hash: payload_hash(&action.payload),
    };
    let (_, signature) = authorization.split_once("Signature=").expect("a signature");
    check_signed(&wire, action, &input, signature, what);
}

fn check_presigned(store: &Store, action: &Action, what: &str) {
    let request = store.presign(action, NOW, 3_600);
    let wire = wire(&request.url);
    let query = decoded_pairs(wire.query().expect("a query"));
    let presign: Pairs = PRESIGN_PARAMETERS.map(|name| (name.to_owned(), value(&query, name).to_owned())).into();
    check_encoding(&wire, action, &presign, what);

    let (signature, unsigned) = presign.split_last().expect("parameters");
    let mut headers = request.headers.clone();
    headers.push(host(&wire));
    let payload_hash = if let Payload::Sha256(hash) = &action.payload { hash.as_str() } else { UNSIGNED_PAYLOAD };
    let input = CanonicalInput {
        method: action.method,
        path: &store.path(action.key.as_deref()),
        query: &[&action.query, unsigned].concat(),
        headers: &headers,
        payload_hash,
    };
    check_signed(&wire, action, &input, &signature.1, what);
}

#[test]
fn unusual_keys_are_sent_as_they_are_signed() {
    let store = store(ENDPOINT);
    for key in corpus() {
        for (name, action) in every_action(&key, &store) {
            check_request(&store, &action, &format!("request of {name} for {key:?}"));
            check_presigned(&store, &action, &format!("presigned {name} for {key:?}"));
        }
    }
}

#[test]
fn authorities_are_sent_as_they_are_signed() {
    let endpoints = [
        "https://S3.US-West-1.LyveCloud.Seagate.com",
        "https://s3.example.com:443/",
        "https://s3.example.com:80",
        "http://s3.example.com:80/",
        "http://s3.example.com:443",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://LocalHost:80",
    ];
    for endpoint in endpoints {
        let store = store(endpoint);
        for (name, action) in every_action("a//b c+%.txt", &store) {
            check_request(&store, &action, &format!("request of {name} to {endpoint}"));
            check_presigned(&store, &action, &format!("presigned {name} to {endpoint}"));
        }
    }
}

#[test]
fn copy_sources_are_encoded_like_paths() {
    let store = store(ENDPOINT);
    for key in corpus() {
        let action = upload_part_copy::upload_part_copy("target", UPLOAD_ID, 1, &store.path(Some(&key)), 0, 1);
        let source = value(&owned(&action.signed_headers), "x-amz-copy-source").to_owned();
        assert_eq!(decoded(&source), format!("/{BUCKET}/{key}"));
        assert!(is_uri_encoded(&source, b"/"), "{source}");
        assert_eq!(store.request(&head_object::head_object(&key), NOW).url, format!("{ENDPOINT}{source}"));
    }
}

/// Fails for a new constructor that has no case here.
#[test]
fn every_s3_action_has_a_case() {
    let mut written: Vec<String> = std::fs::read_dir("src/s3/operations")
        .unwrap()
        .flat_map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains("-> Action") || line.contains("-> (Action"))
        .filter_map(|line| Some(line.strip_prefix("pub fn ")?.split('(').next()?.to_owned()))
        .collect();
    written.sort();
    let mut covered: Vec<_> = every_action("key", &store(ENDPOINT)).into_iter().map(|(name, _)| name).collect();
    covered.sort();
    covered.dedup();
    assert_eq!(covered, written);
}
