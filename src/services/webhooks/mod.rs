//! Outgoing webhooks: events on their way from what happened to the endpoints that want them.

pub mod deliver;
pub mod manage;

use serde_json::Value;

use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::webhooks::event::{Event, EventKind};
use crate::webhooks::repository::{self, Only, Written};

/// An event of now, to be written in the transaction of what it tells: [`repository::emit`].
///
/// # Errors
/// [`Problem::Internal`].
pub fn event(io: &impl Io, kind: EventKind, data: &Value) -> Result<Event, Problem> {
    Ok(Event::new(kind, data, io.now(), &io.random()?))
}

/// Has deliveries that were written sent. One whose job can not be enqueued is sent after the next daily run.
pub async fn send(io: &impl Io, namespace: &Name, written: Vec<Written>) {
    for delivery in written {
        let _ = io.enqueue(&Job::DeliverWebhook { namespace: namespace.clone(), delivery: delivery.id }, 0).await;
    }
}

/// Writes an event that tells of nothing in the database, such as an alert, and has it sent.
///
/// # Errors
/// Of D1; [`Problem::AccountMoving`] while the namespace is moved.
pub async fn emit(io: &impl Io, namespace: &Name, kind: EventKind, data: &Value) -> Result<(), Problem> {
    let event = event(io, kind, data)?;
    let db = shards::of_namespace(io, namespace).await?;
    let written = database::all(&db, &repository::emit(namespace, &event, Only::Always)).await?;
    send(io, namespace, written).await;
    Ok(())
}
