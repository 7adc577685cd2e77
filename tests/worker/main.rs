//! The JavaScript boundary, in wasm under Node (`script/test` runs it with wasm-bindgen-test-runner). Streams are not here: Node lacks the runtime's
//! FixedLengthStream; they belong to the end-to-end tests.
#![cfg(target_arch = "wasm32")]

mod boundary;
mod ranking;
mod signing;

/// Panics with their message and place on Node's console. Only here: the Worker's own hook comes with the crate `worker`, and two would log twice.
#[wasm_bindgen_test::wasm_bindgen_test]
fn panics_are_readable() {
    console_error_panic_hook::set_once();
}
