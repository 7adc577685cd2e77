//! Deletes what an examination has stored. It is found by its name, so that also what was stored by a request without an answer is found.

use std::sync::Arc;

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::pages::Pages;

/// So many of the newest files are looked through: an examination stores fewer than ten, and others may store at the same time.
const NEWEST: usize = 2_000;

/// What was deleted, and what could not be.
#[derive(Default)]
struct Swept {
    deleted: usize,
    left: Vec<String>,
}

impl Swept {
    fn note(&mut self, what: String, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => self.deleted += 1,
            // Somebody else was faster, or it never was.
            Err(error) if matches!(error.status(), Some(404 | 410)) => {}
            Err(error) => self.left.push(format!("{what} ({error})")),
        }
    }
}

async fn sweep(visit: &Arc<Visit>) -> Result<Swept, Error> {
    let (edge, prefix) = (&visit.edge, visit.prefix());
    let mut swept = Swept::default();
    for session in edge.open_sessions().await?.into_iter().filter(|session| session.file_name.starts_with(&prefix)) {
        swept.note(format!("upload {}", session.session_id), edge.fail(&session.session_id).await);
    }
    let mut list = Pages::new(NEWEST);
    while let Some((cursor, limit)) = list.wanted() {
        let page = edge.files(cursor.as_deref(), limit).await?;
        list.add(page.files, page.cursor)?;
    }
    for file in list.into_rows().into_iter().filter(|file| file.name.starts_with(&prefix)) {
        swept.note(format!("file {}", file.id), edge.delete(&file.id).await);
    }
    swept.note(format!("video {prefix}"), edge.delete_video(&prefix, None).await);
    Ok(swept)
}

/// Deletes everything; the line about it.
pub async fn clean_up(visit: &Arc<Visit>) -> Result<Verdict, Error> {
    let Swept { deleted, left } = sweep(visit).await?;
    if left.is_empty() {
        return Ok(Verdict::ok(format!("{deleted} files, uploads and videos deleted, nothing left behind")));
    }
    Ok(Verdict::failure(format!("not deleted: {}", left.join(", ")), "delete them: jetty rm ID, jetty cancel SESSION, jetty video rm ID"))
}
