//! Unicode normalization by the runtime.

use js_sys::JsString;

/// A text in normalization form C (ECMAScript, `String.prototype.normalize`).
pub fn compose(text: &str) -> String {
    // Most texts are ASCII, which is composed.
    if text.is_ascii() { text.to_owned() } else { String::from(JsString::from(text).normalize("NFC")) }
}
