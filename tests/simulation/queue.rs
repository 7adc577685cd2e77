//! The queue: it delivers at least once, and what was not done comes again.

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::jobs::Job;

/// How long a job that failed waits, ms.
const RETRY_MS: u64 = 60_000;

/// A job that is to be done.
#[derive(Debug, Clone)]
struct Message {
    number: u32,
    job: Job,
    due: EpochMs,
    /// Being done.
    taken: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    messages: Vec<Message>,
    sent: u32,
}

impl Queue {
    pub fn send(&mut self, job: Job, due: EpochMs) {
        self.sent += 1;
        self.messages.push(Message { number: self.sent, job, due, taken: false });
    }

    /// The jobs that can be delivered now.
    pub fn due(&self, now: EpochMs) -> Vec<u32> {
        self.messages.iter().filter(|message| !message.taken && message.due <= now).map(|message| message.number).collect()
    }

    /// Delivers a job; `twice`: it will be delivered again, whatever comes of it.
    pub fn take(&mut self, number: u32, twice: bool, now: EpochMs) -> Job {
        let message = self.messages.iter_mut().find(|message| message.number == number).unwrap();
        message.taken = true;
        let job = message.job.clone();
        if twice {
            self.send(job.clone(), now);
        }
        job
    }

    /// A delivered job is done, or it is not.
    pub fn settle(&mut self, number: u32, done: bool, now: EpochMs) {
        if done {
            self.messages.retain(|message| message.number != number);
        }
        for message in self.messages.iter_mut().filter(|message| message.number == number) {
            (message.taken, message.due) = (false, now.plus(RETRY_MS));
        }
    }
}
