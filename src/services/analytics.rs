//! Reads statistics, and sums them up by day (docs/data-model.md, Statistics).

use crate::access::caller::Caller;
use crate::analytics::figures::{Delivery, Gathered};
use crate::analytics::period::{Frame, Period};
use crate::analytics::report::Report;
use crate::analytics::repository::{self, Of};
use crate::analytics::rows::Delivered;
use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::database::Database;
use crate::namespaces;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services::namespaces::change;
use crate::services::request::Request;
use serde::Deserialize;

/// The figures of a namespace; without a name those of all namespaces for an operator, those of its own together for an account.
///
/// # Errors
/// 422 for a period that there is not; 403 suspended; 404 for a namespace that the caller may not see.
pub async fn report(call: &Request<impl Io>, period: Option<&str>, namespace: Option<&str>) -> Result<Report, Problem> {
    let period = Period::parse(period)?;
    let now = call.now();
    let frame = period.frame(now);
    let mut gathered = Gathered::default();
    let mut name = None;
    match (namespace, &*call.caller) {
        (Some(wanted), _) => {
            let found: Name = change::find(call, wanted).await?.name;
            gather(&shards::of_namespace_to_read(&call.io, &found).await?, &Of::Namespaces(vec![found.clone()]), &frame, &mut gathered).await?;
            name = Some(found);
        }
        (None, Caller::Account(account)) => {
            account.must_be_active()?;
            let db = shards::of_account_to_read(&call.io, account.id).await?;
            let rows: Vec<Member> = database::all(&db.nearest(), &namespaces::repository::names_of_member(account.id)).await?;
            gather(&db, &Of::Namespaces(rows.into_iter().map(|row| row.namespace).collect()), &frame, &mut gathered).await?;
        }
        (None, _) => {
            for shard in shards::all(&call.io) {
                gather(&call.io.db(shard)?, &Of::All, &frame, &mut gathered).await?;
            }
        }
    }
    Ok(Report::of(period, name, now, &gathered, call.config.dedup_usd_per_gb))
}

#[derive(Deserialize)]
struct Member {
    namespace: Name,
}

/// Adds the rows of a database, in one round trip to its nearest copy.
async fn gather(db: &impl Database, of: &Of, frame: &Frame, into: &mut Gathered) -> Result<(), Problem> {
    let (statements, each) = repository::report(of, frame);
    let mut found = database::results(&db.nearest(), &statements).await?;
    for _ in 0..each {
        into.delivered.extend(found.all()?);
    }
    for _ in 0..each {
        into.uploaded.extend(found.all()?);
    }
    for _ in 0..each {
        into.countries.extend(found.all()?);
    }
    for _ in 0..each {
        into.counts.extend(found.all()?);
    }
    Ok(())
}

/// What was ever delivered of a namespace, as far as it is kept.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn ever(call: &Request<impl Io>, namespace: &Namespace) -> Result<Delivery, Problem> {
    let db = shards::of_namespace_to_read(&call.io, &namespace.name).await?.nearest();
    let mut found = database::results(&db, &repository::ever(&namespace.name)).await?;
    let rows: Vec<Delivered> = [found.all()?, found.all()?].concat();
    Ok(Delivery::of(rows.iter()))
}

/// Sums up the days that are complete, in each database. Of the daily run.
pub async fn sum_days(io: &impl Io) {
    for db in shards::all(io).filter_map(|shard| io.db(shard).ok()) {
        for batch in repository::sum_days(io.now()) {
            // The error is logged; the next daily run sums up these days, too. Later ones must wait for them.
            if database::batch(&db, &batch).await.is_err() {
                break;
            }
        }
    }
}
