//! Memory of the canonical form of a question to a model: bounded at the worst text that a tenant can send (`src/response_cache/canonical.rs`).
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use jettyspeed_edge::response_cache::canonical;
use jettyspeed_edge::response_cache::request::MAX_VALUE_BYTES;

/// The system's allocator, counting what the thread has and had at most, bytes.
struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all calls go to the system's allocator with their arguments unchanged; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Neither is there while a thread ends.
        let _ = NOW.try_with(|now| {
            now.set(now.get() + layout.size());
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
        });
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(layout.size())));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// `item` as often as it fits between `before` and `after`.
fn filled(before: &str, item: &str, after: &str) -> String {
    let room = MAX_VALUE_BYTES - before.len() - after.len();
    format!("{before}{}{after}", item.repeat(room / item.len()))
}

#[test]
fn canonical_form_of_the_worst_1_mb_takes_at_most_8_mb() {
    let short_names: Vec<String> = (0..MAX_VALUE_BYTES / 11).map(|number| format!("\"{:05x}\":0", number ^ 0xaaaa)).collect();
    // Letters of any script make many names of one character.
    let letters = (0x21..0xd800).filter_map(char::from_u32).filter(|letter| !matches!(letter, '"' | '\\'));
    let letters: Vec<String> = letters.map(|letter| format!("\"{letter}\":0")).collect();
    let one = format!("{{{}}}", letters.join(","));
    for (what, text) in [
        ("an object of many members", format!("{{{}}}", short_names.join(","))),
        ("objects of all letters", format!("[{one},{one}]")),
        ("many objects", filled("[0", ",{\"b\":{},\"a\":0}", "]")),
        ("many lists", filled("[0", ",[]", "]")),
        ("numbers that become longer", filled("[0", ",10", "]")),
        ("numbers of one digit", filled("[0", ",1", "]")),
        ("64 levels", format!("{}\"{}\"{}", "{\"a\":".repeat(64), "x".repeat(MAX_VALUE_BYTES - 500), "}".repeat(64))),
    ] {
        assert!(text.len() <= MAX_VALUE_BYTES, "{what}: {}", text.len());
        let before = NOW.get();
        PEAK.set(before);
        let mut out = Vec::with_capacity(text.len());
        canonical::write(&text, &mut out).unwrap();
        let peak = PEAK.get() - before;
        println!("{what}: {} bytes, {} canonical, at most {peak} at once", text.len(), out.len());
        assert!(peak <= 8 * MAX_VALUE_BYTES, "{what}: {peak}");
    }
}
