//! Odd names and paths arrive as they were sent, or are refused by the Worker and not turned into others on the way.

use reqwest::Method;
use serde_json::{Value, json};

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::api::AssetEnvelope;
use crate::edge::encode;
use crate::video::Playback;

const REMEDY: &str = "set the zone's URL normalization to RFC 3986 (the type 'Cloudflare' merges slashes), \
     and let no rule of the zone rewrite paths of /api, /files and /v";

/// The end of a file's name: what is encoded twice, once and never by those who encode sparingly.
const ODD_NAME: &str = "-~ + %2F %7E é.txt";

/// Last segments of a content URL. The token says which file it is, so each must open it.
const SEGMENTS: [&str; 8] = ["a%7Eb.txt", "a~b.txt", "a+b.txt", "a%2Bb.txt", "a%20b.txt", "a%2Fb.txt", "a%252Fb.txt", "a%257Eb.txt"];

/// Paths of a video as they are sent, and as they must arrive.
const PATHS: [(&str, &str); 6] = [
    ("a%20b/c%7Ed.ts", "a b/c~d.ts"),
    ("a%20b/e~f.ts", "a b/e~f.ts"),
    ("plus+plus.ts", "plus+plus.ts"),
    ("plus%2Bminus.ts", "plus+minus.ts"),
    ("twice%252F.ts", "twice%2F.ts"),
    ("twice%257E.ts", "twice%7E.ts"),
];

/// Paths that the Worker refuses with 404: an empty segment, and an encoded slash, which separates nothing.
const REFUSED: [&str; 2] = ["empty//segment.ts", "encoded%2Fslash.ts"];

fn of(wrong: &[String], well: String) -> Verdict {
    if wrong.is_empty() { Verdict::ok(well) } else { Verdict::failure(wrong.join("; "), REMEDY) }
}

/// Names of files, and the last segment of their URLs.
pub async fn file_names(visit: &Visit) -> Result<Verdict, Error> {
    let bytes = format!("names of {}\n", visit.id).into();
    let asset = visit.store(ODD_NAME, "text/plain", &bytes).await?;
    let mut wrong = Vec::new();
    let path = format!("/api/storage/files/{}", encode(&asset.id));
    let told = visit.prepare(|| visit.edge.request(Method::GET, &path)).await?.json::<AssetEnvelope>()?.asset.name;
    if told != format!("{}{ODD_NAME}", visit.prefix()) {
        wrong.push(format!("the file's name became '{told}'"));
    }
    let url = visit.content_url(&asset).await?;
    let base = url.rsplit_once('/').map_or("", |(base, _)| base);
    let given = url.rsplit_once('/').map_or("", |(_, segment)| segment);
    for segment in SEGMENTS.into_iter().chain([given]) {
        let answer = visit.send(visit.edge.plain(Method::GET, &format!("{base}/{segment}"))).await?;
        if answer.status != 200 || answer.body != bytes {
            wrong.push(format!("…/{segment}: HTTP {}", answer.status));
        }
    }
    let doubled = visit.send(visit.edge.plain(Method::GET, &format!("{base}//a.txt"))).await?;
    if (doubled.status, doubled.code().as_str()) != (404, "not-found") {
        wrong.push(format!("…//a.txt: HTTP {} instead of the Worker's 404", doubled.status));
    }
    Ok(of(&wrong, format!("{} spellings open the file, '//' does not", SEGMENTS.len() + 1)))
}

/// Paths of files of a video.
pub async fn video_paths(visit: &Visit) -> Result<Verdict, Error> {
    let mut wrong = Vec::new();
    let put = |path: &str| visit.edge.request(Method::PUT, &format!("/api/video/{}/{path}", visit.prefix())).body(format!("bytes of {path}"));
    for (sent, arrives) in PATHS {
        let said = visit.prepare(|| put(sent)).await?.json::<Value>()?;
        if said.get("path").and_then(Value::as_str) != Some(arrives) {
            wrong.push(format!("PUT …/{sent} became '{}'", said.get("path").and_then(Value::as_str).unwrap_or_default()));
        }
    }
    for path in REFUSED {
        let answer = visit.send(put(path)).await?;
        if (answer.status, answer.code().as_str()) != (404, "not-found") {
            wrong.push(format!("PUT …/{path}: HTTP {} instead of the Worker's 404", answer.status));
        }
    }
    let body = json!({ "path": PATHS[0].1 });
    let target = format!("/api/video/{}/playback", visit.prefix());
    let url = visit.prepare(|| visit.edge.request(Method::POST, &target).json(&body)).await?.json::<Playback>()?.url;
    let Some((host, (token, _))) = url.split_once("/v/").and_then(|(host, rest)| Some((host, rest.split_once('/')?))) else {
        return Err(Error::Unexpected("a playback URL without a token".to_owned()));
    };
    visit.note("playback token", token);
    for (sent, _) in PATHS {
        let answer = visit.send(visit.edge.plain(Method::GET, &format!("{host}/v/{token}/{sent}"))).await?;
        if answer.status != 200 || answer.body != format!("bytes of {sent}") {
            wrong.push(format!("GET …/{sent}: HTTP {}", answer.status));
        }
    }
    Ok(of(&wrong, format!("{} spellings arrive as they were sent, '//' and '%2F' are refused", PATHS.len())))
}
