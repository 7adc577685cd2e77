//! What the deployment says of its own parts: bindings, migrations, cache and store. One question for all of these lines.

use reqwest::Method;
use serde_json::{Map, Value};

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;

/// The parts of the line "bindings", and where each is in wrangler.toml.
const BINDINGS: [(&str, &str); 8] = [
    ("d1", "d1_databases DB"),
    ("kv", "kv_namespaces CONTENT"),
    ("queue", "queues JOBS"),
    ("sessions", "durable_objects SESSIONS"),
    ("accounts", "durable_objects ACCOUNTS"),
    ("leases", "durable_objects LEASES"),
    ("meters", "durable_objects METERS"),
    ("edges", "durable_objects EDGES"),
];

/// A slower part is told, ms.
const SLOW_MS: u64 = 2_000;

/// Skews of the store's clock, s: from the first it is told, from the second on it is about to be refused (stores refuse 15 minutes).
const SKEW_SECONDS: (u64, u64) = (5, 300);

async fn ask(visit: &Visit) -> Result<Value, Verdict> {
    let token = visit.options.admin_token.as_deref().unwrap_or_default();
    let answer = visit.send(visit.plain(Method::GET, "/api/health?deep=1").bearer_auth(token)).await.map_err(|error| Verdict::of_error(&error))?;
    match answer.status {
        401 => Err(Verdict::failure("the operator's token is refused", "give the deployment's ADMIN_TOKEN (--admin-token, JETTY_ADMIN_TOKEN)")),
        200 | 503 => {
            let said = answer.json::<Value>().map_err(|error| Verdict::of_error(&error))?;
            if said.get("parts").is_some_and(Value::is_object) {
                return Ok(said);
            }
            Err(Verdict::failure("the deployment does not tell of its parts", "deploy a build that is as new as this command"))
        }
        status => Err(Verdict::failure(format!("HTTP {status}"), "look into the log of the deployment")),
    }
}

async fn deep(visit: &Visit) -> Result<&Value, Verdict> {
    visit.deep.get_or_init(|| ask(visit)).await.as_ref().map_err(Clone::clone)
}

/// A line made of what the deployment says.
async fn judged(visit: &Visit, judge: impl Fn(&Value) -> Verdict) -> Result<Verdict, Error> {
    Ok(match deep(visit).await {
        Ok(said) => judge(said),
        Err(verdict) => verdict,
    })
}

/// `ok`, ms and code of a part.
fn part<'a>(said: &'a Value, name: &str) -> (bool, u64, &'a str) {
    let empty = Map::new();
    let part = said.get("parts").and_then(|parts| parts.get(name)).and_then(Value::as_object).unwrap_or(&empty);
    let code = said.pointer(&format!("/parts/{name}/code")).and_then(Value::as_str).unwrap_or("missing");
    (part.get("ok") == Some(&Value::Bool(true)), part.get("ms").and_then(Value::as_u64).unwrap_or_default(), code)
}

/// D1, KV, queue and Durable Objects answer.
pub async fn bindings(visit: &Visit) -> Result<Verdict, Error> {
    judged(visit, of_bindings).await
}

fn of_bindings(said: &Value) -> Verdict {
    let tried = BINDINGS.map(|(name, place)| (name, place, part(said, name)));
    let failed: Vec<_> = tried.iter().filter(|(.., (ok, ..))| !ok).collect();
    if !failed.is_empty() {
        let detail: Vec<_> = failed.iter().map(|(name, _, (_, _, code))| format!("{name}: {code}")).collect();
        let places: Vec<_> = failed.iter().map(|(_, place, _)| *place).collect();
        let remedy =
            format!("compare in wrangler.toml: {}; then look into the log of the deployment and at the provider's status page", places.join(", "));
        return Verdict::failure(format!("no answer of {}", detail.join(", ")), remedy);
    }
    let detail: Vec<_> = tried.iter().map(|(name, _, (_, ms, _))| format!("{name} {ms} ms")).collect();
    let slow: Vec<_> = tried.iter().filter(|(.., (_, ms, _))| *ms >= SLOW_MS).map(|(name, ..)| *name).collect();
    if slow.is_empty() {
        return Verdict::ok(detail.join(", "));
    }
    Verdict::warning(
        detail.join(", "),
        format!("{} took {SLOW_MS} ms or longer: try again; if it stays so, look at the provider's status page", slow.join(", ")),
    )
}

/// The database has every migration of the build.
pub async fn migrations(visit: &Visit) -> Result<Verdict, Error> {
    judged(visit, of_migrations).await
}

fn of_migrations(said: &Value) -> Verdict {
    const APPLY: &str = "wrangler d1 migrations apply DB --remote";
    let schema = said.get("schema").unwrap_or(&Value::Null);
    match (part(said, "migrations"), said.get("missingMigrations").and_then(Value::as_array)) {
        ((true, ..), _) => Verdict::ok(format!("all {schema} are applied")),
        (_, Some(missing)) => {
            let missing: Vec<_> = missing.iter().map(Value::to_string).collect();
            Verdict::failure(format!("of {schema} these are not applied: {}", missing.join(", ")), APPLY)
        }
        ((_, _, code), None) => Verdict::failure(format!("the database does not tell which are applied ({code})"), APPLY),
    }
}

/// The PoP's cache keeps what is put into it.
pub async fn pop_cache(visit: &Visit) -> Result<Verdict, Error> {
    judged(visit, |said| match part(said, "cache") {
        (true, ms, _) => Verdict::ok(format!("put, found and deleted in {ms} ms")),
        (_, _, "not-kept") => Verdict::failure(
            "an entry that was put is not found",
            "serve the Worker from a route or custom domain of a zone: the Cache API keeps nothing on workers.dev",
        ),
        (_, _, code) => Verdict::failure(format!("no answer ({code})"), "look into the log of the deployment"),
    })
    .await
}

/// The store answers a signed request.
pub async fn store(visit: &Visit) -> Result<Verdict, Error> {
    judged(visit, |said| match part(said, "store") {
        (true, ms, _) => Verdict::ok(format!("answered in {ms} ms")),
        (_, _, code) => {
            let remedy = match code {
                "origin-credentials" => {
                    "set LYVE_ACCESS_KEY_ID and LYVE_SECRET_ACCESS_KEY (wrangler secret put) to keys that may read, write and list the bucket"
                }
                "origin-clock-skew" => "the store's clock is wrong: a matter for its operator",
                _ => "compare LYVE_ENDPOINT, LYVE_REGION and LYVE_BUCKET_NAME in wrangler.toml, and see whether the store is up",
            };
            Verdict::failure(format!("refused or not reached ({code})"), remedy)
        }
    })
    .await
}

/// The store's clock.
pub async fn clock(visit: &Visit) -> Result<Verdict, Error> {
    judged(visit, of_clock).await
}

fn of_clock(said: &Value) -> Verdict {
    let remedy = "have the store's clock set: requests are signed with the time, and stores refuse those that are 15 minutes off";
    let Some(skew) = said.get("clockSkewMs").and_then(Value::as_i64) else {
        return Verdict::warning("the store does not tell its time", "compare the Date of the store's answers with a clock");
    };
    let detail = format!("the store's clock is {} ms {}", skew.abs(), if skew < 0 { "behind" } else { "ahead" });
    match skew.unsigned_abs() / 1000 {
        0 if skew == 0 => Verdict::ok("the store's clock agrees"),
        seconds if seconds < SKEW_SECONDS.0 => Verdict::ok(detail),
        seconds if seconds < SKEW_SECONDS.1 => Verdict::warning(detail, remedy),
        _ => Verdict::failure(detail, remedy),
    }
}

/// What is known about the store: by the operator's question, which has it probed, or by the public one.
async fn known(visit: &Visit, name: &str) -> Result<Option<Value>, Error> {
    let said = match (&visit.options.admin_token, deep(visit).await) {
        (Some(_), Ok(said)) => said.clone(),
        _ => visit.send(visit.plain(Method::GET, "/api/health")).await?.success()?.json()?,
    };
    Ok(said.get(name).filter(|value| !value.is_null()).cloned())
}

const NOT_PROBED: &str = "give the operator's token (--admin-token, JETTY_ADMIN_TOKEN): then it is probed; else the daily run does it";

/// The store refuses bytes of another hash.
pub async fn payload_hash(visit: &Visit) -> Result<Verdict, Error> {
    Ok(match known(visit, "payloadHashEnforced").await?.as_ref().and_then(Value::as_bool) {
        Some(true) => Verdict::ok("the store refuses bytes that are not those of their declared hash"),
        Some(false) => Verdict::warning(
            "the store takes bytes of any hash: parts that are held are hashed here, larger ones are not, and chunks are not shared between uploads",
            "ask the store's operator for x-amz-content-sha256 to be enforced",
        ),
        None => Verdict::skipped("not probed yet", NOT_PROBED),
    })
}

/// It does so for presigned URLs.
pub async fn presigned_hash(visit: &Visit) -> Result<Verdict, Error> {
    Ok(match known(visit, "presignedHashBound").await?.as_ref().and_then(Value::as_bool) {
        Some(true) => Verdict::ok("presigned URLs are bound to the hash that they sign"),
        Some(false) => Verdict::warning(
            "presigned URLs are bound to the length only: parts sent straight to the store count as claimed",
            "nothing, if that is enough; else send parts through the Worker only",
        ),
        None => Verdict::skipped("not probed yet", NOT_PROBED),
    })
}

/// The bucket is not another deployment's.
pub async fn bucket_owner(visit: &Visit) -> Result<Verdict, Error> {
    Ok(match known(visit, "bucketOwner").await?.as_ref().and_then(Value::as_str) {
        Some("another-deployment") => Verdict::failure(
            "the bucket is marked as another deployment's: unfinished uploads of this one are not swept, and the other may abort them",
            "give each deployment a bucket; after a new database, delete the object jettyspeed/deployment",
        ),
        Some(_) => Verdict::ok("the bucket is this deployment's"),
        None => Verdict::ok("not marked yet: the first daily run does it"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::Status;
    use super::*;

    fn well() -> Value {
        let parts: Map<_, _> = BINDINGS.iter().map(|(name, _)| ((*name).to_owned(), json!({ "ok": true, "ms": 3 }))).collect();
        json!({ "schema": 12, "parts": parts, "clockSkewMs": 0 })
    }

    #[test]
    fn failed_binding_is_named_with_its_place_in_the_configuration() {
        assert_eq!(of_bindings(&well()).status, Status::Ok);
        let mut said = well();
        said["parts"]["kv"] = json!({ "ok": false, "ms": 0, "code": "missing" });
        let verdict = of_bindings(&said);
        assert_eq!((verdict.status, verdict.detail.as_str()), (Status::Failure, "no answer of kv: missing"));
        assert!(verdict.remedy.unwrap().contains("kv_namespaces CONTENT"));
        said["parts"]["kv"] = json!({ "ok": true, "ms": 2_000 });
        let verdict = of_bindings(&said);
        assert!(verdict.status == Status::Warning && verdict.remedy.unwrap().starts_with("kv took"));
        said["parts"].as_object_mut().unwrap().remove("queue");
        assert_eq!(of_bindings(&said).status, Status::Failure, "a part that is not told of");
    }

    #[test]
    fn missing_migrations_are_listed() {
        let mut said = well();
        said["parts"]["migrations"] = json!({ "ok": true, "ms": 1 });
        assert_eq!(of_migrations(&said), Verdict::ok("all 12 are applied"));
        said["parts"]["migrations"] = json!({ "ok": false, "ms": 1, "code": "missing" });
        said["missingMigrations"] = json!([11, 12]);
        let verdict = of_migrations(&said);
        assert_eq!((verdict.status, verdict.detail.as_str()), (Status::Failure, "of 12 these are not applied: 11, 12"));
        said["missingMigrations"] = Value::Null;
        assert_eq!(of_migrations(&said).status, Status::Failure);
    }

    #[test]
    fn clock_is_told_from_five_seconds_on_and_fails_from_five_minutes_on() {
        let status = |skew: Value| of_clock(&json!({ "clockSkewMs": skew })).status;
        for (skew, expected) in [
            (json!(0), Status::Ok),
            (json!(-4_999), Status::Ok),
            (json!(5_000), Status::Warning),
            (json!(-299_999), Status::Warning),
            (json!(-300_000), Status::Failure),
            (Value::Null, Status::Warning),
        ] {
            assert_eq!(status(skew.clone()), expected, "{skew}");
        }
    }
}
