//! Requests to addresses that customers gave.

/// A POST.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// URL.
    pub url: &'a str,
    /// Header fields.
    pub headers: &'a [(&'static str, String)],
    /// Body.
    pub body: &'a str,
    /// Time in which the answer has to come, its body included, ms.
    pub timeout_ms: u32,
    /// What is read of the answer's body at most, bytes.
    pub max_answer: usize,
    /// What is kept of that, bytes.
    pub kept: usize,
}

/// Its answer, which is anybody's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// The beginning of the body, with U+FFFD in place of what is not UTF-8.
    pub text: String,
}
