//! A whole answer: status, header fields, body.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::api::Problem;

/// See the module.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The values of a field, joined; None without one.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::Unexpected`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::malformed(&error))
    }

    /// The code of its problem; empty if it has none: then the answer is not the Worker's.
    pub fn code(&self) -> String {
        self.json::<Problem>().unwrap_or_default().code
    }

    /// The answer, if it is a success.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn success(self) -> Result<Answer, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let seconds = self.header("retry-after").and_then(|text| text.trim().parse().ok());
        let problem = Box::new(self.json().unwrap_or_default());
        Err(Error::Refused { status: self.status, problem, retry_after: seconds.map(std::time::Duration::from_secs) })
    }

    /// The milliseconds of a span in `Server-Timing`.
    pub fn timing(&self, name: &str) -> Option<f64> {
        span(&self.header("server-timing")?, name)
    }
}

/// The duration of the metric `name` in a Server-Timing field (W3C Server Timing, section 4), ms.
fn span(field: &str, name: &str) -> Option<f64> {
    field.split(',').find_map(|metric| {
        let mut parts = metric.split(';').map(str::trim);
        (parts.next() == Some(name)).then(|| parts.find_map(|part| part.strip_prefix("dur=")?.trim_matches('"').parse().ok()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_is_found_among_those_of_others() {
        let field = "cfExtPri, cfL4;desc=\"?proto=TCP&rtt=12\", total;dur=2013, origin;dur=\"9.5\"";
        assert_eq!([span(field, "total"), span(field, "origin"), span(field, "cfExtPri"), span("", "total")], [Some(2013.0), Some(9.5), None, None]);
    }
}
