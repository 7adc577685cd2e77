//! Parameters of a header field (`; name=value`, RFC 9110 section 5.6.6) and their extended form (`name*=UTF-8''…`, RFC 8187).
//!
//! Reads more than the RFC's grammar, because clients write more: an unquoted value may have any character but `;`. Values are bytes, since a field may be in
//! any encoding: who asks for a text learns whether it is UTF-8.

/// Maximum parameters of a field.
const MAX: usize = 32;

/// The parameters of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters(Vec<(String, Vec<u8>)>);

/// Not a list of parameters, or a value that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed parameters")]
pub struct Malformed;

/// Reads what follows the field's first `;`.
///
/// # Errors
/// For a parameter without a name or a value, an open quote, or more than 32 parameters.
pub fn parameters(field: &[u8]) -> Result<Parameters, Malformed> {
    let begin = field.iter().position(|byte| *byte == b';').unwrap_or(field.len());
    let mut rest = field.get(begin..).unwrap_or_default();
    let mut found = Vec::new();
    while let Some(after) = rest.strip_prefix(b";") {
        rest = after.trim_ascii_start();
        if rest.is_empty() || rest.starts_with(b";") {
            continue;
        }
        let equals = rest.iter().position(|byte| matches!(byte, b'=' | b';')).filter(|at| rest.get(*at) == Some(&b'=')).ok_or(Malformed)?;
        let (name, after) = rest.split_at_checked(equals).ok_or(Malformed)?;
        let name = std::str::from_utf8(name.trim_ascii()).map_err(|_| Malformed)?.to_ascii_lowercase();
        let value;
        (value, rest) = one_value(after.get(1..).unwrap_or_default().trim_ascii_start())?;
        if name.is_empty() || found.len() == MAX {
            return Err(Malformed);
        }
        found.push((name, value));
    }
    Ok(Parameters(found))
}

/// A value, and what follows it.
fn one_value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).ok_or(Malformed)?;
        return Ok((value.trim_ascii_end().to_vec(), rest));
    };
    let mut value = Vec::new();
    loop {
        match rest {
            // Only these two: browsers do not escape, and a path of Windows has other characters behind its backslashes.
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                value.push(*escaped);
                rest = after;
            }
            [b'"', after @ ..] => {
                rest = after.trim_ascii_start();
                return if rest.is_empty() || rest.starts_with(b";") { Ok((value, rest)) } else { Err(Malformed) };
            }
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return Err(Malformed),
        }
    }
}

impl Parameters {
    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The first parameter of that (lowercase) name.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>, Malformed> {
        self.bytes(name).map(|value| std::str::from_utf8(value).map(str::to_owned)).transpose().map_err(|_| Malformed)
    }

    /// The extended form of the parameter, `name*`.
    ///
    /// # Errors
    /// If it has another charset than UTF-8, which RFC 8187 section 3.2.1 demands, or is not well-formed.
    pub fn extended(&self, name: &str) -> Result<Option<String>, Malformed> {
        let Some(value) = self.bytes(&format!("{name}*")) else { return Ok(None) };
        let value = std::str::from_utf8(value).map_err(|_| Malformed)?;
        let (charset, rest) = value.split_once('\'').ok_or(Malformed)?;
        let (_language, encoded) = rest.split_once('\'').ok_or(Malformed)?;
        if !charset.eq_ignore_ascii_case("utf-8") {
            return Err(Malformed);
        }
        percent_encoding::percent_decode_str(encoded).decode_utf8().map(|text| Some(text.into_owned())).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_form_is_utf_8_or_refused() {
        let extended = |list: &str| parameters(list.as_bytes()).unwrap().extended("f");
        assert_eq!(extended("a; f*=utf-8''%c3%a4"), Ok(Some("\u{e4}".to_owned())));
        assert_eq!(extended("a; f*=UTF-8'en'x"), Ok(Some("x".to_owned())));
        assert_eq!(extended("a; f=x"), Ok(None));
        for bad in ["a; f*=iso-8859-1''x", "a; f*=utf-8'x", "a; f*=x", "a; f*=utf-8''%ff"] {
            assert_eq!(extended(bad), Err(Malformed), "{bad}");
        }
    }

    #[test]
    fn malformed_lists_are_refused_and_blank_parameters_skipped() {
        for bad in ["a; b", "a; =c", "a; b=\"c", "a; b=\"c\\\"", "a; b=\"c\"d", "a; b; c=d"] {
            assert_eq!(parameters(bad.as_bytes()), Err(Malformed), "{bad}");
        }
        let long = format!("a{}", "; b=c".repeat(MAX + 1));
        assert_eq!(parameters(long.as_bytes()), Err(Malformed));
        for good in ["", "a", "a;", "a; ;b=c; ", "a;B = c"] {
            let found = parameters(good.as_bytes()).unwrap();
            assert!(found.0.is_empty() || found.text("b") == Ok(Some("c".to_owned())), "{good}");
        }
    }
}
