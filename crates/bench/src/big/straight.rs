//! Parts that a client sends straight to the store: it reports each, and completion compares with ListParts.

use serde_json::json;

use super::lanes::{self, each};
use super::{answers, completion};
use crate::report::Figure;
use crate::uploads::stage::{CHUNK, CHUNKS, Stage, chunk_hash, text};
use hyper::Method;
use jettyspeed_devstack::Result;

/// ETag of every part at the sink.
const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub async fn figures(stage: &Stage) -> Result<Vec<Figure>> {
    let started = stage.customer(&stage.chunked).await?.opens(u64::from(CHUNKS) * CHUNK, CHUNK).await?;
    let session = text(&started, "sessionId")?.to_owned();
    let (target, named) = (stage.call(&stage.chunked, Method::POST, "/api/jetty/cache-chunk"), session.clone());
    let took = each(&stage.server.address, CHUNKS, move |number| {
        let claim = json!({ "sessionId": named, "partNumber": number, "etag": ETAG, "size": CHUNK, "sha256": chunk_hash(number) });
        (target.clone(), claim.to_string().into())
    })
    .await?;
    let mut customer = stage.customer(&stage.chunked).await?;
    let what = format!("{CHUNKS} parts straight to the store: reporting one, {} in flight", lanes::IN_FLIGHT);
    let mut figures = lanes::figures(&what, &took).to_vec();
    figures.extend(answers(&mut customer, &session, CHUNKS, 0).await?);
    figures.push(completion(&mut customer, &session, "completion of these, with ListParts of ten pages").await?);
    Ok(figures)
}
