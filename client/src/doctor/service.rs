//! Whether the deployment answers, and whether the account's credentials are good.

use reqwest::Method;
use serde_json::Value;

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::api::Quota;

const NOT_THE_WORKER: &str =
    "a route of the zone must lead to the Worker (wrangler.toml, routes), and WAF rules and bot protection must skip /api, /files and /v";

/// `GET /api/health`.
pub async fn reachable(visit: &Visit) -> Result<Verdict, Error> {
    let answer = visit.send(visit.plain(Method::GET, "/api/health")).await?;
    let said = answer.json::<Value>().unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or("unknown");
    Ok(match (answer.status, text("status")) {
        (200, "ok") => Verdict::ok(format!(
            "version {}, revision {}, schema {}, data centre {}",
            text("version"),
            text("revision"),
            said.get("schema").unwrap_or(&Value::Null),
            text("colo")
        )),
        (503, "misconfigured") => Verdict::failure(
            format!("misconfigured: {}", said.get("names").map(Value::to_string).unwrap_or_default()),
            "set the vars (wrangler.toml) and secrets (wrangler secret put NAME) that are named, and deploy again",
        ),
        (status, _) => {
            let kind = answer.header("content-type").unwrap_or_else(|| "no type".to_owned());
            Verdict::failure(format!("something else answers: HTTP {status}, {kind}"), NOT_THE_WORKER)
        }
    })
}

/// `GET /api/agentcache/quota`.
pub async fn credentials(visit: &Visit) -> Result<Verdict, Error> {
    let answer = visit.send(visit.edge.request(Method::GET, "/api/agentcache/quota")).await?.success();
    Ok(match answer {
        Ok(answer) => {
            let quota = answer.json::<Quota>()?;
            Verdict::ok(format!("accepted; tier {}", quota.tier))
        }
        Err(error) if error.status() == Some(401) => {
            Verdict::failure(error.to_string(), "take key and secret from the answer of provision, or from rotate (jetty config --key … --secret …)")
        }
        Err(error) if error.code() == Some("account-suspended") => Verdict::failure(error.to_string(), "resume the account, or use another"),
        Err(error) => return Err(error),
    })
}
