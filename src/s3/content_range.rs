//! `Content-Range` of the store's answers (RFC 9110 section 14.4).

/// The range of an answer, and the size of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// First byte.
    pub first: u64,
    /// Last byte, inclusive.
    pub last: u64,
    /// Size of the object; `None` if the answer does not tell it (`*`).
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes a-b/size` or `bytes a-b/*`.
    pub fn parse(text: &str) -> Option<ContentRange> {
        let (unit, rest) = text.trim().split_once([' ', '\t'])?;
        let (span, total) = rest.split_once('/')?;
        let (first, last) = span.trim().split_once('-')?;
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten()
        };
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let (first, last) = (number(first)?, number(last)?);
        let sound = unit.eq_ignore_ascii_case("bytes") && first <= last && total.is_none_or(|total| last < total);
        sound.then_some(ContentRange { first, last, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_with_and_without_total_are_read_and_unsound_ones_are_not() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        for (given, expected) in [
            ("bytes 2-4/10", range(2, 4, Some(10))),
            (" Bytes  2-4 / 10 ", range(2, 4, Some(10))),
            ("bytes 0-0/*", range(0, 0, None)),
            ("bytes 4-2/10", None),
            ("bytes 2-10/10", None),
            ("bytes */10", None),
            ("bytes 2-4", None),
            ("bytes +2-4/10", None),
            ("items 2-4/10", None),
            ("bytes 2-99999999999999999999/*", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(given), expected, "{given}");
        }
    }
}
