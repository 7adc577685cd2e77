//! `script/bench`: figures against peers in the same run.

use std::path::PathBuf;

use jettyspeed_stack::bench::chunk::{self, Effort};
use jettyspeed_stack::bench::report::{Figure, print};
use jettyspeed_stack::{Result, root};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments).await {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    match arguments.first().map(String::as_str) {
        Some("chunk") => {}
        _ => return Err("usage: script/bench chunk [--quick] [--only throughput|latency|memory]".into()),
    }
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1)).map(String::as_str);
    let folder = tempfile::tempdir()?;
    let mut figures = chunk::run(folder.path(), if quick { Effort::QUICK } else { Effort::FULL }, only).await?;
    // Measured by the wasm test that script/bench ran before: it prints one line per figure.
    if let Some(signing) = std::env::var("SIGNING_MICROSECONDS").ok().and_then(|text| text.trim().parse::<f64>().ok()) {
        figures.push(Figure::at_most("signing one UploadPart in wasm (release build, Node 22)", "us", &[signing], 50.0));
    }
    print(
        "Chunk path",
        "harness: bare `workerd serve`, one process each; local sink; load, peers and sink on the same machine; ratios within interleaved rounds",
        &figures,
    );
    let path: PathBuf = root().join("bench-results/chunk.json");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("\n{}", path.display());
    Ok(())
}
