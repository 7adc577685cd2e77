//! The families of metrics, from the rows of all databases. No label has a value that a customer chooses: their number does not grow.

use crate::analytics::metrics::exposition::{Exposition, Kind, Label};
use crate::analytics::metrics::repository::{Delivered, Uploaded, Waiting};
use crate::base::histogram::Histogram;

/// The classes of content, all of which are told: a counter that begins with its first value has no increase to be seen.
const CLASSES: [&str; 4] = ["small", "text", "large", "video"];

const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Rows of all databases.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Scrape {
    /// What was delivered: a row for each class and database.
    pub delivered: Vec<Delivered>,
    /// What was uploaded: a row for each database.
    pub uploaded: Vec<Uploaded>,
    /// What waits: a row for each database.
    pub waiting: Vec<Waiting>,
}

impl Scrape {
    /// The text of a scrape. `version` is that of this service.
    pub fn text(&self, version: &str) -> String {
        let mut text = Exposition::default();
        text.family("jettyspeed_build_info", Kind::Gauge, "The version that answers.").sample(&[("version", version)], 1);
        self.delivery(&mut text);
        self.uploads(&mut text);
        self.queues(&mut text);
        text.into_text()
    }

    /// The sum over the databases.
    fn of_class(&self, class: &str, value: impl Fn(&Delivered) -> u64) -> u64 {
        self.delivered.iter().filter(|row| row.class == class).fold(0, |sum, row| sum.saturating_add(value(row)))
    }

    fn delivery(&self, text: &mut Exposition) {
        let mut by_class = |name, help, value: &dyn Fn(&Delivered) -> u64| {
            text.family(name, Kind::Counter, help);
            for class in CLASSES {
                text.sample(&[("class", class)], self.of_class(class, value));
            }
        };
        by_class("jettyspeed_delivery_requests_total", "Answers with content.", &|row| row.requests);
        by_class("jettyspeed_delivery_hits_total", "Answers with content for which the store was not asked.", &|row| row.hits);
        by_class("jettyspeed_delivery_cache_bytes_total", "Bytes served without reading the store.", &|row| row.bytes_from_cache);
        by_class("jettyspeed_delivery_origin_bytes_total", "Bytes read from the store.", &|row| row.bytes_from_origin);
        by_class("jettyspeed_delivery_sent_bytes_total", "Bytes of answers that left.", &|row| row.bytes_sent);
        by_class("jettyspeed_delivery_cmcd_requests_total", "Requests of players with CMCD data.", &|row| row.cmcd_requests);

        text.family("jettyspeed_delivery_saved_dollars_total", Kind::Counter, "What reading from the store would have cost, US dollars.");
        for class in CLASSES {
            let saved = self.delivered.iter().filter(|row| row.class == class).map(|row| row.saved_usd).sum::<f64>();
            // An empty sum is -0.
            text.sample(&[("class", class)], saved + 0.0);
        }
        text.family("jettyspeed_delivery_answers_total", Kind::Counter, "Answers to requests for content, by class of status.");
        for class in CLASSES {
            for (index, status) in STATUSES.into_iter().enumerate() {
                let labels: [Label; 2] = [("class", class), ("status", status)];
                text.sample(&labels, self.of_class(class, |row| row.answers.get(index).copied().unwrap_or_default()));
            }
        }
        text.family("jettyspeed_delivery_first_byte_seconds", Kind::Histogram, "From a request for content to the first byte of the answer.");
        for class in CLASSES {
            let mut values = Histogram::default();
            self.delivered.iter().filter(|row| row.class == class).for_each(|row| values.merge(&row.first_byte));
            text.milliseconds(&[("class", class)], &values, self.of_class(class, |row| row.first_ms));
        }
    }

    fn uploads(&self, text: &mut Exposition) {
        let sum = |value: fn(&Uploaded) -> u64| self.uploaded.iter().map(value).fold(0, u64::saturating_add);
        text.family("jettyspeed_uploads_started_total", Kind::Counter, "Uploads that began.").sample(&[], sum(|row| row.started));
        text.family("jettyspeed_uploads_ended_total", Kind::Counter, "Uploads that ended, by outcome.")
            .sample(&[("outcome", "completed")], sum(|row| row.completed))
            .sample(&[("outcome", "failed")], sum(|row| row.failed))
            .sample(&[("outcome", "expired")], sum(|row| row.expired));
        text.family("jettyspeed_upload_bytes_total", Kind::Counter, "Bytes of completed uploads.").sample(&[], sum(|row| row.bytes));
        text.family("jettyspeed_upload_deduplicated_bytes_total", Kind::Counter, "Bytes that were not stored, because the namespace has them.")
            .sample(&[], sum(|row| row.saved_bytes));
        text.family("jettyspeed_upload_copied_bytes_total", Kind::Counter, "Bytes that were copied inside the store instead of sent.")
            .sample(&[], sum(|row| row.copied_bytes));
    }

    fn queues(&self, text: &mut Exposition) {
        let sum = |value: fn(&Waiting) -> u64| self.waiting.iter().map(value).fold(0, u64::saturating_add);
        let mut gauge = |name, help, value: fn(&Waiting) -> u64| {
            text.family(name, Kind::Gauge, help).sample(&[], sum(value));
        };
        gauge("jettyspeed_uploads_open", "Uploads that are under way, up to 10,000 of each database.", |row| row.open_uploads);
        gauge("jettyspeed_objects_unverified", "Objects whose hash is not verified yet, up to 10,000 of each database.", |row| {
            row.unverified_objects
        });
        gauge("jettyspeed_webhooks_pending", "Events that are not delivered yet, up to 10,000 of each database.", |row| row.pending_webhooks);
        let lateness = self.waiting.iter().filter_map(|row| row.webhook_lateness_ms).max().unwrap_or_default();
        // Below 2^53: exact in f64.
        text.family("jettyspeed_webhooks_lateness_seconds", Kind::Gauge, "For how long the oldest event that is not delivered has been due.")
            .sample(&[], lateness as f64 / 1_000.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_rows_are_zero_and_databases_add_up() {
        let row = |class: &str, requests| Delivered {
            class: class.to_owned(),
            requests,
            hits: 1,
            bytes_from_cache: 2,
            bytes_from_origin: 3,
            cmcd_requests: 4,
            bytes_sent: 5,
            saved_usd: 0.25,
            answers: [6, 7, 8, 9],
            first_ms: 10,
            first_byte: Histogram::default(),
        };
        let scrape = Scrape {
            delivered: vec![row("video", 40), row("video", 2)],
            uploaded: vec![Uploaded { failed: 1, ..Uploaded::default() }; 2],
            waiting: vec![
                Waiting { open_uploads: 3, webhook_lateness_ms: Some(1_500), ..Waiting::default() },
                Waiting { open_uploads: 4, webhook_lateness_ms: None, ..Waiting::default() },
            ],
        };
        let text = scrape.text("1.2.3");
        for line in [
            r#"jettyspeed_build_info{version="1.2.3"} 1"#,
            r#"jettyspeed_delivery_requests_total{class="small"} 0"#,
            r#"jettyspeed_delivery_requests_total{class="video"} 42"#,
            r#"jettyspeed_delivery_saved_dollars_total{class="video"} 0.5"#,
            r#"jettyspeed_delivery_saved_dollars_total{class="text"} 0"#,
            r#"jettyspeed_delivery_answers_total{class="video",status="5xx"} 18"#,
            r#"jettyspeed_uploads_ended_total{outcome="failed"} 2"#,
            "jettyspeed_uploads_open 7",
            "jettyspeed_webhooks_lateness_seconds 1.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert_eq!(Scrape::default().text("1").lines().count(), text.lines().count(), "the number of samples depends on nothing");
    }
}
