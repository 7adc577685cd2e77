//! Alerts: decides by the figures of the last hour and by what is so now, writes what fires and resolves, and tells it (docs/api.md, "Alerts").

pub mod list;
pub mod quota;

use serde_json::Value;

use crate::alerts::alert::{Alert, quota_warning};
use crate::alerts::decide::{Open, Transition, decide};
use crate::alerts::figures::{Delivered, Failing, Figures, Storage, Uploaded, Watched};
use crate::alerts::repository;
use crate::alerts::verdict;
use crate::analytics::period::start_of;
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::shard::Shard;
use crate::base::time::{EpochMs, HOUR_MS};
use crate::clients::{database, live, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::io::database::Database;
use crate::jobs::Job;
use crate::live::event as live_event;
use crate::problem::Problem;
use crate::services::uploads::store_facts;
use crate::services::webhooks;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{self as events, Only, Written};

/// Namespaces of one page, and pages of one job.
const PAGE: (u64, u32) = (100, 20);

/// How often the store is asked before it counts as away, and how long to wait between, ms.
const STORE_TRIES: (u64, u64) = (3, 1_000);

/// The hourly run: has the alerts of the last whole hour decided. A run that is missed is not made up for: an alert tells of what is so now.
pub async fn hourly(io: &impl Io) {
    let hour = EpochMs(start_of(io.now(), HOUR_MS).0.saturating_sub(HOUR_MS));
    for shard in shards::all(io) {
        // The error is logged; the next run decides by its own hour.
        let _ = io.enqueue(&Job::Alerts { hour, shard, after: String::new() }, 0).await;
    }
}

/// The job `alerts`: some pages of namespaces, and the rest by another job.
///
/// # Errors
/// Of D1 and the queue; the job is repeated, which fires and resolves nothing twice.
pub async fn decide_page(io: &impl Io, config: &Config, hour: EpochMs, shard: Shard, after: &str) -> Result<(), Problem> {
    let db = io.db(shard)?;
    let tries = ask_store(io, config).await?;
    let mut after = after.to_owned();
    for _ in 0..PAGE.1 {
        let page: Vec<Watched> = database::all(&db, &repository::page(&after, PAGE.0)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        last.namespace.as_str().clone_into(&mut after);
        decide_for(io, &db, config, &page, hour, tries).await?;
        if u64::try_from(page.len()).unwrap_or_default() < PAGE.0 {
            return Ok(());
        }
    }
    io.enqueue(&Job::Alerts { hour, shard, after }, 0).await
}

/// Tries to reach the store, and how many of them failed.
async fn ask_store(io: &impl Io, config: &Config) -> Result<(u64, u64), Problem> {
    let key = store_facts::health_key()?;
    let (tries, pause) = STORE_TRIES;
    for failed in 0..tries {
        if store::ask(io, config, &key).await.is_ok() {
            return Ok((failed.saturating_add(1), failed));
        }
        io.sleep(pause).await;
    }
    Ok((tries, tries))
}

/// Decides for these namespaces: one round trip for what is known of them, and one for each that has something to tell.
async fn decide_for(io: &impl Io, db: &impl Database, config: &Config, page: &[Watched], hour: EpochMs, tries: (u64, u64)) -> Result<(), Problem> {
    let names: Vec<&Name> = page.iter().map(|watched| &watched.namespace).collect();
    let mut rows = database::results(db, &repository::figures(&names, hour)).await?;
    let delivered: Vec<Delivered> = rows.all()?;
    let uploaded: Vec<Uploaded> = rows.all()?;
    let failing: Vec<Failing> = rows.all()?;
    let open: Vec<Open> = rows.all()?;
    for watched in page {
        let name = &watched.namespace;
        let figures = Figures {
            delivered: delivered.iter().find(|row| row.of == name.as_str()).cloned().unwrap_or_default(),
            uploaded: uploaded.iter().find(|row| row.of == name.as_str()).cloned().unwrap_or_default(),
            storage: watched.storage(),
            failing_endpoints: failing.iter().find(|row| row.of == name.as_str()).map_or(0, |failing| failing.endpoints),
            store_tries: tries,
        };
        let own = json::read(&watched.alerts).unwrap_or_default();
        let verdicts = verdict::all(&figures, &config.alerts.of(&own, watched.expected_hit_rate));
        let its: Vec<Open> = open.iter().filter(|alert| alert.namespace == *name).cloned().collect();
        for transition in decide(&verdicts, &its, hour, io.now()) {
            carry_out(io, db, name, hour, &transition, figures.storage.as_ref(), watched.account).await?;
        }
    }
    Ok(())
}

/// Writes a transition with the events that tell it, in one transaction, and has these sent. One that another run has written meanwhile changes and tells nothing.
async fn carry_out(
    io: &impl Io,
    db: &impl Database,
    namespace: &Name,
    hour: EpochMs,
    transition: &Transition,
    storage: Option<&Storage>,
    account: Option<Id>,
) -> Result<(), Problem> {
    let now = io.now();
    let (kind, data, done): (EventKind, Value, Vec<Written>) = match transition {
        Transition::Fire(kind, measured) => {
            let alert = Alert {
                id: io.id()?,
                namespace: namespace.clone(),
                kind: *kind,
                hour,
                value: measured.value,
                threshold: measured.threshold,
                rests_on: measured.rests_on,
                fired_at: now,
                resolved_at: None,
                resolved_value: None,
            };
            let only = Only::WithAlert(alert.id);
            let data = alert.event();
            let fired = webhooks::event(io, EventKind::AlertFired, &data)?;
            let mut statements = vec![repository::fire(&alert), events::emit(namespace, &fired, only)];
            if let (Some(percent), Some(storage)) = (kind.quota_percent(), storage) {
                let warning = webhooks::event(io, EventKind::QuotaWarning, &quota_warning(namespace, percent, storage))?;
                statements.push(events::emit(namespace, &warning, only));
            }
            statements.push(repository::by_id(alert.id));
            let mut rows = database::results(db, &statements).await?;
            rows.skip(1);
            let mut written: Vec<Written> = rows.all()?;
            if statements.len() > 3 {
                written.extend(rows.all::<Written>()?);
            }
            if rows.first::<Alert>()?.is_none() {
                // Another run has fired it.
                return Ok(());
            }
            (EventKind::AlertFired, data, written)
        }
        Transition::Resolve(id, _, measured) => {
            let Some(mut alert) = database::first::<Alert>(db, &repository::by_id(*id)).await? else { return Ok(()) };
            let value = measured.map(|measured| measured.value);
            (alert.resolved_at, alert.resolved_value) = (Some(now), value);
            let data = alert.event();
            let resolved = webhooks::event(io, EventKind::AlertResolved, &data)?;
            let statements = [events::emit(namespace, &resolved, Only::WhileAlertOpen(*id)), repository::resolve(*id, value, hour, now)];
            (EventKind::AlertResolved, data, database::results(db, &statements).await?.all()?)
        }
    };
    webhooks::send(io, namespace, done).await;
    if let Some(account) = account {
        live::publish(io, account, &live_event::alert(kind.as_str(), &data, now)).await;
    }
    Ok(())
}
