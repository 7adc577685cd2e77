//! CPU time of a signature in wasm. Measured in a release build, as deployed.

use wasm_bindgen_test::{console_log, wasm_bindgen_test};

use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::Payload;
use jettyspeed_edge::s3::operations::upload_part;
use jettyspeed_edge::s3::request::{Location, Store};
use jettyspeed_edge::s3::sigv4::signer::Signer;

/// Maximum time to sign the upload of a part.
const BUDGET_MICROSECONDS: f64 = 50.0;

#[wasm_bindgen_test]
fn signing_an_upload_part_takes_at_most_50_us() {
    console_error_panic_hook::set_once();
    let location = Location::parse("https://s3.lyvecloud.seagate.com", "agentcache-assets").unwrap();
    let store = Store::new(location, Signer::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"));
    let key = "users/0123456789abcdef/o/07070707-0707-4707-8707-070707070707";
    let hash = Sha256Hex::of(b"a part");
    let rounds = 20_000;
    let mut length = 0;
    let started = js_sys::Date::now();
    for round in 0..rounds {
        let action = upload_part::upload_part(key, &"u".repeat(90), 1 + round % 10_000, Payload::Sha256(hash.clone()));
        length += store.request(&action, EpochMs(1_795_000_000_000 + u64::from(round))).url.len();
    }
    let microseconds = (js_sys::Date::now() - started) * 1000.0 / f64::from(rounds);
    assert!(length > 0);
    console_log!("SIGNING_MICROSECONDS={microseconds:.2}");
    assert!(microseconds <= BUDGET_MICROSECONDS, "{microseconds} us");
}
