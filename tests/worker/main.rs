//! Tests of the JavaScript boundary, in wasm under Node (`script/test` runs them with wasm-bindgen-test-runner). Streams are tested end to end, because Node
//! has no FixedLengthStream; panics too (tests/e2e/panics), because the JavaScript around the module recovers from them.
#![cfg(target_arch = "wasm32")]

mod boundary;
mod counting;
mod ranking;
mod signing;
