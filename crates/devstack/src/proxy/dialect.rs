//! Dialects of S3: what stores and the gateways before them do otherwise than AWS, as data. The next dialect is a line of [`DIALECTS`].

use hyper::Method;

/// A dialect: for some of the requests, something that is done otherwise.
pub type Dialect = &'static [(Of, Twist)];

/// The requests that a twist is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// HEAD of an object.
    Head,
    /// GET of an object's bytes.
    Get,
    /// UploadPart, PutObject and UploadPartCopy.
    Put,
    /// PutObject.
    Object,
    /// UploadPart.
    Part,
    /// UploadPart and PutObject by a presigned URL.
    Presigned,
    /// CreateMultipartUpload.
    Create,
    /// CompleteMultipartUpload.
    Complete,
    /// ListParts.
    ListParts,
    /// Every request.
    All,
}

impl Of {
    /// Whether it is a request of this method and target.
    pub fn is(self, method: &Method, target: &str) -> bool {
        let has = |name: &str| {
            let query = target.split_once('?').map_or("", |(_, query)| query);
            form_urlencoded::parse(query.as_bytes()).any(|(own, _)| own == name)
        };
        match self {
            Of::Head => method == Method::HEAD,
            Of::Get => method == Method::GET && !has("uploadId") && !has("uploads") && !has("list-type"),
            Of::Put => method == Method::PUT,
            Of::Object => method == Method::PUT && !has("partNumber"),
            Of::Part => method == Method::PUT && has("partNumber"),
            Of::Presigned => method == Method::PUT && has("X-Amz-Signature"),
            Of::Create => method == Method::POST && has("uploads"),
            Of::Complete => method == Method::POST && has("uploadId"),
            Of::ListParts => method == Method::GET && has("uploadId"),
            Of::All => true,
        }
    }
}

/// What is done otherwise.
#[derive(Debug, Clone, Copy)]
pub enum Twist {
    /// The answer lacks this header.
    Without(&'static str),
    /// The answer has this header.
    With(&'static str, &'static str),
    /// A header of the answer, if it is there, is written otherwise.
    Rewritten(&'static str, fn(&str) -> String),
    /// The answer's XML is written otherwise.
    Xml(fn(String) -> String),
    /// The answer has no length: it comes in chunks.
    Chunked,
    /// As a gateway does for types that compress, unless the request says `accept-encoding: identity`: a weak ETag and no length.
    WeakUnlessIdentity,
    /// The answer is compressed although the request says `accept-encoding: identity`.
    Gzip,
    /// The same for whole objects; ranges are left alone.
    GzipWhole,
    /// So many bytes of the answer leave every so many milliseconds.
    Drip(usize, u64),
    /// The store answers this status and code after so many bytes of the body, and closes without reading the rest.
    Early(u16, &'static str, u64),
    /// The same, but the answer's body is cut off.
    EarlyCut(u16, &'static str, u64),
    /// The store redirects, with this status, to this place.
    Redirect(u16, &'static str),
    /// Presigned URLs are verified as UNSIGNED-PAYLOAD: one that signs `x-amz-content-sha256` does not verify.
    PresignedUnsigned,
    /// A hash that a presigned URL signs is not compared with the body.
    PresignedUnchecked,
}

fn weak(etag: &str) -> String {
    format!("W/{etag}")
}

fn weak_quoted_twice(etag: &str) -> String {
    format!("\"\"W/{etag}\"\"")
}

fn other_weak(_: &str) -> String {
    "W/\"of-the-compressed-form\"".to_owned()
}

fn total_unknown(range: &str) -> String {
    range.split_once('/').map_or_else(|| range.to_owned(), |(span, _)| format!("{span}/*"))
}

/// The content of every element of that name is written by `write`.
fn each(xml: &str, element: &str, write: impl Fn(&str) -> String) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut pieces = xml.split(&open);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (text, rest) = piece.split_once(&close).unwrap_or((piece, ""));
        out.push_str(&format!("{open}{}{close}{rest}", write(text)));
    }
    out
}

fn etags_weak_quoted_twice(xml: String) -> String {
    each(&xml, "ETag", |etag| format!("&quot;&quot;W/{etag}&quot;&quot;"))
}

fn etags_in_cdata(xml: String) -> String {
    each(&xml, "ETag", |etag| format!("\n <![CDATA[{}]]> ", etag.replace("&quot;", "\"")))
}

fn booleans_capitalised(xml: String) -> String {
    each(&xml, "IsTruncated", |flag| if flag == "true" { "True".into() } else { "False".into() })
}

fn booleans_upper_case(xml: String) -> String {
    each(&xml, "IsTruncated", str::to_ascii_uppercase)
}

fn booleans_as_digits(xml: String) -> String {
    each(&xml, "IsTruncated", |flag| if flag == "true" { "1".into() } else { "0".into() })
}

fn other_roots(xml: String) -> String {
    [
        ("InitiateMultipartUploadResult", "CreateMultipartUploadResult"),
        ("CompleteMultipartUploadResult", "CompleteMultipartUploadResponse"),
        ("ListPartsResult", "ListPartsResponse"),
        ("CopyPartResult", "UploadPartCopyResult"),
    ]
    .into_iter()
    .fold(xml, |xml, (usual, other)| xml.replace(&format!("<{usual}"), &format!("<{other}")).replace(&format!("</{usual}"), &format!("</{other}")))
}

fn prefixed(xml: String) -> String {
    let mut out = String::new();
    for (index, piece) in xml.split('<').enumerate() {
        match (index, piece.chars().next()) {
            (0, _) => out.push_str(piece),
            (_, Some('/')) => out.push_str(&format!("</s3:{}", piece.trim_start_matches('/'))),
            (_, Some('?' | '!')) => out.push_str(&format!("<{piece}")),
            _ => out.push_str(&format!("<s3:{}", piece.replacen("xmlns=", "xmlns:s3=", 1))),
        }
    }
    out
}

fn with_byte_order_mark_and_spaces(xml: String) -> String {
    format!("\r\n \u{feff}{}\n<!-- end -->\n", xml.replace("><", ">\r\n  <"))
}

fn nothing(_: String) -> String {
    String::new()
}

fn error_inside(_: String) -> String {
    crate::proxy::body::error_document("SlowDown")
}

/// Every dialect by its name.
pub const DIALECTS: &[(&str, Dialect)] = &[
    ("no-length-head", &[(Of::Head, Twist::Without("content-length"))]),
    ("head-for-browsers", &[(Of::Head, Twist::WeakUnlessIdentity)]),
    ("weak-etag-head", &[(Of::Head, Twist::Rewritten("etag", weak))]),
    ("weak-etag-everywhere", &[(Of::All, Twist::Rewritten("etag", weak))]),
    ("other-weak-etag-head", &[(Of::Head, Twist::Rewritten("etag", other_weak))]),
    ("other-weak-etag-get", &[(Of::Get, Twist::Rewritten("etag", other_weak))]),
    ("no-etag-put", &[(Of::Object, Twist::Without("etag"))]),
    ("no-etag-head", &[(Of::Head, Twist::Without("etag"))]),
    ("weak-etag-quoted-twice", &[(Of::All, Twist::Rewritten("etag", weak_quoted_twice)), (Of::All, Twist::Xml(etags_weak_quoted_twice))]),
    ("no-etag-get", &[(Of::Get, Twist::Without("etag"))]),
    ("etags-in-cdata", &[(Of::All, Twist::Xml(etags_in_cdata))]),
    ("booleans-capitalised", &[(Of::All, Twist::Xml(booleans_capitalised))]),
    ("booleans-upper-case", &[(Of::All, Twist::Xml(booleans_upper_case))]),
    ("booleans-as-digits", &[(Of::All, Twist::Xml(booleans_as_digits))]),
    ("other-roots", &[(Of::All, Twist::Xml(other_roots))]),
    ("prefixed-elements", &[(Of::All, Twist::Xml(prefixed))]),
    ("byte-order-mark", &[(Of::All, Twist::Xml(with_byte_order_mark_and_spaces))]),
    ("empty-completion", &[(Of::Complete, Twist::Xml(nothing))]),
    ("error-in-completion", &[(Of::Complete, Twist::Xml(error_inside))]),
    ("total-unknown", &[(Of::Get, Twist::Rewritten("content-range", total_unknown))]),
    ("chunked-get", &[(Of::Get, Twist::Chunked)]),
    ("chunked-everywhere", &[(Of::All, Twist::Chunked)]),
    ("gzip", &[(Of::Get, Twist::Gzip)]),
    ("gzip-whole", &[(Of::Get, Twist::GzipWhole)]),
    ("drip", &[(Of::Get, Twist::Drip(65_536, 5))]),
    ("redirect", &[(Of::Put, Twist::Redirect(307, "http://another-region.example.com/"))]),
    ("early-no-such-upload", &[(Of::Part, Twist::Early(404, "NoSuchUpload", 0)), (Of::ListParts, Twist::Early(404, "NoSuchUpload", 0))]),
    ("early-no-such-upload-cut", &[(Of::Part, Twist::EarlyCut(404, "NoSuchUpload", 1)), (Of::ListParts, Twist::Early(404, "NoSuchUpload", 0))]),
    ("early-forbidden", &[(Of::Put, Twist::Early(403, "AccessDenied", 0))]),
    ("early-slow-down", &[(Of::Put, Twist::Early(503, "SlowDown", 0))]),
    ("early-slow-down-later", &[(Of::Put, Twist::Early(503, "SlowDown", 1_000_000))]),
    ("presigned-unsigned", &[(Of::Presigned, Twist::PresignedUnsigned)]),
    ("presigned-unchecked", &[(Of::Presigned, Twist::PresignedUnchecked)]),
];

/// The dialect of that name.
pub fn dialect(name: &str) -> Option<Dialect> {
    DIALECTS.iter().find(|(own, _)| *own == name).map(|(_, dialect)| *dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_no_dialect_is_empty() {
        for (name, twists) in DIALECTS {
            assert_eq!(DIALECTS.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
            assert!(!twists.is_empty(), "{name}");
        }
    }

    #[test]
    fn twisted_xml_of_a_listing() {
        let listing = "<?xml version='1.0'?>\n<ListPartsResult xmlns=\"x\"><IsTruncated>true</IsTruncated><Part><ETag>&quot;a&quot;</ETag></Part></ListPartsResult>";
        assert!(booleans_capitalised(listing.into()).contains("<IsTruncated>True</IsTruncated>"));
        assert!(booleans_upper_case(listing.into()).contains("<IsTruncated>TRUE</IsTruncated>"));
        assert!(booleans_as_digits(listing.into()).contains("<IsTruncated>1</IsTruncated>"));
        assert!(etags_weak_quoted_twice(listing.into()).contains("<ETag>&quot;&quot;W/&quot;a&quot;&quot;&quot;</ETag>"));
        assert!(other_roots(listing.into()).starts_with("<?xml version='1.0'?>\n<ListPartsResponse xmlns=\"x\">"));
        let prefixed = prefixed(listing.into());
        assert!(
            prefixed.contains("<s3:ListPartsResult xmlns:s3=\"x\"><s3:IsTruncated>true</s3:IsTruncated>")
                && prefixed.ends_with("</s3:ListPartsResult>")
        );
    }

    #[test]
    fn requests_are_told_apart() {
        for (of, method, target) in [
            (Of::Head, Method::HEAD, "/b/k"),
            (Of::Get, Method::GET, "/b/k?response-content-type=x"),
            (Of::Part, Method::PUT, "/b/k?partNumber=1&uploadId=u"),
            (Of::Presigned, Method::PUT, "/b/k?partNumber=1&uploadId=u&X-Amz-Signature=s"),
            (Of::Create, Method::POST, "/b/k?uploads="),
            (Of::Complete, Method::POST, "/b/k?uploadId=u"),
            (Of::ListParts, Method::GET, "/b/k?uploadId=u&max-parts=1"),
        ] {
            assert!(of.is(&method, target), "{of:?}");
        }
        assert!(!Of::Get.is(&Method::GET, "/b/k?uploadId=u") && !Of::Part.is(&Method::PUT, "/b/k") && !Of::Head.is(&Method::GET, "/b/k"));
    }
}
