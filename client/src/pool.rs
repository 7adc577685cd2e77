//! Runs work on many pieces with limited concurrency.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Error;

/// Runs `work` on every piece, at most `threads` at once, started in order. The first error cancels the rest.
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
                // A separate statement, so that the lock is released while the piece is processed.
                let next = queue.lock().await.pop_front();
                match next {
                    Some(piece) => work(piece).await?,
                    None => return Ok(()),
                }
            }
        });
    }
    // Dropping the set on return aborts the other workers.
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
    async fn concurrency_is_limited_and_every_piece_is_processed() {
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
    async fn first_error_cancels_the_rest() {
        let result = run(vec![1, 2, 3], 2, |piece| async move { if piece == 2 { Err(Error::Stalled) } else { Ok(()) } }).await;
        assert!(matches!(result, Err(Error::Stalled)));
    }
}
