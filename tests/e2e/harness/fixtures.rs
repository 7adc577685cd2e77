//! Stacks: a Worker in a real workerd with its own database, behind a proxy to the one S3 store of the test run.

use reqwest::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

use super::{Bucket, client, database};

use jettyspeed_devstack::net::free_port;
use jettyspeed_devstack::origin::Swift;
use jettyspeed_devstack::proxy::Proxy;
use jettyspeed_devstack::secrets::{folder, note};
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::{AccountAccess, OriginAccess, Secrets};
use jettyspeed_devstack::worker::{self, Build, Runner, Setup, Worker};
use jettyspeed_devstack::{bucket as store_bucket, root};
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::time::EpochMs;

/// The store that all Workers of this test run share, and what they are started with.
struct Origin {
    _swift: Swift,
    access: OriginAccess,
    /// A state folder with nothing but tables.
    template: PathBuf,
    /// See [`Runner::Miniflare`].
    options: PathBuf,
}

/// A Worker with its proxy and its accounts.
pub struct Stack {
    pub worker: Mutex<Worker>,
    pub url: String,
    pub proxy: Proxy,
    pub bucket: Bucket,
    pub secrets: Secrets,
    /// Enterprise.
    pub dev: AccountAccess,
    /// Business: another customer.
    pub other: AccountAccess,
    pub free: AccountAccess,
    pub starter: AccountAccess,
    pub pro: AccountAccess,
    pub suspended: AccountAccess,
    /// Enterprise; chunks may come without a hash, 5 MiB each.
    pub unsigned: AccountAccess,
    pub http: Client,
    /// Whether several tests use it at once.
    is_shared: bool,
}

async fn origin() -> &'static Origin {
    static ORIGIN: OnceCell<Origin> = OnceCell::const_new();
    ORIGIN
        .get_or_init(|| async {
            let folder = folder();
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            let port = free_port().unwrap();
            let access = OriginAccess {
                endpoint: format!("http://127.0.0.1:{port}"),
                region: "us-east-1".into(),
                bucket: "e2e-bucket".into(),
                access_key_id: "jetty:speed".into(),
                secret_access_key: "only-for-this-test-run".into(),
            };
            let swift = Swift::start(&folder.join("swift"), port, &access).await.unwrap();
            let template = Setup { state: folder.join("template"), port: 0, env_file: String::new(), runner: Runner::Wrangler };
            std::fs::create_dir_all(&template.state).unwrap();
            template.migrate().await.unwrap();
            let options = folder.join("options.json");
            worker::options(&options, Build::Release).await.unwrap();
            Origin { _swift: swift, access, template: template.state, options }
        })
        .await
}

/// A second database: a state folder with nothing but its tables, and the options of a Worker that has it as `DB_1`.
struct Second {
    template: PathBuf,
    options: PathBuf,
}

async fn second() -> &'static Second {
    static SECOND: OnceCell<Second> = OnceCell::const_new();
    SECOND
        .get_or_init(|| async {
            let (folder, origin) = (folder(), origin().await);
            let shipped = std::fs::read_to_string(root().join("wrangler.toml")).unwrap();
            let first = shipped.lines().find(|line| line.starts_with("d1_databases = ")).unwrap();
            let id = "00000000-0000-0000-0000-000000000002";
            let other = format!(
                "{{ binding = \"DB_1\", database_name = \"jettyspeed-1\", database_id = \"{id}\", migrations_dir = \"{}\" }}]",
                root().join("migrations").display()
            );
            let config = folder.join("wrangler.toml");
            std::fs::write(&config, shipped.replace(first, &format!("{}, {other}", first.trim_end_matches(']')))).unwrap();
            let template = folder.join("template-1");
            std::fs::create_dir_all(&template).unwrap();
            let setup = Setup { state: template.clone(), port: 0, env_file: String::new(), runner: Runner::Wrangler };
            setup.migrate_of(&config, "DB_1").await.unwrap();
            let mut options: Value = serde_json::from_slice(&std::fs::read(&origin.options).unwrap()).unwrap();
            options["workerOptions"]["d1Databases"]["DB_1"] = json!({ "id": id });
            let path = folder.join("options-1.json");
            std::fs::write(&path, options.to_string()).unwrap();
            Second { template, options: path }
        })
        .await
}

/// How to reach the store bypassing the Worker and its proxy.
pub async fn origin_access() -> &'static OriginAccess {
    &origin().await.access
}

/// Options of a Worker without anything of a test's.
pub async fn plain_options() -> &'static Path {
    &origin().await.options
}

/// A state folder with nothing but tables.
pub(super) async fn template() -> &'static Path {
    &origin().await.template
}

/// The shared stack, for tests that neither break nor reconfigure it.
pub async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    STACK.get_or_init(|| Stack::start_shared(&[])).await
}

/// A shared stack whose tiers may be changed, each by one test, and whose isolate admits more unauthenticated callers than the platform.
pub async fn stack_with_changed_tiers() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    STACK.get_or_init(|| Stack::start_shared(&[("RATE_LIMIT_MAX_REQUESTS", "1000")])).await
}

/// The secrets of [`stack_with_two_webhook_secrets`].
pub const NEW_SECRET: &str = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw==";
pub const OLD_SECRET: &str = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0";

/// A shared stack with two webhook secrets, and 50 unauthenticated calls per address and minute.
pub async fn stack_with_two_webhook_secrets() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let secrets = format!("{NEW_SECRET}, {OLD_SECRET}");
    let start = || async {
        let mut stack = Stack::start_shared(&[("WEBHOOK_SECRETS", &secrets), ("RATE_LIMIT_MAX_REQUESTS", "50")]).await;
        stack.secrets.webhook_secret = NEW_SECRET.to_owned();
        stack
    };
    STACK.get_or_init(start).await
}

/// A stack of its own whose edges publish their metrics every second. (Its own: what other tests upload would be measured, too.)
pub async fn stack_with_quick_metrics() -> Stack {
    Stack::start(&[("EDGE_METRICS_SECONDS", "1")]).await
}

/// Bundles `entry` with the built Worker: the options to run the two with, made of those of the Worker.
fn with_entry(options: &Path, entry: &Path) -> PathBuf {
    let mut options: Value = serde_json::from_slice(&std::fs::read(options).unwrap()).unwrap();
    let built = PathBuf::from(options["main"].as_str().unwrap());
    let bundle = folder().join("entry").join(entry.parent().unwrap().file_name().unwrap());
    std::fs::create_dir_all(&bundle).unwrap();
    let main = bundle.join("main.js");
    let output = Command::new(root().join("node_modules/.bin/esbuild"))
        .arg(entry)
        .args(["--bundle", "--format=esm", "--external:cloudflare:*", "--external:*.wasm"])
        .arg(format!("--alias:edge={}", built.display()))
        .arg(format!("--outfile={}", main.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::copy(built.with_file_name("index_bg.wasm"), bundle.join("index_bg.wasm")).unwrap();
    options["main"] = json!(main);
    let path = bundle.join("options.json");
    std::fs::write(&path, options.to_string()).unwrap();
    path
}

/// The lines of an env file but for those of `missing`.
fn without(env_file: &str, missing: &[(&str, &str)]) -> String {
    let is_missing = |line: &&str| missing.iter().any(|(name, _)| line.split_once('=').is_some_and(|(given, _)| given == *name));
    env_file.lines().filter(|line| !is_missing(line)).map(|line| format!("{line}\n")).collect()
}

impl Stack {
    /// A stack of its own on the shared store, for tests that break it or need other vars.
    pub async fn start(vars: &[(&str, &str)]) -> Stack {
        Stack::launch(origin_access().await.clone(), vars, true, None).await
    }

    /// The same with a JavaScript module of the test's in front of the Worker, which it imports as `edge`.
    pub async fn start_with_entry(entry: &Path) -> Stack {
        let options = with_entry(&origin().await.options, entry);
        Stack::launch(origin_access().await.clone(), &[], true, Some(options)).await
    }

    /// The same with other options of workerd.
    pub async fn start_with_options(options: PathBuf, vars: &[(&str, &str)]) -> Stack {
        Stack::launch(origin_access().await.clone(), vars, true, Some(options)).await
    }

    /// The same with a bucket of its own, for tests that look at everything in it.
    pub async fn start_with_bucket(bucket: &str, vars: &[(&str, &str)]) -> Stack {
        let access = OriginAccess { bucket: bucket.to_owned(), ..origin_access().await.clone() };
        store_bucket::create(&access).await.unwrap();
        Stack::launch(access, vars, true, None).await
    }

    /// The same on a database without tables: whatever reads it fails.
    pub async fn without_tables() -> Stack {
        Stack::launch(origin_access().await.clone(), &[], false, None).await
    }

    /// A stack with a second database, `DB_1`.
    pub async fn with_two_databases(vars: &[(&str, &str)]) -> Stack {
        let second = second().await;
        Stack::launch(origin_access().await.clone(), vars, true, Some(second.options.clone())).await
    }

    /// A Worker without keys that sign receipts of files, which is a configuration as any other.
    pub async fn start_without_receipts() -> Stack {
        Stack::start(&[("RECEIPT_KEYS", " ")]).await
    }

    /// A Worker that lacks the secret `missing` and says so.
    pub async fn misconfigured(missing: &str) -> Stack {
        Stack::launch(origin_access().await.clone(), &[(missing, "")], true, None).await
    }

    /// A var with an empty value is left out, and the Worker is then expected to be misconfigured.
    async fn launch(access: OriginAccess, vars: &[(&str, &str)], with_tables: bool, options: Option<PathBuf>) -> Stack {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let origin = origin().await;
        let has_second = options.as_ref().is_some_and(|path| path.ends_with("options-1.json"));
        let proxy = Proxy::start(access.endpoint.trim_start_matches("http://")).unwrap();
        let state: PathBuf = folder().join(format!("state-{}", NUMBER.fetch_add(1, Ordering::SeqCst)));
        let secrets = Secrets::of(&state).unwrap();
        let through_proxy = OriginAccess { endpoint: proxy.url(), ..access.clone() };
        let draw = |user: &str, tier: &str| Seed::draw(user, tier).unwrap();
        let seeds = [
            Seed::of(secrets.account.clone(), "enterprise"),
            draw("other", "business"),
            draw("free", "free"),
            draw("starter", "starter"),
            draw("pro", "pro"),
            Seed { status: "suspended", ..draw("suspended", "enterprise") },
            Seed { allow_unsigned: true, chunk_size: Some(5 * 1024 * 1024), ..draw("unsigned", "enterprise") },
        ];
        let Secrets { token_keys, credential_key, admin_token, webhook_secret, receipt_keys, origin_secret, account: _ } = &secrets;
        let signing_key = &webhook_secret.trim_start_matches("whsec_").to_owned();
        // With the prefix it is the bearer, without it the key of signatures.
        let own = [token_keys, credential_key, admin_token, webhook_secret, signing_key, receipt_keys, origin_secret, &access.secret_access_key]
            .map(String::clone);
        note(own.into_iter().chain(seeds.iter().flat_map(|seed| [seed.access.api_key.clone(), seed.access.api_secret.clone()]))).unwrap();
        let (missing, vars): (Vec<_>, Vec<_>) = vars.iter().copied().partition(|(_, value)| value.is_empty());
        let mut more: Vec<_> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if !vars.iter().any(|(name, _)| *name == "LOG_LEVEL") {
            more.push(("LOG_LEVEL".to_owned(), "info".to_owned()));
        }
        for (default, value) in [("DELETE_GRACE_SECONDS", "0"), ("STATS_FLUSH_SECONDS", "3")] {
            if !vars.iter().any(|(name, _)| *name == default) {
                more.push((default.to_owned(), value.to_owned()));
            }
        }
        let setup = Setup {
            state,
            port: free_port().unwrap(),
            env_file: without(&secrets.env_file(&through_proxy, &more), &missing),
            runner: Runner::Miniflare(options.unwrap_or_else(|| origin.options.clone())),
        };
        if with_tables {
            database::copy(&origin.template, &setup.state).unwrap();
            let accounts: String = seeds.iter().map(|seed| seed.sql(&access.bucket)).collect();
            database::run(&setup.state, &accounts).unwrap();
            if has_second {
                database::copy(&second().await.template, &setup.state).unwrap();
            }
        }
        let worker = if missing.is_empty() { setup.start().await } else { setup.start_misconfigured().await }.unwrap();
        let [dev, other, free, starter, pro, suspended, unsigned] = seeds.map(|seed| seed.access);
        Stack {
            url: worker.url(),
            worker: Mutex::new(worker),
            proxy,
            bucket: Bucket::new(&access),
            secrets,
            dev,
            other,
            free,
            starter,
            pro,
            suspended,
            unsigned,
            http: client(),
            is_shared: false,
        }
    }

    async fn start_shared(vars: &[(&str, &str)]) -> Stack {
        Stack { is_shared: true, ..Stack::start(vars).await }
    }

    /// The rows of each of one or several statements on the Worker's database, bypassing the Worker. On a shared stack only reading ones: while another process
    /// writes, workerd's own statements fail at once (`SQLITE_BUSY`).
    pub async fn sql(&self, statements: &str) -> Vec<Vec<Value>> {
        let reads = statements.split(';').map(str::trim).all(|statement| statement.is_empty() || statement.starts_with("SELECT"));
        assert!(reads || !self.is_shared, "take a stack of your own to write: {statements}");
        let state = self.worker.lock().await.setup().state.clone();
        database::run_like(&origin().await.template, &state, statements).unwrap()
    }

    /// The same on the second database of [`Stack::with_two_databases`].
    pub async fn sql_of_second(&self, statements: &str) -> Vec<Vec<Value>> {
        let state = self.worker.lock().await.setup().state.clone();
        database::run_like(&second().await.template, &state, statements).unwrap()
    }

    /// What the Worker has logged so far, bytes: for [`Stack::database_calls`].
    pub async fn log_length(&self) -> usize {
        let log = self.worker.lock().await.log();
        usize::try_from(std::fs::metadata(log).unwrap().len()).unwrap()
    }

    /// The round trips to the database since byte `from` of the log, by the beginning of their first statement. Of a stack with `LOG_LEVEL` `debug`.
    pub async fn database_calls(&self, from: usize) -> Vec<String> {
        // The log is written a little later.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let text = std::fs::read_to_string(self.worker.lock().await.log()).unwrap();
        let steps = text[from..].lines().filter_map(|line| serde_json::from_str::<Value>(&line[line.find('{')?..]).ok());
        let steps = steps.filter(|line| line["event"] == "step").map(|line| line["fields"].clone());
        let of_database = steps.filter(|step| matches!(step["kind"].as_str(), Some("d1" | "d1 batch")));
        of_database.map(|step| step["what"].as_str().unwrap().to_owned()).collect()
    }

    /// How often the Worker read the object from the store, in whole or in part.
    pub fn store_reads(&self, key: &str) -> usize {
        self.proxy.seen(key).iter().filter(|seen| seen.method == "GET").count()
    }

    /// Aborts the session's upload at the store, bypassing the Worker.
    pub async fn abort_at_store(&self, started: &Value) {
        let claims = self.upload_claims(started);
        self.bucket.abort(&claims.key, &claims.upload_id).await;
    }

    /// What the session's upload token says.
    pub fn upload_claims(&self, started: &Value) -> UploadClaims {
        UploadClaims::open(started["uploadToken"].as_str().unwrap(), &self.token_keys(), EpochMs(0)).unwrap()
    }

    /// The keys the Worker signs tokens with.
    pub fn token_keys(&self) -> Vec<MacKey> {
        vec![MacKey::new(self.secrets.token_keys.as_bytes())]
    }
}
