//! Direct access to the bucket, bypassing the Worker, signed by another implementation of SigV4 (the crate aws-sigv4).

use super::{client, done_or, eventually};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::{Client, Method};
use std::time::{Duration, SystemTime};

use jettyspeed_devstack::state::OriginAccess;
use jettyspeed_edge::s3::operations::create_multipart_upload;

/// The bucket, bypassing the Worker.
pub struct Bucket {
    access: OriginAccess,
    http: Client,
}

impl Bucket {
    pub fn new(access: &OriginAccess) -> Bucket {
        Bucket { access: access.clone(), http: client() }
    }

    async fn send(&self, method: Method, target: &str) -> (u16, Vec<u8>) {
        self.send_body(method, target, "").await
    }

    async fn send_body(&self, method: Method, target: &str, body: impl AsRef<[u8]>) -> (u16, Vec<u8>) {
        let url = format!("{}/{}{target}", self.access.endpoint, self.access.bucket);
        let credentials = Credentials::new(&self.access.access_key_id, &self.access.secret_access_key, None, None, "test");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.access.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let signable = SignableRequest::new(method.as_str(), &url, std::iter::empty(), SignableBody::Bytes(body.as_ref())).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = self.http.request(method, &url).body(body.as_ref().to_vec());
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    /// The object's bytes.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.send(Method::GET, &format!("/{key}")).await;
        (status == 200).then_some(body)
    }

    /// Puts other bytes under a key, past the Worker.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        let (status, answer) = self.send_body(Method::PUT, &format!("/{key}"), bytes).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// Waits until the object is deleted, as the collector does it some seconds after its last reference is gone.
    pub async fn wait_until_deleted(&self, key: &str) {
        eventually(Duration::from_secs(40), async || done_or(self.get(key).await.is_none(), format!("{key} is still there"))).await;
    }

    /// Completes an upload of one part.
    pub async fn complete_single_part(&self, key: &str, upload_id: &str) {
        let (_, listing) = self.send(Method::GET, &format!("/{key}?uploadId={upload_id}")).await;
        let text = String::from_utf8(listing).unwrap();
        let etag = text.split("<ETag>").nth(1).unwrap().split('<').next().unwrap();
        let body = format!("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>");
        let (status, answer) = self.send_body(Method::POST, &format!("/{key}?uploadId={upload_id}"), &body).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// Aborts an unfinished upload.
    pub async fn abort(&self, key: &str, upload_id: &str) {
        let (status, _) = self.send(Method::DELETE, &format!("/{key}?uploadId={upload_id}")).await;
        assert_eq!(status, 204);
    }

    /// Begins an upload past the Worker: its id.
    pub async fn create_upload(&self, key: &str) -> String {
        let (status, body) = self.send(Method::POST, &format!("/{key}?uploads=")).await;
        assert_eq!(status, 200);
        create_multipart_upload::upload_id(std::str::from_utf8(&body).unwrap()).unwrap()
    }

    /// The upload ids of unfinished uploads.
    pub async fn open_upload_ids(&self) -> Vec<String> {
        self.listed("?uploads=", "UploadId").await
    }

    /// The keys that a user has at the store, and those of the user's unfinished uploads.
    pub async fn objects_and_uploads_of(&self, user: &str) -> (Vec<String>, Vec<String>) {
        let prefix = format!("users/{user}/");
        let objects = self.listed(&format!("?list-type=2&prefix=users%2F{user}%2F"), "Key").await;
        let open = self.listed("?uploads=", "Key").await;
        (objects, open.into_iter().filter(|key| key.starts_with(&prefix)).collect())
    }

    /// What a listing has in its elements of that name.
    async fn listed(&self, target: &str, element: &str) -> Vec<String> {
        let (status, body) = self.send(Method::GET, target).await;
        assert_eq!(status, 200);
        let text = String::from_utf8(body).unwrap();
        text.split(&format!("<{element}>")).skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }
}
