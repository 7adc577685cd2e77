//! The worst inputs of the parsers, as large as they are accepted.

use std::fmt::Write;
use std::hint::black_box;

use jettyspeed_edge::access::routes;
use jettyspeed_edge::accounts::provisioning::Provision;
use jettyspeed_edge::auth::api_key::{bearer, read_credentials};
use jettyspeed_edge::auth::file_token::FileClaims;
use jettyspeed_edge::auth::playback_token::VideoClaims;
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::auth::webhook_signature::{Secret, Signed};
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::http::json_body;
use jettyspeed_edge::http::json_body::{JsonText, MAX_BODY, MAX_TRACK_BODY};
use jettyspeed_edge::http::pagination::Page;
use jettyspeed_edge::http::parameters::parameters;
use jettyspeed_edge::http::range::parse_ranges;
use jettyspeed_edge::http::validate::{check_content_type, check_file_name};
use jettyspeed_edge::http::{content_disposition, cors};
use jettyspeed_edge::namespaces::patch;
use jettyspeed_edge::response_cache::request::{MAX_VALUE_BYTES, Question};
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::s3::operations::complete_multipart_upload::{complete_multipart_upload, completion};
use jettyspeed_edge::s3::operations::list_multipart_uploads::list_multipart_uploads_page;
use jettyspeed_edge::s3::operations::list_parts::list_parts_page;
use jettyspeed_edge::s3::operations::upload_part_copy::copied_part;
use jettyspeed_edge::uploads::form::{self, Haystack};
use jettyspeed_edge::uploads::presigned::ChunkUrls;
use jettyspeed_edge::uploads::request::Track;
use jettyspeed_edge::video::path::VideoPath;
use jettyspeed_edge::video::playlist;

/// All header fields of a request (Workers documentation, "Limits": 128 KB).
const HEADERS: usize = 128_000;

/// The longest URL (Workers documentation, "Limits": 16 KB).
const URL: usize = 16_000;

/// The largest answer of one operation of the store that is read, bytes (`src/worker/platform/origin.rs`).
const ANSWER: usize = 65_536;

/// The largest page of a listing, bytes.
const LISTING: usize = 1_048_576;

/// A form of the largest size, bytes.
const FORM: usize = 16_065_536;

type Prepared = Box<dyn FnOnce()>;

/// An input and what reads it.
pub struct Case {
    /// What it is.
    pub name: String,
    make: Box<dyn Fn() -> Prepared>,
}

impl Case {
    /// Of a run that makes no input.
    #[cfg(test)]
    pub fn new(name: &str, run: impl Fn() + Clone + 'static) -> Case {
        Case { name: name.to_owned(), make: Box::new(move || Box::new(run.clone())) }
    }

    /// Makes the input, which is not measured.
    pub fn prepare(&self) -> Prepared {
        (self.make)()
    }
}

/// `read` on a text that `make` makes.
fn text(name: &str, make: impl Fn() -> String + 'static, read: impl Fn(&str) + Copy + 'static) -> Case {
    let make = move || -> Prepared {
        let input = make();
        Box::new(move || read(black_box(&input)))
    };
    Case { name: name.to_owned(), make: Box::new(make) }
}

/// `before`, then as many of `item` as fit into `size` bytes, then `after`.
fn filled(size: usize, before: &str, item: &str, after: &str) -> String {
    let room = size.saturating_sub(before.len() + after.len());
    format!("{before}{}{after}", item.repeat(room / item.len()))
}

fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Every case.
pub fn cases() -> Vec<Case> {
    [json(), questions(), xml(), playlists(), headers(), forms()].into_iter().flatten().collect()
}

fn json() -> Vec<Case> {
    let track = |text: &str| {
        black_box(Track::parse(text.as_bytes()).map(|track| match track {
            Track::Start(start) => start.check(str::to_owned).map(|_| ()),
            _ => Ok(()),
        }))
        .ok();
    };
    let start = r#"{"action":"start","fileName":"a","fileSize":5,"chunkSize":5242880,"#;
    let size = bytes(MAX_TRACK_BODY);
    let tracked = |name: &str, before: &'static str, item: &'static str, after: &'static str| {
        text(&format!("JSON 2 MiB, {name}"), move || filled(size, &format!("{start}{before}"), item, after), track)
    };
    let small = bytes(MAX_BODY);
    let body = |name: &str, before: &'static str, item: &'static str, after: &'static str, read: fn(&str)| {
        text(&format!("JSON 256 KiB, {name}"), move || filled(small, before, item, after), read)
    };
    vec![
        tracked("brackets never closed", "\"x\":", "[", ""),
        text(
            "JSON 2 MiB, a million brackets deep",
            move || format!("{start}\"x\":{}{}}}", "[".repeat(size / 2 - 99), "]".repeat(size / 2 - 99)),
            track,
        ),
        tracked("objects never closed", "\"x\":", "{\"a\":", ""),
        tracked("empty chunk hashes", "\"chunkHashes\":[\"\"", ",\"\"", "]}"),
        tracked("wide: unknown numbers", "\"x\":[1", ",1", "]}"),
        tracked("wide: unknown fields", "\"x\":1", ",\"a\":0", "}"),
        tracked("a number of 2 MiB", "\"x\":1", "0", "}"),
        tracked("a text of escapes", "\"x\":\"", "\\u0000", "\"}"),
        tracked("a file name of escapes", "\"contentType\":\"", "\\u00e4", "\"}"),
        text(
            "JSON 2 MiB, empty samples",
            move || {
                filled(
                    size,
                    r#"{"action":"progress","sessionId":"x","samples":[{"edge":"","bytes":0,"ms":0,"ok":true}"#,
                    r#",{"edge":"","bytes":0,"ms":0,"ok":true}"#,
                    "]}",
                )
            },
            track,
        ),
        text(
            "10,000 chunk hashes",
            move || {
                let mut hashes = String::new();
                for index in 0..10_000u32 {
                    let _ = write!(hashes, "{}\"{}\"", if index == 0 { "" } else { "," }, Sha256Hex::of(&index.to_le_bytes()).as_str());
                }
                format!("{start}\"chunkHashes\":[{hashes}]}}")
            },
            track,
        ),
        body("parts of chunk-urls", r#"{"sessionId":"x","parts":[{"partNumber":1}"#, r#",{"partNumber":1}"#, "]}", |text| {
            black_box(json_body::parse::<ChunkUrls>(text.as_bytes())).ok();
        }),
        body("tags of a namespace", r#"{"name":"a","tags":[""#, r#"",""#, r#""]}"#, |text| {
            black_box(patch::Create::parse(text.as_bytes()).and_then(|create| create.check(EpochMs(0)))).ok();
        }),
        body("an e-mail address", r#"{"user_id":"a","tier":"pro","email":"@"#, "x", r#""}"#, |text| {
            black_box(json_body::parse::<Provision>(text.as_bytes()).and_then(Provision::check)).ok();
        }),
    ]
}

/// Messages of a question to a model, of which the canonical form is made.
fn questions() -> Vec<Case> {
    let read = |text: &str| {
        black_box(JsonText::check(text.as_bytes()).and_then(|body| Question::read(&body))).ok();
    };
    let messages = |name: &str, make: fn(usize) -> String| {
        let make = move || format!("{{\"provider\":\"p\",\"model\":\"m\",\"messages\":[{}]}}", make(MAX_VALUE_BYTES - 2));
        text(&format!("messages of 1 MB, {name}"), make, read)
    };
    vec![
        messages("an object of many members", |size| {
            let members: Vec<String> = (0..size / 11).map(|number| format!("\"{:05x}\":0", number ^ 0xaaaa)).collect();
            format!("{{{}}}", members.join(","))
        }),
        messages("many objects", |size| filled(size, "0", ",{\"b\":{},\"a\":0}", "")),
        messages("a text moved on 60 levels", |size| format!("{}\"{}\"{}", "{\"a\":".repeat(60), "x".repeat(size - 400), "}".repeat(60))),
        messages("names of a kilobyte", |size| {
            let members: Vec<String> = (0..size / 1_010).rev().map(|number| format!("\"{}{number:04}\":0", "x".repeat(1_000))).collect();
            format!("{{{}}}", members.join(","))
        }),
        messages("numbers", |size| filled(size, "0", ",1e9", "")),
        messages("a text of escapes", |size| filled(size, "\"", "\\u0001", "\"")),
    ]
}

fn xml() -> Vec<Case> {
    let part = "<Part><PartNumber>1</PartNumber><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>5242880</Size></Part>";
    let parts = |text: &str| {
        black_box(list_parts_page(text)).ok();
    };
    let uploads = |text: &str| {
        black_box(list_multipart_uploads_page(text)).ok();
    };
    let small = |text: &str| {
        black_box(completion(text)).ok();
        black_box(copied_part(text)).ok();
        black_box(StoreError::read(400, text));
    };
    let page = |name: &str, before: &'static str, item: &'static str, after: &'static str, read: fn(&str)| {
        text(&format!("XML listing 1 MiB, {name}"), move || filled(LISTING, before, item, after), read)
    };
    let answer = |name: &str, before: &'static str, item: &'static str, after: &'static str| {
        text(&format!("XML answer 64 KiB, {name}"), move || filled(ANSWER, before, item, after), small)
    };
    vec![
        page("parts", "<ListPartsResult>", part, "</ListPartsResult>", parts),
        page(
            "parts with something between them",
            "<ListPartsResult>",
            "<Part><PartNumber>1</PartNumber><Size>1</Size></Part><X/>",
            "</ListPartsResult>",
            parts,
        ),
        page("the least parts", "<ListPartsResult>", "<Part><PartNumber>1</PartNumber><Size>1</Size></Part>", "</ListPartsResult>", parts),
        page("unknown elements", "<ListPartsResult>", "<X/>", "</ListPartsResult>", parts),
        page("elements never closed", "<ListPartsResult>", "<X>", "", parts),
        page("entities", "<ListPartsResult><Part><ETag>", "&amp;", "</ETag></Part></ListPartsResult>", parts),
        page(
            "uploads",
            "<ListMultipartUploadsResult>",
            "<Upload><Key>k</Key><UploadId>u</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>",
            "</ListMultipartUploadsResult>",
            uploads,
        ),
        page(
            "uploads and prefixes in turn",
            "<ListMultipartUploadsResult>",
            "<Upload><Key>k</Key><UploadId>u</UploadId></Upload><CommonPrefixes/>",
            "</ListMultipartUploadsResult>",
            uploads,
        ),
        answer("codes and messages in turn", "<Error>", "<Code>a</Code><Message>b</Message>", "</Error>"),
        answer("deep", "<Error>", "<a>", ""),
        answer("one long code", "<Error><Code>", "x", "</Code></Error>"),
        answer("attributes", "<Error a=\"\"", " a=\"\"", "/>"),
        text(
            "CompleteMultipartUpload of 10,000 parts",
            || "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            |etag| {
                let parts: Vec<_> = (1..=10_000).map(|number| (number, etag.to_owned())).collect();
                black_box(complete_multipart_upload("users/a/o/b", "upload", &parts));
            },
        ),
    ]
}

fn playlists() -> Vec<Case> {
    let size = bytes(playlist::LARGEST);
    let read = |text: &str| {
        if let Some(path) = VideoPath::parse("a/b/index.m3u8") {
            black_box(playlist::read(&path, text));
        }
    };
    let filled_with = |name: &str, item: &'static str| text(&format!("playlist 2 MiB, {name}"), move || filled(size, "#EXTM3U\n", item, ""), read);
    vec![
        filled_with("the shortest names", "a\n"),
        filled_with("100,000 lines", "aaaaaaaaaaaaaaaaaaaa\n"),
        filled_with("100,000 comments", "# aaaaaaaaaaaaaaaaaa\n"),
        filled_with("blank lines", "\n"),
        filled_with("unknown tags", "#EXT-X-A\n"),
        filled_with("comments", "#\n"),
        filled_with("master: variants", "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"),
        filled_with("attributes", "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n"),
        filled_with("byte ranges", "#EXT-X-BYTERANGE:1@0\na\n"),
        filled_with("parent folders", "../../a\n"),
        text("playlist 2 MiB, one line of attributes", move || filled(size, "#EXTM3U\n#EXT-X-MEDIA:", "A=\"\",", "\n"), read),
        text(
            "playlist 2 MiB, a folder for each of its files",
            move || {
                let mut all = "#EXTM3U\n".to_owned();
                for number in 0.. {
                    let before = all.len();
                    let _ = writeln!(all, "{number:x}/s");
                    if all.len() > size {
                        all.truncate(before);
                        return all;
                    }
                }
                all
            },
            read,
        ),
    ]
}

fn headers() -> Vec<Case> {
    let header = |name: &str, before: &'static str, item: &'static str, after: &'static str, read: fn(&str)| {
        text(&format!("header 128 KB, {name}"), move || filled(HEADERS, before, item, after), read)
    };
    vec![
        header("ranges", "bytes=0-0", ",2-2", "", |text| {
            black_box(parse_ranges(Some(text), 1_000_000_000)).ok();
        }),
        header("commas instead of ranges", "bytes=", ",", "0-0", |text| {
            black_box(parse_ranges(Some(text), 1_000_000_000)).ok();
        }),
        header("credentials", "Bearer jt_live_", "a", "", |text| {
            black_box(read_credentials(bearer(Some(text)), Some(text), Some(text))).ok();
        }),
        header("tokens", "jtu1.", "A", ".A", |text| {
            let keys = vec![MacKey::new(b"key"); 4];
            black_box(UploadClaims::open(text, &keys, EpochMs(0))).ok();
            black_box(FileClaims::open(&text.replacen('u', "f", 1), &keys, EpochMs(0))).ok();
            black_box(VideoClaims::open(&text.replacen('u', "v", 1), &keys, EpochMs(0))).ok();
        }),
        header("webhook signatures, over a body of 256 KiB under four secrets", "v1,", "A v1,", "", |text| {
            let secret = |n: u8| Secret::parse(&format!("whsec_{}", ["AAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBB"][usize::from(n % 2)]));
            let secrets: Vec<_> = (0..4).filter_map(secret).collect();
            let body = vec![b' '; 262_144];
            if let Ok(Some(signed)) = Signed::read(Some("id"), Some("1000"), Some(text), EpochMs(1_000_000)) {
                black_box(signed.verify(&secrets, &body));
            }
        }),
        text(
            "path of 16 KB",
            || filled(URL, "/v/", "a/", ""),
            |text| {
                black_box(routes::find("GET", text)).ok();
                black_box(routes::allowed(text));
                black_box(VideoPath::parse(text));
            },
        ),
        text(
            "path of 16 KB, percent-encoded",
            || filled(URL, "/files/", "%61", ""),
            |text| {
                black_box(routes::find("GET", text)).ok();
            },
        ),
        header("a media type", "a/b", "; a=\"\"", "", |text| {
            black_box(check_content_type(Some(text), "a.txt")).ok();
            black_box(form::boundary(Some(text))).ok();
            black_box(parameters(text.as_bytes())).ok();
        }),
        header("a file name", "", "\u{e4}", "", |text| {
            black_box(check_file_name("X-File-Name", text)).ok();
        }),
        text(
            "file name of 1,024 bytes in Content-Disposition",
            || "\u{e4}".repeat(512),
            |name| {
                black_box((content_disposition::for_store(name), content_disposition::inline(name)));
            },
        ),
        header("names of preflighted fields", "a", ",a", "", |text| {
            black_box(cors::preflight("GET", Some(text)));
        }),
        header("a cursor", "", "A", "", |text| {
            black_box(Page::read(Some(text), Some(text))).ok();
        }),
        header("a digest", "a=:", "A", ":", |text| {
            black_box(Sha256Hex::parse_content_digest(text));
            black_box(Sha256Hex::parse(text));
        }),
    ]
}

/// A form in memory, searched as the platform does: natively, for one sequence after another.
struct InMemory(Vec<u8>);

impl Haystack for InMemory {
    fn find(&self, needle: &str, from: usize) -> Option<usize> {
        // The first byte of a boundary is a line break.
        let mut at = from;
        loop {
            at += self.0.get(at..)?.iter().position(|byte| *byte == b'\r')?;
            if self.0.get(at..)?.starts_with(needle.as_bytes()) {
                return Some(at);
            }
            at += 1;
        }
    }

    fn window(&self, from: usize, most: usize) -> Vec<u8> {
        self.0.get(from..).unwrap_or_default().iter().take(most).copied().collect()
    }
}

fn forms() -> Vec<Case> {
    let form = |name: &str, before: &'static str, item: &'static str, after: &'static str| {
        let make = move || -> Prepared {
            let body = InMemory(filled(FORM, before, item, after).into_bytes());
            Box::new(move || {
                black_box(form::file_of(&body, "b")).ok();
            })
        };
        Case { name: format!("form 16 MB, {name}"), make: Box::new(make) }
    };
    let file = "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n";
    vec![
        form("one file", file, "x", "\r\n--b--"),
        form("boundaries that are none", file, "\r\n--bx", "\r\n--b--"),
        form("parts without end", "", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", "--b--"),
        form("heads without end", "--b\r\n", "a: b\r\n", "--b--"),
        form("a head of one line", "--b\r\nContent-Disposition: form-data", "; a=\"\\\"\"", "\r\n\r\n--b--"),
    ]
}
