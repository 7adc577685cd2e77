//! CPU time of counting an answer from the cache, in wasm. Measured in a release build, as deployed.

use js_sys::{Function, Reflect, global};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::time::{EpochMs, HOUR_MS};
use jettyspeed_edge::delivery::asset_hits::AssetHits;
use jettyspeed_edge::delivery::class::Class;
use jettyspeed_edge::delivery::content_descriptor::ContentDescriptor;
use jettyspeed_edge::delivery::count::{Answered, Counters, Country, MAX_ROWS, rows};
use jettyspeed_edge::delivery::popularity::hits::Hits;
use jettyspeed_edge::worker::platform::clock;

/// Maximum of the median time to count one answer.
const BUDGET_MICROSECONDS: f64 = 100.0;

/// Maximum time to take the counters and write them as the parameters of their statements; once in `STATS_FLUSH_SECONDS`, behind an answer.
const FLUSH_BUDGET_MICROSECONDS: f64 = 100_000.0;

/// Answers that are counted between two flushes.
const ANSWERS: usize = 10_000;

/// Namespaces: as many as have room.
const NAMESPACES: usize = MAX_ROWS;

/// Files: more than have room in either table.
const FILES: usize = 5_000;

/// `performance.now`, ms with fractions.
fn stopwatch() -> impl Fn() -> f64 {
    let performance = Reflect::get(&global(), &"performance".into()).unwrap();
    let now: Function = Reflect::get(&performance, &"now".into()).unwrap().dyn_into().unwrap();
    move || now.call0(&performance).as_ref().map_or(f64::NAN, |ms| JsValue::as_f64(ms).unwrap())
}

fn id(number: usize) -> Id {
    let bytes = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    Id::from_random(std::array::from_fn(|at| bytes[at % 8]))
}

/// Content of a namespace with the longest name.
fn content(namespace: usize, file: usize) -> ContentDescriptor {
    ContentDescriptor {
        account: id(namespace),
        asset: Some(id(file)),
        origin_usd_per_gb: Some(0.02),
        namespace: Name::parse(&format!("jt_user_{namespace:0>128}")).unwrap(),
        group: None,
        generation: 0,
        object: id(file),
        s3_key: "users/0123456789abcdef/o/07070707-0707-4707-8707-070707070707".into(),
        size: 90_000,
        etag: "e".into(),
        version: "e".into(),
        name: None,
        content_type: "application/octet-stream".into(),
        modified: EpochMs(1),
        class: Class::Small,
        ttl: 86_400,
        holds_ms: 1,
        client_seconds: 60,
        suspended: false,
        compress: false,
    }
}

/// What `worker/content/cache_stats.rs` keeps of an isolate.
#[derive(Default)]
struct Kept {
    counters: Counters,
    assets: AssetHits,
    hits: Hits,
}

impl Kept {
    /// Counts as that file does for an answer from the cache, the clock included, but for the look whether it is time to write.
    fn count(&mut self, source: &ContentDescriptor, country: &str) {
        self.counters.from_cache(source, source.size, 0.02);
        let answer = Answered { is_hit: true, first_byte_ms: 3, bytes: source.size, country: Country::parse(Some(country)) };
        self.counters.answered(source, answer);
        let now = clock::now();
        self.hits.add(source.file(), HOUR_MS, now);
        if let Some(asset) = source.asset {
            self.assets.add(asset, answer.is_hit, now);
        }
        self.counters.status(source, 200);
    }

    /// Takes everything, as the statements' parameters: their length.
    fn flush(&mut self) -> usize {
        let counts = self.counters.take();
        let text = rows(counts.iter().map(|((namespace, class), count)| (namespace, *class, count)));
        assert_eq!(counts.len(), NAMESPACES);
        text.len() + usize::from(self.assets.take().is_some())
    }
}

/// The middle one.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[wasm_bindgen_test]
fn counting_an_answer_from_the_cache_takes_at_most_100_us() {
    console_error_panic_hook::set_once();
    let now = stopwatch();
    let contents: Vec<_> = (0..FILES).map(|file| content(file % NAMESPACES, file)).collect();
    let countries = ["DE", "NO", "US", "JP", "BR", "T1", "ZA"];
    let mut kept = Kept::default();
    let (mut counts, mut flushes) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        for number in 0..ANSWERS {
            let (source, country) = (&contents[number * 7 % FILES], countries[number % countries.len()]);
            let began = now();
            kept.count(source, country);
            counts.push((now() - began) * 1_000.0);
        }
        let began = now();
        assert!(kept.flush() > 100_000);
        flushes.push((now() - began) * 1_000.0);
    }
    let (count, flush) = (median(counts), median(flushes));
    console_log!("COUNTING_MICROSECONDS={count:.2} COUNTING_FLUSH_MICROSECONDS={flush:.0}");
    assert!(count <= BUDGET_MICROSECONDS, "{count} us");
    assert!(flush <= FLUSH_BUDGET_MICROSECONDS, "{flush} us");
}
