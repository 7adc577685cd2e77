//! Figures of a namespace that are out of their bounds: what fires, what resolves (docs/api.md, "Alerts").

pub mod alert;
pub mod decide;
pub mod figures;
pub mod kind;
pub mod repository;
pub mod thresholds;
pub mod verdict;
