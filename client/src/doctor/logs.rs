//! No token or secret of this examination is in the deployment's log.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::edge::encode;

/// Of a secret so many characters are looked for: what cuts secrets short for a log still leaks them.
const PREFIX: usize = 24;

/// How long the log may take to show this examination, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Leaks that are told.
const TOLD: usize = 5;

/// What a log must not contain of a secret, raw and percent-encoded.
fn needles(secret: &str) -> BTreeSet<String> {
    let cut: String = secret.chars().take(PREFIX).collect();
    let encoded = encode(&cut);
    // Those who encode sparingly leave `-`, `.`, `_` and `~` as they are (RFC 3986 section 2.3).
    let sparing = ["-", ".", "_", "~"].iter().fold(encoded.clone(), |text, plain| text.replace(&encode(plain), plain));
    let lower = |text: &str| {
        let mut pieces = text.split('%');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |text, piece| {
            let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
            format!("{text}%{}{rest}", digits.to_ascii_lowercase())
        })
    };
    BTreeSet::from([lower(&encoded), lower(&sparing), cut, encoded, sparing])
}

/// `wrangler dev` writes a line for each request, with its path, which holds the token of a content URL. That is the development server's access log, not the
/// Worker's: on the provider's network there is no such line.
fn is_access_line(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("[wrangler:info] ") else { return false };
    let mut words = rest.split(' ');
    words.next().is_some_and(|method| method.bytes().all(|b| b.is_ascii_uppercase())) && words.next().is_some_and(|path| path.starts_with('/'))
}

/// Number of each line, from 1, that gives a secret away, and what that is.
fn leaks<'a>(text: &str, secrets: &'a [(&'static str, String)]) -> Vec<(usize, &'a str)> {
    let needles: Vec<_> = secrets.iter().flat_map(|(kind, secret)| needles(secret).into_iter().map(move |needle| (*kind, needle))).collect();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !is_access_line(line));
    let found = lines.flat_map(|(number, line)| {
        let kinds: BTreeSet<_> = needles.iter().filter(|(_, needle)| line.contains(needle.as_str())).map(|(kind, _)| *kind).collect();
        kinds.into_iter().map(move |kind| (number, kind))
    });
    found.collect()
}

/// Whether the log shows anything of this examination: the marker in a URL, or the id of one of its requests.
fn covers(text: &str, marker: &str, requests: &[String]) -> bool {
    text.contains(marker) || requests.iter().any(|id| text.contains(id.as_str()))
}

async fn read(path: &Path) -> Result<String, Error> {
    let bytes = tokio::fs::read(path).await.map_err(Error::file(path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Searches the log.
pub async fn secrets(visit: &Visit) -> Result<Verdict, Error> {
    let path = visit.options.logs.as_deref().unwrap_or(Path::new(""));
    let marker = format!("problems/{}", visit.prefix());
    visit.send(visit.plain(Method::GET, &format!("/{marker}"))).await?;
    let (began, requests) = (Instant::now(), visit.requests());
    let text = loop {
        match read(path).await {
            // What was written last may still be on its way.
            Ok(text) if covers(&text, &marker, &requests) => {
                sleep(LOOK_EVERY).await;
                break read(path).await.unwrap_or(text);
            }
            Ok(text) if began.elapsed() >= PATIENCE => break text,
            Err(error) => return Ok(Verdict::failure(error.to_string(), "give the file that the log is being written to (--logs FILE)")),
            Ok(_) => sleep(LOOK_EVERY).await,
        }
    };
    let used = visit.secrets();
    let found = leaks(&text, &used);
    let searched = format!("{} tokens and secrets, {} lines", used.len(), text.lines().count());
    if !found.is_empty() {
        let told: Vec<_> = found.iter().take(TOLD).map(|(line, kind)| format!("line {line}: {kind}")).collect();
        let more = if found.len() > TOLD { format!(" and {} more", found.len() - TOLD) } else { String::new() };
        return Ok(Verdict::failure(
            format!("{}{more} (searched: {searched})", told.join(", ")),
            "find out what wrote the line (a Worker in front, a log rule of the zone, invocation_logs) and switch it off; \
             then replace what leaked: rotate, TOKEN_KEYS, ADMIN_TOKEN, WEBHOOK_SECRETS",
        ));
    }
    if !covers(&text, &marker, &requests) {
        return Ok(Verdict::warning(
            format!("{} shows nothing of this examination, so that nothing can be said (searched: {searched})", path.display()),
            "run 'wrangler tail --format json > tail.json' meanwhile and give that file (--logs tail.json)",
        ));
    }
    Ok(Verdict::ok(format!("none found (searched: {searched})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Vec<(&'static str, String)> {
        vec![("API key", "jt_live_0123456789abcdefghijABCDEF".to_owned()), ("webhook secret", "whsec_a+b/c=d+e/f=gh+ij/kl==".to_owned())]
    }

    #[test]
    fn whole_cut_and_percent_encoded_secrets_are_found_with_their_lines() {
        for (line, kind) in [
            ("{\"key\":\"jt_live_0123456789abcdefghijABCDEF\"}", "API key"),
            ("jt_live_0123456789abcdef…", "API key"),
            ("?k=jt%5Flive%5F0123456789abcdefgh", "API key"),
            ("whsec_a+b/c=d+e/f=gh+ij/", "webhook secret"),
            ("whsec_a%2Bb%2Fc%3Dd%2Be%2Ff%3Dgh%2Bij%2Fkl", "webhook secret"),
            ("whsec_a%2bb%2fc%3dd%2be%2ff%3dgh%2bij%2fkl", "webhook secret"),
            ("whsec%5fa%2bb%2fc%3dd%2be%2ff%3dgh%2bij%2fkl", "webhook secret"),
        ] {
            assert_eq!(leaks(&format!("fine\n{line}\n"), &secrets()), [(2, kind)], "{line}");
        }
        assert_eq!(leaks("jt_live_0123456789abcde\nwhsec_\njt_live_", &secrets()), [], "23 characters may be chance");
    }

    #[test]
    fn access_lines_of_the_development_server_do_not_count_and_others_that_look_alike_do() {
        let line = |before: &str| leaks(&format!("{before}/files/jt_live_0123456789abcdefghij 200 OK"), &secrets()).len();
        assert_eq!((line("[wrangler:info] GET "), line("[wrangler:error] GET "), line("[wrangler:info] failed: "), line("GET ")), (0, 1, 1, 1));
    }

    #[test]
    fn log_covers_an_examination_by_its_marker_or_by_a_request() {
        let requests = ["00000000-0000-4000-8000-000000000000".to_owned()];
        assert!(covers("GET /problems/jetty-doctor-1 404", "problems/jetty-doctor-1", &requests));
        assert!(covers("{\"requestId\":\"00000000-0000-4000-8000-000000000000\"}", "problems/x", &requests));
        assert!(!covers("GET /problems/jetty-doctor-2 404", "problems/jetty-doctor-1", &requests));
    }
}
