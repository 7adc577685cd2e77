//! Canonical JSON (RFC 8785): what is signed. Of its numbers only integers that JSON carries exactly; receipts have no others.

use serde_json::Value;

/// The largest integer that every JSON parser reads exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The canonical text; None if it has a number that is no integer from -(2^53-1) to 2^53-1.
pub fn write(value: &Value) -> Option<String> {
    let mut text = String::new();
    append(value, &mut text)?;
    Some(text)
}

fn append(value: &Value, text: &mut String) -> Option<()> {
    match value {
        Value::Number(number) => {
            let is_exact = number.as_i64().is_some_and(|number| number.unsigned_abs() <= MAX_SAFE);
            text.push_str(&is_exact.then(|| number.to_string())?);
        }
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                append(value, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            // RFC 8785 section 3.2.3: by UTF-16 code units.
            fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                // Strings are escaped as RFC 8785 section 3.2.2.2 says: only what must be, in the short forms, else \u00xx in lower case.
                text.push_str(&serde_json::to_string(name).ok()?);
                text.push(':');
                append(value, text)?;
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&serde_json::to_string(value).ok()?),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<String> {
        write(&serde_json::from_str(text).unwrap())
    }

    /// RFC 8785 sections 3.2.2 and 3.2.3, without their fractions.
    #[test]
    fn examples_of_the_rfc_have_its_canonical_form() {
        let strings = "{\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\", \"literals\": [null, true, false]}";
        assert_eq!(canonical(strings).unwrap(), "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
        let sorted = canonical(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        )
        .unwrap();
        let order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"].map(|name| sorted.find(name).unwrap());
        assert!(order.is_sorted(), "{sorted}");
    }

    #[test]
    fn integers_are_exact_and_other_numbers_have_no_form() {
        assert_eq!(canonical("[0, -1, 9007199254740991, -9007199254740991]").unwrap(), "[0,-1,9007199254740991,-9007199254740991]");
        for other in ["1.5", "1e3", "9007199254740992", "18446744073709551615", "[{\"a\":1.0}]"] {
            assert_eq!(canonical(other), None, "{other}");
        }
        assert_eq!(canonical("{\"b\":{\"z\":1,\"a\":[]},\"a\":{}}").unwrap(), r#"{"a":{},"b":{"a":[],"z":1}}"#);
    }
}
