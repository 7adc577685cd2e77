//! From request to response: routing, dispatch, and the header fields of every response.

use std::pin::Pin;
use std::rc::Rc;

use serde_json::json;
use worker::{Context, Env};

use crate::access::authorize::AuthScheme;
use crate::access::request_log::RequestLine;
use crate::access::routes;
use crate::access::routes::Endpoint;
use crate::base::id::Id;
use crate::base::trace_context::TraceContext;
use crate::base::traced::traced;
use crate::gateway::fields::FIELD;
use crate::http::cors;
use crate::io::Io;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::resumable;
use crate::sentry::event::Failure;
use crate::services::failures;
use crate::worker::content::forget::forget;
use crate::worker::handlers;
use crate::worker::handlers::accounts::{browser_session, change, keys, moving, portal, provision, quota, statement, tiers};
use crate::worker::handlers::{gateway, health, pages, problems};
use crate::worker::http::call::{Call, Routed};
use crate::worker::http::reply::{Body, Reply};
use crate::worker::http::{address_limit, authenticate};
use crate::worker::platform::{bindings, clock, geo_hint, js, random, trace};

/// Serves one request, as a step of the caller's trace or of a new one.
pub async fn serve(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    if let Some(pass) = request.headers().get(FIELD).ok().flatten()
        && let Some(answer) = Box::pin(gateway::forward(&request, &env, &context, &pass)).await
    {
        return Ok(answer);
    }
    match begin(&request) {
        Ok((id, trace)) => traced(Some(trace), answer(request, env, context, id, trace)).await,
        Err(problem) => Reply::problem(&problem, "").into_response(),
    }
}

/// The request's id and its step in the trace.
fn begin(request: &web_sys::Request) -> Result<(Id, TraceContext), Problem> {
    let given = request.headers().get(trace::TRACEPARENT).ok().flatten().and_then(|text| TraceContext::parse(&text));
    Ok((random::id()?, trace::step_of(given)?))
}

async fn answer(request: web_sys::Request, env: Env, context: Context, id: Id, trace: TraceContext) -> worker::Result<web_sys::Response> {
    let call = Rc::new(Call::new(request, env, context, id, forget));
    let method = resumable::method(&call.path, call.request.method(), call.header("x-http-method-override").as_deref());
    let outcome = if method == "OPTIONS" { preflight(&call) } else { dispatch(&call, &method).await };
    let mut code = None;
    let most = bindings::config(&call.io.env).map_or(0, |config| config.plan.max_part_bytes);
    let of_dialect = resumable::answer::common(&call.path, &method, outcome.as_ref().err(), most);
    let mut reply = outcome.unwrap_or_else(|problem| {
        let kind = problem.kind();
        code = Some(kind.code);
        let level = if kind.status >= 500 { LogLevel::Error } else { LogLevel::Debug };
        log::event(level, "problem", json!({ "requestId": call.id, "method": method, "code": kind.code }));
        Reply::problem(&problem, &call.id)
    });
    if method == "HEAD" {
        reply.body = Body::Empty;
    }
    reply.headers.extend(of_dialect);
    reply.headers.extend(cors::headers(&call.path, call.header("origin").as_deref(), &bindings::cors_origins(&call.io.env)));
    if let Some(limited) = call.limited.get() {
        reply.headers.extend(limited.pace.headers(limited.policy, limited.window_seconds));
    }
    reply.headers.push(("x-request-id", call.id.clone()));
    reply.headers.push(("server-timing", call.server_timing()));
    if log::enabled(LogLevel::Info) {
        log_request(&call, &method, &reply);
    }
    if reply.status >= 500 {
        tell_failure(&call, method, reply.status, code.unwrap_or("unhealthy"), trace);
    }
    reply.into_response()
}

fn log_request(call: &Call, method: &str, reply: &Reply) {
    let field = |name: &str| reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let length = match &reply.body {
        Body::Empty => Some(0),
        Body::Text(text) => u64::try_from(text.len()).ok(),
        Body::Bytes(bytes) => js::byte_length(bytes),
        Body::Stream(_) | Body::Socket(_) => None,
    };
    let (namespace, colo) = (call.noted.namespace.borrow(), geo_hint::colo_of(&call.request));
    let line = RequestLine {
        request_id: &call.id,
        route: call.noted.route.get().map(|route| route.pattern),
        method,
        status: reply.status,
        account: call.account_id(),
        namespace: namespace.as_ref(),
        cache_status: field("cache-status"),
        colo: colo.as_deref(),
        bytes: length.or_else(|| field("content-length").and_then(|text| text.parse().ok())),
        ms: clock::now().since(call.started),
        retries: call.io.retries(),
    };
    log::event(LogLevel::Info, "request", line.fields());
}

/// Tells the error tracker of an answer, if there is one, behind the answer.
fn tell_failure(call: &Rc<Call>, method: String, status: u16, code: &'static str, trace: TraceContext) {
    let Some(config) = bindings::config(&call.io.env).ok().filter(|config| config.sentry.is_some()) else { return };
    let what = call.noted.route.get().map_or("none", |route| route.pattern).to_owned();
    let failure = Failure { what, code, status: Some(status), method: Some(method), request_id: Some(call.id.clone()), trace: Some(trace) };
    let held = Rc::clone(call);
    call.io.afterwards(async move {
        if let Some(dsn) = &config.sentry {
            failures::tell(&held.io, dsn, &failure).await;
        }
    });
}

fn preflight(call: &Call) -> Result<Reply, Problem> {
    let allow = routes::allowed(&call.path).ok_or(Problem::NotFound)?;
    let mut reply = Reply::empty(204);
    reply.headers = cors::preflight(&allow, call.header("access-control-request-headers").as_deref());
    reply.headers.push(("allow", allow));
    Ok(reply)
}

async fn dispatch(call: &Rc<Call>, method: &str) -> Result<Reply, Problem> {
    let (route, params) = routes::find(method, &call.path)?;
    call.noted.route.set(Some(route));
    // The dashboard's files are static assets, which nothing has to be looked up for; a page has several, and an office one address.
    if route.scheme == AuthScheme::None && route.endpoint != Endpoint::Dashboard {
        address_limit::admit(call).await?;
    }
    if route.endpoint == Endpoint::Health {
        // Before the configuration is read, because `health` reports the state of the configuration.
        return Box::pin(health::health(call)).await;
    }
    let config = bindings::config(&call.io.env)?;
    call.cache.configure(&config);
    let outcome = match authenticate::authenticate(call, route, &params, &config).await {
        Ok(caller) => {
            call.noted.note_namespace(&caller, &params);
            let routed = Routed::new(call, route, caller, params, config);
            match if matches!(method, "GET" | "HEAD") { Ok(()) } else { call.check_encoding() } {
                Ok(()) => handler(&routed, route.endpoint, method).await,
                Err(problem) => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    };
    if let Err(Problem::Unauthenticated(_)) = outcome {
        address_limit::fail(call).await?;
    }
    outcome
}

/// The endpoint's future, boxed. As a single function with all endpoints, the hot path would be compiled and optimised together with the cold ones, which
/// costs V8's optimising compiler tens of megabytes at its peak (measured with `script/bench chunk`).
fn handler<'a>(call: &'a Routed, endpoint: Endpoint, method: &'a str) -> Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>> {
    match endpoint {
        Endpoint::Health => Box::pin(health::health(&call.call)),
        Endpoint::ExplainProblem => Box::pin(async { problems::explain(call) }),
        Endpoint::StartPage => Box::pin(async { Ok(pages::start()) }),
        Endpoint::Documents => Box::pin(async { Ok(pages::documents()) }),
        Endpoint::Dashboard => Box::pin(pages::dashboard(call)),
        Endpoint::Document => Box::pin(pages::document(call)),
        Endpoint::OpenApi => Box::pin(pages::openapi(call)),
        Endpoint::OptimalEdges => Box::pin(crate::worker::handlers::edges::optimal_edges(call)),
        Endpoint::Edges => Box::pin(crate::worker::handlers::edges::edges(call)),
        Endpoint::EdgeMetrics => Box::pin(crate::worker::handlers::edges::metrics(call)),
        Endpoint::CreateEdge => Box::pin(crate::worker::handlers::edge_admin::create(call)),
        Endpoint::ChangeEdge => Box::pin(crate::worker::handlers::edge_admin::change(call)),
        Endpoint::DeleteEdge => Box::pin(crate::worker::handlers::edge_admin::delete(call)),
        Endpoint::Sessions => Box::pin(crate::worker::handlers::uploads::sessions::list(call)),
        Endpoint::TrackUpload => Box::pin(crate::worker::handlers::uploads::track::track(call)),
        Endpoint::CacheChunk => Box::pin(crate::worker::handlers::uploads::sessions::cache_chunk(call)),
        Endpoint::ChunkUrls => Box::pin(crate::worker::handlers::uploads::presigned::chunk_urls(call)),
        Endpoint::RecordChunk => Box::pin(crate::worker::handlers::uploads::presigned::record(call)),
        Endpoint::Chunk => Box::pin(crate::worker::handlers::uploads::part::chunk(call)),
        Endpoint::SimpleUpload if resumable::is_creation(method, &call.path, &|name| call.header(name)) => {
            Box::pin(crate::worker::handlers::uploads::resumable::create(call))
        }
        Endpoint::SimpleUpload => Box::pin(crate::worker::handlers::uploads::simple::upload(call)),
        Endpoint::BatchUpload => Box::pin(crate::worker::handlers::uploads::batch::upload(call)),
        Endpoint::CreateResumable => Box::pin(crate::worker::handlers::uploads::resumable::create(call)),
        Endpoint::ResumableOffset => Box::pin(crate::worker::handlers::uploads::resumable::offset(call)),
        Endpoint::AppendResumable => Box::pin(crate::worker::handlers::uploads::resumable::append(call)),
        Endpoint::EndResumable => Box::pin(crate::worker::handlers::uploads::resumable::end(call)),
        Endpoint::Files if call.query("prefix").or_else(|| call.query("delimiter")).is_some() => Box::pin(crate::worker::handlers::paths::list(call)),
        Endpoint::Files => Box::pin(crate::worker::handlers::files::list(call)),
        Endpoint::DeletePrefix => Box::pin(crate::worker::handlers::paths::delete(call)),
        Endpoint::CopyFile => Box::pin(crate::worker::handlers::paths::copy(call)),
        Endpoint::File => Box::pin(crate::worker::handlers::files::get_file(call)),
        Endpoint::RenameFile => Box::pin(crate::worker::handlers::files::rename(call)),
        Endpoint::DeleteFile => Box::pin(crate::worker::handlers::files::delete(call)),
        Endpoint::Download => Box::pin(crate::worker::handlers::content::download(call)),
        Endpoint::Content => Box::pin(crate::worker::handlers::content::content(call, method)),
        Endpoint::PutVideo => Box::pin(crate::worker::handlers::video::put(call)),
        Endpoint::Videos => Box::pin(crate::worker::handlers::video::list(call)),
        Endpoint::DeleteVideo => Box::pin(crate::worker::handlers::video::delete(call)),
        Endpoint::Playback => Box::pin(crate::worker::handlers::video::playback(call)),
        Endpoint::Play => Box::pin(crate::worker::handlers::playback::play(call, method)),
        Endpoint::CheckDuplicate => Box::pin(crate::worker::handlers::dedup::check_duplicate(call)),
        Endpoint::EchoWebhook => Box::pin(handlers::webhook_echo::echo(call)),
        Endpoint::Provision => Box::pin(provision::provision(call)),
        Endpoint::Upgrade => Box::pin(change::upgrade(call)),
        Endpoint::Rotate => Box::pin(change::rotate(call)),
        Endpoint::Suspend => Box::pin(change::switch(call, true)),
        Endpoint::Resume => Box::pin(change::switch(call, false)),
        Endpoint::Quota => Box::pin(quota::quota(call)),
        Endpoint::MoveAccount => Box::pin(moving::move_account(call)),
        Endpoint::Accounts => Box::pin(portal::accounts(call)),
        Endpoint::AccountOverview => Box::pin(portal::account(call)),
        Endpoint::DeleteAccount => Box::pin(portal::delete(call)),
        Endpoint::CreateAccount => Box::pin(provision::provision(call)),
        Endpoint::ChangeAccount => Box::pin(portal::change(call)),
        Endpoint::RotateAccount => Box::pin(portal::rotate(call)),
        Endpoint::SignIn => Box::pin(browser_session::sign_in(call)),
        Endpoint::BrowserSessions => Box::pin(browser_session::list(call)),
        Endpoint::SignOut => Box::pin(browser_session::sign_out(call)),
        Endpoint::SignedIn => Box::pin(browser_session::current(call)),
        Endpoint::Keys => Box::pin(keys::list(call)),
        Endpoint::RotateKey => Box::pin(keys::rotate(call)),
        Endpoint::Jobs => Box::pin(handlers::jobs::jobs(call)),
        Endpoint::ProvisioningFigures => Box::pin(portal::provisioning(call)),
        Endpoint::Statement => Box::pin(statement::statement(call)),
        Endpoint::Tiers => Box::pin(tiers::list(call)),
        Endpoint::ChangeTier => Box::pin(tiers::change(call)),
        Endpoint::CreateNamespace => Box::pin(handlers::namespaces::create(call)),
        Endpoint::Namespaces => Box::pin(handlers::namespaces::list(call)),
        Endpoint::Namespace => Box::pin(handlers::namespaces::get_namespace(call)),
        Endpoint::ChangeNamespace => Box::pin(handlers::namespaces::change(call)),
        Endpoint::DeleteNamespace => Box::pin(handlers::namespaces::delete(call)),
        Endpoint::NamespaceStats => Box::pin(handlers::namespaces::stats(call)),
        Endpoint::Analytics => Box::pin(handlers::analytics::report(call)),
        Endpoint::Alerts => Box::pin(handlers::alerts::list(call)),
        Endpoint::Live => Box::pin(handlers::live::live(call)),
        Endpoint::Metrics => Box::pin(handlers::metrics::scrape(call)),
        Endpoint::PurgeNamespace => Box::pin(handlers::namespaces::purge(call)),
        Endpoint::AddMember => Box::pin(handlers::namespaces::add_member(call)),
        Endpoint::RemoveMember => Box::pin(handlers::namespaces::remove_member(call)),
        Endpoint::SetResponse => Box::pin(handlers::response_cache::set(call)),
        Endpoint::GetResponse => Box::pin(handlers::response_cache::get(call)),
        Endpoint::WarmChunk => Box::pin(handlers::warm_chunk::warm(call)),
        Endpoint::CreateWebhook => Box::pin(handlers::webhooks::create(call)),
        Endpoint::Webhooks => Box::pin(handlers::webhooks::list(call)),
        Endpoint::Webhook => Box::pin(handlers::webhooks::get_webhook(call)),
        Endpoint::ChangeWebhook => Box::pin(handlers::webhooks::change(call)),
        Endpoint::DeleteWebhook => Box::pin(handlers::webhooks::delete(call)),
        Endpoint::Deliveries => Box::pin(handlers::webhooks::deliveries(call)),
        Endpoint::ReplayDelivery => Box::pin(handlers::webhooks::replay(call)),
        Endpoint::TestWebhook => Box::pin(handlers::webhooks::test(call)),
        Endpoint::Receipt => Box::pin(handlers::receipts::receipt(call)),
        Endpoint::ReceiptKeys => Box::pin(async { handlers::receipts::keys(call) }),
    }
}
