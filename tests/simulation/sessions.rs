//! The Durable Objects of sessions: `src/worker/objects/upload_session.rs` and `src/worker/clients/session.rs`.

use super::faults::Fault;
use super::world::World;
use std::collections::BTreeMap;

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::session::alarm::{AlarmAction, alarm, on_alarm};
use jettyspeed_edge::uploads::session::machine::{Session, apply};
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{Effect, Meta, Part};

/// `SESSION_TOMBSTONE_SECONDS`, ms.
const TOMBSTONE_MS: u64 = 2_592_000_000;

/// Contents of its storage: exactly what the effects wrote.
#[derive(Debug, Default)]
struct Disk {
    meta: Option<Meta>,
    parts: BTreeMap<u16, Part>,
}

impl Disk {
    fn load(&self) -> Option<Session> {
        // Through JSON, as in the storage.
        let meta = serde_json::to_string(self.meta.as_ref()?).unwrap();
        Some(Session { meta: serde_json::from_str(&meta).unwrap(), parts: self.parts.clone() })
    }

    fn write(&mut self, session: Option<&Session>, effect: Effect) {
        match effect {
            Effect::PutMeta => self.meta = session.map(|session| session.meta.clone()),
            Effect::PutPart(part) => drop(self.parts.insert(part.number, part)),
            Effect::DropPart(number) => drop(self.parts.remove(&number)),
        }
    }
}

/// One session's Durable Object.
#[derive(Debug, Default)]
pub struct SessionObject {
    /// None before the first message and after an eviction.
    memory: Option<Option<Session>>,
    disk: Disk,
    pub alarm: Option<EpochMs>,
}

impl SessionObject {
    pub fn evict(&mut self) {
        self.memory = None;
    }

    /// Whether it has stored rows or an alarm.
    pub fn remembers(&self) -> bool {
        self.disk.meta.is_some() || !self.disk.parts.is_empty() || self.alarm.is_some()
    }

    fn change<T>(&mut self, step: impl FnOnce(&mut Option<Session>) -> (T, Vec<Effect>)) -> T {
        let slot = self.memory.get_or_insert_with(|| self.disk.load());
        let (reply, effects) = step(slot);
        effects.into_iter().for_each(|effect| self.disk.write(slot.as_ref(), effect));
        reply
    }

    fn take(&mut self, message: Message, now: EpochMs) -> SessionReply {
        let ends_or_begins =
            matches!(message, Message::Open { .. } | Message::Fail | Message::AbandonCompletion { .. } | Message::CleanedUp | Message::CheckLease);
        let reply = self.change(|slot| apply(slot, message, now));
        let next_alarm = self.memory.as_ref().and_then(Option::as_ref).filter(|_| ends_or_begins).and_then(|session| alarm(session, now));
        self.alarm = next_alarm.or(self.alarm);
        reply
    }

    /// Runs the alarm and sets the next one; returns what it was for.
    fn run_alarm(&mut self, now: EpochMs) -> AlarmAction {
        let woken = self.change(|slot| on_alarm(slot, now, TOMBSTONE_MS));
        match woken {
            AlarmAction::DeleteRecord => *self = SessionObject::default(),
            AlarmAction::Nothing => {}
            AlarmAction::At(again) | AlarmAction::End { again, .. } => self.alarm = Some(again.max(now.plus(50))),
        }
        woken
    }
}

async fn send_once(io: &World, session: Id, message: Message) -> Result<SessionReply, Problem> {
    let name = name(&message);
    let fault = io.arrive(name).await;
    if fault == Fault::Cut {
        return Err(Problem::Internal);
    }
    let reply = io.sessions.borrow_mut().entry(session).or_default().take(message, io.now());
    if fault == Fault::Lost { Err(Problem::Internal) } else { Ok(reply) }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Open { .. } => "session: open",
        Message::Record { .. } => "session: record",
        Message::PartFailed { .. } => "session: part failed",
        Message::Snapshot | Message::Visit => "session: snapshot",
        Message::Reconcile { .. } => "session: reconcile",
        Message::BeginCompletion { .. } => "session: begin completion",
        Message::FinishCompletion { .. } => "session: finish completion",
        Message::CancelCompletion { .. } => "session: cancel completion",
        Message::ReleaseLease { .. } => "session: release lease",
        Message::AbandonCompletion { .. } => "session: abandon completion",
        Message::Fail => "session: fail",
        Message::CleanedUp => "session: cleaned up",
        Message::Suspend { .. } => "session: suspend",
        Message::CheckLease | Message::MarkDirect => "session",
    }
}

/// Sends a message, and once more if the reply was lost.
pub async fn send(io: &World, session: Id, message: Message) -> Result<SessionReply, Problem> {
    match send_once(io, session, message.clone()).await {
        Err(_) => send_once(io, session, message).await,
        answer => answer,
    }
}

/// Runs a session's alarm; false if it must be repeated.
pub async fn run_alarm(io: &World, session: Id) -> bool {
    let woken = io.sessions.borrow_mut().get_mut(&session).unwrap().run_alarm(io.now());
    match woken {
        AlarmAction::End { session, .. } => io.enqueue(Job::EndUpload { session }, 0).await.is_ok(),
        AlarmAction::Nothing | AlarmAction::At(_) | AlarmAction::DeleteRecord => true,
    }
}
