//! A buffer that is searched where it is, in JavaScript.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::uploads::form::Haystack;

#[wasm_bindgen]
extern "C" {
    /// Decodes bytes to a text (Encoding standard).
    type TextDecoder;

    /// A decoder of that encoding.
    #[wasm_bindgen(constructor, catch)]
    fn new(encoding: &str) -> Result<TextDecoder, JsValue>;

    /// The text; it stays in JavaScript.
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &Uint8Array) -> Result<js_sys::JsString, JsValue>;
}

/// How many bytes are searched at once: few at first, because the next match may be near; never so many that their text is more than a young object.
const FIRST_WINDOW: usize = 1_024;
const LAST_WINDOW: usize = 65_536;

/// An ArrayBuffer. Arrays of bytes have no native search for a sequence, but texts have one: windows of the buffer are decoded with an encoding that makes one
/// character of every byte.
pub struct SearchedBuffer(Uint8Array);

impl SearchedBuffer {
    /// Of an ArrayBuffer.
    pub fn new(buffer: &JsValue) -> SearchedBuffer {
        SearchedBuffer(Uint8Array::new(buffer))
    }

    /// The bytes from `from` to `to`, not copied.
    pub fn slice(&self, from: usize, to: usize) -> Uint8Array {
        self.0.subarray(index(from), index(to))
    }

    fn len(&self) -> usize {
        usize::try_from(self.0.length()).unwrap_or(usize::MAX)
    }

    fn found(&self, decoder: &TextDecoder, needle: &str, from: usize, to: usize) -> Option<usize> {
        let text = decoder.decode(&self.slice(from, to)).ok()?;
        usize::try_from(text.index_of(needle, 0)).ok().map(|at| from + at)
    }
}

impl Haystack for SearchedBuffer {
    fn find(&self, needle: &str, from: usize) -> Option<usize> {
        // windows-1252 for the Encoding standard.
        let decoder = TextDecoder::new("latin1").ok()?;
        let (mut from, mut window) = (from, FIRST_WINDOW);
        while from < self.len() {
            let to = from.saturating_add(window).min(self.len());
            if let Some(at) = self.found(&decoder, needle, from, to) {
                return Some(at);
            }
            if to == self.len() {
                return None;
            }
            // What begins in this window may end in the next.
            from = to.saturating_sub(needle.len());
            window = (window * 2).min(LAST_WINDOW);
        }
        None
    }

    fn window(&self, from: usize, most: usize) -> Vec<u8> {
        self.slice(from, from.saturating_add(most).min(self.len())).to_vec()
    }
}

/// Lengths of what is searched are far below 4 GiB.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
