//! Every edge with an address of its own answers there, and no two addresses lead to the same place.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;

/// How long an edge may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One row of `GET /api/edges`.
#[derive(Debug, Clone, Deserialize)]
struct Listed {
    id: String,
    url: Option<String>,
    status: String,
}

/// An edge with an address, and what its health says.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    url: String,
    health: Result<Health, String>,
}

/// The part of an edge's health that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Health {
    revision: String,
    colo: Option<String>,
}

const NO_ADDRESS: &str = "no active edge has an address of its own: anycast leads clients to the nearest data centre";

async fn visited(visit: &Visit) -> Result<Vec<Seen>, Error> {
    let listed: Vec<Listed> = visit.prepare(|| visit.plain(Method::GET, "/api/edges")).await?.json()?;
    let with_address = listed.into_iter().filter(|edge| edge.status == "active").filter_map(|edge| Some((edge.id, edge.url?)));
    Ok(join_all(with_address.map(|(id, url)| async move {
        let health = health(visit, &url).await;
        Seen { id, url, health }
    }))
    .await)
}

async fn health(visit: &Visit, url: &str) -> Result<Health, String> {
    let request = visit.edge.plain(Method::GET, &format!("{}/api/health", url.trim_end_matches('/')));
    let answer = tokio::time::timeout(LIMIT, visit.send(request)).await.map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))?;
    let answer = answer.map_err(|error| error.to_string())?;
    let said = answer.json::<Value>().unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    match (answer.status, text("status").as_deref()) {
        (200, Some("ok")) => Ok(Health { revision: text("revision").unwrap_or_default(), colo: text("colo") }),
        (status, _) => Err(format!("HTTP {status}")),
    }
}

/// Each answers, and runs the same build.
pub async fn reachable(visit: &Visit) -> Result<Verdict, Error> {
    Ok(of_reachable(&visited(visit).await?))
}

fn of_reachable(seen: &[Seen]) -> Verdict {
    if seen.is_empty() {
        return Verdict::ok(NO_ADDRESS);
    }
    let dead: Vec<_> = seen.iter().filter_map(|edge| edge.health.as_ref().err().map(|why| format!("{} ({}): {why}", edge.id, edge.url))).collect();
    if !dead.is_empty() {
        return Verdict::failure(
            dead.join("; "),
            "correct the address or take the edge out: PATCH /api/portal/edges/{edge} with its url, or \"status\": \"disabled\"",
        );
    }
    let mut builds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in seen {
        builds.entry(edge.health.as_ref().map_or("", |health| &health.revision)).or_default().push(&edge.id);
    }
    if builds.len() > 1 {
        let detail: Vec<_> = builds.iter().map(|(revision, edges)| format!("{revision}: {}", edges.join(", "))).collect();
        return Verdict::warning(format!("different builds: {}", detail.join("; ")), "deploy the same revision for all of them");
    }
    Verdict::ok(format!("{} answer", seen.len()))
}

/// They lead to different data centres.
pub async fn distinct(visit: &Visit) -> Result<Verdict, Error> {
    Ok(of_distinct(&visited(visit).await?))
}

fn of_distinct(seen: &[Seen]) -> Verdict {
    if seen.len() < 2 {
        return Verdict::ok(if seen.is_empty() { NO_ADDRESS } else { "only one active edge has an address of its own" });
    }
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut silent = Vec::new();
    for edge in seen {
        match edge.health.as_ref().ok().and_then(|health| health.colo.as_deref()) {
            Some(colo) => places.entry(colo).or_default().push(&edge.id),
            None => silent.push(edge.id.as_str()),
        }
    }
    let shared: Vec<_> =
        places.iter().filter(|(_, edges)| edges.len() > 1).map(|(colo, edges)| format!("{} lead to {colo}", edges.join(" and "))).collect();
    if !shared.is_empty() {
        let remedy = "bind each address to a place (a regional hostname or deployment), or take one of the edges out: \
                      parts that are spread over both gain nothing";
        return Verdict::warning(shared.join("; "), remedy);
    }
    if !silent.is_empty() {
        return Verdict::warning(format!("{} does not tell its data centre", silent.join(", ")), "see the line edges-reachable");
    }
    Verdict::ok(places.iter().map(|(colo, edges)| format!("{} in {colo}", edges.join(""))).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    fn edge(id: &str, colo: Option<&str>, revision: &str) -> Seen {
        let health = Ok(Health { revision: revision.to_owned(), colo: colo.map(str::to_owned) });
        Seen { id: id.to_owned(), url: format!("https://{id}.example.com"), health }
    }

    #[test]
    fn edges_at_the_same_place_are_named_and_silent_ones_are_told() {
        let two = |first, second| of_distinct(&[edge("osl", first, "r"), edge("fra", second, "r")]);
        assert_eq!(two(Some("OSL"), Some("FRA")).status, Status::Ok);
        let same = two(Some("FRA"), Some("FRA"));
        assert_eq!((same.status, same.detail.as_str()), (Status::Warning, "osl and fra lead to FRA"));
        assert_eq!(two(Some("OSL"), None).status, Status::Warning);
        assert_eq!((of_distinct(&[]).status, of_distinct(&[edge("osl", None, "r")]).status), (Status::Ok, Status::Ok));
    }

    #[test]
    fn dead_edge_is_a_failure_with_its_name_and_another_build_a_warning() {
        let dead = Seen { health: Err("HTTP 530".to_owned()), ..edge("osl", None, "") };
        let verdict = of_reachable(&[edge("fra", None, "r"), dead]);
        assert_eq!((verdict.status, verdict.detail.as_str()), (Status::Failure, "osl (https://osl.example.com): HTTP 530"));
        assert_eq!(of_reachable(&[edge("fra", None, "r"), edge("osl", None, "s")]).status, Status::Warning);
        assert_eq!((of_reachable(&[edge("fra", None, "r")]).status, of_reachable(&[]).status), (Status::Ok, Status::Ok));
    }
}
