//! The JavaScript boundary, in wasm under Node (`script/test` runs it with wasm-bindgen-test-runner). Streams are not here: Node lacks the runtime's
//! FixedLengthStream; they belong to the end-to-end tests. So do panics
//! (tests/e2e/panics): the JavaScript around the module recovers from them.
#![cfg(target_arch = "wasm32")]

mod boundary;
mod ranking;
mod signing;
