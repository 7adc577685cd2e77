//! The calls of a client, one after the other.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::kind::Kind;
use super::stage::{ACCOUNTS, FILES, Stage};
use crate::load::{Answer, Target};
use crate::losses::mixed;
use crate::sink::objects::{PLAYLIST, SEGMENTS, segment};
use crate::uploads::stage::{CHUNK, text};
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;

/// Parts of a file that is uploaded; the last has one byte.
const PARTS: u32 = 3;

/// The body of a part and of the last one, with their hashes: the same for all clients.
pub struct Bodies {
    part: (Bytes, Sha256Hex),
    last: (Bytes, Sha256Hex),
}

impl Bodies {
    /// Makes them.
    pub fn new() -> Result<Bodies> {
        let of = |length: usize| {
            let bytes = vec![b'x'; length];
            let hash = Sha256Hex::of(&bytes);
            (Bytes::from(bytes), hash)
        };
        Ok(Bodies { part: of(usize::try_from(CHUNK)?), last: of(1) })
    }
}

/// A client between two calls.
pub struct Script {
    stage: Arc<Stage>,
    bodies: Arc<Bodies>,
    kind: Kind,
    number: u32,
    /// Calls that were answered as expected.
    done: u32,
    upload: Option<Upload>,
}

struct Upload {
    session: String,
    token: String,
    sent: u32,
}

/// A call: target, number of the part, body.
pub type Call = (Target, u32, Bytes);

impl Script {
    /// Of client `number`.
    pub fn new(stage: Arc<Stage>, bodies: Arc<Bodies>, number: u32) -> Script {
        Script { stage, bodies, kind: Kind::of(number), number, done: 0, upload: None }
    }

    fn account(&self) -> u32 {
        self.number % ACCOUNTS
    }

    /// Any file, drawn anew for each call.
    fn any(&self, turn: u32) -> u32 {
        u32::try_from(mixed(u64::from(self.number) << 20 | u64::from(turn)) % u64::from(FILES)).unwrap_or_default()
    }

    /// The next call, the `turn`th.
    pub fn next(&self, turn: u32) -> Result<Call> {
        let stage = &self.stage;
        let get = |target: Target| (target, 0, Bytes::new());
        match self.kind {
            Kind::Content => stage.file(self.account(), self.any(turn)).map(get),
            Kind::Video => {
                // The playlist comes before the first segment.
                let at = turn.wrapping_add(self.number) % (SEGMENTS + 1);
                let path = at.checked_sub(1).map_or_else(|| PLAYLIST.to_owned(), segment);
                stage.video(self.account(), &path).map(get)
            }
            Kind::Api => {
                let path = match turn % 4 {
                    0 | 2 => Stage::record(self.account(), self.any(turn)),
                    1 => "/api/storage/files?limit=20".to_owned(),
                    _ if self.number.is_multiple_of(2) => "/api/jetty/sessions?status=open".to_owned(),
                    _ => "/api/agentcache/quota".to_owned(),
                };
                stage.call(self.account(), Method::GET, &path).map(get)
            }
            Kind::Webhook => {
                // Every tenth tells of a user that is new, the others of one that is known.
                let user =
                    if turn.is_multiple_of(10) { format!("new-{}-{turn}", self.number) } else { format!("new-{}-{}", self.number, turn - turn % 10) };
                let body = json!({ "user_id": user, "email": format!("{user}@example.com"), "tier": "pro" }).to_string();
                let target = stage.webhook(&format!("msg_{}_{turn}", self.number), "/api/webhooks/jetty/provision", &body)?;
                Ok((target, 0, body.into()))
            }
            Kind::Upload => self.upload_call(),
        }
    }

    fn upload_call(&self) -> Result<Call> {
        let track = |body: Value| Ok((self.stage.call(self.account(), Method::POST, "/api/jetty/track-upload")?, 0, Bytes::from(body.to_string())));
        match &self.upload {
            None => {
                let name = format!("load-{}-{}.bin", self.number, self.done);
                track(json!({ "action": "start", "fileName": name, "fileSize": CHUNK * u64::from(PARTS - 1) + 1, "chunkSize": CHUNK }))
            }
            Some(upload) if upload.sent < PARTS => {
                let number = upload.sent + 1;
                let (body, hash) = if number == PARTS { &self.bodies.last } else { &self.bodies.part };
                Ok((self.stage.part(&upload.token, hash.as_str()), number, body.clone()))
            }
            Some(upload) => track(json!({ "action": "complete", "sessionId": upload.session })),
        }
    }

    /// Goes on after an answer that was expected.
    pub fn answered(&mut self, answer: &Answer) -> Result<()> {
        self.done += 1;
        if self.kind != Kind::Upload {
            return Ok(());
        }
        self.upload = match self.upload.take() {
            None => {
                let started: Value = serde_json::from_slice(&answer.body)?;
                Some(Upload { session: text(&started, "sessionId")?.to_owned(), token: text(&started, "uploadToken")?.to_owned(), sent: 0 })
            }
            Some(upload) if upload.sent < PARTS => Some(Upload { sent: upload.sent + 1, ..upload }),
            Some(_) => None,
        };
        Ok(())
    }
}
