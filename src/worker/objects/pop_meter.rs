//! Durable Object `PopMeter`: passes messages and alarms on to [`crate::objects::meter`]. One message per request (`POST`); an answer without a text is a 204.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::objects::meter::MeterObject;
use crate::worker::content::forget::forget;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::object_state::{Stored, alarm_ended, answer, message_of};
use crate::worker::platform::{alarm, objects, trace};

/// See the module.
#[durable_object(alarm)]
pub struct PopMeter {
    object: MeterObject<Stored, WorkerIo>,
}

impl DurableObject for PopMeter {
    fn new(state: State, env: Env) -> Self {
        let io = WorkerIo::new(env, forget);
        PopMeter { object: MeterObject::new(Stored::new(state), io) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message = message_of(&mut request).await?;
        answer(trace::of_request(&request, "PopMeter", self.object.handle(&message)).await)
    }

    async fn alarm(&self) -> Result<Response> {
        alarm_ended(alarm::run(self.object.alarm()).await)
    }
}
