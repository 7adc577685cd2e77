//! Files: stored in one request, deleted, looked for.

use jettyspeed_edge::access::authorize::ResourceKind;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::http::validate::check_namespace;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::dedup::reference::duplicate;
use jettyspeed_edge::services::delete_file::delete_file;
use jettyspeed_edge::services::idempotency;
use jettyspeed_edge::services::namespaces::of_upload::for_upload;
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::send_body::Outgoing;
use jettyspeed_edge::services::uploads::simple::{Incoming, store_file};
use serde::Deserialize;
use serde_json::json;

use crate::check::select;
use crate::content::LARGE;
use crate::history::{Claim, File, Nth};
use crate::io::Stream;
use crate::model::Asked;
use crate::operations::upload::{ask_place, claimed, content, name, namespace, note_path, placement};
use crate::operations::{As, Client, body, id_in, nth};
use crate::parties::id;

/// Stores a file in one request; a file of more than one part is cut to its first.
pub async fn simple(client: &Client, file: File) {
    let key = file.key.map(|key| format!("{}.one-{key}", name(client, file)));
    simple_as(client, file, key).await;
}

/// The same with an Idempotency-Key.
pub async fn simple_as(client: &Client, file: File, key: Option<String>) {
    let bytes = content(client, file.file).slice(0, LARGE);
    let name = format!("{}.one", name(client, file));
    client.sim.model.borrow_mut().ask(id(client.account), &name, Asked::of(&bytes, LARGE));
    let hash = match file.claim {
        Claim::Truth => Some(bytes.sha256()),
        claim => claimed(client, file.file, claim).map(|(hash, _)| hash),
    };
    let wanted = namespace(file);
    let body_key = format!("{name} {hash:?} {wanted:?}");
    let asking = key.as_ref().map(|key| {
        let now = client.sim.time();
        client.sim.model.borrow_mut().admin.slots.begin(&format!("{}/{key}", client.account), &body_key, now)
    });
    let breaks = client.body_breaks();
    let placement = placement(client, file);
    ask_place(client, file);
    let sent = bytes.clone();
    let told = client
        .request("simple", ("POST", "/api/storage/upload"), As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            let wanted = check_namespace("X-Namespace", wanted)?;
            let (size, shown) = (sent.len(), hash.as_ref().map_or("-", |hash| hash.as_str()).to_owned());
            let fingerprint = format!("{size}\n{shown}\n{}\n{name}", wanted.as_ref().map_or("-", |name| name.as_str()));
            let slot = idempotency::slot(call.route, key.as_deref(), &account.id.to_string(), fingerprint.as_bytes())?;
            let body = Outgoing::Stream(Stream { content: sent, breaks });
            let incoming = Incoming { name, content_type: "a/b".to_owned(), size, placement, sha256: hash, body };
            let held = call.clone();
            let work = async move {
                let namespace = for_upload(&held, &account, wanted.as_ref()).await?;
                account.may_upload_simply(incoming.size)?;
                let (storing, owner) = (held.clone(), account.clone());
                let stored = held.detached(async move { store_file(&storing, &owner, &namespace, incoming).await });
                let asset = stored.await.unwrap_or(Err(Problem::Internal))?;
                Reply::json(201, &json!({ "asset": asset.view(&held.base) }))
            };
            idempotency::once(&call, slot, work).await
        })
        .await;
    if let Some(asking) = asking {
        let (certain, now) = (crate::operations::backend::is_certain(&client.sim), client.sim.time());
        if let Err(wrong) = client.sim.model.borrow_mut().admin.slots.end(&asking, &told, certain, now) {
            client.sim.fail(|| wrong);
        }
    }
    if let Some(Ok(reply)) = told {
        match id_in(&body(&reply)["asset"]["id"]) {
            Some(asset) => {
                client.sim.model.borrow_mut().keep(client.account, asset, Some(bytes));
                note_path(client, &body(&reply)["asset"]);
            }
            None => client.sim.fail(|| "a file without an asset".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    id: Id,
}

/// Deletes a file that the client knows, or finds in its list: also one of an upload whose completion it was not told of.
pub async fn delete(client: &Client, which: Nth) {
    let mut all = known_files(client);
    let listed: Vec<Listed> =
        select(&client.sim, "SELECT id FROM assets WHERE account_id = ?1 ORDER BY created_at, id", vec![id(client.account).to_string().into()]);
    listed.into_iter().for_each(|file| {
        if !all.contains(&file.id) {
            all.push(file.id)
        }
    });
    let Some(asset) = nth(&all, which) else { return };
    client.sim.model.borrow_mut().deleting.insert(asset);
    let told = client
        .request("delete", ("DELETE", "/api/storage/files/{id}"), As::Account, move |call| async move {
            call.account()?.must_be_active()?;
            let found: Asset = call.find_owned(ResourceKind::Asset, &asset.to_string()).await?;
            let held = call.clone();
            call.detached(async move { delete_file(&held, &found).await }).await.unwrap_or(Err(Problem::Internal))
        })
        .await;
    if let Some(Ok(_)) = told {
        client.sim.model.borrow_mut().deleted.insert(asset);
    }
}

fn known_files(client: &Client) -> Vec<Id> {
    client.sim.model.borrow().known.iter().filter(|(account, _)| *account == client.account).map(|(_, asset)| *asset).collect()
}

/// Asks whether a file is stored.
pub async fn check(client: &Client, file: usize) {
    let bytes = content(client, file);
    let (hash, size) = (bytes.sha256(), bytes.len());
    let told = client
        .request("check", ("POST", "/api/jetty/check-duplicate"), As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            Reply::json(200, &duplicate(&call, &account, &hash, size).await?)
        })
        .await;
    let Some(Ok(reply)) = told else { return };
    let answer = body(&reply);
    // Whoever is told that a file is stored must be in a namespace that has it.
    let certain = !client.sim.model.borrow().members_changed;
    if certain && answer["duplicate"] == true && !crate::check::is_stored_for(&client.sim, client.account, &bytes) {
        client.sim.fail(|| format!("account {} was told that {} is stored", client.account, bytes.text()));
    }
}

/// Reads a file: the row that its owner is shown, which a client was told is stored.
pub async fn read(client: &Client, which: Nth) {
    let Some(asset) = nth(&known_files(client), which) else { return };
    let was_deleted = client.sim.model.borrow().deleted.contains(&asset);
    let told = client
        .request("read", ("GET", "/api/storage/files/{id}"), As::Account, move |call| async move {
            call.account()?.must_be_active()?;
            let found: Asset = call.find_owned(ResourceKind::Asset, &asset.to_string()).await?;
            Reply::json(200, &json!({ "asset": found.view(&call.base) }))
        })
        .await;
    let hidden = client.sim.model.borrow().members_changed || client.sim.model.borrow().deleting.contains(&asset);
    match told {
        Some(Err(Problem::NotFound)) if !hidden => client.sim.fail(|| format!("asset {asset} was reported as stored, and is not found")),
        Some(Ok(_)) if was_deleted => client.sim.fail(|| format!("asset {asset} was reported as deleted, and is shown")),
        _ => {}
    }
}
