//! Header fields that both dialects have.

use crate::base::units::MAX_SAFE_INTEGER;
use crate::problem::Problem;

/// The header fields of a request by name; several of one name are joined by ", ".
pub type Fields<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A field's value, trimmed.
pub fn text(fields: Fields<'_>, name: &str) -> Option<String> {
    fields(name).map(|text| text.trim().to_owned())
}

/// A number of bytes, 0 to 2^53-1, in decimal digits.
///
/// # Errors
/// 400.
pub fn number(fields: Fields<'_>, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = text(fields, name) else { return Ok(None) };
    let is_number = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && *number <= MAX_SAFE_INTEGER);
    number.map(Some).ok_or_else(|| bad(name, "must be a whole number from 0 to 2^53-1, once"))
}

/// A number that has to be there.
///
/// # Errors
/// 400.
pub fn required(fields: Fields<'_>, name: &'static str) -> Result<u64, Problem> {
    number(fields, name)?.ok_or_else(|| bad(name, "is required"))
}

/// The problem of a field.
pub fn bad(field: &'static str, detail: &str) -> Problem {
    Problem::BadHeader { field, detail: detail.to_owned() }
}

/// The essence of `Content-Type`, in lower case.
pub fn essence(fields: Fields<'_>) -> Option<String> {
    text(fields, "content-type").and_then(|text| Some(text.split(';').next()?.trim().to_ascii_lowercase()))
}

/// `Content-Length`; `None` for a body of unknown length.
///
/// # Errors
/// 400.
pub fn length(fields: Fields<'_>) -> Result<Option<u64>, Problem> {
    number(fields, "Content-Length")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Fields of a list.
    pub fn of(list: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
        let list: Vec<(String, String)> = list.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect();
        move |name: &str| list.iter().find(|(known, _)| *known == name.to_ascii_lowercase()).map(|(_, value)| value.clone())
    }

    /// `ok`, or the status of the refusal, with the header field that is at fault.
    pub fn status<T>(read: Result<T, Problem>) -> String {
        match read {
            Ok(_) => "ok".to_owned(),
            Err(Problem::BadHeader { field, .. }) => format!("400 {field}"),
            Err(problem) => problem.kind().status.to_string(),
        }
    }

    #[test]
    fn number_is_digits_up_to_2_to_the_53_minus_1() {
        for (text, expected) in [("0", Some(0)), (" 17 ", Some(17)), ("9007199254740991", Some(MAX_SAFE_INTEGER))] {
            assert_eq!(number(&of(&[("Upload-Length", text)]), "Upload-Length"), Ok(expected), "{text}");
        }
        let huge = "9".repeat(5_000);
        for text in ["", "-1", "+1", "1.0", "0x1", "1, 1", "9007199254740992", "99999999999999999", "a", "٣", &huge] {
            let refused = number(&of(&[("Upload-Length", text)]), "Upload-Length");
            assert!(matches!(refused, Err(Problem::BadHeader { field: "Upload-Length", .. })), "{text}");
        }
        assert_eq!(number(&of(&[]), "Upload-Length"), Ok(None));
        assert!(required(&of(&[]), "Upload-Length").is_err());
    }

    #[test]
    fn media_type_is_compared_without_parameters_and_case() {
        assert_eq!(essence(&of(&[("content-type", "Application/Offset+Octet-Stream; x=1")])).as_deref(), Some("application/offset+octet-stream"));
    }
}
