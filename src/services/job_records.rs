//! Records what becomes of jobs, and tells operators. A record that cannot be written is logged and lost: jobs do not depend on it.

use crate::base::shard::Shard;
use crate::base::sql::Statement;
use crate::clients::{database, shards};
use crate::health::job_records::repository;
use crate::health::job_records::{Failures, JobsView, LastRun, Run, Waiting};
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;

async fn write(io: &impl Io, statement: Statement) {
    if let Ok(db) = io.db(Shard::MAIN) {
        // The error is logged.
        let _ = database::batch(&db, &[statement]).await;
    }
}

/// An attempt failed.
pub async fn failed(io: &impl Io, job: &Job, problem: &Problem) {
    write(io, repository::failed(&job.kind(), problem.kind().code, io.now())).await;
}

/// The queue gave a job up.
pub async fn dead(io: &impl Io, job: &Job) {
    write(io, repository::dead(&job.kind(), io.now())).await;
}

/// Something ran by itself.
pub async fn ran(io: &impl Io, run: Run) {
    write(io, repository::ran(run, io.now())).await;
}

/// All of it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn report(io: &impl Io) -> Result<JobsView, Problem> {
    let mut recorded = database::results(&io.db(Shard::MAIN)?, &repository::recorded()).await?;
    let (failures, runs) = (recorded.all::<Failures>()?, recorded.all::<LastRun>()?);
    let mut waiting = Vec::new();
    for shard in shards::all(io) {
        let found: Option<Waiting> = database::first(&io.db(shard)?, &repository::waiting(io.now())).await?;
        waiting.extend(found);
    }
    Ok(JobsView::new(failures, runs, &waiting))
}
