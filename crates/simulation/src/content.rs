//! Bytes of files as symbols, so that a file of many parts of realistic sizes costs nothing.

use std::fmt::Write;

use jettyspeed_edge::base::sha256::Sha256Hex;

/// Bytes of a large symbol, 1 GB: the part size of the histories.
pub const LARGE: u64 = 1_000_000_000;

/// A run of bytes of one symbol: `length` bytes from byte `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    symbol: u8,
    is_large: bool,
    first: u64,
    length: u64,
}

impl Run {
    fn bytes(self) -> u64 {
        self.length
    }

    fn is_whole(self) -> bool {
        !self.is_large || (self.first == 0 && self.length == LARGE)
    }
}

/// The bytes of a file, a part or a range. In its text form a lower-case letter stands for 1 GB and every other character for one byte; a cut letter names
/// what is left of it. Equal bytes have equal text forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content(Vec<Run>);

impl Content {
    /// The content of that text form, without cut letters.
    pub fn parse(text: &str) -> Content {
        let run = |symbol: u8| {
            let is_large = symbol.is_ascii_lowercase();
            Run { symbol, is_large, first: 0, length: if is_large { LARGE } else { 1 } }
        };
        Content(text.bytes().map(run).collect())
    }

    /// The bytes of a text, one symbol each.
    pub fn of_text(text: &str) -> Content {
        Content(text.bytes().map(|symbol| Run { symbol, is_large: false, first: 0, length: 1 }).collect())
    }

    /// Length, bytes.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|run| run.bytes()).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text form.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for run in &self.0 {
            text.push(char::from(run.symbol));
            if !run.is_whole() {
                let _ = write!(text, "[{}+{}]", run.first, run.length);
            }
        }
        text
    }

    /// The bytes themselves, if there is no large symbol.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.0.iter().map(|run| (!run.is_large).then_some(run.symbol)).collect()
    }

    /// SHA-256: of the text form.
    pub fn sha256(&self) -> Sha256Hex {
        Sha256Hex::of(self.text().as_bytes())
    }

    /// The ETag of an object or part with these bytes.
    pub fn etag(&self) -> String {
        let hash = self.sha256();
        hash.as_str().chars().take(32).collect()
    }

    /// Bytes `first..end`, as far as there are any.
    #[must_use]
    pub fn slice(&self, first: u64, end: u64) -> Content {
        let (mut at, mut runs) = (0, Vec::new());
        for run in &self.0 {
            let (from, to) = (first.max(at), end.min(at + run.length));
            if from < to {
                runs.push(Run { first: run.first + (from - at), length: to - from, ..*run });
            }
            at += run.length;
        }
        Content(runs)
    }

    /// Appends `other`. A symbol that was cut in two becomes one again.
    pub fn extend(&mut self, other: &Content) {
        for run in &other.0 {
            match self.0.last_mut() {
                Some(last)
                    if last.is_large && last.symbol == run.symbol && run.is_large && last.first + last.length == run.first && run.first > 0 =>
                {
                    last.length += run.length;
                }
                _ => self.0.push(*run),
            }
        }
    }

    /// Its parts of `size` bytes each, the last one of what is left.
    pub fn parts(&self, size: u64) -> Vec<Content> {
        (0..self.len().div_ceil(size)).map(|number| self.slice(number * size, (number + 1) * size)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_large_and_digits_are_bytes() {
        let content = Content::parse("ab1");
        assert_eq!((content.len(), content.text().as_str()), (2_000_000_001, "ab1"));
        assert_eq!(content.parts(LARGE).iter().map(Content::text).collect::<Vec<_>>(), ["a", "b", "1"]);
        assert_eq!(Content::parse("12").sha256(), Sha256Hex::of(b"12"));
        assert_eq!(Content::of_text("ab").len(), 2);
    }

    #[test]
    fn cut_symbols_join_to_what_they_were() {
        let content = Content::parse("aab1");
        for at in [1, 999_999_999, 1_000_000_000, 1_500_000_000, 3_000_000_000, 3_000_000_001] {
            let mut joined = content.slice(0, at);
            joined.extend(&content.slice(at, content.len()));
            assert_eq!(joined, content, "{at}");
            assert_eq!(joined.text(), "aab1");
        }
        assert_eq!(content.slice(5, 10).text(), "a[5+5]");
        assert_eq!(content.slice(1_000_000_000, 10_000_000), Content::default());
    }
}
