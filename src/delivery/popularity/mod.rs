//! Popular files: how often each is asked for, for how long it therefore stays fresh, and when it is refreshed before that ends (docs/delivery.md, Popular
//! files).

pub mod ahead;
pub mod day;
pub mod hits;
pub mod lifetime;
pub mod pace;
#[cfg(test)]
mod trace_tests;
