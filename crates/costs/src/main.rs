//! Writes docs/costs.md from the data in docs/costs/.

use jettyspeed_costs::data::{DOCUMENT, Data};
use jettyspeed_costs::{Result, document, root};

fn main() -> Result<()> {
    std::fs::write(root().join(DOCUMENT), document::of(&Data::read()?)?)?;
    println!("{DOCUMENT}");
    Ok(())
}
