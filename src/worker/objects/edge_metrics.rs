//! Durable Object `EdgeMetrics`: receives samples of one edge, and periodically writes hourly metrics to D1 and publishes a reading.
//!
//! Samples since the last alarm are lost if the object is evicted; they are statistics.

use std::cell::Cell;
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::base::shard::Shard;
use crate::clients::database;
use crate::edges::metrics::wire::Message;
use crate::edges::repository;
use crate::worker::objects::gauge_storage::GaugeStorage;
use crate::worker::platform::{alarm, bindings, clock, json, objects, trace};
use crate::worker::services::edges::snapshot;

/// See the module.
#[durable_object(alarm)]
pub struct EdgeMetrics {
    state: State,
    env: Env,
    gauge: GaugeStorage,
    /// Whether this instance has set an alarm.
    armed: Cell<bool>,
}

impl DurableObject for EdgeMetrics {
    fn new(state: State, env: Env) -> Self {
        bindings::begin_log(&env);
        EdgeMetrics { gauge: GaugeStorage::new(state.storage().sql()), state, env, armed: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message = Message(json::read(&request.text().await?)?);
        trace::of_request(&request, "EdgeMetrics", self.handle(message)).await
    }

    async fn alarm(&self) -> Result<Response> {
        alarm::run(self.publish()).await
    }
}

impl EdgeMetrics {
    async fn handle(&self, message: Message) -> Result<Response> {
        let now = clock::now();
        let reported = {
            let mut memory = self.gauge.loaded()?;
            let reported = message.apply_to(&mut memory.1, now);
            if let Some(identity) = &reported {
                memory.0.clone_from(identity);
            }
            reported
        };
        let Some((_, every)) = reported else {
            let numbers = self.gauge.loaded()?.1.reading(now).numbers();
            return Ok(ResponseBuilder::new().fixed(json::write(&numbers)?.into_bytes()));
        };
        self.set_alarm_in(every).await?;
        Ok(ResponseBuilder::new().with_status(204).empty())
    }

    async fn publish(&self) -> Result<Response> {
        self.armed.set(false);
        let ((edge, every), hours, reading) = {
            let memory = self.gauge.loaded()?;
            (memory.0.clone(), memory.1.hours.clone(), memory.1.reading(clock::now()))
        };
        let statements: Vec<_> = hours.iter().map(|hour| repository::add_hour(&edge, hour)).collect();
        let written = match bindings::db(&self.env, Shard::MAIN) {
            Ok(db) if !statements.is_empty() => database::batch(&db, &statements).await.is_ok(),
            db => db.is_ok(),
        };
        if written {
            self.gauge.loaded()?.1.subtract_written(&hours);
        }
        snapshot::publish(&self.env, &edge, &reading).await;
        self.gauge.write()?;
        if !written {
            self.set_alarm_in(every).await?;
        }
        Response::empty()
    }

    async fn set_alarm_in(&self, seconds: u64) -> Result<()> {
        if !self.armed.get() {
            alarm::set(&self.state, Duration::from_secs(seconds.max(1))).await?;
            self.armed.set(true);
        }
        Ok(())
    }
}
