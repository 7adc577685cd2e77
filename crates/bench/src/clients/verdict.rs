//! What an answer is: what was asked for, a refusal that the product promises, or an error.

use crate::load::Answer;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 200, 201 or 206.
    Expected,
    /// 429, 503 or 507, as docs/api.md promises them.
    Deliberate,
    /// Anything else.
    Error,
}

impl Verdict {
    /// That of an answer.
    pub fn of(answer: &Answer) -> Verdict {
        match answer.status {
            200 | 201 | 206 => Verdict::Expected,
            // Room does not come back by waiting: 507 names no time.
            507 if is_problem(answer) => Verdict::Deliberate,
            429 | 503 if is_problem(answer) && answer.retry_after.trim().parse::<u32>().is_ok() => Verdict::Deliberate,
            _ => Verdict::Error,
        }
    }
}

fn is_problem(answer: &Answer) -> bool {
    answer.content_type.starts_with("application/problem+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, content_type: &str, retry_after: &str) -> Verdict {
        Verdict::of(&Answer::of_parts(status, content_type, retry_after))
    }

    #[test]
    fn refusals_count_only_as_they_are_promised() {
        let problem = "application/problem+json; charset=utf-8";
        assert_eq!([of(200, "", ""), of(201, "", ""), of(206, "video/mp2t", "")], [Verdict::Expected; 3]);
        assert_eq!([of(429, problem, "3"), of(503, problem, "60"), of(507, problem, "")], [Verdict::Deliberate; 3]);
        assert_eq!([of(429, problem, ""), of(503, "text/html", "1"), of(507, "text/plain", "")], [Verdict::Error; 3]);
        assert_eq!([of(500, problem, "1"), of(502, problem, "1"), of(404, problem, ""), of(302, "", "")], [Verdict::Error; 4]);
    }
}
