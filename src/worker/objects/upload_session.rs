//! Durable Object `UploadSession`: passes messages and alarms on to [`crate::objects::session`]. One message per request (`POST`); an answer without a text is a 204.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::objects::session::SessionObject;
use crate::worker::content::forget::forget;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::object_state::{Stored, alarm_ended, answer, message_of};
use crate::worker::platform::{alarm, bindings, objects, trace};

/// How long the result of an ended session is kept if the configuration can not be read, s.
const TOMBSTONE_SECONDS: u64 = 2_592_000;

/// See the module.
#[durable_object(alarm)]
pub struct UploadSession {
    env: Env,
    object: SessionObject<Stored, WorkerIo>,
}

impl DurableObject for UploadSession {
    fn new(state: State, env: Env) -> Self {
        let io = WorkerIo::new(env.clone(), forget);
        UploadSession { env, object: SessionObject::new(Stored::new(state), io) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message = message_of(&mut request).await?;
        answer(trace::of_request(&request, "UploadSession", self.object.handle(&message)).await)
    }

    async fn alarm(&self) -> Result<Response> {
        let tombstone = bindings::config(&self.env).map_or(TOMBSTONE_SECONDS, |config| config.session_tombstone_seconds);
        alarm_ended(alarm::run(self.object.alarm(tombstone.saturating_mul(1000))).await)
    }
}
