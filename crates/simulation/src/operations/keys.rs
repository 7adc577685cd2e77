//! Requests that are repeated with a key.

use crate::history::{Claim, File};
use crate::operations::{Client, files};
use crate::scheduler::Begun;
use crate::task::Role;
use crate::world::Sim;

/// Stores a file in one request, in several calls at once with the same key. The other file of the same length under that key is another body.
pub async fn simple(sim: &Sim, account: usize, file: usize, key: u8, calls: u8) {
    let mut waiting = Vec::new();
    for _ in 0..calls {
        let client = Client { sim: sim.clone(), account };
        let file = File { account, file, claim: Claim::Truth, chunks: false, shared: false, renamed: false, direct: false, key: None };
        let (_, done) = sim.begin_with_result(Begun::by(sim, Role::Client, ""), async move {
            files::simple_as(&client, file, Some(format!("keyed-{key}"))).await;
        });
        waiting.push(done);
    }
    for done in waiting {
        let _ = done.await;
    }
}
