//! Reads `request.cf` into a [`GeoHint`]. Properties are read one by one, because each may be absent or of another type.

use wasm_bindgen::JsValue;

use crate::edges::geo::{GeoHint, RawCf};

/// The location that the platform reports for a request.
pub fn of(request: &web_sys::Request) -> GeoHint {
    let cf = js_sys::Reflect::get(request, &"cf".into()).unwrap_or(JsValue::UNDEFINED);
    from_cf(&cf)
}

/// The country alone: what is read of every answer with content.
pub fn country_of(request: &web_sys::Request) -> Option<String> {
    text_of(request, "country")
}

/// The data centre alone: what is logged of every request.
pub fn colo_of(request: &web_sys::Request) -> Option<String> {
    text_of(request, "colo")
}

fn text_of(request: &web_sys::Request, name: &str) -> Option<String> {
    let cf = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&cf, &name.into()).ok()?.as_string()
}

/// The same from the `cf` value itself.
pub fn from_cf(cf: &JsValue) -> GeoHint {
    let get = |name: &str| js_sys::Reflect::get(cf, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let text = |name: &str| get(name).as_string();
    let number_or_text = |name: &str| {
        let value = get(name);
        value.as_string().or_else(|| value.as_f64().and_then(|_| js_sys::JSON::stringify(&value).ok()).map(String::from))
    };
    GeoHint::from_raw(RawCf {
        colo: text("colo"),
        country: text("country"),
        continent: text("continent"),
        region: text("regionCode").or_else(|| text("region")),
        timezone: text("timezone"),
        latitude: number_or_text("latitude"),
        longitude: number_or_text("longitude"),
        asn: get("asn").as_f64(),
        tcp_rtt_ms: get("clientTcpRtt").as_f64(),
        quic_rtt_ms: get("clientQuicRtt").as_f64(),
    })
}
