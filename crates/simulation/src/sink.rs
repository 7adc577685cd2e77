//! The endpoints of customers: what was posted to them.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::auth::webhook_signature;
use jettyspeed_edge::base::aead::{NONCE_BYTES, Vault};
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::io::notice::{Answered, Notice};
use jettyspeed_edge::webhooks::secret::{self, Secret};
use rusqlite::Connection;

use crate::fault::{Fault, Port};
use crate::task::Pause;
use crate::world::Sim;

/// Two attempts that began within that time, of which the first had not ended, were under way at once, ms: claims are further apart, whatever clocks say.
const TOO_CLOSE_MS: u64 = 20_000;

/// What was posted: by URL and `webhook-id`.
#[derive(Debug, Default)]
pub struct Sink {
    /// What an endpoint has taken.
    pub taken: BTreeSet<(String, String)>,
    under_way: BTreeMap<(String, String), Vec<u64>>,
}

fn drawn() -> Secret {
    Secret::of_random([9; secret::RANDOM_BYTES])
}

/// Adds an endpoint to each namespace that is there, which wants everything.
///
/// # Panics
/// If a statement cannot run.
pub fn install(db: &Connection, vault: &Vault) {
    let names: Vec<String> = {
        let mut prepared = db.prepare_cached("SELECT name FROM namespaces ORDER BY name").expect("a statement");
        prepared.query_map([], |row| row.get(0)).expect("names").map(|name| name.expect("a name")).collect()
    };
    for (number, name) in names.iter().enumerate() {
        let id = Id::from_random([100 + number as u8; 16]);
        let sealed = vault.seal(&secret::row(id), drawn().text(), [7; NONCE_BYTES]).expect("a secret");
        let events = r#"["upload.completed","upload.failed","asset.deleted","account.provisioned"]"#;
        let mut insert = db
            .prepare_cached("INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, created_at, updated_at) VALUES (?1, ?2, 1, ?3, ?4, ?5, 0, 0)")
            .expect("a statement");
        insert.execute((id.to_string(), name, format!("https://{number}.hooks.example/"), events, sealed)).expect("an endpoint");
    }
}

/// Ends an attempt, also if its isolate dies.
struct UnderWay {
    sim: Sim,
    key: (String, String),
    began: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(attempts) = self.sim.sink.borrow_mut().under_way.get_mut(&self.key) {
            attempts.retain(|began| *began != self.began);
        }
    }
}

/// Answers a post.
///
/// # Errors
/// No answer.
pub async fn post(sim: &Sim, notice: &Notice<'_>) -> Result<Answered, String> {
    let field = |name: &str| notice.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
    let key = (notice.url.to_owned(), field("webhook-id").unwrap_or_default());
    let began = sim.time();
    check_signature(sim, notice);
    {
        let mut sink = sim.sink.borrow_mut();
        let attempts = sink.under_way.entry(key.clone()).or_default();
        if attempts.iter().any(|other| began - other < TOO_CLOSE_MS) {
            sim.fail(|| format!("an event is posted twice at once: {key:?}"));
        }
        attempts.push(began);
    }
    let _under_way = UnderWay { sim: sim.clone(), key: key.clone(), began };
    let fault = sim.pass(Port::Post, || format!("{} {}", notice.url, notice.body.chars().take(60).collect::<String>())).await;
    let answered = |status| Ok(Answered { status, text: "an answer".to_owned() });
    match fault {
        Fault::Before => return Err("refused".to_owned()),
        Fault::Failed => return answered(500),
        _ => {}
    }
    sim.sink.borrow_mut().taken.insert(key);
    match fault {
        Fault::DiesAfter => sim.die().await,
        Fault::Lost => Err("reset".to_owned()),
        Fault::TimedOut => {
            Pause::new(sim, u64::from(notice.timeout_ms)).await;
            Err("timeout".to_owned())
        }
        _ => answered(204),
    }
}

fn check_signature(sim: &Sim, notice: &Notice<'_>) {
    let field = |name: &str| notice.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str());
    let sent = field("webhook-timestamp").and_then(|text| text.parse().ok()).map_or(EpochMs(0), |seconds: u64| EpochMs(seconds * 1000));
    let signed = webhook_signature::Signed::read(field("webhook-id"), field("webhook-timestamp"), field("webhook-signature"), sent);
    let secret = webhook_signature::Secret::parse(drawn().text());
    let is_right = signed.ok().flatten().zip(secret).is_some_and(|(signed, secret)| signed.verify(&[secret], notice.body.as_bytes()));
    if !is_right {
        sim.fail(|| format!("an event with a wrong signature: {}", notice.url));
    }
}
