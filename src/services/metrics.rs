//! Reads what an operator watches.

use crate::analytics::metrics::families::Scrape;
use crate::analytics::metrics::repository;
use crate::analytics::metrics::repository::{Delivered, Uploaded, Waiting};
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;

/// Totals and what waits, of all databases: one round trip each. From the primaries, because copies differ in age, and a counter must not go down from one
/// scrape to the next. Without one of the databases there is no answer, for the same reason.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn scrape(io: &impl Io) -> Result<Scrape, Problem> {
    let mut scrape = Scrape::default();
    let statements = repository::all(io.now());
    for shard in shards::all(io) {
        let mut found = database::results(&io.db(shard)?, &statements).await?;
        scrape.delivered.extend(found.all::<Delivered>()?);
        scrape.uploaded.extend(found.all::<Uploaded>()?);
        scrape.waiting.extend(found.all::<Waiting>()?);
    }
    Ok(scrape)
}
