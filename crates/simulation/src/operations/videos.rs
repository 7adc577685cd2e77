//! Files of videos: put, replaced, deleted with their video.

use jettyspeed_edge::access::membership;
use jettyspeed_edge::http::validate::check_namespace;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::namespaces::of_upload::for_upload;
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::video::delete;
use jettyspeed_edge::services::video::put::{namespace_of, write_file};
use jettyspeed_edge::video::place::Place;
use jettyspeed_edge::video::request::{check_path, check_video};
use serde_json::json;

use crate::content::LARGE;
use crate::history::{Claim, File};
use crate::io::Stream;
use crate::operations::upload::{claimed, content, namespace, namespace_name};
use crate::operations::{As, Client};

/// Videos and paths: few, so that writes collide.
const VIDEOS: [&str; 2] = ["film", "show"];
const PATHS: [&str; 2] = ["a.ts", "b.ts"];

/// The place of a file of a video, as the model has it.
fn place_of(file: File, video: usize, path: &str) -> (String, String) {
    (format!("{}/{}", namespace_name(file), VIDEOS[video % 2]), path.to_owned())
}

/// Stores or replaces a file of a video.
pub async fn put(client: &Client, file: File, video: usize, path: usize) {
    let bytes = content(client, file.file).slice(0, LARGE);
    let hash = match file.claim {
        Claim::Truth => Some(bytes.sha256()),
        claim => claimed(client, file.file, claim).map(|(hash, _)| hash),
    };
    let (wanted, name, path) = (namespace(file), VIDEOS[video % 2], PATHS[path % 2]);
    let place = place_of(file, video, path);
    let began = client.sim.model.borrow_mut().videos.begin_write(&place, &bytes);
    let (breaks, sent) = (client.body_breaks(), bytes.clone());
    let told = client
        .request("put video", ("PUT", "/api/video/film/a.ts"), As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            let wanted = check_namespace("X-Namespace", wanted)?;
            let namespace = namespace_of(&call, &account, wanted.as_ref()).await?;
            let size = sent.len();
            account.may_upload_simply(size)?;
            let manages = membership::role(&account, &namespace) == Role::Manager;
            let place = Place { namespace: namespace.name, video: check_video(name)?, path: check_path(path)? };
            let (held, stream) = (call.clone(), Stream { content: sent, breaks });
            let stored = call.detached(async move { write_file(&held, &account, manages, place, Some(stream), size, hash).await });
            let (file, replaces) = stored.await.unwrap_or(Err(Problem::Internal))?;
            Reply::json(if replaces { 200 } else { 201 }, &json!({ "etag": file.etag }))
        })
        .await;
    client.sim.model.borrow_mut().videos.end_write(&place, began, told.as_ref(), &bytes, client.sim.time());
}

/// Deletes a video.
pub async fn remove(client: &Client, file: File, video: usize) {
    let (wanted, name) = (namespace(file), VIDEOS[video % 2]);
    let (folder, _) = place_of(file, video, "");
    let began = client.sim.model.borrow_mut().videos.begin_delete(&folder);
    let told = client
        .request("delete video", ("DELETE", "/api/video/film"), As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            let wanted = check_namespace("X-Namespace", wanted)?;
            let namespace = for_upload(&call, &account, wanted.as_ref()).await?;
            delete::delete(&call, &account, &namespace, &check_video(name)?).await
        })
        .await;
    client.sim.model.borrow_mut().videos.end_delete(&folder, began, told.as_ref(), client.sim.time());
}
