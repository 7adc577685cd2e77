//! What the local stack writes by itself, without the Worker's code, is what the Worker's code writes.
#![allow(clippy::disallowed_methods)]

use chrono::DateTime;

use jettyspeed_devstack::bucket;
use jettyspeed_devstack::credentials::{secret, sha256_hex, test_key};
use jettyspeed_devstack::state::OriginAccess;
use jettyspeed_edge::auth::api_key::read_credentials;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::{Action, Payload};
use jettyspeed_edge::s3::request::{Location, Store};
use jettyspeed_edge::s3::sigv4::signer::Signer;

#[test]
fn drawn_credentials_are_well_formed_and_hash_as_the_worker_hashes_them() {
    for _ in 0..1_000 {
        let (key, secret) = (test_key().unwrap(), secret().unwrap());
        let read = read_credentials(Some(&key), None, Some(&secret)).unwrap();
        assert_eq!((read.key_hash.as_str(), read.secret_hash.as_str()), (&*sha256_hex(key.as_bytes()), &*sha256_hex(secret.as_bytes())));
    }
}

#[test]
fn create_bucket_is_signed_as_the_worker_signs() {
    let ends =
        ["http://127.0.0.1:9000", "http://s3.example.com:80", "https://s3.example.com", "https://s3.example.com:443", "https://s3.example.com:9443"];
    for (endpoint, now) in ends.into_iter().zip([0, 951_782_400_000, 1_709_164_799_999, 1_767_225_600_000, 4_102_444_799_000]) {
        let access = OriginAccess {
            endpoint: endpoint.into(),
            region: "eu-west-3".into(),
            bucket: "a-bucket.of-ours".into(),
            access_key_id: "jetty:speed".into(),
            secret_access_key: "a secret/+=".into(),
        };
        let (url, headers) = bucket::signed(&access, DateTime::from_timestamp_millis(now).unwrap()).unwrap();
        // The Worker signs for the host as it is configured, the client sends it without the scheme's own port.
        let sent = endpoint.trim_end_matches(":443").trim_end_matches(":80");
        let store = Store::new(
            Location::parse(sent, &access.bucket).unwrap(),
            Signer::new(&access.access_key_id, &access.secret_access_key, &access.region, "s3"),
        );
        let action =
            Action { method: "PUT", key: None, query: vec![], signed_headers: vec![], plain_headers: vec![], payload: Payload::Empty, kept: None };
        let expected = store.request(&action, EpochMs(u64::try_from(now).unwrap()));
        assert_eq!(url.as_str(), expected.url);
        let header = |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
        for (name, value) in &expected.headers {
            assert_eq!(header(name), Some(value.as_str()), "{name} of {endpoint}");
        }
    }
}
