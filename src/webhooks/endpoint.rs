//! Endpoints of a namespace: request bodies and the API's representation.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::json::{self, null_as_default, optional_list};
use crate::base::time::EpochMs;
use crate::problem::Problem;
use crate::webhooks::event::{EventKind, KINDS};
use crate::webhooks::secret::Secret;
use crate::webhooks::target::{self, Targets};

/// Undelivered events of an endpoint, at most: further ones are not written for it, until some were delivered or have failed.
pub const MAX_WAITING: u64 = 5_000;

/// Names in a list of events, at most.
const MAX_EVENTS: usize = 32;

/// Body of POST.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CreateWebhook"))]
pub struct Create {
    url: String,
    #[serde(default, deserialize_with = "optional_list::<{ MAX_EVENTS }, _, _>")]
    events: Option<Vec<String>>,
    #[serde(default)]
    secret: Option<String>,
}

/// Body of PATCH: absent fields keep their value.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookPatch"))]
pub struct Patch {
    #[serde(default)]
    url: Option<String>,
    #[serde(default, deserialize_with = "optional_list::<{ MAX_EVENTS }, _, _>")]
    events: Option<Vec<String>>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    rotate: bool,
}

/// A checked POST.
#[derive(Debug)]
pub struct Wanted {
    /// URL.
    pub url: String,
    /// JSON list of the events' names, in the order of [`KINDS`].
    pub events: String,
    /// The caller's; None: one is drawn.
    pub secret: Option<Secret>,
}

/// What a PATCH does to the secret.
#[derive(Debug)]
pub enum NewSecret {
    /// Nothing.
    Keep,
    /// The caller's takes its place.
    Given(Secret),
    /// One that is drawn takes its place.
    Draw,
}

/// A checked PATCH.
#[derive(Debug)]
pub struct Change {
    /// URL.
    pub url: Option<String>,
    /// As in [`Wanted`].
    pub events: Option<String>,
    /// See [`NewSecret`].
    pub secret: NewSecret,
}

fn check_url(url: &str, targets: Targets) -> Result<(), Problem> {
    target::check(url, targets).map_err(|reason| Problem::invalid("url", reason))
}

fn check_events(names: &[String]) -> Result<String, Problem> {
    let mut kinds = names.iter().map(|name| EventKind::wanted(name)).collect::<Option<Vec<EventKind>>>().unwrap_or_default();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        let known = KINDS.map(EventKind::as_str).join(", ");
        return Err(Problem::invalid("events", format!("must be a list of one or more of {known}")));
    }
    let names: Vec<&str> = kinds.into_iter().map(EventKind::as_str).collect();
    Ok(json::write(&names).unwrap_or_default())
}

fn check_secret(text: &str) -> Result<Secret, Problem> {
    Secret::parse(text).ok_or_else(|| Problem::invalid("secret", "must be whsec_ and base64 of 24 to 64 bytes"))
}

impl Create {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self, targets: Targets) -> Result<Wanted, Problem> {
        check_url(&self.url, targets)?;
        let events = check_events(&self.events.unwrap_or_default())?;
        Ok(Wanted { url: self.url, events, secret: self.secret.as_deref().map(check_secret).transpose()? })
    }
}

impl Patch {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self, targets: Targets) -> Result<Change, Problem> {
        if let Some(url) = &self.url {
            check_url(url, targets)?;
        }
        let events = self.events.as_deref().map(check_events).transpose()?;
        let secret = match (self.secret.as_deref().map(check_secret).transpose()?, self.rotate) {
            (Some(_), true) => return Err(Problem::invalid("rotate", "draws a secret: leave out one of rotate and secret")),
            (Some(given), false) => NewSecret::Given(given),
            (None, true) => NewSecret::Draw,
            (None, false) => NewSecret::Keep,
        };
        Ok(Change { url: self.url, events, secret })
    }
}

/// One row of [`crate::webhooks::repository`], without its secrets.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Endpoint {
    /// Endpoint id.
    pub id: Id,
    /// Namespace.
    pub namespace: Name,
    /// URL.
    pub url: String,
    /// JSON list.
    pub events: String,
    /// Until when the secret before signs, too.
    pub old_until: Option<EpochMs>,
    /// When it was created.
    pub created_at: EpochMs,
    /// When it was last changed.
    pub updated_at: EpochMs,
}

/// An endpoint in the API (docs/api.md, "Webhook object").
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Webhook"))]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    id: Id,
    namespace: Name,
    url: String,
    events: Vec<String>,
    old_secret_until: Option<String>,
    created_at: String,
    updated_at: String,
    /// Only in the answer to the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Endpoint {
    /// The API representation at `now`; with the secret if this answer is the one that tells it.
    pub fn view(&self, now: EpochMs, secret: Option<&Secret>) -> EndpointView {
        EndpointView {
            id: self.id,
            namespace: self.namespace.clone(),
            url: self.url.clone(),
            events: json::read(&self.events).unwrap_or_default(),
            old_secret_until: self.old_until.filter(|until| *until > now).map(EpochMs::rfc3339),
            created_at: self.created_at.rfc3339(),
            updated_at: self.updated_at.rfc3339(),
            secret: secret.map(|secret| secret.text().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json_body;

    fn create(body: &str) -> Result<Wanted, Problem> {
        json_body::parse::<Create>(body.as_bytes())?.check(Targets::Public)
    }

    fn patch(body: &str) -> Result<Change, Problem> {
        json_body::parse::<Patch>(body.as_bytes())?.check(Targets::Public)
    }

    fn field_of<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        match result {
            Err(Problem::Invalid { field, .. }) => field.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn events_are_kept_once_each_in_their_own_order() {
        let wanted = create(r#"{"url":"https://a.example","events":["upload.failed","upload.completed","upload.failed"]}"#).unwrap();
        assert_eq!((wanted.events.as_str(), wanted.secret.is_none()), (r#"["upload.completed","upload.failed"]"#, true));
    }

    #[test]
    fn bad_value_names_its_field() {
        let many = format!(r#"{{"url":"https://a.example","events":{:?}}}"#, vec!["upload.failed"; 33]);
        for (body, field) in [
            (r#"{"events":["upload.failed"]}"#, "url"),
            (r#"{"url":"http://a.example","events":["upload.failed"]}"#, "url"),
            (r#"{"url":1,"events":["upload.failed"]}"#, "url"),
            (r#"{"url":"https://127.0.0.1","events":["upload.failed"]}"#, "url"),
            (r#"{"url":"https://a.example"}"#, "events"),
            (r#"{"url":"https://a.example","events":[]}"#, "events"),
            (r#"{"url":"https://a.example","events":["upload.failed","other"]}"#, "events"),
            (r#"{"url":"https://a.example","events":["webhook.test"]}"#, "events"),
            (r#"{"url":"https://a.example","events":"upload.failed"}"#, "events"),
            (many.as_str(), "events"),
            (r#"{"url":"https://a.example","events":["upload.failed"],"secret":"short"}"#, "secret"),
            (r#"{"url":"https://a.example","events":["upload.failed"],"secret":"whsec_AAAA"}"#, "secret"),
        ] {
            assert_eq!(field_of(create(body)), field, "{body}");
        }
        for (body, field) in [
            (r#"{"url":"https://[::1]/"}"#, "url"),
            (r#"{"events":[]}"#, "events"),
            (r#"{"secret":"x"}"#, "secret"),
            (r#"{"rotate":1}"#, "rotate"),
            (r#"{"rotate":true,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#, "rotate"),
        ] {
            assert_eq!(field_of(patch(body)), field, "{body}");
        }
    }

    #[test]
    fn patch_changes_what_it_names() {
        let change = patch(r#"{"url":"https://b.example","rotate":true}"#).unwrap();
        assert!(change.url.is_some() && change.events.is_none() && matches!(change.secret, NewSecret::Draw));
        let change = patch(r#"{"events":["alert.fired"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#).unwrap();
        assert!(change.url.is_none() && change.events.is_some() && matches!(change.secret, NewSecret::Given(_)));
        assert!(matches!(patch("{}").unwrap().secret, NewSecret::Keep));
    }

    #[test]
    fn secret_is_shown_only_where_it_is_told() {
        let endpoint = Endpoint {
            id: Id::from_random([1; 16]),
            namespace: Name::parse("n").unwrap(),
            url: "https://a.example".into(),
            events: r#"["upload.failed"]"#.into(),
            old_until: Some(EpochMs(5)),
            created_at: EpochMs(0),
            updated_at: EpochMs(1),
        };
        let shown = |now, secret: Option<&Secret>| serde_json::to_value(endpoint.view(EpochMs(now), secret)).unwrap();
        assert!(shown(4, None).get("secret").is_none());
        assert_eq!(
            (&shown(4, None)["oldSecretUntil"], &shown(5, None)["oldSecretUntil"]),
            (&"1970-01-01T00:00:00.005Z".into(), &serde_json::Value::Null)
        );
        let secret = Secret::of_random([1; 32]);
        assert_eq!(shown(4, Some(&secret))["secret"], secret.text());
    }
}
