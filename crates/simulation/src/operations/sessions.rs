//! Steps of a session, each on its own.

use jettyspeed_edge::access::authorize::{Principal, ResourceKind};
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::http::validate::{check_chunk_hashes, check_hash};
use jettyspeed_edge::io::answer::Answer;
use jettyspeed_edge::io::body::Body;
use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::io::{Io, Sending};
use jettyspeed_edge::problem::{OriginFailure, Problem};
use jettyspeed_edge::s3::action::Payload;
use jettyspeed_edge::s3::operations::upload_part::upload_part_of;
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::request::Request;
use jettyspeed_edge::services::uploads;
use jettyspeed_edge::services::uploads::complete::Expected;
use jettyspeed_edge::uploads::part::{ChunkRequest, admit};
use jettyspeed_edge::uploads::presigned::{ChunkUrls, Sent};
use jettyspeed_edge::uploads::repository::SessionRow;
use jettyspeed_edge::uploads::session::state::Status;
use serde_json::{Value, json};

use crate::content::Content;
use crate::fault::{Fault, Port};
use crate::history::{Claim, Nth};
use crate::io::Stream;
use crate::model::Session;
use crate::operations::upload::{claimed, content, note_path};
use crate::operations::{As, Client, Told, body, id_in, nth};
use crate::world::Sim;

/// Time limit of a client's request to the store, ms.
const DIRECT_MS: u32 = 60_000;

fn session(sim: &Sim, which: Nth) -> Option<(Client, Session)> {
    let session = nth(&sim.model.borrow().sessions, which)?;
    Some((Client { sim: sim.clone(), account: session.account }, session))
}

/// A part of a session's file, or of the other file of the same length.
fn bytes(client: &Client, session: &Session, number: u16, twin: bool) -> Option<Content> {
    let file = if twin { session.file ^ 1 } else { session.file };
    content(client, file).parts(session.chunk).get(usize::from(number) - 1).cloned()
}

/// The hash that a client declares for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// None.
    Nothing,
    /// Its hash.
    Truth,
    /// That of the same part of the other file of the same length.
    Lie,
}

impl Declared {
    /// One client in ten lies.
    fn draw(sim: &Sim, else_: Declared) -> Declared {
        let lies = sim.tasks.borrow_mut()[sim.current()].rng.u32(0..10) == 0;
        if lies { Declared::Lie } else { else_ }
    }

    fn hash(self, client: &Client, session: &Session, number: u16, twin: bool) -> Option<String> {
        let of = |twin| bytes(client, session, number, twin).map(|content| String::from(content.sha256()));
        match self {
            Declared::Nothing => None,
            Declared::Truth => of(twin),
            Declared::Lie => {
                client.sim.model.borrow_mut().liars.insert(session.id);
                of(!twin)
            }
        }
    }
}

/// Sends a part.
pub async fn part(sim: &Sim, which: Nth, part: usize, twin: bool) {
    let Some((client, session)) = session(sim, which) else { return };
    let hashed = !sim.settings.unsigned || part.is_multiple_of(2);
    let declared = Declared::draw(sim, if hashed { Declared::Truth } else { Declared::Nothing });
    let _ = send_part(&client, &session, part as u16 + 1, twin, declared).await;
}

/// Sends a part of a session.
pub async fn send_part(client: &Client, session: &Session, number: u16, twin: bool, declared: Declared) -> Told {
    let content = bytes(client, session, number, twin)?;
    let (id, place) = (crate::parties::id(client.account), session.asked);
    client.sim.model.borrow_mut().send(id, &session.name, place, number, &content);
    let hash = declared.hash(client, session, number, twin);
    let (token, sent) = (session.token.clone(), content.clone());
    let breaks = client.body_breaks();
    let told = client
        .request("part", ("POST", "/api/jetty-speed/chunk"), As::Token(token.clone()), move |call| async move {
            let claims = UploadClaims::open(&token, &call.config.token_keys, call.now()).map_err(Problem::Unauthenticated)?;
            let (number, length) = (number.to_string(), sent.len().to_string());
            let request =
                ChunkRequest { part_number: Some(&number), content_length: Some(&length), chunk_sha256: hash.as_deref(), ..ChunkRequest::default() };
            let admitted = admit(&request, &claims, call.config.plan.max_part_bytes)?;
            let held = call.clone();
            let stream = Stream { content: sent, breaks };
            let stored = async move { uploads::part::store_part(&held, &claims, admitted, stream, async |_, _| "edge".to_owned()).await };
            call.detached(stored).await.unwrap_or(Err(Problem::RecordFailed))
        })
        .await;
    must_live(client, session, &told);
    if let Some(Ok(reply)) = &told {
        note_receipt(client, session, number, &body(reply));
    }
    told
}

fn note_receipt(client: &Client, session: &Session, number: u16, answer: &Value) {
    let (Some(receipt), Some(etag)) = (answer["receipt"].as_str(), answer["etag"].as_str()) else { return };
    let mut model = client.sim.model.borrow_mut();
    if let Some(known) = model.sessions.iter_mut().find(|known| known.id == session.id) {
        let hash = answer["sha256"].as_str().unwrap_or_default().to_owned();
        known.receipts.insert(number, (receipt.to_owned(), etag.to_owned(), hash));
    }
}

/// Sends a part straight to the store.
pub async fn direct(sim: &Sim, which: Nth, part: usize, twin: bool) {
    let Some((client, session)) = session(sim, which) else { return };
    let declared = Declared::draw(sim, Declared::Truth);
    let _ = send_direct(&client, &session, part as u16 + 1, twin, declared).await;
}

/// Sends a part of a session straight to the store, and has it recorded.
pub async fn send_direct(client: &Client, session: &Session, number: u16, twin: bool, declared: Declared) -> Told {
    let content = bytes(client, session, number, twin)?;
    let (account, hash) = (crate::parties::id(client.account), declared.hash(client, session, number, twin)?);
    let token = session.token.clone();
    let wanted = json!({ "sessionId": session.id, "parts": [{ "partNumber": number, "sha256": hash }] });
    let asked = client
        .request("chunk urls", ("POST", "/api/jetty/chunk-urls"), As::Token(token.clone()), move |call| async move {
            let claims = claims(&call, &token)?;
            let wanted: ChunkUrls = serde_json::from_value(wanted).map_err(|_| Problem::Internal)?;
            let parts = wanted.requested_parts(&claims)?;
            uploads::direct::chunk_urls(&call, &claims, parts).await
        })
        .await?;
    let answer = match asked {
        Ok(reply) => body(&reply),
        Err(problem) => return Some(Err(problem)),
    };
    client.sim.model.borrow_mut().send(account, &session.name, session.asked, number, &content);
    let etag = put_presigned(client, session, number, (content.clone(), &hash), answer["presignedHashBound"] != Value::Bool(false)).await?;
    let sent = json!({ "sessionId": session.id, "partNumber": number, "etag": etag, "size": content.len(), "sha256": hash });
    record(client, session, sent).await
}

/// What the client does with the URL. None if it has no answer.
async fn put_presigned(client: &Client, session: &Session, number: u16, (content, hash): (Content, &str), bound: bool) -> Option<String> {
    let (token, hash) = (session.token.clone(), Sha256Hex::parse(hash)?);
    let told = client
        .request("put presigned", ("POST", "/api/jetty/chunk-urls"), As::Token(token.clone()), move |call| async move {
            let claims = claims(&call, &token)?;
            let payload = if bound { Payload::Sha256(hash) } else { Payload::Unsigned };
            let action = upload_part_of(&claims.key, &claims.upload_id, number, payload, content.len());
            let sending = Sending { timeout_ms: DIRECT_MS, presigned_for: Some(600) };
            let failed = |_| Problem::Origin(OriginFailure::Unreachable);
            let answer = call.exchange(&call.config.store, &action, Body::Buffered(content), sending).await.map_err(failed)?;
            let etag = answer.header("etag").ok_or(Problem::Origin(OriginFailure::Unreachable))?;
            Reply::json(200, &json!({ "etag": etag }))
        })
        .await;
    body(&told?.ok()?)["etag"].as_str().map(str::to_owned)
}

async fn record(client: &Client, session: &Session, sent: Value) -> Told {
    let token = session.token.clone();
    client
        .request("record part", ("POST", "/api/jetty/cache-chunk"), As::Token(token.clone()), move |call| async move {
            let claims = claims(&call, &token)?;
            let sent: Sent = serde_json::from_value(sent).map_err(|_| Problem::Internal)?;
            uploads::direct::record(&call, &claims, sent).await
        })
        .await
}

/// Records a part by its receipt.
pub async fn receipt(sim: &Sim, which: Nth, part: usize) {
    let Some((client, session)) = session(sim, which) else { return };
    let number = part as u16 + 1;
    let Some((receipt, etag, hash)) = session.receipts.get(&number).cloned() else { return };
    let size = bytes(&client, &session, number, false).map_or(0, |content| content.len());
    let mut sent = json!({ "sessionId": session.id, "partNumber": number, "etag": etag, "size": size, "receipt": receipt });
    if !hash.is_empty() {
        sent["sha256"] = hash.into();
    }
    let _ = record(&client, &session, sent).await;
}

fn claims(call: &Request<Sim>, token: &str) -> Result<UploadClaims, Problem> {
    UploadClaims::open(token, &call.config.token_keys, call.now()).map_err(Problem::Unauthenticated)
}

/// Completes a session.
pub async fn complete(sim: &Sim, which: Nth, claim: Claim, guarded: bool) {
    let Some((client, session)) = session(sim, which) else { return };
    let _ = complete_session(&client, &session, claim, guarded).await;
}

/// Completes a session; `guarded`: only if its parts are the file's.
pub async fn complete_session(client: &Client, session: &Session, claim: Claim, guarded: bool) -> Told {
    let file = content(client, session.file);
    let hash = claimed(client, session.file, claim).map(|(hash, _)| String::from(hash));
    let hashes: Option<Vec<String>> = guarded.then(|| file.parts(session.chunk).iter().map(|part| part.sha256().into()).collect());
    let id = session.id;
    client.sim.model.borrow_mut().ending.insert(id);
    let told = client
        .request("complete", ("POST", "/api/jetty/track-upload"), As::Account, move |call| async move {
            let account = call.account()?;
            let file_hash: Option<Sha256Hex> = check_hash("fileHash", hash.as_deref())?;
            let chunk_hashes = check_chunk_hashes(hashes.as_deref())?;
            let row = owned(&call, &id.to_string()).await?;
            if row.status != Status::Complete.as_str() {
                uploads::rights::check(&call, &row.claims(account.generation, call.now())).await?;
            }
            uploads::complete::complete(&call, account.id, row.id, Expected { file_hash, chunk_hashes, if_exists: None }).await
        })
        .await;
    must_live(client, session, &told);
    if let Some(Ok(reply)) = &told {
        let answer = body(reply);
        match id_in(&answer["asset"]["id"]) {
            Some(asset) => {
                let mut model = client.sim.model.borrow_mut();
                // Whoever lies about a hash has not said which bytes the file has.
                let is_known = guarded && !model.liars.contains(&session.id);
                model.keep(client.account, asset, is_known.then_some(file));
                drop(model);
                note_path(client, &answer["asset"]);
            }
            None => client.sim.fail(|| format!("completed without an asset: {answer}")),
        }
    }
    told
}

async fn owned(call: &Request<Sim>, session: &str) -> Result<SessionRow, Problem> {
    let account = call.account()?;
    account.must_be_active()?;
    call.find_owned_as(&Principal::Account(account.id), ResourceKind::Session, session).await
}

/// The object of a session loses its record and its alarm.
pub fn lose(sim: &Sim, which: Nth) {
    if let Some((_, session)) = session(sim, which) {
        sim.note(sim.current(), Port::Wait, Fault::None, || format!("session {} loses its record", session.id));
        sim.lose(&(Kind::Session, session.id.to_string().into()));
    }
}

/// An upload that nobody has ended goes on until it expires, whatever a single answer of the store says.
fn must_live(client: &Client, session: &Session, told: &Told) {
    let Some(Err(Problem::UploadClosed { status: status @ ("failed" | "expired") })) = told else { return };
    let sim = &client.sim;
    let is_ended = {
        let model = sim.model.borrow();
        model.ending.contains(&session.id) || model.members_changed || sim.settings.administered || sim.store.borrow().has_forgotten
    };
    let left = session.expires.saturating_sub(sim.time());
    if !is_ended && left > 2 * sim.settings.skew_ms {
        sim.fail(|| format!("upload {} is {status}, and nobody has ended it: it has {left} ms left", session.id));
    }
}

/// Aborts a session.
pub async fn fail(sim: &Sim, which: Nth) {
    let Some((client, session)) = session(sim, which) else { return };
    let id = session.id.to_string();
    sim.model.borrow_mut().ending.insert(session.id);
    let told = client
        .request("fail", ("POST", "/api/jetty/track-upload"), As::Account, move |call| async move {
            let row = owned(&call, &id).await?;
            uploads::fail::fail(&call, &row).await
        })
        .await;
    if let Some(Ok(_)) = told {
        sim.model.borrow_mut().failed.insert(session.id);
    }
}

/// Asks for the progress of a session, and goes on with the token in the answer.
pub async fn progress(sim: &Sim, which: Nth, reconcile: bool) {
    let Some((client, session)) = session(sim, which) else { return };
    let id = session.id;
    let told = client
        .request("progress", ("GET", "/api/jetty/cache-chunk"), As::Account, move |call| async move {
            let upload = uploads::progress::readable(&call, id).await?;
            uploads::progress::progress_of(&call, &upload, reconcile).await
        })
        .await;
    if let Some(Ok(reply)) = told
        && let Some(token) = body(&reply)["uploadToken"].as_str()
        && let Some(known) = sim.model.borrow_mut().sessions.iter_mut().find(|known| known.id == id)
    {
        known.token = token.to_owned();
    }
}
