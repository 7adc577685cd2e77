//! The answer that plans an upload before it is started.

use serde::Serialize;

use crate::chunking::Strategy;
use crate::dedup::lookup::DuplicateView;
use crate::edges::assign::Assignment;
use crate::edges::geo::GeoHint;
use crate::edges::view::EdgeView;

/// 200 answer of `POST /api/jetty/optimal-edges`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Optimal"))]
pub struct Optimal {
    /// The best edges, the best first.
    pub edges: Vec<EdgeView>,
    /// Which edge each part should be sent to.
    pub assignments: Vec<Assignment>,
    /// The chunk plan.
    pub strategy: Strategy,
    /// The caller's own file of these bytes.
    pub duplicate: Option<DuplicateView>,
    /// Where the client is, as far as it is known.
    pub client: GeoHint,
}
