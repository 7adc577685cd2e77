//! Durable Object `EdgeLease`: fill locks of one PoP. Architecture invariant: at most one holder per cache key. Messages: [`Message`].

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures_channel::oneshot::{Sender, channel};
use futures_util::future::{Either, select};
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::delivery::fill_lock::message::{Message, Reply};
use crate::delivery::fill_lock::table::{LockAnswer, LockTable};
use crate::worker::platform::{bindings, clock, json, objects, trace};

/// See the module.
#[durable_object(fetch)]
pub struct EdgeLease {
    locks: RefCell<LockTable<Sender<Reply>>>,
}

impl DurableObject for EdgeLease {
    fn new(_state: State, env: Env) -> Self {
        bindings::begin_log(&env);
        EdgeLease { locks: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message = json::read(&request.text().await?)?;
        trace::of_request(&request, "EdgeLease", self.handle(message)).await
    }
}

impl EdgeLease {
    async fn handle(&self, message: Message) -> Result<Response> {
        match message {
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
