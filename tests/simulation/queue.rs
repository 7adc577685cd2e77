//! The queue: it delivers at least once, and repeats jobs that failed.

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::jobs::Job;

/// Delay before a failed job is delivered again, ms.
const RETRY_MS: u64 = 60_000;

/// A queued job.
#[derive(Debug, Clone)]
struct Message {
    number: u32,
    job: Job,
    due: EpochMs,
    /// Whether it is being processed.
    taken: bool,
}

/// All queued jobs.
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

    /// Delivers a job; `twice`: it will be delivered again regardless of the outcome.
    pub fn take(&mut self, number: u32, twice: bool, now: EpochMs) -> Job {
        let message = self.messages.iter_mut().find(|message| message.number == number).unwrap();
        message.taken = true;
        let job = message.job.clone();
        if twice {
            self.send(job.clone(), now);
        }
        job
    }

    /// Ends a delivery: a job that is not done will be delivered again.
    pub fn settle(&mut self, number: u32, done: bool, now: EpochMs) {
        if done {
            self.messages.retain(|message| message.number != number);
        }
        for message in self.messages.iter_mut().filter(|message| message.number == number) {
            (message.taken, message.due) = (false, now.plus(RETRY_MS));
        }
    }
}
