//! Lists the migrations for `src/pool.rs`.

use std::fmt::Write;
use std::path::PathBuf;

fn main() {
    // As it is when this runs: a build script that was compiled in a checkout that has moved still knows the old place.
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("CARGO_MANIFEST_DIR")).join("../../migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = std::fs::read_dir(&folder).expect("the folder of the migrations");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut text = String::from("[");
    for path in paths {
        let _ = write!(text, "include_str!({:?}),", path.canonicalize().expect("a path"));
    }
    text.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("OUT_DIR")).join("migrations.rs");
    std::fs::write(out, text).expect("the list is written");
}
