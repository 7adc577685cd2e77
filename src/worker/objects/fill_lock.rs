//! Durable Object `EdgeLease`: fill locks of one PoP. Architecture invariant: at most one holder per cache key. Messages: [`Message`].

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures_channel::oneshot::{Sender, channel};
use futures_util::future::{Either, select};
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::delivery::fill_lock::message::{Message, Reply};
use crate::delivery::fill_lock::table::{LockAnswer, LockTable};
use crate::worker::platform::clock;
use crate::worker::platform::json;

/// See the module.
#[durable_object(fetch)]
pub struct EdgeLease {
    locks: RefCell<LockTable<Sender<Reply>>>,
}

impl DurableObject for EdgeLease {
    fn new(_state: State, _env: Env) -> Self {
        EdgeLease { locks: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match json::read(&request.text().await?)? {
            Message::Acquire { key } => Ok(ResponseBuilder::new().fixed(json::write(&self.acquire(&key).await)?.into_bytes())),
            Message::Done { key, serial, filled } => {
                let reply = Reply::from(filled);
                let waiting = self.locks.borrow_mut().release(&key, serial);
                for waiter in waiting {
                    // The send fails if the waiting request was cancelled.
                    let _ = waiter.send(reply);
                }
                Ok(ResponseBuilder::new().with_status(204).empty())
            }
        }
    }
}

impl EdgeLease {
    async fn acquire(&self, key: &str) -> Reply {
        loop {
            let now = clock::now();
            self.locks.borrow_mut().remove_expired(now);
            let answer = self.locks.borrow_mut().acquire(key, now);
            let until = match answer {
                LockAnswer::Acquired(serial) => return Reply::Acquired(serial),
                LockAnswer::Wait(until) => until,
            };
            let (sender, receiver) = channel();
            self.locks.borrow_mut().add_waiter(key, sender);
            let limit = worker::Delay::from(Duration::from_millis(until.since(now).max(1)));
            if let Either::Left((Ok(reply), _)) = select(receiver, pin!(limit)).await {
                return reply;
            }
        }
    }
}
