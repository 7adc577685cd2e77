//! Endpoints of a namespace: adding, changing, deleting and trying them, and what was sent to them.

use serde::Serialize;
use serde_json::json;

use crate::access::membership;
use crate::base::aead::NONCE_BYTES;
use crate::base::id::{Id, Name};
use crate::clients::{database, shards};
use crate::http::pagination::{self, Page};
use crate::io::Io;
use crate::io::database::Database;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services::idempotency::must_hold_claim;
use crate::services::namespaces::change;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::webhooks::data;
use crate::webhooks::delivery::Delivery;
use crate::webhooks::endpoint::{Change, Endpoint, MAX_WAITING, NewSecret, Wanted};
use crate::webhooks::event::{EventKind, MAX_ENDPOINTS};
use crate::webhooks::repository::{self, Written};
use crate::webhooks::secret::{self, Secret};

/// The namespace of that name, if the caller manages it.
///
/// # Errors
/// 404 if the caller may not see it, 403 if it does not manage it.
pub async fn managed(call: &Request<impl Io>, name: &str) -> Result<Namespace, Problem> {
    let namespace = change::find(call, name).await?;
    membership::may_configure(&call.caller, &namespace)?;
    Ok(namespace)
}

/// An id in a path: what is none names nothing.
///
/// # Errors
/// 404.
pub fn id(text: Option<&str>) -> Result<Id, Problem> {
    text.and_then(Id::parse).ok_or(Problem::NotFound)
}

fn draw(io: &impl Io) -> Result<Secret, Problem> {
    Ok(Secret::of_random(io.random()?))
}

fn seal(call: &Request<impl Io>, endpoint: Id, secret: &Secret) -> Result<String, Problem> {
    call.config.vault.seal(&secret::row(endpoint), secret.text(), call.random::<NONCE_BYTES>()?).ok_or(Problem::Internal)
}

/// Adds an endpoint. The answer is the only one that has its secret.
///
/// # Errors
/// 409 if the namespace has as many as it may.
pub async fn add(call: &Request<impl Io>, namespace: &Name, wanted: &Wanted) -> Result<Reply, Problem> {
    let endpoint = call.id()?;
    let secret = wanted.secret.clone().map_or_else(|| draw(&call.io), Ok)?;
    let sealed = seal(call, endpoint, &secret)?;
    let db = shards::of_namespace(&call.io, namespace).await?;
    let insert = repository::insert_endpoint(endpoint, namespace, &wanted.url, &wanted.events, &sealed, call.now());
    must_hold_claim(call).await?;
    let added: Option<Endpoint> = database::first(&db, &insert).await?;
    let limit = u64::try_from(MAX_ENDPOINTS).unwrap_or(u64::MAX);
    let added = added.ok_or(Problem::TooManyWebhooks { limit })?;
    Reply::json(201, &json!({ "webhook": added.view(call.now(), Some(&secret)) }))
}

/// Lists the endpoints.
///
/// # Errors
/// Of D1.
pub async fn list(call: &Request<impl Io>, namespace: &Name) -> Result<Reply, Problem> {
    let rows: Vec<Endpoint> = database::all(&shards::of_namespace_to_read(&call.io, namespace).await?, &repository::endpoints(namespace)).await?;
    let webhooks: Vec<_> = rows.iter().map(|row| row.view(call.now(), None)).collect();
    Reply::json(200, &json!({ "webhooks": webhooks }))
}

async fn find(call: &Request<impl Io>, db: &impl Database, namespace: &Name, endpoint: Id) -> Result<Endpoint, Problem> {
    let started = call.now();
    let found = database::first(db, &repository::endpoint(namespace, endpoint)).await;
    call.span("d1", started);
    found?.ok_or(Problem::NotFound)
}

fn webhook(value: &impl Serialize) -> Result<Reply, Problem> {
    Reply::json(200, &json!({ "webhook": value }))
}

/// Reads an endpoint.
///
/// # Errors
/// 404.
pub async fn get(call: &Request<impl Io>, namespace: &Name, endpoint: Id) -> Result<Reply, Problem> {
    let found = find(call, &shards::of_namespace_to_read(&call.io, namespace).await?, namespace, endpoint).await?;
    webhook(&found.view(call.now(), None))
}

/// Changes an endpoint. A secret that is replaced signs for 24 more hours beside the new one; one that is drawn here is only in this answer.
///
/// # Errors
/// 404.
pub async fn change(call: &Request<impl Io>, namespace: &Name, endpoint: Id, change: &Change) -> Result<Reply, Problem> {
    let (secret, told) = match &change.secret {
        NewSecret::Keep => (None, false),
        NewSecret::Given(secret) => (Some(secret.clone()), false),
        NewSecret::Draw => (Some(draw(&call.io)?), true),
    };
    let sealed = secret.as_ref().map(|secret| seal(call, endpoint, secret)).transpose()?;
    let db = shards::of_namespace(&call.io, namespace).await?;
    let changed: Option<Endpoint> = database::first(&db, &repository::change_endpoint(namespace, endpoint, change, sealed, call.now())).await?;
    webhook(&changed.ok_or(Problem::NotFound)?.view(call.now(), secret.as_ref().filter(|_| told)))
}

/// Deletes an endpoint with what is still to be sent to it.
///
/// # Errors
/// 404.
pub async fn delete(call: &Request<impl Io>, namespace: &Name, endpoint: Id) -> Result<Reply, Problem> {
    let db = shards::of_namespace(&call.io, namespace).await?;
    let was_there = database::exists(&db, &repository::delete_endpoint(namespace, endpoint)).await?;
    if was_there { Ok(Reply::empty(204)) } else { Err(Problem::NotFound) }
}

/// Lists what was sent to an endpoint in the last 30 days, newest first.
///
/// # Errors
/// 404.
pub async fn deliveries(call: &Request<impl Io>, namespace: &Name, endpoint: Id, page: &Page) -> Result<Reply, Problem> {
    let db = shards::of_namespace_to_read(&call.io, namespace).await?;
    find(call, &db, namespace, endpoint).await?;
    let statement = repository::deliveries(namespace, endpoint, page.cursor, page.limit.saturating_add(1), call.now());
    let rows: Vec<Delivery> = database::all(&db.nearest_if(page.cursor.is_some()), &statement).await?;
    let (rows, cursor) = pagination::cut(rows, page.limit, |row| (row.created_at, row.id));
    let deliveries: Vec<_> = rows.iter().map(Delivery::view).collect();
    Reply::json(200, &json!({ "deliveries": deliveries, "cursor": cursor }))
}

/// Has a delivery sent again, from its first attempt on.
///
/// # Errors
/// 404.
pub async fn replay(call: &Request<impl Io>, namespace: &Name, delivery: Id) -> Result<Reply, Problem> {
    let db = shards::of_namespace(&call.io, namespace).await?;
    let found: Option<Delivery> = database::first(&db, &repository::replay(namespace, delivery, call.now())).await?;
    let found = found.ok_or(Problem::NotFound)?;
    super::send(&call.io, namespace, vec![Written { id: delivery }]).await;
    Reply::json(202, &json!({ "delivery": found.view() }))
}

/// Has a test event sent to an endpoint, whatever it wants.
///
/// # Errors
/// 404; 409 if too many events wait for it.
pub async fn test(call: &Request<impl Io>, namespace: &Name, endpoint: Id) -> Result<Reply, Problem> {
    let db = shards::of_namespace(&call.io, namespace).await?;
    find(call, &db, namespace, endpoint).await?;
    let event = super::event(&call.io, EventKind::Test, &data::test(namespace, endpoint))?;
    let delivery = call.id()?;
    let statements = [repository::emit_to(namespace, endpoint, &event, delivery), repository::delivery(namespace, delivery)];
    let mut rows = database::results(&db, &statements).await?;
    let written: Vec<Written> = rows.all()?;
    let found: Option<Delivery> = rows.first()?;
    let found = found.ok_or(Problem::TooManyWebhooks { limit: MAX_WAITING })?;
    super::send(&call.io, namespace, written).await;
    Reply::json(202, &json!({ "delivery": found.view() }))
}
