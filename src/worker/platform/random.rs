//! Randomness, from the runtime's cryptographic source.

use crate::base::id::Id;
use crate::log;
use crate::problem::Problem;

/// Random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], Problem> {
    let mut buffer = [0u8; N];
    getrandom::fill(&mut buffer).map_err(|error| log::internal("getrandom", &error.to_string()))?;
    Ok(buffer)
}

/// A new random id.
pub fn id() -> Result<Id, Problem> {
    Ok(Id::from_random(bytes()?))
}
