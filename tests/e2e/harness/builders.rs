//! Accounts, sessions, assets, files and namespaces, each made by one chain of calls:
//!
//! ```ignore
//! let account = stack.account("reader").tier("pro").create().await;
//! let session = stack.session(&account).size(25_000_000).start().await;
//! let asset = stack.asset(&account).bytes("hello").store().await;
//! let file = stack.file(&account).name("film.mp4").size(3 * SLICE).store().await;
//! let namespace = stack.namespace("jt_customer_x").member(&account).create().await;
//! ```

use jettyspeed_client::api::Asset;
use jettyspeed_client::{UploadOptions, no_progress, upload};
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Call, Stack, credentials, random_file};

/// Large files are cached in pieces of this size.
pub const SLICE: usize = 5 * 1024 * 1024;

impl Stack {
    /// A new account of that user, of the tier `pro` unless told otherwise.
    pub fn account(&self, user: &str) -> AccountBuilder<'_> {
        AccountBuilder { stack: self, user: user.to_owned(), tier: "pro".to_owned() }
    }

    /// An upload session, `raw.bin` unless told otherwise.
    pub fn session<'a>(&'a self, account: &'a AccountAccess) -> SessionBuilder<'a> {
        SessionBuilder { stack: self, account, body: json!({ "action": "start", "fileName": "raw.bin" }) }
    }

    /// A file stored in one request, `a.bin` unless told otherwise.
    pub fn asset<'a>(&'a self, account: &'a AccountAccess) -> AssetBuilder<'a> {
        AssetBuilder { stack: self, account, bytes: Vec::new() }
    }

    /// A file of random bytes, uploaded by the client library.
    pub fn file<'a>(&'a self, account: &'a AccountAccess) -> FileBuilder<'a> {
        FileBuilder { stack: self, account, name: "a.bin".to_owned(), size: 0 }
    }

    /// A new namespace of that name.
    pub fn namespace(&self, name: &str) -> NamespaceBuilder<'_> {
        NamespaceBuilder { stack: self, body: json!({ "name": name }), members: Vec::new() }
    }
}

pub struct AccountBuilder<'a> {
    stack: &'a Stack,
    user: String,
    tier: String,
}

impl AccountBuilder<'_> {
    /// `free`, `starter`, `pro`, `business` or `enterprise`.
    pub fn tier(mut self, tier: &str) -> Self {
        tier.clone_into(&mut self.tier);
        self
    }

    /// Provisions it: its credentials.
    pub async fn create(self) -> AccountAccess {
        let Self { stack, user, tier } = self;
        let body = json!({ "user_id": user, "email": format!("{user}@example.com"), "tier": tier });
        let (status, body) = stack.webhook("/api/webhooks/jetty/provision", body).await;
        assert_eq!(status, 201, "{body}");
        credentials(&body)
    }
}

pub struct SessionBuilder<'a> {
    stack: &'a Stack,
    account: &'a AccountAccess,
    body: Value,
}

impl SessionBuilder<'_> {
    pub fn name(self, name: &str) -> Self {
        self.field("fileName", json!(name))
    }

    /// Bytes of the whole file.
    pub fn size(self, size: usize) -> Self {
        self.field("fileSize", json!(size))
    }

    /// The file's hash as the client claims it.
    pub fn hash(self, sha256: &str) -> Self {
        self.field("fileHash", json!(sha256))
    }

    pub fn namespace(self, namespace: &str) -> Self {
        self.field("namespace", json!(namespace))
    }

    /// Any other field of `start`.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    /// Starts it: the answer of `track-upload`.
    pub async fn start(self) -> Value {
        let (status, body) = self.stack.track(self.account, self.body).await;
        assert_eq!(status, 201, "{body}");
        body
    }
}

pub struct AssetBuilder<'a> {
    stack: &'a Stack,
    account: &'a AccountAccess,
    bytes: Vec<u8>,
}

impl AssetBuilder<'_> {
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes = bytes.into();
        self
    }

    /// Stores it: the asset.
    pub async fn store(self) -> Value {
        let request = self.stack.request(Method::POST, "/api/storage/upload", self.account).header("X-File-Name", "a.bin").body(self.bytes);
        let (status, body) = request.answer().await;
        assert_eq!(status, 201, "{body}");
        body["asset"].clone()
    }
}

pub struct FileBuilder<'a> {
    stack: &'a Stack,
    account: &'a AccountAccess,
    name: String,
    size: usize,
}

/// A stored file: its key at the store, its URL with a token, its id, its bytes.
pub struct StoredFile {
    pub key: String,
    pub url: String,
    pub id: String,
    pub bytes: Vec<u8>,
}

impl FileBuilder<'_> {
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// Uploads it: the asset and the bytes.
    pub async fn upload(self) -> (Asset, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = random_file(folder.path(), &self.name, self.size);
        let done = upload(&self.stack.edge(self.account), &path, &UploadOptions::default(), no_progress()).await.unwrap();
        (done.asset, bytes)
    }

    /// Uploads it and waits until its bytes are verified, which reads them from the store, too.
    pub async fn store(self) -> StoredFile {
        let (stack, account) = (self.stack, self.account);
        let (asset, bytes) = self.upload().await;
        stack.verified(account, &asset.id).await;
        let url = stack.edge(account).download_url(&asset.id).await.unwrap();
        StoredFile { key: asset.s3_key, url, id: asset.id, bytes }
    }
}

pub struct NamespaceBuilder<'a> {
    stack: &'a Stack,
    body: Value,
    members: Vec<String>,
}

impl NamespaceBuilder<'_> {
    /// Another field of the body.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    pub fn member(mut self, account: &AccountAccess) -> Self {
        self.members.push(account.user_id.clone());
        self
    }

    /// Creates it and adds its members: its name.
    pub async fn create(self) -> String {
        let name = self.body["name"].as_str().unwrap().to_owned();
        let (status, body) = self.stack.operator(Method::POST, "/api/portal/namespaces").json(&self.body).answer().await;
        assert_eq!(status, 201, "{body}");
        for user in &self.members {
            self.stack.add_member(&name, user).await;
        }
        name
    }
}
