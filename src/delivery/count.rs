//! Delivery counters of an isolate, by namespace and class, until they are written (docs/delivery.md, Statistics).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use crate::base::histogram::Histogram;
use crate::base::id::Name;
use crate::base::json;
use crate::base::units::GB;
use crate::delivery::content_descriptor::ContentDescriptor;

/// Maximum number of pairs of namespace and class that are counted between two flushes. Those that come later are not counted.
pub const MAX_ROWS: usize = 1_000;

/// Maximum number of countries of all pairs together. What comes later from yet another one counts as from an unknown one.
pub const MAX_COUNTRIES: usize = 4_000;

/// A country as the platform tells it: ISO 3166-1 alpha-2, or T1 for Tor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Where it is not known: XX.
    pub const UNKNOWN: Country = Country(*b"XX");

    /// Reads a code of two capital letters or digits; anything else is unknown.
    pub fn parse(code: Option<&str>) -> Country {
        let code = code.and_then(|code| <[u8; 2]>::try_from(code.as_bytes()).ok());
        code.filter(|code| code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())).map_or(Country::UNKNOWN, Country)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX")
    }
}

/// Answers with content to a country.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Answers with content.
    pub requests: u64,
    /// Bytes that left.
    pub bytes: u64,
}

/// Delivery counters of a namespace and class.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Count {
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// Requests with CMCD data (CTA-5004).
    pub cmcd_requests: u64,
    /// Bytes of answers that left.
    pub bytes_sent: u64,
    /// What reading [`Count::bytes_from_cache`] from the store would have cost, US dollars.
    pub saved_usd: f64,
    /// Answers of all kinds by class of status: 2xx, 3xx, 4xx, 5xx.
    pub answers: [u64; 4],
    /// Times from the request to the first byte of an answer with content, ms.
    pub first_byte: Histogram,
    /// Their sum, ms.
    pub first_byte_ms: u64,
    /// By country.
    pub countries: BTreeMap<Country, Traffic>,
}

/// An answer with content.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Whether the store was not asked for any of its bytes.
    pub is_hit: bool,
    /// From the request to its first byte, ms.
    pub first_byte_ms: u64,
    /// Bytes that left.
    pub bytes: u64,
    /// To where.
    pub country: Country,
}

/// What an isolate has counted since the last flush.
#[derive(Debug, Default)]
pub struct Counters {
    rows: HashMap<(Name, &'static str), Count>,
    /// Countries of all rows together.
    countries: usize,
}

impl Counters {
    /// The counters of the content's namespace and class; `None` if there is no room for more.
    fn row(&mut self, source: &ContentDescriptor) -> Option<&mut Count> {
        let key = (source.namespace.clone(), source.class.label());
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            return None;
        }
        Some(self.rows.entry(key).or_default())
    }

    fn change(&mut self, source: &ContentDescriptor, change: impl FnOnce(&mut Count)) {
        if let Some(row) = self.row(source) {
            change(row);
        }
    }

    /// Counts an answer with content.
    pub fn answered(&mut self, source: &ContentDescriptor, answer: Answered) {
        let has_room = self.countries < MAX_COUNTRIES;
        let Some(row) = self.row(source) else { return };
        row.requests += 1;
        row.hits += u64::from(answer.is_hit);
        row.bytes_sent = row.bytes_sent.saturating_add(answer.bytes);
        // Times are far below 2^53: exact in f64.
        row.first_byte.add(answer.first_byte_ms as f64);
        row.first_byte_ms = row.first_byte_ms.saturating_add(answer.first_byte_ms);
        let country = if has_room || row.countries.contains_key(&answer.country) { answer.country } else { Country::UNKNOWN };
        let before = row.countries.len();
        let traffic = row.countries.entry(country).or_default();
        traffic.requests += 1;
        traffic.bytes = traffic.bytes.saturating_add(answer.bytes);
        let added = row.countries.len() - before;
        self.countries += added;
    }

    /// Counts the status of an answer, with content or without; nothing for one below 200.
    pub fn status(&mut self, source: &ContentDescriptor, status: u16) {
        self.change(source, |row| {
            if let Some(answers) = usize::from(status / 100).checked_sub(2).and_then(|class| row.answers.get_mut(class)) {
                *answers += 1;
            }
        });
    }

    /// Counts `bytes` that were served without reading the store, whose price is `usd_per_gb` unless the namespace has its own.
    pub fn from_cache(&mut self, source: &ContentDescriptor, bytes: u64, usd_per_gb: f64) {
        self.change(source, |row| {
            row.bytes_from_cache = row.bytes_from_cache.saturating_add(bytes);
            // Sizes are below 2^53: exact in f64.
            row.saved_usd += bytes as f64 / GB as f64 * source.origin_usd_per_gb.unwrap_or(usd_per_gb);
        });
    }

    /// Counts `bytes` that were read from the store.
    pub fn from_origin(&mut self, source: &ContentDescriptor, bytes: u64) {
        self.change(source, |row| row.bytes_from_origin = row.bytes_from_origin.saturating_add(bytes));
    }

    /// Counts a request with CMCD data (CTA-5004).
    pub fn cmcd(&mut self, source: &ContentDescriptor) {
        self.change(source, |row| row.cmcd_requests += 1);
    }

    /// Takes all counters, by namespace and class.
    pub fn take(&mut self) -> Vec<((Name, &'static str), Count)> {
        self.countries = 0;
        std::mem::take(&mut self.rows).into_iter().collect()
    }
}

impl Count {
    /// The row as [`crate::delivery::repository::add`] takes it: namespace, class, then the counters in the order of the columns.
    fn row(&self, namespace: &Name, class: &str) -> Value {
        let mut countries = Map::new();
        for (country, traffic) in &self.countries {
            countries.insert(format!("r:{}", country.as_str()), json!(traffic.requests));
            countries.insert(format!("b:{}", country.as_str()), json!(traffic.bytes));
        }
        let numbers = [self.requests, self.hits, self.bytes_from_cache, self.bytes_from_origin, self.cmcd_requests, self.bytes_sent];
        let head = [json!(namespace.as_str()), json!(class)].into_iter().chain(numbers.map(|number| json!(number)));
        let rest = [json!(self.saved_usd)].into_iter().chain(self.answers.map(|number| json!(number)));
        let times = [json!(self.first_byte_ms)].into_iter().chain(self.first_byte.counts().map(|number| json!(number)));
        head.chain(rest).chain(times).chain([Value::Object(countries)]).collect()
    }
}

/// The rows as one JSON list, for [`crate::delivery::repository::add`].
pub fn rows<'a>(counts: impl Iterator<Item = (&'a Name, &'static str, &'a Count)>) -> String {
    let rows: Vec<Value> = counts.map(|(namespace, class, count)| count.row(namespace, class)).collect();
    json::write(&rows).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Id;
    use crate::base::time::EpochMs;
    use crate::base::units::MAX_SAFE_INTEGER;
    use crate::delivery::class::Class;

    fn content(namespace: &str, class: Class, price: Option<f64>) -> ContentDescriptor {
        let id = Id::from_random([1; 16]);
        ContentDescriptor {
            account: id,
            asset: Some(id),
            origin_usd_per_gb: price,
            namespace: Name::parse(namespace).unwrap(),
            group: None,
            generation: 0,
            object: id,
            s3_key: "k".into(),
            size: 7,
            etag: "e".into(),
            version: "e".into(),
            name: None,
            content_type: "a/b".into(),
            modified: EpochMs(1),
            class,
            ttl: 1,
            holds_ms: 1,
            client_seconds: 1,
            suspended: false,
            compress: false,
        }
    }

    fn answer(country: &str, bytes: u64) -> Answered {
        Answered { is_hit: true, first_byte_ms: 3, bytes, country: Country::parse(Some(country)) }
    }

    #[test]
    fn country_is_two_capitals_or_digits_else_unknown() {
        for (code, country) in
            [(Some("DE"), "DE"), (Some("T1"), "T1"), (None, "XX"), (Some("de"), "XX"), (Some("DEU"), "XX"), (Some("\"'"), "XX"), (Some("é"), "XX")]
        {
            assert_eq!(Country::parse(code).as_str(), country, "{code:?}");
        }
    }

    #[test]
    fn answers_bytes_statuses_and_times_add_up_by_namespace_and_class() {
        let mut counters = Counters::default();
        let (own, other) = (content("n", Class::Small, Some(0.5)), content("m", Class::LargeText, None));
        counters.answered(&own, answer("DE", 10));
        counters.answered(&own, Answered { is_hit: false, first_byte_ms: 700, bytes: 5, country: Country::parse(Some("FR")) });
        counters.answered(&own, answer("DE", 1));
        counters.from_cache(&own, 2_000_000_000, 0.02);
        counters.from_cache(&other, 1_000_000_000, 0.02);
        counters.from_origin(&own, 5);
        counters.cmcd(&own);
        for status in [200, 206, 304, 404, 503, 101, 600] {
            counters.status(&own, status);
        }
        let mut taken = counters.take();
        taken.sort_by(|(one, _), (other, _)| one.cmp(other));
        let text = rows(taken.iter().map(|((namespace, class), count)| (namespace, *class, count)));
        assert_eq!(
            text,
            "[[\"m\",\"large\",0,0,1000000000,0,0,0,0.02,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,{}],\
             [\"n\",\"small\",3,2,2000000000,5,1,16,1.0,2,1,1,1,706,0,0,2,0,0,0,0,0,0,1,0,0,0,{\"b:DE\":11,\"b:FR\":5,\"r:DE\":2,\"r:FR\":1}]]"
        );
        assert!(counters.take().is_empty(), "taken once");
    }

    /// The least of several, because the machine does other things, too.
    #[test]
    fn counting_an_answer_takes_less_than_a_hundredth_of_a_millisecond() {
        const ANSWERS: u32 = 20_000;
        let source = content(&format!("jt_user_{:0>128}", 1), Class::Small, None);
        let mut counters = Counters::default();
        let took = (0..5).map(|_| {
            let began = crate::base::time::thread_cpu_ms();
            for _ in 0..ANSWERS {
                counters.answered(&source, answer("DE", 9));
                counters.from_cache(&source, 9, 0.02);
                counters.status(&source, 200);
            }
            (crate::base::time::thread_cpu_ms() - began) as f64 / f64::from(ANSWERS)
        });
        let least = took.fold(f64::MAX, f64::min);
        assert!(least < 0.01, "{least} ms");
    }

    /// Three thousand namespaces with the longest names, answers from every code that there can be, and the largest numbers.
    #[test]
    fn worst_input_stays_within_a_thousand_rows_and_a_megabyte_and_loses_no_bytes_of_what_it_counts() {
        let mut counters = Counters::default();
        let codes: Vec<String> =
            (b'A'..=b'Z').flat_map(|one| (b'A'..=b'Z').map(move |two| format!("{}{}", char::from(one), char::from(two)))).collect();
        for number in 0..3_000 {
            let source = content(&format!("jt_user_{number:0>128}"), Class::Video, None);
            for code in &codes[..if number < 20 { codes.len() } else { 3 }] {
                counters.answered(&source, answer(code, 9));
                counters.from_cache(&source, MAX_SAFE_INTEGER / 1_000, 0.02);
                counters.status(&source, 200);
            }
        }
        assert!(counters.countries <= MAX_COUNTRIES + MAX_ROWS, "{}", counters.countries);
        let taken = counters.take();
        assert_eq!(taken.len(), MAX_ROWS);
        for (_, count) in &taken {
            let all = count
                .countries
                .values()
                .fold(Traffic::default(), |sum, one| Traffic { requests: sum.requests + one.requests, bytes: sum.bytes + one.bytes });
            assert_eq!(all, Traffic { requests: count.requests, bytes: count.bytes_sent });
        }
        let text = rows(taken.iter().map(|((namespace, class), count)| (namespace, *class, count)));
        assert!(text.len() < 1_000_000, "{} bytes in one statement", text.len());
    }
}
