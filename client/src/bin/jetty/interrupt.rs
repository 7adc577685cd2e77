//! Signals that end the command: it cleans up first, but not for long.

use std::time::Duration;

use tokio::sync::oneshot;

/// Time to clean up, for most commands. Longer only if the command is stuck in the file system.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The exit code, once the process is asked to end; the process ends itself if it is still there after `patience`. To be called in a runtime.
pub fn listen(patience: Duration) -> oneshot::Receiver<u8> {
    let (send, receive) = oneshot::channel();
    let signals = Signals::new();
    tokio::spawn(async move {
        let Some(mut signals) = signals else { return std::future::pending().await };
        let code = signals.next().await;
        let _ = send.send(code);
        tokio::time::sleep(patience).await;
        std::process::exit(code.into());
    });
    receive
}

/// Ctrl-C, a request to end, the end of the terminal. The exit code is 128 and the signal's number, as in a shell.
#[cfg(unix)]
struct Signals([(tokio::signal::unix::Signal, u8); 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Some(Signals([
            (signal(SignalKind::interrupt()).ok()?, 130),
            (signal(SignalKind::terminate()).ok()?, 143),
            (signal(SignalKind::hangup()).ok()?, 129),
        ]))
    }

    async fn next(&mut self) -> u8 {
        let [(interrupt, first), (terminate, second), (hangup, third)] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => *first,
            _ = terminate.recv() => *second,
            _ = hangup.recv() => *third,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Option<Signals> {
        Some(Signals)
    }

    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
