//! tus 1.0 at `/tus` and IETF resumable uploads at `/resumable`.

mod bad_headers;
mod cases;
mod clients;
mod concat;
mod deferred;
mod ietf;
mod receipts;
mod tus;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder, Response};

use crate::harness::{Call, Stack, fetch, header};

pub const BYTES: &str = "application/offset+octet-stream";
pub const PART: usize = 8 << 20;

/// A request of tus.
pub fn tus(stack: &Stack, account: &AccountAccess, method: &str, path: &str) -> RequestBuilder {
    stack.request(Method::from_bytes(method.as_bytes()).unwrap(), path, account).header("Tus-Resumable", "1.0.0")
}

/// The path of a new upload.
pub async fn created(stack: &Stack, account: &AccountAccess, length: usize) -> String {
    // "a.bin".
    let request = tus(stack, account, "POST", "/tus").header("Upload-Length", length).header("Upload-Metadata", "filename YS5iaW4=");
    path_of(&request.sent().await.unwrap())
}

pub fn path_of(response: &Response) -> String {
    assert_eq!(response.status(), 201);
    let location = header(response, "location");
    location[location.find("/tus").or(location.find("/resumable")).unwrap()..].to_owned()
}

pub fn patch(stack: &Stack, account: &AccountAccess, path: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
    tus(stack, account, "PATCH", path).header("Upload-Offset", offset).header("Content-Type", BYTES).body(bytes.to_vec())
}

/// Status and offset of a HEAD.
pub async fn head(stack: &Stack, account: &AccountAccess, path: &str) -> (u16, String) {
    let response = tus(stack, account, "HEAD", path).sent().await.unwrap();
    (response.status().as_u16(), header(&response, "upload-offset"))
}

/// The file has these bytes.
pub async fn assert_stored(stack: &Stack, account: &AccountAccess, file: &str, bytes: &[u8]) {
    let url = stack.edge(account).download_url(file).await.unwrap();
    let (status, _, body) = fetch(stack.http.get(&url)).await;
    assert!(status == 200 && body.as_deref() == Some(bytes), "{status}, {:?} bytes", body.map(|body| body.len()));
}
