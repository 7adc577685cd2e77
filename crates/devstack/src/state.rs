//! Contents of a state folder: the secrets of this stack, generated once, and `dev.json`, from which clients and tests read how to reach it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::credentials::{random, secret, test_key};

/// The store that the Worker uses.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginAccess {
    /// `http://host:port`
    pub endpoint: String,
    /// Region for the signature.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
}

/// An account with its credentials in plain text, for the operator of the stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAccess {
    /// The platform's id of the user.
    pub user_id: String,
    /// `jt_test_…`
    pub api_key: String,
    /// `jts_…`
    pub api_secret: String,
    /// The namespace that is created with the account.
    pub namespace: String,
}

impl AccountAccess {
    /// An account with random credentials.
    pub fn draw(user_id: &str) -> Result<AccountAccess> {
        Ok(AccountAccess { user_id: user_id.to_owned(), api_key: test_key()?, api_secret: secret()?, namespace: format!("jt_user_{user_id}") })
    }
}

/// `dev.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dev {
    /// URL of the Worker.
    pub url: String,
    /// The store.
    pub origin: OriginAccess,
    /// The development account.
    pub account: AccountAccess,
    /// Secret that signs webhook calls.
    pub webhook_secret: String,
    /// Bearer token of the operator.
    pub admin_token: String,
}

/// The secrets of the Worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// `TOKEN_KEYS`
    pub token_keys: String,
    /// `CREDENTIAL_KEY`
    pub credential_key: String,
    /// `ADMIN_TOKEN`
    pub admin_token: String,
    /// `WEBHOOK_SECRETS`
    pub webhook_secret: String,
    /// `RECEIPT_KEYS`; folders of earlier versions have none.
    #[serde(default)]
    pub receipt_keys: String,
    /// Secret of the embedded store.
    pub origin_secret: String,
    /// The development account.
    pub account: AccountAccess,
}

impl Secrets {
    /// The folder's secrets, generated if absent.
    pub fn of(folder: &Path) -> Result<Secrets> {
        let path = folder.join("secrets.json");
        if let Ok(text) = fs::read_to_string(&path) {
            let mut secrets: Secrets = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            if secrets.receipt_keys.is_empty() {
                secrets.receipt_keys = random_seed()?;
                write_private(&path, &serde_json::to_string_pretty(&secrets)?)?;
            }
            return Ok(secrets);
        }
        let secrets = Secrets {
            token_keys: random_hex()?,
            credential_key: random_hex()?,
            admin_token: random_hex()?,
            webhook_secret: format!("whsec_{}", random_hex()?),
            receipt_keys: random_seed()?,
            origin_secret: random_hex()?,
            account: AccountAccess::draw("dev")?,
        };
        write_private(&path, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// The Worker's variables and secrets, in the form of an env file.
    pub fn env_file(&self, origin: &OriginAccess, more: &[(String, String)]) -> String {
        let mut values: Vec<(String, String)> = [
            ("LYVE_ENDPOINT", &origin.endpoint),
            ("LYVE_REGION", &origin.region),
            ("LYVE_BUCKET_NAME", &origin.bucket),
            ("LYVE_ACCESS_KEY_ID", &origin.access_key_id),
            ("LYVE_SECRET_ACCESS_KEY", &origin.secret_access_key),
            ("TOKEN_KEYS", &self.token_keys),
            ("CREDENTIAL_KEY", &self.credential_key),
            ("ADMIN_TOKEN", &self.admin_token),
            ("WEBHOOK_SECRETS", &self.webhook_secret),
            ("RECEIPT_KEYS", &self.receipt_keys),
            // Sinks of tests, and of whoever tries it here, are on this machine.
            ("WEBHOOK_TARGETS", &"any".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into();
        values.extend_from_slice(more);
        // dotenv has no escapes inside quotes, but three kinds of quotes.
        let quote = |value: &str| ['\'', '"', '`'].into_iter().find(|quote| !value.contains(*quote)).unwrap_or('\'');
        values.iter().map(|(name, value)| (name, value, quote(value))).map(|(name, value, q)| format!("{name}={q}{value}{q}\n")).collect()
    }
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Private before it has content, and renamed only when it is complete.
    let partial = path.with_extension("new");
    fs::write(&partial, "")?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
    fs::write(&partial, text)?;
    fs::rename(&partial, path)?;
    Ok(())
}

/// A seed of Ed25519, in base64.
fn random_seed() -> Result<String> {
    Ok(base64::engine::general_purpose::STANDARD.encode(random::<32>()?))
}

fn random_hex() -> Result<String> {
    Ok(hex::encode(random::<24>()?))
}
