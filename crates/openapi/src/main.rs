//! Writes docs/openapi.json.

fn main() -> std::io::Result<()> {
    std::fs::write(jettyspeed_openapi::root().join(jettyspeed_openapi::FILE), jettyspeed_openapi::text())?;
    println!("{}", jettyspeed_openapi::FILE);
    Ok(())
}
