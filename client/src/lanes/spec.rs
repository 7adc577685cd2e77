//! The lanes of an upload: one for every distinct URL.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::api::RankedEdge;

/// A lane before any measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneSpec {
    /// The best-ranked edge with this URL; the host if the server named none.
    pub edge: String,
    /// `https://host[:port]`, without a trailing slash.
    pub url: String,
    /// The server's score, 0..=1.
    pub score: f64,
    /// The main server's URL if it was not advised: used when all advised lanes are closed.
    pub reserve: bool,
}

/// The lanes of the usable edges, best first, then the main server at `main` unless it is among them; and the index of each edge's lane.
/// Malformed URLs are ignored, and so are those without TLS if the main server uses TLS: they would expose the upload token.
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

/// The normalised URL.
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
    fn edges_with_one_url_share_a_lane_named_by_the_best() {
        let edges = [edge("SIN", "https://main.example/", 0.9), edge("HKG", "https://Other.example", 0.8), edge("NRT", "https://main.example", 0.7)];
        let (lanes, of_edge) = specs("https://main.example", &edges);
        let shown: Vec<_> = lanes.iter().map(|lane| (lane.edge.as_str(), lane.url.as_str(), lane.reserve)).collect();
        assert_eq!(shown, [("SIN", "https://main.example", false), ("HKG", "https://other.example", false)]);
        assert_eq!(of_edge, BTreeMap::from([("SIN".to_owned(), 0), ("HKG".to_owned(), 1), ("NRT".to_owned(), 0)]));
    }

    #[test]
    fn main_server_is_the_reserve_and_malformed_urls_are_ignored() {
        for url in ["", "edge", "ftp://a.example", "http://a.example", "https://user:word@a.example", "https://a.example/?q", "data:x"] {
            let (lanes, of_edge) = specs("https://main.example:8443", &[edge("A", url, 1.0)]);
            assert_eq!(of_edge.len(), 0, "{url}");
            assert_eq!(lanes, [LaneSpec { edge: "main.example".into(), url: "https://main.example:8443".into(), score: 0.0, reserve: true }]);
        }
        let (lanes, _) = specs("http://localhost:1", &[edge("A", "http://localhost:2", f64::NAN)]);
        assert_eq!((lanes.len(), lanes[0].score, lanes[1].reserve), (2, 0.0, true));
    }
}
