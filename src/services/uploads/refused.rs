//! Counts uploads that ended before there was anything of them: those by one request, and sessions that could not begin.

use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only, UploadCount};
use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;

/// Counts an upload to a namespace that `problem` ended, behind the answer. A count that cannot be written is lost.
pub fn count(io: &impl Io, namespace: &Name, problem: &Problem) {
    let (held, namespace, count) = (io.clone(), namespace.clone(), UploadCount::refused(problem));
    io.afterwards(async move {
        if let Ok(db) = shards::of_namespace(&held, &namespace).await {
            let _ = database::batch(&db, &add_upload(&namespace, &count, Only::Always, held.now())).await;
        }
    });
}
