//! The one call that the stack itself makes to the store: CreateBucket, signed with AWS Signature Version 4.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::Sha256;

use crate::credentials::sha256_hex;
use crate::state::OriginAccess;
use crate::{Result, net};

/// How long CreateBucket is retried while the store answers 503.
const PATIENCE: Duration = Duration::from_secs(60);
const SIGNED_HEADERS: &str = "host;x-amz-content-sha256;x-amz-date";

/// Creates the bucket of `access`; no error if it exists.
pub async fn create(access: &OriginAccess) -> Result<()> {
    let client = net::http().build()?;
    let began = Instant::now();
    loop {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = DateTime::from_timestamp(i64::try_from(since_epoch.as_secs())?, 0).ok_or("the clock is out of range")?;
        let (url, headers) = signed(access, now)?;
        let mut request = client.put(url).header("content-length", "0");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        match answer.status().as_u16() {
            200 | 409 => return Ok(()),
            // On a busy machine, some processes of a store that has just started may not be ready yet.
            503 if began.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(500)).await,
            status => return Err(format!("creating the bucket '{}' failed: HTTP {status}: {}", access.bucket, answer.text().await?).into()),
        }
    }
}

/// The URL of CreateBucket, path-style, and the headers that sign it as of `now`: [AWS's steps](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
pub fn signed(access: &OriginAccess, now: DateTime<Utc>) -> Result<(Url, Vec<(&'static str, String)>)> {
    let OriginAccess { endpoint, region, bucket, access_key_id, secret_access_key } = access;
    let url = Url::parse(endpoint).and_then(|endpoint| endpoint.join(bucket)).map_err(|error| format!("LYVE_ENDPOINT {endpoint}: {error}"))?;
    let host = url.host_str().ok_or("LYVE_ENDPOINT has no host")?;
    // As the HTTP client sends it: without the default port of the scheme.
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let payload = sha256_hex(b"");
    let (day, time) = (now.format("%Y%m%d").to_string(), now.format("%Y%m%dT%H%M%SZ").to_string());
    let scope = format!("{day}/{region}/s3/aws4_request");
    let canonical = format!("PUT\n{}\n\nhost:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{time}\n\n{SIGNED_HEADERS}\n{payload}", url.path());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let mut key = format!("AWS4{secret_access_key}").into_bytes();
    for step in [&day, region.as_str(), "s3", "aws4_request"] {
        key = mac(&key, step)?;
    }
    let signature = hex::encode(mac(&key, &to_sign)?);
    let authorization = format!("AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}");
    Ok((url, vec![("x-amz-content-sha256", payload), ("x-amz-date", time), ("authorization", authorization)]))
}

fn mac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}
