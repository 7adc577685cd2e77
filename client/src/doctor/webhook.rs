//! A webhook call arrives as it was sent, and is believed.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde::Deserialize;
use sha2::Sha256;

use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::hash;

const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// A skew from which on it is told, s. Calls that are five minutes off are refused.
const SKEW_SECONDS: u64 = 60;

const ECHO: &str = "/api/webhooks/echo";

/// The answer of the echo.
#[derive(Deserialize)]
struct Echo {
    bytes: usize,
    sha256: String,
    verified_by: String,
    skew_seconds: Option<i64>,
}

/// Signs by the Standard Webhooks specification; None if the secret cannot sign.
fn signature(secret: &str, id: &str, timestamp: u64, body: &str) -> Option<String> {
    let key = BASE64.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[expect(clippy::disallowed_methods, reason = "this crate is never compiled to wasm32")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `POST /api/webhooks/echo`, signed if the secret can sign, and once with a wrong proof.
pub async fn echo(visit: &Visit) -> Result<Verdict, Error> {
    let secret = visit.options.webhook_secret.as_deref().unwrap_or_default();
    let body = format!("{{\"from\":\"{}\",\"e-mail\":\"a@example.com\",\"text\":\"ü <b>&amp;</b>   \\u00e9\"}}\n", visit.prefix());
    let (id, at) = (visit.prefix(), now());
    let request = |signature: Option<&str>, bearer: &str| {
        let request = visit.plain(Method::POST, ECHO).header("Content-Type", "application/json").body(body.clone());
        match signature {
            Some(signature) => request.header("webhook-id", &id).header("webhook-timestamp", at).header("webhook-signature", signature),
            None => request.bearer_auth(bearer),
        }
    };
    let signed = signature(secret, &id, at, &body);
    let wrong = visit.send(request(signature("whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=", &id, at, &body).as_deref(), "")).await?;
    let answer = visit.send(request(signed.as_deref(), secret)).await?;
    if answer.status == 401 && answer.code() == "webhook-timestamp" {
        return Ok(Verdict::failure("the clock of this machine is five minutes off that of the deployment", "set the clock of this machine"));
    }
    // The secret itself proves the call whatever became of its body: then the echo tells what did.
    let believed = answer.status != 401;
    let answer = if believed || signed.is_none() { answer } else { visit.send(request(None, secret)).await? };
    if answer.status == 401 {
        return Ok(Verdict::failure(
            "the secret is refused",
            "give one of WEBHOOK_SECRETS (--webhook-secret, JETTY_WEBHOOK_SECRET), or set it there",
        ));
    }
    let echo: Echo = answer.success()?.json()?;
    if wrong.status != 401 {
        return Ok(Verdict::failure(
            format!("a call with a wrong signature gets HTTP {}", wrong.status),
            "see whether something else than the Worker answers /api/webhooks",
        ));
    }
    if echo.bytes != body.len() || echo.sha256 != hash::of_bytes(body.clone().into()).await? {
        let detail = format!("{} bytes were sent, other {} arrived", body.len(), echo.bytes);
        return Ok(Verdict::failure(detail, "let no rule of the zone change bodies of requests to /api/webhooks: signatures cover them"));
    }
    let expected = if signed.is_some() { "signature" } else { "bearer" };
    if echo.verified_by != expected {
        return Ok(Verdict::failure(
            format!("verified by {} instead of {expected}", echo.verified_by),
            "let no rule of the zone remove webhook-… header fields",
        ));
    }
    let detail = format!("arrived unaltered, verified by {expected}");
    Ok(match echo.skew_seconds {
        Some(skew) if skew.unsigned_abs() >= SKEW_SECONDS => Verdict::warning(
            format!("{detail}; clocks differ by {skew} s"),
            "set the clock of this machine: calls that are five minutes off are refused",
        ),
        _ => Verdict::ok(detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example of the Standard Webhooks libraries.
    #[test]
    fn published_example_is_signed_alike_and_a_secret_without_a_key_signs_nothing() {
        let signed = signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!((signature("a-secret-of-24-characters", "a", 1, ""), signature("whsec_!", "a", 1, "")), (None, None));
    }
}
