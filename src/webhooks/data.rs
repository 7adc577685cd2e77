//! `data` of each kind of event.

use jettyspeed_receipts::Chunk;
use jettyspeed_receipts::keys::SigningKey;
use serde_json::{Value, json};

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::files::asset::Asset;
use crate::receipts::{self, MAX_EVENT_CHUNKS};
use crate::uploads::session::state::Meta;

/// Of `upload.completed`: the file and its receipt, which is signed when it is sent. `base`: `https://host`.
pub fn upload_completed(asset: &Asset, chunks: Vec<Chunk>, base: &str, now: EpochMs) -> Value {
    let chunks = if chunks.len() > MAX_EVENT_CHUNKS { Vec::new() } else { chunks };
    json!({ "namespace": asset.namespace, "account": asset.account_id, "asset": asset.view(base), "receipt": receipts::draft(asset, chunks, now) })
}

/// Of `upload.failed`.
pub fn upload_failed(meta: &Meta) -> Value {
    json!({
        "namespace": meta.namespace,
        "account": meta.account,
        "sessionId": meta.session,
        "status": meta.status.as_str(),
        "fileName": meta.file_name,
        "fileSize": meta.file_size,
        "contentType": meta.content_type,
    })
}

/// Of `asset.deleted`: the file as it was.
pub fn asset_deleted(asset: &Asset, base: &str) -> Value {
    json!({ "namespace": asset.namespace, "account": asset.account_id, "asset": asset.view(base) })
}

/// Of `account.provisioned`: no address and no credentials.
pub fn account_provisioned(account: Id, user: &Name, tier: &str, namespace: &Name) -> Value {
    json!({ "namespace": namespace, "account": account, "agentcache_user_id": user, "tier": tier })
}

/// Of `webhook.test`.
pub fn test(namespace: &Name, endpoint: Id) -> Value {
    json!({ "namespace": namespace, "webhook": endpoint })
}

/// The body of an event as it is sent: with its receipt signed by the first of `keys`, if there is one. The same keys give the same text.
pub fn signed(body: &str, keys: &[SigningKey]) -> String {
    let sign = || {
        let key = keys.first()?;
        let mut event: Value = serde_json::from_str(body).ok()?;
        let receipt = event.get_mut("data")?.get_mut("receipt")?;
        *receipt = jettyspeed_receipts::sign(receipt, key)?;
        Some(event.to_string())
    };
    sign().unwrap_or_else(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use jettyspeed_receipts::keys::PublicKeys;

    use super::*;

    fn asset() -> Asset {
        Asset {
            id: Id::from_random([1; 16]),
            account_id: Id::from_random([2; 16]),
            object_id: Id::from_random([3; 16]),
            name: "n".into(),
            content_type: "a/b".into(),
            namespace: Name::parse("n").unwrap(),
            s3_key: "k".into(),
            size: 5,
            etag: "e".into(),
            claimed_sha256: None,
            sha256: None,
            verification: "none".into(),
            verification_reason: None,
            created_at: EpochMs(0),
            owner_status: "active".into(),
            borrowed: false,
            path: None,
            modified_at: None,
        }
    }

    #[test]
    fn body_is_signed_with_the_first_key_always_to_the_same_text_and_stays_as_it_is_without() {
        let keys = [7, 8].map(|byte| SigningKey::from_seed([byte; 32]));
        let body = json!({ "type": "upload.completed", "data": upload_completed(&asset(), vec![], "https://h", EpochMs(1)) }).to_string();
        let sent = signed(&body, &keys);
        assert_eq!(sent, signed(&body, &keys));
        let receipt = serde_json::from_str::<Value>(&sent).unwrap()["data"]["receipt"].to_string();
        let read = jettyspeed_receipts::verify(&receipt, &PublicKeys::of(&keys[..1])).unwrap();
        assert_eq!((read.size, read.asset), (5, asset().id.to_string()));
        assert_eq!(signed(&body, &[]), body);
        for other in [r#"{"type":"upload.failed","data":{}}"#, "{", "[]"] {
            assert_eq!(signed(other, &keys), other);
        }
    }

    #[test]
    fn event_of_a_file_of_ten_thousand_parts_is_bounded() {
        let chunk = || Chunk { size: 10_000_000, sha256: "a".repeat(64) };
        let of = |number: usize| upload_completed(&asset(), (0..number).map(|_| chunk()).collect(), "https://h", EpochMs(1));
        assert_eq!(of(MAX_EVENT_CHUNKS)["receipt"]["chunks"].as_array().unwrap().len(), MAX_EVENT_CHUNKS);
        assert_eq!(of(10_000)["receipt"]["chunks"], json!([]));
        assert!(of(MAX_EVENT_CHUNKS).to_string().len() < 120_000);
    }
}
