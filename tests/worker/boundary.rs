//! Values that cross the JavaScript boundary: `request.cf`, responses, ids, thrown values, configuration.

use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use jettyspeed_edge::config::Config;
use jettyspeed_edge::edges::geo::GeoHint;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::worker::http::reply::{Body, Reply};
use jettyspeed_edge::worker::platform::geo_hint::from_cf;
use jettyspeed_edge::worker::platform::{clock, js, random};

fn cf(json: &str) -> GeoHint {
    from_cf(&js_sys::JSON::parse(json).unwrap())
}

#[wasm_bindgen_test]
fn malformed_cf_object_becomes_an_empty_hint() {
    let hint = cf(r#"{"colo":"SIN","country":"SG","latitude":"1.35","longitude":"103.9","clientTcpRtt":12}"#);
    assert_eq!(hint.colo.as_deref(), Some("SIN"));
    assert_eq!((hint.lat, hint.lon, hint.rtt_ms), (Some(1.35), Some(103.9), Some(12.0)));
    assert_eq!(cf(r#"{"latitude":1.5,"longitude":2}"#).lat, Some(1.5), "numbers are accepted like strings");
    for broken in [
        "null",
        "7",
        "\"text\"",
        "[]",
        "{}",
        r#"{"colo":7,"country":{},"latitude":"north","longitude":null,"clientTcpRtt":"fast"}"#,
        r#"{"colo":"","country":"Singapore","latitude":"999","longitude":"0","clientTcpRtt":-1}"#,
    ] {
        assert_eq!(cf(broken), GeoHint::default(), "{broken}");
    }
    assert_eq!(from_cf(&JsValue::UNDEFINED), GeoHint::default());
}

#[wasm_bindgen_test]
fn reply_becomes_a_response_and_an_invalid_one_500() {
    let no_content = Reply::empty(204).into_response().unwrap();
    assert_eq!((no_content.status(), no_content.body().is_none()), (204, true));
    assert_eq!(Reply::empty(304).into_response().unwrap().status(), 304);
    let problem = Reply::problem(&Problem::RangeNotSatisfiable { size: 9 }, "r").into_response().unwrap();
    assert_eq!(problem.status(), 416);
    assert_eq!(problem.headers().get("content-range").unwrap().as_deref(), Some("bytes */9"));
    assert_eq!(problem.headers().get("content-type").unwrap().as_deref(), Some("application/problem+json"));
    let invalid = Reply { status: 200, headers: vec![("x-bad", "line\nbreak".into())], body: Body::Empty };
    assert_eq!(invalid.into_response().unwrap().status(), 500, "a header that the runtime refuses gives 500, not a panic");
    assert_eq!(Reply { status: 42, headers: vec![], body: Body::Empty }.into_response().unwrap().status(), 500);
}

#[wasm_bindgen_test]
fn clock_is_current_ids_differ_and_thrown_values_become_text() {
    assert!(clock::now().0 > 1_700_000_000_000);
    assert_ne!(random::id().unwrap(), random::id().unwrap());
    assert_eq!(js::error_text(&js_sys::TypeError::new("no").into()), "TypeError: no");
    assert_eq!(js::error_text(&JsValue::from_str("text")), "text");
    assert_eq!(js::error_text(&JsValue::UNDEFINED), "unknown");
}

#[wasm_bindgen_test]
fn empty_environment_names_the_missing_token_keys() {
    assert!(Config::read(|_| None).unwrap_err().contains(&"TOKEN_KEYS"));
}
