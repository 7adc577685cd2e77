//! Finds the file in a `multipart/form-data` body (RFC 7578).
//!
//! The runtime's own parser refuses the unquoted parameters that .NET writes and turns names that are not UTF-8 into U+FFFD. Here only the heads of the parts are
//! read; the bytes in between are searched by the [`Haystack`] and stay where they are.

use crate::http::parameters::{Parameters, parameters};
use crate::problem::Problem;

/// Maximum parts of a form: the file, and small fields beside it.
const MAX_PARTS: usize = 100;

/// Maximum head of a part, bytes: a name of 1,024 bytes may be there twice, percent-encoded.
const MAX_HEAD: usize = 16_384;

/// Maximum header fields of a part.
const MAX_FIELDS: usize = 16;

/// Maximum places in the files' bytes that begin as the boundary does and go on differently.
const MAX_FALSE_MATCHES: usize = 1_000;

/// The field with the file, as problems name it.
const FIELD: &str = "file";

/// A body, wherever its bytes are.
pub trait Haystack {
    /// Where the ASCII text `needle` first begins, at or after `from`.
    fn find(&self, needle: &str, from: usize) -> Option<usize>;

    /// The bytes from `from`, at most `most`.
    fn window(&self, from: usize, most: usize) -> Vec<u8>;
}

/// The file of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormFile {
    /// Its name, as sent.
    pub name: String,
    /// The media type of its part.
    pub content_type: Option<String>,
    /// Where its bytes begin in the body.
    pub from: usize,
    /// Where they end.
    pub to: usize,
}

/// The boundary that a Content-Type names (RFC 2046 section 5.1.1: 1 to 70 characters).
///
/// # Errors
/// 400.
pub fn boundary(content_type: Option<&str>) -> Result<String, Problem> {
    let found = parameters(content_type.unwrap_or_default().as_bytes()).and_then(|found| found.text("boundary"));
    let fits = |text: &String| (1..=70).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    found.ok().flatten().filter(fits).ok_or_else(|| malformed("Content-Type has no boundary"))
}

/// The file of the form.
///
/// # Errors
/// 400 for a body that is no form, 415 for an encoded part, 422 that names the field.
pub fn file_of(body: &impl Haystack, boundary: &str) -> Result<FormFile, Problem> {
    let delimiter = format!("\r\n--{boundary}");
    let mut false_matches = 0;
    let mut found: Option<FormFile> = None;
    // The first delimiter needs no line break before it, and may have a preamble.
    let begins = body.window(0, delimiter.len() - 2) == delimiter.as_bytes().get(2..).unwrap_or_default();
    let mut next = if begins { line_end(body, delimiter.len() - 2) } else { delimiter_at(body, &delimiter, 0, &mut false_matches)?.1 };
    for _ in 0..=MAX_PARTS {
        let head_at = match next {
            Some(Line::Last) => return found.ok_or_else(|| Problem::invalid(FIELD, "is required")),
            Some(Line::Part { after }) => after,
            None => return Err(malformed("a boundary is not followed by a line break")),
        };
        let (head, from) = head(body, head_at)?;
        let (to, line) = delimiter_at(body, &delimiter, from, &mut false_matches)?;
        if let Some((name, content_type)) = file_head(&head)? {
            if found.is_some() {
                return Err(Problem::invalid(FIELD, "must be there once: one file per request"));
            }
            found = Some(FormFile { name, content_type, from, to });
        }
        next = line;
    }
    Err(malformed("it has more than 100 parts"))
}

/// What follows a boundary on its line.
enum Line {
    /// The next part, whose head begins there.
    Part { after: usize },
    /// `--`: the end of the form.
    Last,
}

/// The next delimiter: where the bytes before it end, and its line.
fn delimiter_at(body: &impl Haystack, delimiter: &str, from: usize, false_matches: &mut usize) -> Result<(usize, Option<Line>), Problem> {
    let mut from = from;
    while *false_matches <= MAX_FALSE_MATCHES {
        let at = body.find(delimiter, from).ok_or_else(|| malformed("its last boundary is missing"))?;
        let line = line_end(body, at.saturating_add(delimiter.len()));
        if line.is_some() {
            return Ok((at, line));
        }
        // A file may have a line that begins as the boundary does.
        *false_matches += 1;
        from = at.saturating_add(1);
    }
    Err(malformed("its boundary is all over its bytes"))
}

/// The rest of a boundary's line: `--`, or blanks (RFC 2046 section 5.1.1) and a line break.
fn line_end(body: &impl Haystack, at: usize) -> Option<Line> {
    let rest = body.window(at, 64);
    if rest.starts_with(b"--") {
        return Some(Line::Last);
    }
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    rest.get(blanks..).is_some_and(|rest| rest.starts_with(b"\r\n")).then(|| Line::Part { after: at.saturating_add(blanks).saturating_add(2) })
}

/// The head of the part that begins at `at`, and where its bytes begin.
fn head(body: &impl Haystack, at: usize) -> Result<(Vec<u8>, usize), Problem> {
    let mut head = body.window(at, MAX_HEAD);
    let end = if head.starts_with(b"\r\n") { Some(2) } else { head.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4) };
    let end = end.ok_or_else(|| malformed("a part's head has no end, or more than 16 KB"))?;
    head.truncate(end);
    Ok((head, at.saturating_add(end)))
}

/// Name and media type, if the part is the file.
fn file_head(head: &[u8]) -> Result<Option<(String, Option<String>)>, Problem> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let parsed = httparse::parse_headers(head, &mut fields);
    let Ok(httparse::Status::Complete((_, fields))) = parsed else { return Err(malformed("a part's head is no list of header fields")) };
    let field = |name: &str| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
    let disposition = field("content-disposition").ok_or_else(|| malformed("a part has no Content-Disposition"))?;
    let not_utf8 = || Problem::invalid(FIELD, "its names must be UTF-8");
    let disposition: Parameters = parameters(disposition).map_err(|_| malformed("a Content-Disposition is not well-formed"))?;
    if disposition.text("name").map_err(|_| not_utf8())?.as_deref() != Some(FIELD) {
        return Ok(None);
    }
    let text = |name: &str| field(name).map(|value| std::str::from_utf8(value).map(str::trim)).transpose().map_err(|_| not_utf8());
    if text("content-encoding")?.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::EncodedBody);
    }
    // Deprecated by RFC 7578 section 4.7; what it names would be stored encoded.
    let plain = |coding: &str| ["7bit", "8bit", "binary"].iter().any(|plain| coding.eq_ignore_ascii_case(plain));
    if text("content-transfer-encoding")?.is_some_and(|coding| !plain(coding)) {
        return Err(Problem::invalid(FIELD, "must have no Content-Transfer-Encoding"));
    }
    // RFC 6266 section 4.3: `filename*` goes before `filename`. .NET sends both, and the second one as an encoded word for names that are not ASCII.
    let extended = disposition.extended("filename").map_err(|_| not_utf8())?;
    let name = match extended {
        Some(name) => Some(name),
        // Forms escape quotes and line breaks in file names (HTML standard, multipart/form-data encoding algorithm).
        None => disposition.text("filename").map_err(|_| not_utf8())?.map(|name| name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")),
    };
    let name = name.ok_or_else(|| Problem::invalid(FIELD, "must be a file"))?;
    Ok(Some((name, text("content-type")?.map(str::to_owned))))
}

fn malformed(reason: &str) -> Problem {
    Problem::Malformed { detail: format!("The body is not multipart/form-data: {reason}.") }
}

#[cfg(test)]
mod tests;
