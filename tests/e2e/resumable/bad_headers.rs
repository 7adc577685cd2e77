//! Header fields that are absent, doubled, huge, negative, empty or of the other dialect: an error of the dialect, never a 500, and nothing is stored.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder, Response};

use super::{BYTES, path_of};
use crate::harness::{Call, Stack, header, stack, unique};

/// What is done to a field of a request that is right without it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Absent,
    Doubled,
    Value(&'static str),
    Huge,
}

const WRONGS: [Wrong; 9] = [
    Wrong::Absent,
    Wrong::Doubled,
    Wrong::Huge,
    Wrong::Value(""),
    Wrong::Value("-1"),
    Wrong::Value("?1"),
    Wrong::Value("1, 1"),
    Wrong::Value("18446744073709551616"),
    Wrong::Value("ü;,="),
];

type Fields = Vec<(&'static str, String)>;

fn fields(list: &[(&'static str, &str)]) -> Fields {
    list.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The fields of a dialect's creation and of its append of `hello` to an upload of 10 bytes.
fn right(dialect: &str) -> (Fields, Fields) {
    if dialect == "/tus" {
        let version = ("Tus-Resumable", "1.0.0");
        (fields(&[version, ("Upload-Length", "10")]), fields(&[version, ("Upload-Offset", "0"), ("Content-Type", BYTES)]))
    } else {
        let append = [("Upload-Offset", "0"), ("Content-Type", "application/partial-upload"), ("Upload-Complete", "?0")];
        (fields(&[("Upload-Complete", "?0"), ("Upload-Length", "10")]), fields(&append))
    }
}

const NAMES: [&str; 17] = [
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Offset",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Concat",
    "Upload-Complete",
    "Upload-Incomplete",
    "Upload-Draft-Interop-Version",
    "Content-Type",
    "Content-Digest",
    "Repr-Digest",
    "X-Namespace",
    "X-If-Exists",
    "X-File-Path",
    "X-Modified-At",
];

fn wrong(mut fields: Fields, name: &'static str, how: Wrong) -> Fields {
    let value = fields.iter().find(|(known, _)| *known == name).map_or("1".to_owned(), |(_, value)| value.clone());
    if how != Wrong::Doubled {
        fields.retain(|(known, _)| *known != name);
    }
    match how {
        Wrong::Absent => {}
        Wrong::Doubled => fields.push((name, value)),
        Wrong::Value(value) => fields.push((name, value.to_owned())),
        Wrong::Huge => fields.push((name, "9".repeat(6_000))),
    }
    fields
}

fn request(stack: &Stack, account: &AccountAccess, method: &str, path: &str, fields: &Fields) -> RequestBuilder {
    let request = stack.request(Method::from_bytes(method.as_bytes()).unwrap(), path, account);
    fields.iter().fold(request, |request, (name, value)| request.header(*name, value.as_bytes())).timeout(Duration::from_secs(30))
}

/// The status of an answer that is none of a fault.
fn checked(response: &Response, what: &str) -> u16 {
    let status = response.status().as_u16();
    assert!(status < 500, "{what}: {status}");
    assert!(status < 400 || header(response, "content-type") == "application/problem+json", "{what}: {status}");
    status
}

/// Creations and appends with one field that is wrong in each way.
async fn try_all(stack: &Stack, dialect: &'static str, name: &'static str) {
    // An account of its own: what it stores is counted.
    let user = unique("badheaders");
    let account = &stack.account(&user).tier("enterprise").create().await;
    let (create, append) = right(dialect);
    let asked = fields(&[("Tus-Resumable", "1.0.0")]);
    for how in WRONGS {
        let what = format!("{dialect} {name} {how:?}");
        let end = async |path: &str| assert_eq!(request(stack, account, "DELETE", path, &asked).sent().await.unwrap().status(), 204, "{what}");
        let response = request(stack, account, "POST", dialect, &wrong(create.clone(), name, how)).sent().await.unwrap();
        let status = checked(&response, &what);
        assert!(status == 201 || (400..500).contains(&status), "{what}: {status}");
        if status == 201 {
            end(&path_of(&response)).await;
        }
        let path = path_of(&request(stack, account, "POST", dialect, &create).sent().await.unwrap());
        let response = request(stack, account, "PATCH", &path, &wrong(append.clone(), name, how)).body("hello").sent().await.unwrap();
        let status = checked(&response, &what);
        let offset = header(&request(stack, account, "HEAD", &path, &asked).sent().await.unwrap(), "upload-offset");
        assert_eq!(offset, if status < 300 { "5" } else { "0" }, "{what}: {status}");
        end(&path).await;
    }
    assert_eq!(stack.used_and_reserved(account).await, (0, 0), "{dialect} {name}");
    let (objects, uploads) = stack.bucket.objects_and_uploads_of(&user).await;
    assert!(objects.is_empty() && uploads.is_empty(), "{dialect} {name}: {objects:?}");
}

#[tokio::test]
async fn wrong_header_fields_get_an_error_of_the_dialect_and_store_nothing() {
    let stack = stack().await;
    let all = ["/tus", "/resumable"].into_iter().flat_map(|dialect| NAMES.map(|name| try_all(stack, dialect, name)));
    stream::iter(all).buffer_unordered(4).collect::<Vec<()>>().await;
}
