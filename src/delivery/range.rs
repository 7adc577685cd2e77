//! Byte ranges (RFC 9110 section 14).

use crate::problem::Problem;

/// What to send of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, with 200.
    Whole,
    /// Bytes `first..=last`, with 206.
    Slice {
        /// First byte.
        first: u64,
        /// Last byte, ≤ size - 1.
        last: u64,
    },
}

impl Wanted {
    /// Bytes to send of an object of `size`.
    pub fn len(self, size: u64) -> u64 {
        match self {
            Wanted::Whole => size,
            Wanted::Slice { first, last } => last - first + 1,
        }
    }
}

/// Reads a Range field for an object of `size` bytes with `etag` (without quotes), honouring If-Range.
/// What is not a single well-formed byte range is ignored, as section 14.2 allows: the whole object follows.
///
/// # Errors
/// [`Problem::RangeNotSatisfiable`].
pub fn wanted(range: Option<&str>, if_range: Option<&str>, size: u64, etag: &str) -> Result<Wanted, Problem> {
    // Section 13.1.5: a strong comparison; a date never matches, since we cannot rule out two versions within its second.
    if if_range.is_some_and(|validator| validator.trim() != format!("\"{etag}\"")) {
        return Ok(Wanted::Whole);
    }
    let Some((unit, spec)) = range.and_then(|field| field.split_once('=')) else { return Ok(Wanted::Whole) };
    let Some((from, to)) = spec.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes")) else {
        return Ok(Wanted::Whole);
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(from) || !digits(to) || (from.is_empty() && to.is_empty()) {
        return Ok(Wanted::Whole);
    }
    // A number beyond u64 is beyond every object.
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    let unsatisfiable = Err(Problem::RangeNotSatisfiable { size });
    let Some(end) = size.checked_sub(1) else { return unsatisfiable };
    let (first, last) = if from.is_empty() {
        match number(to) {
            0 => return unsatisfiable,
            suffix => (size.saturating_sub(suffix), end),
        }
    } else if to.is_empty() {
        (number(from), end)
    } else if number(to) < number(from) {
        return Ok(Wanted::Whole);
    } else {
        (number(from), number(to).min(end))
    };
    if first > end { unsatisfiable } else { Ok(Wanted::Slice { first, last }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slice(first: u64, last: u64) -> Result<Wanted, Problem> {
        Ok(Wanted::Slice { first, last })
    }

    #[test]
    fn the_forms_of_rfc_9110() {
        let get = |range| wanted(Some(range), None, 10_000, "e");
        assert_eq!(get("bytes=0-499"), slice(0, 499));
        assert_eq!(get("bytes=9500-"), slice(9500, 9999));
        assert_eq!(get("bytes=-500"), slice(9500, 9999));
        assert_eq!(get("bytes=-20000"), slice(0, 9999));
        assert_eq!(get("Bytes = 9999-99999999999999999999999"), slice(9999, 9999));
        for whole in ["bytes=1-0", "bytes=0-1,3-4", "lines=0-1", "bytes", "bytes=a-b", "bytes=-", "bytes=+1-2", ""] {
            assert_eq!(get(whole), Ok(Wanted::Whole), "{whole}");
        }
        for outside in ["bytes=10000-", "bytes=10000-10001", "bytes=-0"] {
            assert_eq!(get(outside), Err(Problem::RangeNotSatisfiable { size: 10_000 }), "{outside}");
        }
        assert_eq!(wanted(Some("bytes=0-"), None, 0, "e"), Err(Problem::RangeNotSatisfiable { size: 0 }));
    }

    #[test]
    fn if_range_needs_the_same_strong_etag() {
        let get = |validator| wanted(Some("bytes=0-1"), Some(validator), 10, "e");
        assert_eq!(get("\"e\""), slice(0, 1));
        for other in ["\"f\"", "W/\"e\"", "e", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(get(other), Ok(Wanted::Whole), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_slice_lies_within_the_object(field in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in 0u64..100) {
            if let Ok(Wanted::Slice { first, last }) = wanted(Some(&field), None, size, "e") {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
