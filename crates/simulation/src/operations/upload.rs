//! An upload by its session, as the client library does it: start, send, complete; what has no answer is repeated.

use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::files::paths::path::Path;
use jettyspeed_edge::files::paths::placement::{IfExists, Placement};
use jettyspeed_edge::http::json_body::JsonText;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::idempotency;
use jettyspeed_edge::services::uploads::start::begin;
use jettyspeed_edge::uploads::request::Start;
use serde_json::{Value, json};

use crate::content::{Content, LARGE};
use crate::history::{Claim, File};
use crate::io::hmac;
use crate::model::{Asked, Session};
use crate::operations::sessions::Declared;
use crate::operations::{As, Client, Told, body, id_in, sessions};
use crate::parties::{SHARED, files, id, own_namespace};
use crate::scheduler::Begun;
use crate::task::Role;

/// Attempts of each request.
const ATTEMPTS: u32 = 3;

/// Smaller parts than the plan's, that some clients want.
const CHUNK: u64 = LARGE;

/// The content of a file.
pub fn content(client: &Client, file: usize) -> Content {
    Content::parse(files(&client.sim.settings)[file % 8])
}

/// What a client claims of a file: its hash, and the content that has it.
pub fn claimed(client: &Client, file: usize, claim: Claim) -> Option<(Sha256Hex, Content)> {
    let content = match claim {
        Claim::Nothing => return None,
        Claim::Truth => content(client, file),
        Claim::Lie => content(client, file ^ 1),
    };
    Some((content.sha256(), content))
}

/// The name under which a client stores a file. Clients of one account and namespace use the same.
pub fn name(client: &Client, file: File) -> String {
    let suffix = if file.renamed { "-again" } else { "" };
    format!("{}{suffix}.bin", files(&client.sim.settings)[file.file % 8])
}

/// The namespace that a client names: the last account is in no shared one.
pub fn namespace(file: File) -> Option<&'static str> {
    (file.shared && file.account < 2).then_some(SHARED)
}

/// Its name in the database.
pub fn namespace_name(file: File) -> String {
    namespace(file).map_or_else(|| own_namespace(file.account).to_string(), str::to_owned)
}

/// The place that a file gets: few paths, so that files get into each other's way.
pub fn placement(client: &Client, file: File) -> Option<Placement> {
    client.sim.settings.paths.then(|| {
        let if_exists = match (file.claim, file.renamed) {
            (Claim::Truth, false) => IfExists::Replace,
            (_, true) => IfExists::Fail,
            _ => IfExists::KeepBoth,
        };
        let path = Path::check("path", &format!("d/{}.bin", file.file % 3), str::to_owned).ok()?;
        Some(Placement { path, if_exists, modified_at: None })
    })?
}

/// Notes that a file is to have that place.
pub fn ask_place(client: &Client, file: File) {
    if let Some(placement) = placement(client, file).filter(|placement| placement.if_exists == IfExists::Replace) {
        client.sim.model.borrow_mut().replace(client.account, &format!("{} {}", namespace_name(file), placement.path));
    }
}

/// Notes the path that a file was reported to have.
pub fn note_path(client: &Client, answer: &Value) {
    if let (Some(asset), Some(namespace), Some(path)) = (id_in(&answer["id"]), answer["namespace"].as_str(), answer["path"].as_str()) {
        client.sim.model.borrow_mut().keep_at(client.account, asset, &format!("{namespace} {path}"));
    }
}

/// Start, send every missing part, complete.
pub async fn whole(client: &Client, file: File) {
    let Some(mut session) = start(client, file).await else { return };
    // Who claims another file's hash says the same of each part where the store does not object.
    let dialect = &client.sim.settings.dialect;
    let lies = file.claim == Claim::Lie && if file.direct { !dialect.binds_presigned } else { !dialect.verifies_hashes };
    for _ in 0..ATTEMPTS {
        if !send_all(client, &session, file, if lies { Declared::Lie } else { Declared::Truth }).await {
            return;
        }
        match sessions::complete_session(client, &session, file.claim, !lies).await {
            Some(Err(Problem::PartsMissing { missing })) => session.missing = missing,
            Some(Err(Problem::PartsDiffer { parts })) => session.missing = parts,
            Some(Ok(_)) => return,
            Some(Err(problem)) if problem.kind().status < 500 && problem.kind().status != 409 && problem.kind().status != 429 => return,
            _ => session.missing.clear(),
        }
        client.wait(2_000).await;
    }
}

/// Sends the missing parts, all at once. False if one of them was refused for good.
async fn send_all(client: &Client, session: &Session, file: File, declared: Declared) -> bool {
    let mut sent = Vec::new();
    for number in session.missing.clone() {
        let (held, session) = (client.clone(), session.clone());
        let begun = Begun::by(&client.sim, Role::Client, "");
        let (_, result) = client.sim.begin_with_result(begun, async move {
            for attempt in 1..=ATTEMPTS {
                let told = if file.direct {
                    sessions::send_direct(&held, &session, number, false, declared).await
                } else {
                    sessions::send_part(&held, &session, number, false, declared).await
                };
                match told {
                    Some(Ok(_)) => return true,
                    Some(Err(problem)) if problem.kind().status < 500 && problem.kind().status != 429 => return false,
                    _ => held.wait(500 << attempt).await,
                }
            }
            false
        });
        sent.push(result);
    }
    let mut all = true;
    for result in sent {
        all &= result.await.unwrap_or(false);
    }
    all
}

/// Starts a session; None if there is none, or if the file is stored already.
pub async fn start(client: &Client, file: File) -> Option<Session> {
    let bytes = content(client, file.file);
    let claim = claimed(client, file.file, file.claim);
    let name = name(client, file);
    let place = client.sim.model.borrow_mut().ask(id(client.account), &name, Asked::of(&bytes, CHUNK));
    if let Some((_, content)) = &claim {
        client.sim.model.borrow_mut().ask(id(client.account), &name, Asked::of(content, CHUNK));
    }
    let mut wanted = json!({ "fileName": name, "fileSize": bytes.len(), "contentType": "a/b", "chunkSize": CHUNK });
    if bytes.len() < CHUNK {
        // The store takes no smaller parts than 5 MiB, and a plan has no larger ones than the file's namespace says.
        wanted["chunkSize"] = Value::Null;
    }
    if let Some((hash, _)) = &claim {
        wanted["fileHash"] = hash.as_str().into();
    }
    if file.chunks && bytes.len() >= CHUNK {
        wanted["chunkHashes"] = bytes.parts(CHUNK).iter().map(|part| String::from(part.sha256())).collect();
    }
    if let Some(namespace) = namespace(file) {
        wanted["namespace"] = namespace.into();
    }
    if let Some(Placement { path, if_exists, .. }) = placement(client, file) {
        ask_place(client, file);
        wanted["path"] = path.as_str().into();
        wanted["ifExists"] = serde_json::to_value(if_exists).unwrap_or_default();
    }
    let key = file.key.map(|key| format!("{name}-{key}-{}", wanted.to_string().len()));
    let (mut attempt, mut is_wrong) = (0, false);
    loop {
        attempt += 1;
        let told = send_start(client, wanted.clone(), key.clone()).await;
        let reply = match told {
            Some(Ok(reply)) => reply,
            Some(Err(problem)) if problem.kind().status < 500 && problem.kind().status != 409 => return None,
            _ if attempt < ATTEMPTS => {
                client.wait(1_000 << attempt).await;
                continue;
            }
            _ => return None,
        };
        let answer = body(&reply);
        match reply.status {
            200 => {
                if is_wrong && id_in(&answer["asset"]["id"]).is_some_and(|asset| crate::check::is_lone_loan(&client.sim, asset)) {
                    client.sim.fail(|| format!("account {} was given bytes that it does not have: {answer}", client.account));
                }
                found(client, &answer["asset"], claim.map(|(_, content)| content));
                return None;
            }
            202 => {
                let (_, content) = claim.as_ref()?;
                // Who lies has its own file only, and answers from that.
                let has = if file.claim == Claim::Lie { &bytes } else { content };
                let answered = proof(&answer["challenge"], has)?;
                is_wrong = answered != proof(&answer["challenge"], content)?;
                wanted["proof"] = answered.into();
                continue;
            }
            _ => return opened(client, file, &answer, place, &name),
        }
    }
}

fn opened(client: &Client, file: File, answer: &Value, place: usize, name: &str) -> Option<Session> {
    let missing = answer["missingParts"].as_array()?.iter().filter_map(|number| u16::try_from(number.as_u64()?).ok()).collect();
    let session = Session {
        account: client.account,
        id: id_in(&answer["sessionId"])?,
        token: answer["uploadToken"].as_str()?.to_owned(),
        file: file.file,
        name: name.to_owned(),
        asked: place,
        chunk: answer["strategy"]["chunkSize"].as_u64()?,
        missing,
        expires: EpochMs::parse(answer["expiresAt"].as_str()?)?.0,
        receipts: Default::default(),
    };
    client.sim.model.borrow_mut().sessions.push(session.clone());
    Some(session)
}

async fn send_start(client: &Client, wanted: Value, key: Option<String>) -> Told {
    let text = wanted.to_string();
    client
        .request("start", ("POST", "/api/jetty/track-upload"), As::Account, move |call| async move {
            let start: Start = JsonText::check(text.as_bytes())?.read()?;
            let wanted = start.check(str::to_owned)?;
            let account = call.account()?;
            account.must_be_active()?;
            let slot = idempotency::slot(call.route, key.as_deref(), &account.id.to_string(), text.as_bytes())?;
            let held = call.clone();
            idempotency::once(&call, slot, async move { begin(&held, &account, wanted, async |_, _, _| (Vec::new(), Vec::new())).await }).await
        })
        .await
}

/// A file that the service says is stored must have the bytes of the hash that was asked for.
fn found(client: &Client, told: &Value, content: Option<Content>) {
    let Some(asset) = id_in(&told["id"]) else {
        client.sim.fail(|| "a duplicate without an asset".to_owned());
        return;
    };
    let stored = crate::check::content_of(&client.sim, asset);
    let deleting = client.sim.model.borrow().deleting.contains(&asset);
    if !deleting && (stored.is_none() || stored != content) {
        let text = |content: &Option<Content>| content.as_ref().map(Content::text);
        client.sim.fail(|| format!("asked for {:?} by its hash, and got {:?}, asset {asset}", text(&content), text(&stored)));
    }
    client.sim.model.borrow_mut().keep(client.account, asset, content);
    note_path(client, told);
}

/// The answer to a challenge.
fn proof(challenge: &Value, content: &Content) -> Option<String> {
    let nonce = challenge["nonce"].as_str()?;
    let range = |range: &Value| Some((range[0].as_u64()?, range[1].as_u64()?));
    let ranges: Vec<(u64, u64)> = challenge["ranges"].as_array()?.iter().filter_map(range).collect();
    let pieces: Vec<Content> = ranges.iter().map(|(first, last)| content.slice(*first, last + 1)).collect();
    Some(hmac(nonce.as_bytes(), &pieces, 0).iter().map(|byte| format!("{byte:02x}")).collect())
}
