//! The JavaScript boundary, in wasm under Node (`script/test` runs it with wasm-bindgen-test-runner). Streams are not here: Node lacks the runtime's
//! FixedLengthStream; they belong to the end-to-end tests, as do
//! panics, whose recovery is in the JavaScript around the module (tests/e2e/panics).
#![cfg(target_arch = "wasm32")]

mod boundary;
mod ranking;
mod signing;
