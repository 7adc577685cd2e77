//! The line that the log has of each request (docs/deploying.md, Logs). Paths and queries are not in it: they hold tokens and names.

use serde_json::{Value, json};

use crate::base::id::{Id, Name};

/// What is logged of a request.
#[derive(Debug, Default, Clone)]
pub struct RequestLine<'a> {
    /// `X-Request-Id` of the answer.
    pub request_id: &'a str,
    /// The row of the route table; none: there is no such route.
    pub route: Option<&'static str>,
    /// HTTP method.
    pub method: &'a str,
    /// HTTP status.
    pub status: u16,
    /// The account that called, or whose content was asked for.
    pub account: Option<Id>,
    /// The namespace that a token or the path names.
    pub namespace: Option<&'a Name>,
    /// `Cache-Status` of the answer.
    pub cache_status: Option<&'a str>,
    /// The data centre of the platform.
    pub colo: Option<&'a str>,
    /// Bytes of the answer's body, as announced.
    pub bytes: Option<u64>,
    /// From the request to its answer, ms.
    pub ms: u64,
    /// Attempts at the store that were repeated.
    pub retries: u32,
}

impl RequestLine<'_> {
    /// As the log has it; what is not known is left out.
    pub fn fields(&self) -> Value {
        let mut line = json!({ "requestId": self.request_id, "method": known_method(self.method), "status": self.status, "ms": self.ms });
        let optional = [
            ("route", self.route.map(Value::from)),
            ("account", self.account.map(|account| account.to_string().into())),
            ("namespace", self.namespace.map(|namespace| namespace.as_str().into())),
            ("cache", self.cache_status.map(|status| cache_of(status).into())),
            ("colo", self.colo.map(Value::from)),
            ("bytes", self.bytes.map(Value::from)),
            ("retries", (self.retries > 0).then(|| self.retries.into())),
        ];
        if let Some(line) = line.as_object_mut() {
            line.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        line
    }
}

/// The method, unless it is a text of the caller's own.
fn known_method(method: &str) -> &str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// What a `Cache-Status` (RFC 9211) of this service says in a word: `hit`, `miss`, `stale`, `bypass`; `none` where no bytes were looked for.
fn cache_of(status: &str) -> &str {
    let mut parameters = status.split(';').map(str::trim).skip(1);
    parameters.find_map(|parameter| if parameter == "hit" { Some("hit") } else { parameter.strip_prefix("fwd=") }).unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_what_is_known_and_no_text_of_the_caller() {
        let namespace = Name::parse("jt_user_u1").unwrap();
        let line = RequestLine {
            request_id: "r1",
            route: Some("/files/{token}/{name}"),
            method: "GET",
            status: 206,
            account: Some(Id::from_random([1; 16])),
            namespace: Some(&namespace),
            cache_status: Some("JettySpeed; hit; ttl=2"),
            colo: Some("FRA"),
            bytes: Some(7),
            ms: 3,
            retries: 2,
        };
        let wanted = json!({
            "requestId": "r1", "route": "/files/{token}/{name}", "method": "GET", "status": 206, "account": "01010101-0101-4101-8101-010101010101",
            "namespace": "jt_user_u1", "cache": "hit", "colo": "FRA", "bytes": 7, "ms": 3, "retries": 2,
        });
        assert_eq!(line.fields(), wanted);
        let nothing = RequestLine { request_id: "r2", method: "SECRET", status: 404, ..RequestLine::default() };
        assert_eq!(nothing.fields(), json!({ "requestId": "r2", "method": "other", "status": 404, "ms": 0 }));
    }

    #[test]
    fn cache_is_told_in_a_word() {
        for (status, word) in [
            ("JettySpeed; hit; ttl=2", "hit"),
            ("JettySpeed; fwd=stale; ttl=-1", "stale"),
            ("JettySpeed; fwd=miss; stored; detail=KV", "miss"),
            ("JettySpeed; fwd=bypass", "bypass"),
            ("JettySpeed; detail=record", "none"),
            ("", "none"),
        ] {
            assert_eq!(cache_of(status), word, "{status}");
        }
    }
}
