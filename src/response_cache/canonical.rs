//! The canonical form of a JSON text: what means the same has the same bytes. As in RFC 8785 there is no whitespace, members are sorted by name, and strings have the
//! shortest form; other than there, numbers keep their exact decimal value, because two identifiers of 18 digits must not become one number.
//!
//! Works on the text, in one pass. As a tree of values a list of small objects would take 80 times its text, and a tenant chooses the text.

/// How deep values may be nested.
const MAX_DEPTH: usize = 64;

/// The largest exponent of a number, in digits: within it every value has one form.
const MAX_EXPONENT_DIGITS: usize = 9;

/// Why a text has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not one JSON value.
    #[error("must be JSON")]
    NotJson,
    /// It is nested too deeply.
    #[error("must be nested at most 64 levels deep")]
    TooDeep,
    /// An object has two members of one name, and readers do not agree which of them counts.
    #[error("must not name a member of an object twice")]
    NamedTwice,
    /// The exponent of a number is out of range.
    #[error("must not have numbers with exponents of more than 9 digits")]
    Exponent,
}

/// Appends the canonical form of the value in `text` to `out`. Takes time in proportion to the text and its depth, and at most 8 times its memory.
///
/// # Errors
/// [`Fault`]; `out` then has a part of it.
pub fn write(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut writer = Writer { text: text.as_bytes(), at: 0, out };
    writer.value(MAX_DEPTH)?;
    writer.skip_whitespace();
    if writer.peek().is_none() { Ok(()) } else { Err(Fault::NotJson) }
}

/// Appends a string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    text.chars().for_each(|character| push_char(character, out));
    out.push(b'"');
}

/// A member of the object that is being written: where in the output its name begins and ends, and where its value ends.
struct Member {
    begin: u32,
    name_end: u32,
    end: u32,
}

struct Writer<'t, 'o> {
    text: &'t [u8],
    at: usize,
    out: &'o mut Vec<u8>,
}

impl<'t> Writer<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let byte = self.peek().ok_or(Fault::NotJson)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no whitespace.
    fn next_sign(&mut self) -> Result<u8, Fault> {
        self.skip_whitespace();
        self.next()
    }

    fn value(&mut self, levels: usize) -> Result<(), Fault> {
        self.skip_whitespace();
        match self.peek().ok_or(Fault::NotJson)? {
            b'{' => self.object(levels.checked_sub(1).ok_or(Fault::TooDeep)?),
            b'[' => self.list(levels.checked_sub(1).ok_or(Fault::TooDeep)?),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => ["true", "false", "null"].iter().find(|word| self.word(word.as_bytes())).map(|_| ()).ok_or(Fault::NotJson),
        }
    }

    /// Writes `word` if it comes next.
    fn word(&mut self, word: &[u8]) -> bool {
        let is_next = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if is_next {
            self.at += word.len();
            self.out.extend_from_slice(word);
        }
        is_next
    }

    fn list(&mut self, levels: usize) -> Result<(), Fault> {
        self.at += 1;
        self.out.push(b'[');
        self.skip_whitespace();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.out.push(b']');
            return Ok(());
        }
        loop {
            self.value(levels)?;
            match self.next_sign()? {
                b',' => self.out.push(b','),
                b']' => break,
                _ => return Err(Fault::NotJson),
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, levels: usize) -> Result<(), Fault> {
        self.at += 1;
        self.out.push(b'{');
        let body = self.out.len();
        let mut members: Vec<Member> = Vec::new();
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                members.push(self.member(body, levels)?);
                match self.next_sign()? {
                    b',' => {}
                    b'}' => break,
                    _ => return Err(Fault::NotJson),
                }
            }
        }
        let unsorted = self.out.split_off(body);
        let part = |from: u32, to: u32| unsorted.get(index(from)..index(to)).unwrap_or_default();
        let name = |member: &Member| part(member.begin, member.name_end);
        members.sort_unstable_by(|one, other| name(one).cmp(name(other)));
        if members.iter().zip(members.iter().skip(1)).any(|(one, next)| name(one) == name(next)) {
            return Err(Fault::NamedTwice);
        }
        for (number, member) in members.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(part(member.begin, member.end));
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Writes a member; its place is told from `body` on.
    fn member(&mut self, body: usize, levels: usize) -> Result<Member, Fault> {
        let here = |out: &Vec<u8>| u32::try_from(out.len().saturating_sub(body)).map_err(|_| Fault::NotJson);
        self.skip_whitespace();
        let begin = here(self.out)?;
        self.string()?;
        let name_end = here(self.out)?;
        if self.next_sign()? != b':' {
            return Err(Fault::NotJson);
        }
        self.out.push(b':');
        self.value(levels)?;
        Ok(Member { begin, name_end, end: here(self.out)? })
    }

    fn string(&mut self) -> Result<(), Fault> {
        if self.next()? != b'"' {
            return Err(Fault::NotJson);
        }
        self.out.push(b'"');
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..0x20 => return Err(Fault::NotJson),
                plain => self.out.push(plain),
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Fault> {
        let character = match self.next()? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                return self.character(unit);
            }
            same @ (b'"' | b'\\' | b'/') => char::from(same),
            _ => return Err(Fault::NotJson),
        };
        push_char(character, self.out);
        Ok(())
    }

    /// Four hex digits.
    fn code_unit(&mut self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at..self.at.saturating_add(4)).ok_or(Fault::NotJson)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Fault::NotJson);
        }
        self.at += 4;
        std::str::from_utf8(digits).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or(Fault::NotJson)
    }

    /// The character that begins with this code unit of UTF-16. Half of a pair stays as it is: programs that cut texts by code units write it.
    fn character(&mut self, unit: u16) -> Result<(), Fault> {
        let before = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
            self.at += 2;
            let second = self.code_unit()?;
            if let Some(Ok(pair)) = char::decode_utf16([unit, second]).next() {
                push_char(pair, self.out);
                return Ok(());
            }
            // It is a character of its own.
            self.at = before;
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => push_char(character, self.out),
            None => self.out.extend_from_slice(format!("\\u{unit:04x}").as_bytes()),
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<&'t [u8], Fault> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.text.get(begin..self.at).filter(|digits| !digits.is_empty()).ok_or(Fault::NotJson)
    }

    /// A number as its digits without zeros at either end, and the power of ten that they are multiplied with: 1200 and 1.2e3 are `12e2`.
    fn number(&mut self) -> Result<(), Fault> {
        let begin = self.out.len();
        if self.peek() == Some(b'-') {
            self.at += 1;
            self.out.push(b'-');
        }
        let first = self.out.len();
        let whole = self.digits()?;
        self.out.extend(whole.iter().skip_while(|digit| **digit == b'0'));
        let mut exponent: i64 = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            let fraction = self.digits()?;
            exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
            let is_leading = self.out.len() == first;
            self.out.extend(fraction.iter().skip_while(|digit| is_leading && **digit == b'0'));
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            exponent = exponent.saturating_add(self.exponent()?);
        }
        while self.out.len() > first && self.out.last() == Some(&b'0') {
            self.out.pop();
            exponent = exponent.saturating_add(1);
        }
        if self.out.len() == first {
            // Zero, of which there is one.
            self.out.truncate(begin);
            self.out.push(b'0');
        } else if exponent != 0 {
            self.out.extend_from_slice(format!("e{exponent}").as_bytes());
        }
        Ok(())
    }

    /// What follows the `e` of a number.
    fn exponent(&mut self) -> Result<i64, Fault> {
        let sign = match self.peek() {
            Some(b'-') => -1,
            _ => 1,
        };
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
        }
        let significant = self.digits()?.iter().skip_while(|digit| **digit == b'0');
        if significant.clone().count() > MAX_EXPONENT_DIGITS {
            return Err(Fault::Exponent);
        }
        Ok(significant.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')) * sign)
    }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn push_char(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\r' => out.extend_from_slice(b"\\r"),
        control if u32::from(control) < 0x20 => out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes()),
        plain => out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn of(text: &str) -> Result<String, Fault> {
        let mut out = Vec::new();
        write(text, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn texts_that_mean_the_same_have_one_form() {
        for (form, texts) in [
            (r#"{"a":[12e2,"é\n/"],"b":{}}"#, [r#"{"b":{},"a":[1200,"\u00e9\n\/"]}"#, " { \"a\" : [ 1.2e3 , \"é\\u000a/\" ] ,\t\"b\":{ }\r\n} "]),
            ("0", ["-0", "0.000e7"]),
            ("1e1", ["10", "1e+01"]),
            ("-125e-4", ["-0.01250", "-1.25E-2"]),
            ("15", ["15", "15.0"]),
            ("\"\u{1f600}\"", [r#""\ud83d\ude00""#, "\"\u{1f600}\""]),
            (r#""\u0001\b\t\f\r\"\\""#, [r#""\u0001\u0008\u0009\u000c\u000D\u0022\u005c""#, r#""\u0001\b\t\f\r\"\\""#]),
            ("[true,false,null]", ["[true,false,null]", " [ true , false , null ] "]),
        ] {
            for text in texts {
                assert_eq!(of(text).as_deref(), Ok(form), "{text}");
            }
        }
    }

    #[test]
    fn texts_that_mean_different_things_have_different_forms() {
        let texts = [
            "1234567890123456788",
            "1234567890123456789",
            "0.1",
            "0.10000000000000000001",
            "1e400",
            "1e401",
            "\"1\"",
            "[1,2]",
            "[2,1]",
            "[12]",
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#"{"a":null}"#,
            "{}",
            "[]",
            "\"\"",
            "null",
        ];
        let forms: std::collections::BTreeSet<String> = texts.iter().map(|text| of(text).unwrap()).collect();
        assert_eq!(forms.len(), texts.len(), "{forms:?}");
        assert_eq!(of(r#""\ud83dx""#).as_deref(), Ok(r#""\ud83dx""#));
        assert_eq!(of(r#""\ud83d\ud83d\ude00""#).unwrap(), "\"\\ud83d\u{1f600}\"");
    }

    #[test]
    fn member_named_twice_huge_exponent_and_deep_nesting_are_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(of(&nested(64)), Ok(nested(64)));
        for (text, fault) in [
            (r#"{"a":1,"b":2,"\u0061":1}"#.to_owned(), Fault::NamedTwice),
            (r#"[{"":1,"":1}]"#.to_owned(), Fault::NamedTwice),
            ("1e1234567890".to_owned(), Fault::Exponent),
            ("1e-9999999999".to_owned(), Fault::Exponent),
            (nested(65), Fault::TooDeep),
        ] {
            assert_eq!(of(&text), Err(fault), "{text}");
        }
        assert_eq!(of("1e-0000000000999999999").as_deref(), Ok("1e-999999999"));
    }

    #[test]
    fn text_that_is_not_one_value_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "\"",
            "[1",
            "[1,",
            "[1 2]",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1,]",
            "tru",
            "-",
            "1.e",
            "1e",
            "1e+",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "1 2",
            "x",
            "\"\\ud83d\\u\"",
            ",",
        ] {
            assert_eq!(of(text), Err(Fault::NotJson), "{text}");
        }
    }

    /// The worst of each kind at the largest size of `messages`, 1 MB: time is within the bound of one request's work (a debug build takes ten times as long).
    #[test]
    #[allow(clippy::disallowed_methods)] // Tests run natively.
    fn worst_texts_of_1_mb_take_less_than_a_second() {
        const SIZE: usize = 1_000_000;
        let members: String = (0..SIZE / 12).map(|number| format!("\"{:05x}\":0,", number ^ 0xaaaa)).collect();
        let objects = format!("[{}0]", "{\"b\":{},\"a\":0},".repeat(SIZE / 16));
        let wide = format!("{{{}\"x\":0}}", members);
        // The same megabyte is moved once on each level.
        let deep = format!("{}\"{}\"{}", "{\"a\":".repeat(64), "x".repeat(SIZE), "}".repeat(64));
        let long_names: String = (0..1_000).map(|number| format!("\"{}{number:04}\":0,", "x".repeat(990))).rev().collect();
        let numbers = format!("[{}0]", "1e9,".repeat(SIZE / 4));
        for (what, text) in [
            ("one object of many members", wide),
            ("many objects", objects),
            ("64 levels", deep),
            ("long names", format!("{{{long_names}\"y\":0}}")),
            ("numbers", numbers),
            ("zeros", format!("[1{}]", "0".repeat(SIZE))),
            ("escapes", format!("\"{}\"", "\\u0001".repeat(SIZE / 6))),
        ] {
            let began = std::time::Instant::now();
            let mut out = Vec::new();
            assert_eq!(write(&text, &mut out), Ok(()), "{what}");
            let took = began.elapsed();
            println!("{what}: {} bytes, {} canonical, {took:?}", text.len(), out.len());
            assert!(out.len() <= text.len() / 2 * 3, "{what}: {} of {}", out.len(), text.len());
            assert!(took.as_millis() < 1_000, "{what}: {took:?}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let text = prop::collection::vec(prop::sample::select(vec!['a', '"', '\\', '\n', '\u{1}', 'é', '\u{1f600}', '/', '\u{7f}']), 0..4)
            .prop_map(|chars| chars.into_iter().collect::<String>());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-9_999i64..9_999).prop_map(|number| Value::from(number as f64 / 8.0)),
            text.clone().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value in another spelling: members in reverse, whitespace, escapes.
    fn respelt(value: &Value, out: &mut String) {
        match value {
            Value::Object(map) => {
                out.push_str("{ ");
                for (number, (name, value)) in map.iter().rev().enumerate() {
                    out.push_str(if number > 0 { " ,\n" } else { "" });
                    respelt(&Value::from(name.as_str()), out);
                    out.push_str("\t: ");
                    respelt(value, out);
                }
                out.push_str(" }");
            }
            Value::Array(list) => {
                out.push('[');
                for (number, value) in list.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    respelt(value, out);
                }
                out.push_str(" ]");
            }
            Value::String(text) => {
                out.push('"');
                text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
                out.push('"');
            }
            Value::Number(number) if number.is_i64() => out.push_str(&format!("{number}0e-1")),
            other => out.push_str(&other.to_string()),
        }
    }

    proptest! {
        #[test]
        fn form_means_the_same_and_is_that_of_every_spelling(value in json()) {
            let form = of(&value.to_string()).unwrap();
            // Floats are compared as such: `12e-1` is 1.2.
            let read: Value = serde_json::from_str(&form).unwrap();
            let mut other = String::new();
            respelt(&value, &mut other);
            prop_assert_eq!(of(&other).unwrap(), form.clone());
            prop_assert_eq!(of(&form).unwrap(), form.clone());
            prop_assert!(same(&read, &value), "{} {}", read, value);
        }

        #[test]
        fn forms_of_two_values_are_equal_only_if_they_are(one in json(), other in json()) {
            prop_assert_eq!(of(&one.to_string()).unwrap() == of(&other.to_string()).unwrap(), same(&one, &other));
        }

        #[test]
        fn what_serde_json_reads_is_json(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- tn]{0,12}") {
            let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert!(!is_json || of(&text) != Err(Fault::NotJson), "{}", text);
        }
    }

    fn same(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) if one.is_i64() && other.is_i64() => one == other,
            // A form with an exponent is read as a float.
            (Value::Number(one), Value::Number(other)) => {
                let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
                (one - other).abs() <= one.abs() * 1e-12
            }
            (Value::Array(one), Value::Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|((name, one), (other_name, other))| name == other_name && same(one, other))
            }
            _ => one == other,
        }
    }
}
