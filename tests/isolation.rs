//! Access control as a property test: random routes, callers and names go through the Worker's own decisions and statements on a real SQLite, and the outcome
//! is compared with this file's own record of who owns what.

mod sqlite;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use sqlite::{database, upload_of, values};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::access::authorize::{Principal, ResourceKind};
use jettyspeed_edge::access::routes::{Endpoint, ROUTES, Route};
use jettyspeed_edge::access::{authorize, routes};
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::listing;
use jettyspeed_edge::files::listing::{Listing, Mark};
use jettyspeed_edge::files::repository as assets;
use jettyspeed_edge::files::repository::Via;
use jettyspeed_edge::namespaces::namespace::Namespace;
use jettyspeed_edge::namespaces::repository as namespaces;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::{AuthFailure, Problem};
use jettyspeed_edge::uploads;
use jettyspeed_edge::uploads::session::state::Meta;
use jettyspeed_edge::video::path::VideoPath;
use jettyspeed_edge::video::repository as video;

const CASES: u32 = 20_000;
const USERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const SHARED: &str = "jt_customer_shared";
/// Members of the shared namespace, and the one that manages it.
const MEMBERS: [&str; 3] = ["alpha", "beta", "gamma"];
const MANAGER: &str = "gamma";
/// Assets and uploads of each account in each of its namespaces.
const EACH: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Nobody,
    Account,
    Token,
    File,
    Video,
    Webhook,
    Operator,
}

const KINDS: [Kind; 7] = [Kind::Nobody, Kind::Account, Kind::Token, Kind::File, Kind::Video, Kind::Webhook, Kind::Operator];
/// The video that every namespace has, and its files.
const FILM: (&str, [&str; 2]) = ("film", ["index.m3u8", "720p/0.ts"]);

fn kind(who: &Principal) -> Kind {
    match who {
        Principal::Nobody => Kind::Nobody,
        Principal::Account(_) => Kind::Account,
        Principal::Token { .. } => Kind::Token,
        Principal::File { .. } => Kind::File,
        Principal::Video { .. } => Kind::Video,
        Principal::Webhook => Kind::Webhook,
        Principal::Operator => Kind::Operator,
    }
}

macro_rules! endpoints {
    ($($endpoint:ident: $callers:expr, $names:expr;)*) => {
        const ENDPOINTS: &[Endpoint] = &[$(Endpoint::$endpoint),*];
        /// The callers that may call an endpoint, and the resources that a call can name in path, query, headers or body. Without a wildcard: a new endpoint
        /// does not compile before it has a line here.
        fn spec(endpoint: Endpoint) -> (&'static [Kind], &'static [ResourceKind]) {
            match endpoint {
                $(Endpoint::$endpoint => (&$callers, &$names)),*
            }
        }
    };
}

endpoints! {
    Health: KINDS, [];
    ExplainProblem: KINDS, [];
    StartPage: KINDS, [];
    Documents: KINDS, [];
    Document: KINDS, [];
    Dashboard: KINDS, [];
    SignIn: [Kind::Account, Kind::Operator], [];
    BrowserSessions: [Kind::Account, Kind::Operator], [];
    SignOut: [Kind::Account, Kind::Operator], [];
    SignedIn: [Kind::Account, Kind::Operator], [];
    Keys: [Kind::Account], [];
    RotateKey: [Kind::Account], [];
    Jobs: [Kind::Operator], [];
    CreateAccount: [Kind::Operator], [ResourceKind::User];
    ChangeAccount: [Kind::Operator], [ResourceKind::User];
    RotateAccount: [Kind::Operator], [ResourceKind::User];
    RenameFile: [Kind::Account], [ResourceKind::Asset];
    OpenApi: KINDS, [];
    OptimalEdges: [Kind::Account], [ResourceKind::Namespace];
    CheckDuplicate: [Kind::Account], [];
    Edges: KINDS, [];
    EdgeMetrics: [Kind::Account, Kind::Operator], [];
    CreateEdge: [Kind::Operator], [];
    ChangeEdge: [Kind::Operator], [];
    DeleteEdge: [Kind::Operator], [];
    Sessions: [Kind::Account], [];
    TrackUpload: [Kind::Account, Kind::Token], [ResourceKind::Session, ResourceKind::Namespace];
    CacheChunk: [Kind::Account, Kind::Token], [ResourceKind::Session];
    RecordChunk: [Kind::Account, Kind::Token], [ResourceKind::Session];
    ChunkUrls: [Kind::Account, Kind::Token], [ResourceKind::Session];
    Chunk: [Kind::Account, Kind::Token], [ResourceKind::Session];
    SimpleUpload: [Kind::Account], [ResourceKind::Session, ResourceKind::Namespace];
    BatchUpload: [Kind::Account], [ResourceKind::Namespace];
    CreateResumable: [Kind::Account], [ResourceKind::Session, ResourceKind::Namespace];
    ResumableOffset: [Kind::Account, Kind::Token], [ResourceKind::Session];
    AppendResumable: [Kind::Account, Kind::Token], [ResourceKind::Session];
    EndResumable: [Kind::Account, Kind::Token], [ResourceKind::Session];
    Files: [Kind::Account], [ResourceKind::Namespace];
    DeletePrefix: [Kind::Account], [ResourceKind::Namespace];
    CopyFile: [Kind::Account], [ResourceKind::Asset];
    File: [Kind::Account], [ResourceKind::Asset];
    DeleteFile: [Kind::Account], [ResourceKind::Asset];
    Download: [Kind::Account], [ResourceKind::Asset];
    Content: [Kind::Account, Kind::File], [ResourceKind::Asset];
    PutVideo: [Kind::Account], [ResourceKind::Namespace];
    Videos: [Kind::Account], [ResourceKind::Namespace];
    DeleteVideo: [Kind::Account], [ResourceKind::Namespace];
    Playback: [Kind::Account], [ResourceKind::Namespace];
    Play: [Kind::Video], [ResourceKind::VideoFile];
    EchoWebhook: [Kind::Webhook], [];
    Provision: [Kind::Webhook], [ResourceKind::User];
    Upgrade: [Kind::Webhook], [ResourceKind::User];
    Rotate: [Kind::Webhook], [ResourceKind::User];
    Suspend: [Kind::Webhook], [ResourceKind::User];
    Resume: [Kind::Webhook], [ResourceKind::User];
    Quota: [Kind::Account, Kind::Webhook], [ResourceKind::User];
    MoveAccount: [Kind::Operator], [ResourceKind::User];
    Accounts: [Kind::Operator], [];
    AccountOverview: [Kind::Operator], [ResourceKind::User];
    DeleteAccount: [Kind::Operator], [ResourceKind::User];
    ProvisioningFigures: [Kind::Operator], [];
    Statement: [Kind::Account, Kind::Operator], [ResourceKind::User];
    Tiers: [Kind::Operator], [];
    ChangeTier: [Kind::Operator], [];
    CreateNamespace: [Kind::Operator], [];
    Namespaces: [Kind::Account, Kind::Operator], [];
    Namespace: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    ChangeNamespace: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    DeleteNamespace: [Kind::Operator], [ResourceKind::Namespace];
    NamespaceStats: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Analytics: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Alerts: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Live: [Kind::Account, Kind::Operator], [ResourceKind::User];
    Metrics: [Kind::Operator], [];
    PurgeNamespace: [Kind::Operator], [ResourceKind::Namespace];
    AddMember: [Kind::Operator], [ResourceKind::Namespace, ResourceKind::User];
    RemoveMember: [Kind::Operator], [ResourceKind::Namespace, ResourceKind::User];
    SetResponse: [Kind::Account], [ResourceKind::Namespace];
    GetResponse: [Kind::Account], [ResourceKind::Namespace];
    WarmChunk: [Kind::Account], [ResourceKind::Asset];
    CreateWebhook: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Webhooks: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Webhook: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    ChangeWebhook: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    DeleteWebhook: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Deliveries: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    ReplayDelivery: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    TestWebhook: [Kind::Account, Kind::Operator], [ResourceKind::Namespace];
    Receipt: [Kind::Account], [ResourceKind::Asset];
    ReceiptKeys: KINDS, [];
}

/// The kind of resource that a `{name}` of a pattern names.
fn named_by(param: &str) -> Option<ResourceKind> {
    match param {
        "token" | "id" => Some(ResourceKind::Asset),
        "sessionId" => Some(ResourceKind::Session),
        "ns" => Some(ResourceKind::Namespace),
        "user" => Some(ResourceKind::User),
        // A file of a video is named beside the token that says which video, and by accounts only together with a namespace.
        "path*" | "videoId" => None,
        // An endpoint and what was sent to it are found only together with the namespace in the same path (tests/rights.rs).
        "webhook" | "delivery" => None,
        // A browser's session is found only together with its owner (tests/sql.rs).
        "session" => None,
        "name" | "file" | "partNumber" | "tier" | "code" | "edge" => None,
        new => panic!("{{{new}}}: say here what it names"),
    }
}

fn params(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

#[test]
fn every_endpoint_has_a_route_and_every_nameable_resource_is_declared() {
    for endpoint in ENDPOINTS {
        assert!(ROUTES.iter().any(|route| route.endpoint == *endpoint), "{endpoint:?} has no route");
    }
    for route in ROUTES {
        let (_, names) = spec(route.endpoint);
        assert_eq!(route.resources, names, "{} {}", route.method, route.pattern);
        for reach in params(route.pattern).filter_map(named_by).filter(|_| route.endpoint != Endpoint::Play) {
            assert!(route.resources.contains(&reach), "{} {} names {reach:?}", route.method, route.pattern);
        }
    }
}

struct World {
    db: Connection,
    accounts: BTreeMap<&'static str, Id>,
    /// Session, the store's upload id, account.
    sessions: Vec<(Id, String, Id)>,
    /// Asset, account, namespace.
    assets: Vec<(Id, Id, Name)>,
    members: BTreeSet<(Id, String)>,
    callers: BTreeMap<Kind, Vec<Principal>>,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl World {
    fn new() -> World {
        let db = database();
        let (accounts, callers) = (BTreeMap::new(), BTreeMap::new());
        let mut world = World { db, accounts, sessions: Vec::new(), assets: Vec::new(), members: BTreeSet::new(), callers };
        world.rows(&namespaces::insert(&Namespace::new(name(SHARED), EpochMs(1))));
        for user in USERS {
            world.db.execute_batch(&jettyspeed_devstack::seed::Seed::draw(user, "pro").unwrap().sql("bucket")).unwrap();
            let id: String = world.db.query_row("SELECT id FROM accounts WHERE agentcache_user_id = ?1", [user], |row| row.get(0)).unwrap();
            let id = Id::parse(&id).unwrap();
            world.accounts.insert(user, id);
            world.members.insert((id, format!("jt_user_{user}")));
            if MEMBERS.contains(&user) {
                let role = if user == MANAGER { Role::Manager } else { Role::Member };
                world.rows(&namespaces::put_member(&name(user), SHARED, role, EpochMs(1)));
                world.members.insert((id, SHARED.to_owned()));
            }
        }
        for (number, (account, namespace)) in world.members.clone().into_iter().enumerate() {
            for n in 0..EACH {
                world.populate(account, &name(&namespace), u8::try_from(number).unwrap() * EACH + n);
            }
        }
        world.callers = world.everyone();
        world
    }

    fn populate(&mut self, account: Id, namespace: &Name, n: u8) {
        let (session, upload_id) = (Id::from_random([n + 100; 16]), format!("upload-{n}"));
        let (asset, object) = (Id::from_random([n; 16]), Id::from_random([n + 200; 16]));
        let key = format!("users/x/o/{n}");
        let meta = Meta {
            asset,
            object,
            key: key.clone(),
            upload_id: upload_id.clone(),
            created: EpochMs(u64::from(n)),
            ..upload_of(account, namespace, session)
        };
        self.rows(&uploads::repository::insert(&meta));
        let row = Asset {
            id: asset,
            account_id: account,
            object_id: object,
            name: "a".into(),
            content_type: "a/b".into(),
            namespace: namespace.clone(),
            s3_key: key,
            size: 100,
            etag: "e".into(),
            claimed_sha256: None,
            sha256: None,
            verification: "none".into(),
            created_at: EpochMs(u64::from(n)),
            owner_status: "active".into(),
            borrowed: false,
            path: None,
            modified_at: None,
            verification_reason: None,
        };
        assets::insert(&row, Via::Simple, None).iter().for_each(|statement| drop(self.rows(statement)));
        for path in FILM.1 {
            let file = video::NewFile {
                id: Id::from_random(std::array::from_fn(|at| if at == 0 { n } else { u8::try_from(path.len()).unwrap() })),
                account,
                namespace: namespace.clone(),
                video: name(FILM.0),
                path: VideoPath::parse(path).unwrap(),
                s3_key: format!("k/{namespace}/{path}"),
                size: 7,
                etag: "e".into(),
                content_type: "a/b".into(),
                live_seconds: None,
                started: EpochMs(1),
                created_at: EpochMs(2),
            };
            self.rows(&video::put(&file, None));
        }
        self.sessions.push((session, upload_id, account));
        self.assets.push((asset, account, namespace.clone()));
    }

    /// Every possible caller, and some that only a forged signature could make: a token of one account with the session or namespace of another.
    fn everyone(&self) -> BTreeMap<Kind, Vec<Principal>> {
        let accounts = || self.accounts.values().copied();
        let tokens = self.sessions.iter().flat_map(|(session, _, _)| accounts().map(|account| Principal::Token { session: *session, account }));
        let spaces: BTreeSet<_> = self.assets.iter().map(|(_, _, namespace)| namespace).collect();
        let files =
            self.assets.iter().flat_map(|(asset, _, _)| spaces.iter().map(|space| Principal::File { asset: *asset, namespace: (*space).clone() }));
        let videos =
            spaces.iter().flat_map(|space| [FILM.0, "other"].map(|film| Principal::Video { namespace: (*space).clone(), video: name(film) }));
        BTreeMap::from([
            (Kind::Nobody, vec![Principal::Nobody]),
            (Kind::Account, accounts().chain([Id::from_random([250; 16])]).map(Principal::Account).collect()),
            (Kind::Token, tokens.collect()),
            (Kind::File, files.collect()),
            (Kind::Video, videos.collect()),
            (Kind::Webhook, vec![Principal::Webhook]),
            (Kind::Operator, vec![Principal::Operator]),
        ])
    }

    /// The names of all resources of that kind.
    fn names(&self, reach: ResourceKind) -> Vec<String> {
        match reach {
            ResourceKind::Asset => self.assets.iter().map(|(asset, _, _)| asset.to_string()).collect(),
            ResourceKind::VideoFile => FILM.1.map(str::to_owned).into(),
            ResourceKind::Session => self.sessions.iter().flat_map(|(session, upload_id, _)| [session.to_string(), upload_id.clone()]).collect(),
            ResourceKind::Namespace => self.members.iter().map(|(_, namespace)| namespace.clone()).chain(["jt_customer_wd".to_owned()]).collect(),
            ResourceKind::User => USERS.map(str::to_owned).into(),
        }
    }

    /// Whether the account manages the namespace: its own, or one that it was made manager of.
    fn manages(&self, account: Id, namespace: &str) -> bool {
        let is = |user: &str| self.accounts.get(user) == Some(&account);
        namespace.strip_prefix("jt_user_").is_some_and(is) || (namespace == SHARED && is(MANAGER))
    }

    /// Whether `who` may see it: decided by what this file put into the database, not by a query.
    fn is_theirs(&self, reach: ResourceKind, who: &Principal, named: &str) -> bool {
        match (reach, who) {
            (ResourceKind::Asset, Principal::Account(me)) => {
                let may = |owner: &Id, namespace: &Name| owner == me || self.manages(*me, namespace.as_str());
                self.assets.iter().any(|(asset, owner, namespace)| asset.to_string() == named && may(owner, namespace))
            }
            // The token names the file, the path beside it does not.
            (ResourceKind::Asset, Principal::File { asset, namespace }) => self.assets.iter().any(|(id, _, space)| id == asset && space == namespace),
            (ResourceKind::VideoFile, Principal::Video { video, .. }) => video.as_str() == FILM.0 && FILM.1.contains(&named),
            (ResourceKind::Session, Principal::Account(me)) => {
                self.sessions.iter().any(|(session, upload_id, owner)| (session.to_string() == named || upload_id == named) && owner == me)
            }
            (ResourceKind::Session, Principal::Token { session, account }) => {
                session.to_string() == named && self.sessions.iter().any(|(id, _, owner)| id == session && owner == account)
            }
            (ResourceKind::Namespace, Principal::Account(me)) => self.members.contains(&(*me, named.to_owned())),
            (ResourceKind::Namespace, Principal::Operator) | (ResourceKind::User, Principal::Operator | Principal::Webhook) => {
                self.names(reach).iter().any(|known| known == named)
            }
            (ResourceKind::Asset | ResourceKind::VideoFile | ResourceKind::Session | ResourceKind::Namespace | ResourceKind::User, _) => false,
        }
    }

    /// What the Worker finds: the one row, or the refusal that "no row" becomes.
    fn look(&self, reach: ResourceKind, who: &Principal, named: &str) -> Result<BTreeMap<String, String>, Problem> {
        let statement = authorize::find_statement(reach, who, named)?;
        let mut rows = self.rows(&statement);
        assert!(rows.len() <= 1, "{} gives {} rows", statement.sql, rows.len());
        rows.pop().ok_or(Problem::NotFound)
    }

    fn rows(&self, statement: &Statement) -> Vec<BTreeMap<String, String>> {
        let values = values(statement);
        let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let mut prepared = self.db.prepare_cached(statement.sql).unwrap();
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let text = |value: Value| match value {
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        let read = |row: &rusqlite::Row<'_>| columns.iter().enumerate().map(|(at, column)| Ok((column.clone(), text(row.get(at)?)))).collect();
        prepared.query_map(params.as_slice(), read).unwrap().map(Result::unwrap).collect()
    }

    /// Whether the row's owner columns say that `who` may see it.
    fn belongs(&self, reach: ResourceKind, who: &Principal, named: &str, row: &BTreeMap<String, String>) -> bool {
        let is = |column: &str, value: &str| row.get(column).is_some_and(|found| found == value);
        match (reach, who) {
            (ResourceKind::Asset, Principal::Account(me)) => {
                (is("account_id", &me.to_string()) || row.get("namespace").is_some_and(|space| self.manages(*me, space))) && is("id", named)
            }
            (ResourceKind::Asset, Principal::File { asset, namespace }) => is("id", &asset.to_string()) && is("namespace", namespace.as_str()),
            (ResourceKind::VideoFile, Principal::Video { namespace, video }) => {
                is("namespace", namespace.as_str()) && is("video_id", video.as_str()) && is("path", named)
            }
            (ResourceKind::Session, Principal::Account(me)) => is("account_id", &me.to_string()) && (is("id", named) || is("upload_id", named)),
            (ResourceKind::Session, Principal::Token { session, account }) => {
                is("id", &session.to_string()) && is("account_id", &account.to_string())
            }
            (ResourceKind::Namespace, Principal::Account(me)) => is("name", named) && self.members.contains(&(*me, named.to_owned())),
            (ResourceKind::Namespace, Principal::Operator) => is("name", named),
            (ResourceKind::User, Principal::Operator | Principal::Webhook) => is("agentcache_user_id", named),
            (ResourceKind::Asset | ResourceKind::VideoFile | ResourceKind::Session | ResourceKind::Namespace | ResourceKind::User, _) => false,
        }
    }
}

/// An absent name of that kind, of the same shape as an existing one.
fn absent(reach: ResourceKind) -> &'static str {
    match reach {
        ResourceKind::Asset | ResourceKind::Session => "00000000-0000-4000-8000-00000000000f",
        ResourceKind::VideoFile => "none.ts",
        ResourceKind::Namespace => "jt_user_absent",
        ResourceKind::User => "absent",
    }
}

/// The refusal of everything that is not the caller's. It depends on the caller alone, so existing and absent names cannot be told apart.
fn refusal(reach: ResourceKind, who: &Principal, named: &str) -> Problem {
    match who {
        Principal::Token { session, .. } if reach == ResourceKind::Session && session.to_string() != named => {
            Problem::Unauthenticated(AuthFailure::OtherUpload)
        }
        _ => Problem::NotFound,
    }
}

#[derive(Debug, Clone)]
enum Thing {
    /// A resource of the caller, if there is one.
    Own(Index),
    Existing(Index),
    /// A name of the next kind: an asset's where a session's belongs, and so on.
    OfAnotherKind(Index),
    Absent,
    Text(String),
}

fn thing() -> impl Strategy<Value = Thing> {
    let garbage = [
        "",
        ".",
        "..",
        "../x",
        "%",
        "%2e%2e",
        "\0",
        "alpha\0",
        "jt_user_alpha\0",
        "' OR '1'='1",
        "alpha' --",
        "\"; DROP TABLE assets; --",
        "_",
        "*",
        "?1",
        "null",
        "ALPHA",
        " alpha",
        "alpha ",
        "jt_user_",
        "JT_USER_ALPHA",
        "jt_user_alph_",
        "upload-%",
        "{07070707-0707-4707-8707-070707070707}",
        "ü",
        "\u{202e}",
    ];
    let garbage = prop_oneof![
        4 => select(garbage.map(str::to_owned).to_vec()),
        1 => Just("x".repeat(300)),
        2 => "[ -~]{1,40}",
        1 => "\\PC{1,20}",
        1 => any::<[u8; 16]>().prop_map(|bytes| Id::from_random(bytes).to_string().to_uppercase()),
    ];
    prop_oneof![
        2 => any::<Index>().prop_map(Thing::Own),
        4 => any::<Index>().prop_map(Thing::Existing),
        1 => any::<Index>().prop_map(Thing::OfAnotherKind),
        1 => Just(Thing::Absent),
        3 => garbage.prop_map(Thing::Text),
    ]
}

impl Thing {
    fn name(&self, world: &World, reach: ResourceKind, who: &Principal) -> String {
        let any = |index: &Index, reach| index.get(&world.names(reach)).clone();
        match self {
            Thing::Own(index) => {
                let own: Vec<_> = world.names(reach).into_iter().filter(|named| world.is_theirs(reach, who, named)).collect();
                if own.is_empty() { any(index, reach) } else { index.get(&own).clone() }
            }
            Thing::Existing(index) => any(index, reach),
            Thing::OfAnotherKind(index) => any(
                index,
                match reach {
                    ResourceKind::Asset => ResourceKind::Session,
                    ResourceKind::Session | ResourceKind::VideoFile => ResourceKind::Asset,
                    ResourceKind::Namespace => ResourceKind::User,
                    ResourceKind::User => ResourceKind::Namespace,
                },
            ),
            Thing::Absent => absent(reach).to_owned(),
            Thing::Text(text) => text.clone(),
        }
    }
}

/// The concrete path through the router: it must lead to the same endpoint, with the same names.
fn routed(route: &'static Route, named: &dyn Fn(ResourceKind) -> String) -> Result<(), TestCaseError> {
    let filled: Vec<_> = params(route.pattern).map(|param| (param, named_by(param).map_or_else(|| "x".to_owned(), named))).collect();
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let path = filled.iter().fold(route.pattern.to_owned(), |path, (param, value)| path.replace(&format!("{{{param}}}"), &encode(value)));
    let found = routes::find(route.method, &path);
    if filled.iter().any(|(_, value)| value.is_empty()) {
        prop_assert!(found.is_err(), "{} leads somewhere", path);
        return Ok(());
    }
    let (found, given) = found.map_err(|problem| TestCaseError::fail(format!("{path}: {problem:?}")))?;
    prop_assert_eq!((found.method, found.pattern), (route.method, route.pattern), "{}", path);
    for (param, value) in filled {
        prop_assert_eq!(given.get(param.trim_end_matches('*')), Some(value.as_str()));
    }
    Ok(())
}

#[test]
fn no_route_returns_rows_of_another_account() {
    let world = World::new();
    assert!(world.sessions.len() >= 12 && world.assets.len() >= 12 && world.members.len() == 7);
    let (seen, found, refused) = (RefCell::new(BTreeSet::new()), RefCell::new(BTreeMap::new()), RefCell::new(0));
    let strategy = (0..ROUTES.len(), select(KINDS.to_vec()), any::<Index>(), thing());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |(number, kind_of, index, thing)| {
        let (route, who) = (&ROUTES[number], index.get(&world.callers[&kind_of]));
        prop_assert_eq!(kind(who), kind_of);
        seen.borrow_mut().insert((number, kind_of));
        routed(route, &|reach| thing.name(&world, reach, who))?;

        let entered = authorize::may_enter(route.scheme, who);
        let (callers, _) = spec(route.endpoint);
        prop_assert_eq!(entered.is_ok(), callers.contains(&kind_of), "{} {}", route.method, route.pattern);
        if let Err(failure) = entered {
            // Refused before any name is read, so the answer does not depend on the name.
            prop_assert_eq!(Problem::Unauthenticated(failure).kind().status, 401);
            *refused.borrow_mut() += 1;
            return Ok(());
        }
        for reach in route.resources {
            let named = thing.name(&world, *reach, who);
            let outcome = world.look(*reach, who, &named);
            if world.is_theirs(*reach, who, &named) {
                let row = outcome.map_err(|problem| TestCaseError::fail(format!("{who:?} does not find its {reach:?} {named}: {problem:?}")))?;
                prop_assert!(world.belongs(*reach, who, &named, &row), "{:?} got {:?}", who, row);
                *found.borrow_mut().entry((format!("{reach:?}"), kind_of)).or_insert(0) += 1;
            } else {
                prop_assert_eq!(outcome, Err(refusal(*reach, who, &named)));
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seen.borrow().len(), ROUTES.len() * KINDS.len(), "every route met every kind of caller");
    assert!(*refused.borrow() > CASES / 4, "{refused:?}");
    // Every kind of caller found its own resources often, so the refusals above are not due to lookups that never find anything.
    for (reach, kind) in [
        ("Asset", Kind::Account),
        ("Asset", Kind::File),
        ("VideoFile", Kind::Video),
        ("Session", Kind::Account),
        ("Session", Kind::Token),
        ("Namespace", Kind::Account),
        ("Namespace", Kind::Operator),
        ("User", Kind::Webhook),
        ("User", Kind::Operator),
    ] {
        let times = found.borrow().get(&(reach.to_owned(), kind)).copied().unwrap_or(0);
        assert!(times > 2, "{kind:?} found its {reach} {times} times");
    }
    assert_eq!(found.borrow().len(), 9, "no other way leads anywhere: {found:?}");
}

fn newest(behind: Option<Mark>) -> Listing {
    Listing { behind, ..Listing::read(None, None, None, None).unwrap() }
}

/// Lists name no resource: what they return depends on the caller alone.
#[test]
fn lists_return_only_rows_of_the_caller() {
    let world = World::new();
    for (user, account) in &world.accounts {
        let own = |row: &BTreeMap<String, String>| row["account_id"] == account.to_string();
        let files = world.rows(&listing::repository::page(*account, &newest(None), None, 500));
        let sessions = world.rows(&uploads::repository::of_account(*account, "open", None, 500));
        let mine = world.assets.iter().filter(|(_, owner, _)| owner == account).count();
        assert!(files.iter().all(own) && sessions.iter().all(own));
        assert_eq!((files.len(), sessions.len()), (mine, mine), "{user}");
        let spaces: BTreeSet<_> = world.rows(&namespaces::list_of_member(*account, "", 500)).into_iter().map(|row| row["name"].clone()).collect();
        assert_eq!(spaces, world.members.iter().filter(|(owner, _)| owner == account).map(|(_, name)| name.clone()).collect());
        // A cursor made of another account's file only says where the page begins.
        for (asset, _, _) in &world.assets {
            assert!(world.rows(&listing::repository::page(*account, &newest(Some(Mark::Created(EpochMs(5), *asset))), None, 500)).iter().all(own));
        }
        assert!(world.rows(&jettyspeed_edge::accounts::repository::by_key(&Sha256Hex::of(user.as_bytes()))).is_empty());
    }
}
