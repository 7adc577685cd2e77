//! Every S3 operation of `jettyspeed_edge::s3::request` against the real store: it verifies the signatures, we read its XML.

use jettyspeed_simulation::conformance;
use reqwest::{Method, Response};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Bucket, client, origin_access, random_bytes};
use jettyspeed_edge::base::percent;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::{Action, ObjectHeaders, Payload};
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::s3::etag::unquote;
use jettyspeed_edge::s3::operations::{
    abort_multipart_upload, complete_multipart_upload, create_multipart_upload, delete_object, get_object, head_object, list_multipart_uploads,
    list_parts, put_object, upload_part, upload_part_copy,
};
use jettyspeed_edge::s3::request::{Location, Store};
use jettyspeed_edge::s3::sigv4::signer::Signer;

struct Direct {
    store: Store,
    http: reqwest::Client,
}

async fn direct() -> Direct {
    let access = origin_access().await;
    let location = Location::parse(&access.endpoint, &access.bucket).unwrap();
    Direct { store: Store::new(location, Signer::new(&access.access_key_id, &access.secret_access_key, &access.region, "s3")), http: client() }
}

fn now() -> EpochMs {
    EpochMs(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

impl Direct {
    async fn send(&self, action: &Action, body: impl Into<reqwest::Body>) -> Response {
        let signed = self.store.request(action, now());
        let mut request = self.http.request(Method::from_bytes(signed.method.as_bytes()).unwrap(), &signed.url);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        request.body(body).send().await.unwrap()
    }

    async fn ok(&self, action: &Action, body: Vec<u8>) -> Response {
        let response = self.send(action, body).await;
        let status = response.status();
        assert!(status.is_success(), "{action:?}: {status} {}", response.text().await.unwrap());
        response
    }
}

const PLAIN: ObjectHeaders<'_> = ObjectHeaders { content_type: "application/x-thing; a=b", content_disposition: "inline; filename=\"a b.bin\"" };

fn etag(response: &Response) -> String {
    unquote(response.headers()["etag"].to_str().unwrap()).to_owned()
}

#[tokio::test]
async fn multipart_upload_with_copied_part_is_listed_and_completed() {
    let direct = direct().await;
    let (key, source) = ("users/direct/o/multi", "users/direct/o/source of a copy+%");
    let first = random_bytes(5 * 1024 * 1024);
    direct.ok(&put_object::put_object(source, PLAIN, Payload::Sha256(Sha256Hex::of(&first))), first.clone()).await;

    let created = direct.ok(&create_multipart_upload::create_multipart_upload(key, PLAIN), vec![]).await.text().await.unwrap();
    let upload = create_multipart_upload::upload_id(&created).unwrap();
    let path = direct.store.path(Some(source));
    let copied = direct.ok(&upload_part_copy::upload_part_copy(key, &upload, 1, &path, 0, first.len() as u64 - 1), vec![]).await;
    let copied = upload_part_copy::copied_part(&copied.text().await.unwrap()).unwrap();
    let last = b"the last part".to_vec();
    let sent = direct.ok(&upload_part::upload_part(key, &upload, 2, Payload::Unsigned), last.clone()).await;
    let sent = etag(&sent);

    let listed = direct.ok(&list_parts::list_parts(key, &upload, None), vec![]).await.text().await.unwrap();
    let listed = list_parts::list_parts_page(&listed).unwrap();
    let seen: Vec<_> = listed.parts.iter().map(|part| (part.part_number, part.etag.clone(), part.size)).collect();
    assert_eq!(seen, [(1, copied.clone(), first.len() as u64), (2, sent.clone(), last.len() as u64)]);
    assert_eq!(listed.next(), None);
    let after_first = direct.ok(&list_parts::list_parts(key, &upload, Some(1)), vec![]).await.text().await.unwrap();
    assert_eq!(list_parts::list_parts_page(&after_first).unwrap().parts.len(), 1);
    let uploads = direct.ok(&list_multipart_uploads::list_multipart_uploads("users/direct/", None), vec![]).await.text().await.unwrap();
    assert!(
        list_multipart_uploads::list_multipart_uploads_page(&uploads).unwrap().uploads.iter().any(|open| open.key == key && open.upload_id == upload)
    );

    let (wrong, body) = complete_multipart_upload::complete_multipart_upload(key, &upload, &[(1, sent.clone()), (2, copied.clone())]);
    let refused = direct.send(&wrong, body).await;
    let refused = StoreError::read(refused.status().as_u16(), &refused.text().await.unwrap());
    assert!(refused.is_part_list_refused(), "{refused:?}");
    let (right, body) = complete_multipart_upload::complete_multipart_upload(key, &upload, &[(1, copied), (2, sent)]);
    let completed = direct.send(&right, body).await.text().await.unwrap();
    assert!(complete_multipart_upload::completion(&completed).is_ok_and(|done| done.etag.is_some()), "{completed}");

    let head = direct.ok(&head_object::head_object(key), vec![]).await;
    assert_eq!(head.headers()["content-length"].to_str().unwrap(), (first.len() + last.len()).to_string());
    assert_eq!(head.headers()["content-type"], "application/x-thing; a=b");
    let range = direct.ok(&get_object::get_object(key, Some((first.len() as u64 - 2, first.len() as u64 + 2))), vec![]).await;
    assert_eq!(range.status(), 206);
    assert!(range.bytes().await.unwrap() == [&first[first.len() - 2..], &last[..3]].concat());
    direct.ok(&delete_object::delete_object(key), vec![]).await;
    assert_eq!(direct.send(&head_object::head_object(key), "").await.status(), 404);
}

#[tokio::test]
async fn wrong_payload_hash_is_a_mismatch_and_aborted_upload_is_gone() {
    let direct = direct().await;
    let key = "users/direct/o/aborted";
    let created = direct.ok(&create_multipart_upload::create_multipart_upload(key, PLAIN), vec![]).await.text().await.unwrap();
    let upload = create_multipart_upload::upload_id(&created).unwrap();
    let wrong = direct.send(&upload_part::upload_part(key, &upload, 1, Payload::Sha256(Sha256Hex::of(b"other"))), "bytes").await;
    let wrong = StoreError::read(wrong.status().as_u16(), &wrong.text().await.unwrap());
    assert!(wrong.is_hash_mismatch(), "{wrong:?}");
    direct.ok(&abort_multipart_upload::abort_multipart_upload(key, &upload), vec![]).await;
    let gone = direct.send(&upload_part::upload_part(key, &upload, 1, Payload::Unsigned), "bytes").await;
    let gone = StoreError::read(gone.status().as_u16(), &gone.text().await.unwrap());
    assert!(gone.is_no_such_upload(), "{gone:?}");
}

#[tokio::test]
async fn unusual_keys_name_the_same_object_at_the_store() {
    let direct = direct().await;
    for name in ["100%.txt", "literal-%3D-triplet", "a b+c=d", "q?#&'\"", "[x]{y}*~!()", "ünï/ファイル/🚀", "a//b", "trailing/"] {
        let key = format!("users/direct/o/{name}");
        let bytes = random_bytes(64);
        direct.ok(&put_object::put_object(&key, PLAIN, Payload::Sha256(Sha256Hex::of(&bytes))), bytes.clone()).await;
        let back = direct.ok(&get_object::get_object(&key, None), vec![]).await.bytes().await.unwrap();
        assert!(back == bytes, "{key}");
        // An independent SigV4 implementation finds it under the same key.
        let encoded = percent::path(&key);
        assert!(Bucket::new(origin_access().await).get(&encoded).await.as_deref() == Some(&bytes), "{key}");
        let url = direct.store.presign(&get_object::get_object_as(&key, PLAIN), now(), 60);
        let presigned = direct.http.get(&url.url).send().await.unwrap();
        assert_eq!((presigned.status().as_u16(), presigned.headers()["content-type"].to_str().unwrap()), (200, "application/x-thing; a=b"), "{key}");
        assert!(presigned.bytes().await.unwrap() == bytes, "{key}");
        direct.ok(&delete_object::delete_object(&key), vec![]).await;
    }
}

/// What the simulation believes of a store (`crates/simulation/src/conformance.rs`) is what this one does.
#[tokio::test]
async fn store_answers_as_the_simulated_one_does() {
    let direct = direct().await;
    let bucket = origin_access().await.bucket.clone();
    let send = async |action: Action, body: conformance::Body| {
        let bytes = match body {
            conformance::Body::Text(text) => text.into_bytes(),
            conformance::Body::Filler(bytes) => vec![b'x'; usize::try_from(bytes).unwrap()],
        };
        let response = direct.send(&action, bytes).await;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (etag, length, range) = (header("etag"), header("content-length"), header("content-range"));
        let text = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        let code = if status >= 300 { StoreError::read(status, &text).code } else { String::new() };
        let etag = etag.map(|etag| unquote(&etag).to_owned());
        conformance::Answer { status, code, text, etag, length: length.and_then(|text| text.parse().ok()), range }
    };
    let prefix = format!("users/conformance/{}/", uuid::Uuid::from_bytes(random_bytes(16).try_into().unwrap()));
    let differing = conformance::run(&bucket, &prefix, send).await.err().unwrap_or_default();
    assert!(differing.is_empty(), "{differing:#?}");
}
