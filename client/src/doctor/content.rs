//! What comes back of a stored file: out of the cache, in ranges, and unaltered.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;

use super::answer::Answer;
use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::edge::encode;

/// Bytes of the file for cache and ranges: more than KV takes, so that a hit is the cache's.
const BYTES: usize = 300_000;

/// Requests until one comes from the cache, and the pause between them: a data centre has many machines.
const HIT_TRIES: u32 = 6;
const HIT_PAUSE: Duration = Duration::from_millis(500);

const ZONE_BYTES: &str = "in the zone's settings switch off for /files and /v: compression, e-mail obfuscation, Rocket Loader, minification, \
     and what else rewrites bodies (docs/deploying.md)";

/// The one alteration that leaves the bytes as they are.
const NO_LENGTH: &str = "no Content-Length";

/// Bytes that no two examinations share, so that nothing of them is stored yet.
pub fn noise(seed: &str, length: usize) -> Bytes {
    // xorshift64* (Vigna 2014): no compression and no deduplication finds anything in it.
    let mut state = seed.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// The value of `Cache-Status`, for a person.
fn cache_status(answer: &Answer) -> String {
    answer.header("cache-status").unwrap_or_else(|| "no Cache-Status".to_owned())
}

/// The second GET comes out of the PoP's cache.
pub async fn cache_hit(visit: &Visit) -> Result<Verdict, Error> {
    let bytes = noise(&visit.id, BYTES);
    let asset = visit.store("-cache.bin", "application/octet-stream", &bytes).await?;
    let url = visit.content_url(&asset).await?;
    let mut first = None;
    for attempt in 1..=HIT_TRIES {
        let answer = visit.send(visit.edge.plain(Method::GET, &url)).await?.success()?;
        let status = cache_status(&answer);
        if answer.body != bytes {
            return Ok(Verdict::failure(format!("GET {attempt} returns other bytes ({status})"), ZONE_BYTES));
        }
        if first.is_some() && status.starts_with("JettySpeed; hit") {
            return Ok(Verdict::ok(format!("GET 1: {}; GET {attempt}: {status}", first.unwrap_or_default())));
        }
        first.get_or_insert(status);
        if attempt > 1 {
            tokio::time::sleep(HIT_PAUSE).await;
        }
    }
    Ok(Verdict::failure(
        format!("none of {HIT_TRIES} GETs came from the cache (first: {})", first.unwrap_or_default()),
        "serve the Worker from a route or custom domain of a zone (the Cache API keeps nothing on workers.dev), and see that the namespace's cache_ttl is not 0",
    ))
}

/// One range, the last bytes, several ranges, one beyond the end.
pub async fn ranges(visit: &Visit) -> Result<Verdict, Error> {
    let bytes = noise(&visit.prefix(), BYTES);
    let asset = visit.store("-ranges.bin", "application/octet-stream", &bytes).await?;
    let url = visit.content_url(&asset).await?;
    let get = async |range: &str| visit.send(visit.edge.plain(Method::GET, &url).header("Range", range)).await;
    let slice = |from: usize, to: usize| bytes.slice(from..to);
    let end = BYTES - 1;
    let mut wrong = Vec::new();
    for (range, from, to) in [("bytes=1000-1999", 1000, 2000), ("bytes=-500", BYTES - 500, BYTES), ("bytes=299999-", end, BYTES)] {
        let answer = get(range).await?;
        let told = format!("bytes {from}-{}/{BYTES}", to - 1);
        if answer.status != 206 || answer.body != slice(from, to) || answer.header("content-range") != Some(told) {
            wrong.push(format!("{range}: HTTP {}, {} bytes", answer.status, answer.body.len()));
        }
    }
    let several = get("bytes=0-9,100-109").await?;
    let is_multipart = several.header("content-type").is_some_and(|kind| kind.starts_with("multipart/byteranges"));
    let holds = |part: &[u8]| several.body.windows(part.len()).any(|window| window == part);
    if several.status != 206 || !is_multipart || !holds(&slice(0, 10)) || !holds(&slice(100, 110)) {
        wrong.push(format!("two ranges: HTTP {}, {} bytes", several.status, several.body.len()));
    }
    let beyond = get("bytes=300000-").await?;
    if beyond.status != 416 {
        wrong.push(format!("a range beyond the end: HTTP {}", beyond.status));
    }
    if wrong.is_empty() {
        return Ok(Verdict::ok("one, the last, several, beyond the end: all as asked for"));
    }
    Ok(Verdict::failure(
        wrong.join("; "),
        "let no rule of the zone (cache rules, transform rules, a proxy in front) answer or change requests of /files and /v",
    ))
}

/// An HTML file comes back as it was sent.
pub async fn html(visit: &Visit) -> Result<Verdict, Error> {
    let row = "<li><a href=\"mailto:a@example.com\">a@example.com</a></li>\n";
    let page = format!(
        "<!DOCTYPE html>\n<html>\n  <head><title>{}</title><!-- kept -->\n  <script src=\"/a.js\"></script></head>\n  <body><ul>\n{}</ul></body>\n</html>\n",
        visit.prefix(),
        row.repeat(80)
    );
    unaltered(visit, "-page.html", "text/html; charset=utf-8", page.into()).await
}

/// So does a JSON file.
pub async fn json(visit: &Visit) -> Result<Verdict, Error> {
    let row = "  { \"e-mail\": \"a@example.com\", \"name\":   \"ü\" },\n";
    let text = format!("[\n{}  \"{}\"\n]\n", row.repeat(80), visit.prefix());
    unaltered(visit, "-data.json", "application/json", text.into()).await
}

async fn unaltered(visit: &Visit, rest: &str, content_type: &str, bytes: Bytes) -> Result<Verdict, Error> {
    let asset = visit.store(rest, content_type, &bytes).await?;
    if compresses(visit, &asset.namespace).await {
        return Ok(Verdict::skipped(
            format!("the namespace {} has chosen compressed text (compress_text)", asset.namespace),
            "use an account whose namespace has not, or switch features.compress_text off",
        ));
    }
    let url = visit.content_url(&asset).await?;
    let answer = visit.send(visit.edge.plain(Method::GET, &url).header("Accept-Encoding", "gzip, br")).await?.success()?;
    let wrong = alterations(&answer, &bytes);
    Ok(if wrong == [NO_LENGTH] {
        Verdict::warning("byte-identical, but without Content-Length", format!("{ZONE_BYTES}; wrangler dev does this to HTML by itself"))
    } else if wrong.is_empty() {
        Verdict::ok(format!("{} bytes, byte-identical, with length and strong ETag", bytes.len()))
    } else {
        Verdict::failure(wrong.join("; "), ZONE_BYTES)
    })
}

/// Whether the namespace opted in to compression; not, if that is not told.
async fn compresses(visit: &Visit, namespace: &str) -> bool {
    let path = format!("/api/portal/namespaces/{}", encode(namespace));
    match visit.prepare(|| visit.edge.request(Method::GET, &path)).await {
        Ok(answer) => {
            let said = answer.json::<Value>().unwrap_or_default();
            said.pointer("/features/compress_text") == Some(&Value::Bool(true))
        }
        Err(_) => false,
    }
}

/// What is not as the Worker sends it.
fn alterations(answer: &Answer, bytes: &Bytes) -> Vec<String> {
    let field = |name: &str| answer.header(name).unwrap_or_default();
    let mut wrong = Vec::new();
    let coding = field("content-encoding");
    if !matches!(coding.as_str(), "" | "identity") {
        wrong.push(format!("compressed (Content-Encoding: {coding})"));
    } else if answer.body != *bytes {
        wrong.push(format!("other bytes: {} instead of {}", answer.body.len(), bytes.len()));
    }
    if field("content-length") != bytes.len().to_string() {
        wrong.push(if field("content-length").is_empty() { NO_LENGTH.to_owned() } else { "another Content-Length".to_owned() });
    }
    let etag = field("etag");
    if !(etag.starts_with('"') && etag.len() > 2) {
        wrong.push(if etag.is_empty() { "no ETag".to_owned() } else { "a weak ETag".to_owned() });
    }
    if !field("cache-control").contains("no-transform") {
        wrong.push("no 'no-transform' in Cache-Control".to_owned());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&'static str, &str)], body: &'static str) -> Answer {
        let headers = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Answer { status: 200, headers, body: body.into() }
    }

    #[test]
    fn each_alteration_is_told() {
        let right = [("content-length", "4"), ("etag", "\"abc\""), ("cache-control", "private, no-transform")];
        let with = |name: &str, value: &'static str| right.map(|(own, old)| (own, if own == name { value } else { old }));
        let told = |fields: &[(&'static str, &str)], body| alterations(&answer(fields, body), &Bytes::from_static(b"<p/>"));
        assert_eq!(told(&right, "<p/>"), Vec::<String>::new());
        assert_eq!(told(&[right.as_slice(), &[("content-encoding", "identity")]].concat(), "<p/>"), Vec::<String>::new());
        assert_eq!(told(&right, "<P/>"), ["other bytes: 4 instead of 4"]);
        assert_eq!(told(&with("etag", "W/\"abc\""), "<p/>"), ["a weak ETag"]);
        assert_eq!(told(&with("cache-control", "private"), "<p/>"), ["no 'no-transform' in Cache-Control"]);
        let compressed = [("content-encoding", "br"), ("cache-control", "no-transform")];
        assert_eq!(told(&compressed, "x"), ["compressed (Content-Encoding: br)", "no Content-Length", "no ETag"]);
    }

    #[test]
    fn noise_is_the_same_for_a_seed_and_another_for_another() {
        assert_eq!(noise("a", 1001).len(), 1001);
        assert!(noise("a", 64) == noise("a", 64) && noise("a", 64) != noise("b", 64));
    }
}
