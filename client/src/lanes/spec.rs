//! Which lanes there are: one for every distinct address.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::api::RankedEdge;

/// A lane, before anything is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneSpec {
    /// The edge that names it: the best-ranked of its address; the host where the server named none.
    pub edge: String,
    /// `https://host[:port]`, no slash at the end.
    pub url: String,
    /// The server's, 0..=1.
    pub score: f64,
    /// Not advised: the main server's own address, for when all that are advised are closed.
    pub reserve: bool,
}

/// The lanes to the edges that can be used, best first, and last the main server at `main` unless it is among them; and the index of each edge's lane.
/// An address that is no URL is ignored, and one without encryption if the main server's has it: it would give the upload token away.
pub fn specs(main: &str, edges: &[RankedEdge]) -> (Vec<LaneSpec>, BTreeMap<String, usize>) {
    let encrypted = Url::parse(main).is_ok_and(|url| url.scheme() == "https");
    let (mut lanes, mut of_edge) = (Vec::<LaneSpec>::new(), BTreeMap::new());
    for edge in edges {
        let Some(url) = address(&edge.url, encrypted) else { continue };
        let index = lanes.iter().position(|lane| lane.url == url).unwrap_or_else(|| {
            let score = if edge.score.is_finite() { edge.score.clamp(0.0, 1.0) } else { 0.0 };
            lanes.push(LaneSpec { edge: edge.id.clone(), url, score, reserve: false });
            lanes.len() - 1
        });
        of_edge.entry(edge.id.clone()).or_insert(index);
    }
    let url = address(main, false).unwrap_or_else(|| main.to_owned());
    if !lanes.iter().any(|lane| lane.url == url) {
        let host = Url::parse(main).ok().and_then(|url| url.host_str().map(str::to_owned));
        lanes.push(LaneSpec { edge: host.unwrap_or_else(|| "main".to_owned()), url, score: 0.0, reserve: true });
    }
    (lanes, of_edge)
}

/// The same address in the same letters.
fn address(text: &str, encrypted: bool) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let fit = url.scheme() == "https" || url.scheme() == "http" && !encrypted;
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (fit && bare && url.has_host()).then(|| url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(id: &str, url: &str, score: f64) -> RankedEdge {
        RankedEdge { id: id.into(), url: url.into(), score, ..RankedEdge::default() }
    }

    #[test]
    fn one_lane_for_each_address_named_by_the_best() {
        let edges = [edge("SIN", "https://main.example/", 0.9), edge("HKG", "https://Other.example", 0.8), edge("NRT", "https://main.example", 0.7)];
        let (lanes, of_edge) = specs("https://main.example", &edges);
        let shown: Vec<_> = lanes.iter().map(|lane| (lane.edge.as_str(), lane.url.as_str(), lane.reserve)).collect();
        assert_eq!(shown, [("SIN", "https://main.example", false), ("HKG", "https://other.example", false)]);
        assert_eq!(of_edge, BTreeMap::from([("SIN".to_owned(), 0), ("HKG".to_owned(), 1), ("NRT".to_owned(), 0)]));
    }

    #[test]
    fn the_main_server_is_in_reserve_and_strange_addresses_are_no_lanes() {
        for url in ["", "edge", "ftp://a.example", "http://a.example", "https://user:word@a.example", "https://a.example/?q", "data:x"] {
            let (lanes, of_edge) = specs("https://main.example:8443", &[edge("A", url, 1.0)]);
            assert_eq!(of_edge.len(), 0, "{url}");
            assert_eq!(lanes, [LaneSpec { edge: "main.example".into(), url: "https://main.example:8443".into(), score: 0.0, reserve: true }]);
        }
        let (lanes, _) = specs("http://localhost:1", &[edge("A", "http://localhost:2", f64::NAN)]);
        assert_eq!((lanes.len(), lanes[0].score, lanes[1].reserve), (2, 0.0, true));
    }
}
