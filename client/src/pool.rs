//! Many pieces, a few at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Error;

/// Does `work` on every piece, at most `threads` at once, in order of their start. The first error ends all.
pub async fn run<W, F>(pieces: Vec<u32>, threads: usize, work: W) -> Result<(), Error>
where
    W: Fn(u32) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let queue = Arc::new(Mutex::new(VecDeque::from(pieces)));
    let mut workers: JoinSet<Result<(), Error>> = JoinSet::new();
    for _ in 0..threads {
        let (queue, work) = (Arc::clone(&queue), work.clone());
        workers.spawn(async move {
            loop {
                // Its own statement: the lock is free while the piece is on its way.
                let next = queue.lock().await.pop_front();
                match next {
                    Some(piece) => work(piece).await?,
                    None => return Ok(()),
                }
            }
        });
    }
    // Dropping the set on the way out aborts the others.
    while let Some(joined) = workers.join_next().await {
        joined.map_err(|error| Error::Unexpected(error.to_string()))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn no_more_than_allowed_and_none_left_out() {
        let (now, most, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&done));
        run((1..=50).collect(), 4, move |_| {
            let (now, most, done) = seen.clone();
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        })
        .await
        .unwrap();
        assert_eq!((most.load(Ordering::SeqCst), done.load(Ordering::SeqCst)), (4, 50));
    }

    #[tokio::test]
    async fn the_first_error_ends_all() {
        let result = run(vec![1, 2, 3], 2, |piece| async move { if piece == 2 { Err(Error::Stalled) } else { Ok(()) } }).await;
        assert!(matches!(result, Err(Error::Stalled)));
    }
}
