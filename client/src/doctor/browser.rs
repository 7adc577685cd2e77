//! What browsers and well-behaved clients read in answers: CORS, and the rate limit's state.

use reqwest::{Method, RequestBuilder};

use super::answer::Answer;
use super::report::Verdict;
use super::visit::Visit;
use crate::Error;

/// The origin of an application, if none is given.
const SOME_ORIGIN: &str = "https://jetty-doctor.example";

/// Header fields that a browser application sends with a chunk.
const ASKED: &str = "x-upload-token,x-part-number,x-chunk-sha256";

/// Preflights, successes and errors, of the API and of content.
pub async fn cors(visit: &Visit) -> Result<Verdict, Error> {
    let origin = visit.options.origin.as_deref().unwrap_or(SOME_ORIGIN);
    let send = async |request: RequestBuilder| visit.send(request.header("Origin", origin)).await;
    let preflight = |path: &str, method: &str, fields: &str| {
        let request = visit.plain(Method::OPTIONS, path).header("Access-Control-Request-Method", method);
        request.header("Access-Control-Request-Headers", fields)
    };
    let nobody = "/files/jtf1.none/none.txt";
    let mut wrong = Vec::new();
    // Content is open to every origin, whatever CORS_ORIGINS says.
    for (what, answer) in [
        ("an error of content", send(visit.plain(Method::GET, nobody)).await?),
        ("a preflight of content", send(preflight(nobody, "GET", "range")).await?),
    ] {
        if answer.header("access-control-allow-origin").as_deref() != Some("*") {
            wrong.push(format!("{what} does not allow every origin"));
        }
    }
    let answers = [
        ("health", send(visit.plain(Method::GET, "/api/health")).await?),
        ("an error of the API", send(visit.plain(Method::GET, "/api/storage/files")).await?),
        ("the preflight of a chunk", send(preflight("/api/jetty-speed/chunk", "POST", ASKED)).await?),
    ];
    let admits = |answer: &Answer| answer.header("access-control-allow-origin").is_some_and(|admitted| admitted == "*" || admitted == origin);
    let admitted: Vec<_> = answers.iter().map(|(what, answer)| (*what, admits(answer), answer)).collect();
    if admitted.iter().all(|(_, admits, _)| !admits) && wrong.is_empty() {
        return Ok(Verdict::warning(
            format!("browsers at {origin} may not call the API"),
            "if an application in browsers calls it, give its origin (--origin https://host) and add it to the var CORS_ORIGINS",
        ));
    }
    wrong.extend(admitted.iter().filter(|(_, admits, _)| !admits).map(|(what, ..)| format!("{what} does not admit {origin}")));
    for (what, _, answer) in &admitted {
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
        if what.starts_with("the preflight") && !ASKED.split(',').all(|name| allowed.contains(name)) {
            wrong.push(format!("{what} allows '{allowed}' only"));
        }
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
        if !["ETag", "RateLimit", "X-Request-Id"].iter().all(|name| exposed.contains(name)) {
            wrong.push(format!("{what} exposes '{exposed}' only"));
        }
    }
    if wrong.is_empty() {
        return Ok(Verdict::ok(format!("browsers at {origin} may call the API, those of every origin may read content; errors included")));
    }
    Ok(Verdict::failure(wrong.join("; "), "let no rule of the zone set or remove Access-Control-… fields, or answer OPTIONS: the Worker does both"))
}

/// `RateLimit` and `RateLimit-Policy` of a counted call.
pub async fn rate_limit(visit: &Visit) -> Result<Verdict, Error> {
    let answer = visit.send(visit.edge.request(Method::GET, "/api/agentcache/quota")).await?.success()?;
    let (state, policy) = (answer.header("ratelimit"), answer.header("ratelimit-policy"));
    let state = state.as_deref().and_then(|state| Some((number(state, "r")?, number(state, "t")?)));
    let policy = policy.as_deref().and_then(|policy| Some((number(policy, "q")?, number(policy, "w")?)));
    Ok(match (state, policy) {
        (Some((left, _)), Some((quota, window))) => Verdict::ok(format!("{left} of {quota} requests per {window} s are left")),
        _ => Verdict::failure(
            "RateLimit or RateLimit-Policy is missing or unreadable",
            "let no rule of the zone remove header fields from answers of /api",
        ),
    })
}

/// A parameter of the first item of a rate limit field (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4).
fn number(field: &str, name: &str) -> Option<u64> {
    field.split(',').next()?.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_rate_limit_fields_are_read() {
        assert_eq!([number("\"account\";r=9;t=60", "r"), number("\"account\";r=9;t=60", "t")], [Some(9), Some(60)]);
        assert_eq!([number("\"account\"; q=10;w=60, \"x\";q=1", "q"), number("\"r=1\"", "r"), number("", "q")], [Some(10), None, None]);
    }
}
