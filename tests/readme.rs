//! The signed webhook call that the README shows verifies.

use jettyspeed_edge::auth::webhook_signature::{Secret, Signed};
use jettyspeed_edge::base::time::EpochMs;

#[test]
fn readme_signature_verifies_its_body_and_no_other() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let line = readme.lines().find(|line| line.starts_with("sign msg_1 ")).unwrap();
    let mut words = line.splitn(4, ' ').skip(1);
    let (id, timestamp, body) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap().trim_matches('\''));
    let secret = readme.lines().find_map(|line| line.strip_prefix("SECRET=")).unwrap();
    let signature = readme.split("this prints `").nth(1).unwrap().split('`').next().unwrap();
    let now = EpochMs(timestamp.parse::<u64>().unwrap() * 1000);
    let signed = Signed::read(Some(id), Some(timestamp), Some(&format!("v1,{signature}")), now).unwrap().unwrap();
    assert!(signed.verify(&[Secret::parse(secret).unwrap()], body.as_bytes()));
    assert!(!signed.verify(&[Secret::parse(secret).unwrap()], b"{}"));
}
