//! One table of cases of tus 1.0, run against this service and against @tus/server, the reference of the protocol's authors. Where they differ, the specification
//! decides, and the case says why.

use std::process::Stdio;

use jettyspeed_devstack::root;
use reqwest::{Method, Response};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::BYTES;
use crate::harness::{Call, header, stack, unique};

/// What a case begins with.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// A request to the endpoint.
    Nothing,
    /// An upload of 10 bytes without any.
    Created,
    /// An upload of 10 bytes that has 4.
    Begun,
    /// An upload that has all its 10 bytes.
    Whole,
    /// An upload of unknown length that has 4 bytes.
    Deferred,
    /// An upload that was deleted.
    Deleted,
    /// An upload that never was.
    Unknown,
}

use Before::{Begun, Created, Deferred, Deleted, Nothing, Unknown, Whole};

struct Case {
    before: Before,
    method: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    /// A header field of the answer.
    tells: Option<(&'static str, &'static str)>,
    /// The reference's status where it is another one, and why ours is right.
    reference: Option<(u16, &'static str)>,
}

const V: (&str, &str) = ("Tus-Resumable", "1.0.0");
const T: (&str, &str) = ("Content-Type", BYTES);

const fn case(before: Before, method: &'static str, headers: &'static [(&'static str, &'static str)], body: &'static str, status: u16) -> Case {
    Case { before, method, headers, body, status, tells: None, reference: None }
}

impl Case {
    const fn tells(self, name: &'static str, value: &'static str) -> Case {
        Case { tells: Some((name, value)), ..self }
    }
    /// `why` is for the reader: what the specification says.
    const fn unlike(self, status: u16, why: &'static str) -> Case {
        Case { reference: Some((status, why)), ..self }
    }
}

const CASES: &[Case] = &[
    case(Nothing, "OPTIONS", &[], "", 204).tells("tus-version", "1.0.0"),
    case(Nothing, "POST", &[("Upload-Length", "10")], "", 412)
        .tells("tus-version", "1.0.0")
        .unlike(412, "\"Server MUST include the Tus-Version header\": it does not"),
    case(Nothing, "POST", &[("Tus-Resumable", "0.2.2"), ("Upload-Length", "10")], "", 412)
        .unlike(400, "\"the Server MUST respond with the 412 Precondition Failed status\" to a version that it does not support"),
    case(Nothing, "POST", &[V], "", 400),
    case(Nothing, "POST", &[V, ("Upload-Length", "-10")], "", 400),
    case(Nothing, "POST", &[V, ("Upload-Length", "ten")], "", 400),
    case(Nothing, "POST", &[V, ("Upload-Length", "10")], "", 201),
    case(Nothing, "POST", &[V, ("Upload-Length", "0")], "", 201),
    case(Nothing, "POST", &[V, ("Upload-Length", "10"), ("Upload-Metadata", "filename YS5iaW4=,empty")], "", 201),
    case(Nothing, "POST", &[V, ("Upload-Length", "10"), ("Upload-Metadata", "filename ***")], "", 400),
    case(Nothing, "POST", &[V, ("Upload-Defer-Length", "1")], "", 201),
    case(Nothing, "POST", &[V, ("Upload-Defer-Length", "2")], "", 400),
    case(Nothing, "POST", &[V, ("Upload-Defer-Length", "1"), ("Upload-Length", "10")], "", 400),
    case(Nothing, "POST", &[V, T, ("Upload-Length", "10")], "0123", 201).tells("upload-offset", "4"),
    case(Nothing, "POST", &[V, T, ("Upload-Length", "10")], "0123456789", 201).tells("upload-offset", "10"),
    case(Nothing, "POST", &[V, T, ("Upload-Length", "3")], "0123", 413),
    case(Created, "HEAD", &[V], "", 200).tells("upload-offset", "0"),
    case(Created, "HEAD", &[V], "", 200).tells("upload-length", "10"),
    case(Created, "HEAD", &[V], "", 200).tells("cache-control", "no-store"),
    case(Begun, "HEAD", &[V], "", 200).tells("upload-offset", "4"),
    case(Deferred, "HEAD", &[V], "", 200).tells("upload-defer-length", "1"),
    case(Deferred, "HEAD", &[V], "", 200).tells("upload-offset", "4"),
    case(Whole, "HEAD", &[V], "", 200).tells("upload-offset", "10"),
    case(Unknown, "HEAD", &[V], "", 404),
    case(Begun, "HEAD", &[], "", 412),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "4")], "456789", 204).tells("upload-offset", "10"),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "4")], "45", 204).tells("upload-offset", "6"),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "0")], "0123456789", 409),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "5")], "56789", 409),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "4")], "4567890", 413),
    case(Begun, "PATCH", &[V, ("Upload-Offset", "4")], "456789", 415)
        .unlike(403, "\"All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD return 415\""),
    case(Begun, "PATCH", &[V, ("Content-Type", "text/plain"), ("Upload-Offset", "4")], "456789", 415).unlike(400, "as before"),
    case(Begun, "PATCH", &[V, T], "456789", 400).unlike(403, "the specification names no status; 403 is that of a final upload"),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "-4")], "456789", 400),
    case(Begun, "PATCH", &[T, ("Upload-Offset", "4")], "456789", 412),
    case(Unknown, "PATCH", &[V, T, ("Upload-Offset", "4")], "456789", 404),
    case(Deferred, "PATCH", &[V, T, ("Upload-Offset", "4"), ("Upload-Length", "10")], "456789", 204).tells("upload-offset", "10"),
    case(Deferred, "PATCH", &[V, T, ("Upload-Offset", "4")], "45", 204).tells("upload-offset", "6"),
    case(Deferred, "PATCH", &[V, T, ("Upload-Offset", "4"), ("Upload-Length", "3")], "", 400),
    case(Begun, "PATCH", &[V, T, ("Upload-Offset", "4"), ("Upload-Length", "12")], "456789", 400),
    case(Begun, "POST", &[V, T, ("X-HTTP-Method-Override", "PATCH"), ("Upload-Offset", "4")], "456789", 204)
        .tells("upload-offset", "10")
        .unlike(400, "\"must be interpreted as the request's method by the Server\": it demands the headers of a creation first"),
    case(Begun, "DELETE", &[V], "", 204),
    case(Begun, "DELETE", &[], "", 412),
    case(Unknown, "DELETE", &[V], "", 404),
    case(Deleted, "HEAD", &[V], "", 410).unlike(404, "\"404 Not Found, 410 Gone or 403 Forbidden\": all are allowed"),
    case(Deleted, "PATCH", &[V, T, ("Upload-Offset", "0")], "0123456789", 410).unlike(404, "\"SHOULD respond with 404 or 410\""),
];

/// A server and the credentials that it asks for.
struct Server {
    http: reqwest::Client,
    endpoint: String,
    headers: Vec<(&'static str, String)>,
}

impl Server {
    async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &'static str) -> Response {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).sent().await.unwrap()
    }

    async fn before(&self, before: Before) -> String {
        let of = async |headers: &[(&str, &str)], body| {
            let response = self.send("POST", &self.endpoint, &[&[V], headers].concat(), body).await;
            assert_eq!(response.status(), 201);
            header(&response, "location")
        };
        match before {
            Nothing => self.endpoint.clone(),
            Unknown => format!("{}/00000000000000000000000000000000", self.endpoint),
            Created => of(&[("Upload-Length", "10")], "").await,
            Begun => of(&[("Upload-Length", "10"), T], "0123").await,
            Whole => of(&[("Upload-Length", "10"), T], "0123456789").await,
            Deferred => {
                let url = of(&[("Upload-Defer-Length", "1")], "").await;
                assert_eq!(self.send("PATCH", &url, &[V, T, ("Upload-Offset", "0")], "0123").await.status(), 204);
                url
            }
            Deleted => {
                let url = of(&[("Upload-Length", "10")], "").await;
                assert_eq!(self.send("DELETE", &url, &[V], "").await.status(), 204);
                url
            }
        }
    }

    /// Status and the field that the case asks for.
    async fn run(&self, case: &Case) -> (u16, String) {
        let url = self.before(case.before).await;
        let response = self.send(case.method, &url, case.headers, case.body).await;
        (response.status().as_u16(), case.tells.map(|(name, _)| header(&response, name)).unwrap_or_default())
    }
}

#[tokio::test]
async fn every_case_has_the_status_and_fields_of_the_specification_here_and_at_the_reference() {
    let stack = stack().await;
    let account = stack.account(&unique("tuscases")).tier("enterprise").create().await;
    let folder = tempfile::tempdir().unwrap();
    let mut node = tokio::process::Command::new("node")
        .args(["tests/e2e/resumable/reference.mjs", folder.path().to_str().unwrap()])
        .current_dir(root())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let port = BufReader::new(node.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let ours = Server {
        http: stack.http.clone(),
        endpoint: format!("{}/tus", stack.url),
        headers: vec![("Authorization", format!("Bearer {}", account.api_key)), ("X-API-Secret", account.api_secret.clone())],
    };
    let reference = Server { http: stack.http.clone(), endpoint: format!("http://127.0.0.1:{port}/tus"), headers: vec![] };
    let mut wrong = Vec::new();
    for case in CASES {
        let expected = (case.status, case.tells.map(|(_, value)| value.to_owned()).unwrap_or_default());
        let name = format!("{} {:?} {:?} after {}", case.method, case.headers, case.body, case.before as u8);
        let found = ours.run(case).await;
        if found != expected {
            wrong.push(format!("here: {name}: {found:?}, not {expected:?}"));
        }
        let found = reference.run(case).await;
        let as_expected = match case.reference {
            Some((status, _)) => found.0 == status,
            None => found == expected,
        };
        if !as_expected {
            wrong.push(format!(
                "reference: {name}: {found:?}, not {:?}",
                case.reference.map(|(status, _)| (status, String::new())).unwrap_or(expected)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
