//! Cursor pagination: a cursor is the creation time and id of the page's last row, so that pages stay correct while rows are added and deleted.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::problem::Problem;

const DEFAULT_LIMIT: u64 = 50;

const MAX_LIMIT: u64 = 500;

/// `cursor` and `limit` of a listing.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The last row of the previous page.
    pub cursor: Option<(EpochMs, Id)>,
    /// 1..=500.
    pub limit: u64,
}

impl Page {
    /// Parses the query parameters.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn read(cursor: Option<&str>, limit: Option<&str>) -> Result<Page, Problem> {
        let limit = self::limit(limit)?;
        let cursor = match cursor.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let parsed = text.split_once('_').and_then(|(at, id)| Some((EpochMs(at.parse().ok()?), Id::parse(id)?)));
                Some(parsed.ok_or_else(|| Problem::invalid("cursor", "must be the cursor of a previous page"))?)
            }
        };
        Ok(Page { cursor, limit })
    }
}

/// Parses `limit` of a listing, 1..=500.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn limit(limit: Option<&str>) -> Result<u64, Problem> {
    match limit.filter(|text| !text.is_empty()) {
        None => Ok(DEFAULT_LIMIT),
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=MAX_LIMIT).contains(n))
            .ok_or_else(|| Problem::invalid("limit", format!("must be from 1 to {MAX_LIMIT}"))),
    }
}

/// Cuts rows to a page and returns the next page's cursor. The query must have asked for `limit` + 1 rows: the extra row shows that a next page exists.
pub fn cut<T>(rows: Vec<T>, limit: u64, key: impl Fn(&T) -> (EpochMs, Id)) -> (Vec<T>, Option<String>) {
    cut_by(rows, limit, |row| {
        let (at, id) = key(row);
        format!("{}_{id}", at.0)
    })
}

/// As [`cut`], with a cursor that the caller formats.
pub fn cut_by<T>(mut rows: Vec<T>, limit: u64, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let cursor = rows.last().map(cursor);
    (rows, cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_page_has_a_cursor_last_page_has_none_and_bad_parameters_are_refused() {
        let id = Id::from_random([1; 16]);
        let rows: Vec<_> = (1..=3).map(|n| (EpochMs(n), id)).collect();
        let (page, cursor) = cut(rows.clone(), 2, |row| *row);
        assert_eq!(page.len(), 2);
        assert_eq!(Page::read(cursor.as_deref(), Some("2")), Ok(Page { cursor: Some((EpochMs(2), id)), limit: 2 }));
        assert_eq!(cut(rows, 3, |row| *row).1, None);
        for (cursor, limit) in [(Some("x"), None), (Some("1_x"), None), (None, Some("0")), (None, Some("501")), (None, Some("a"))] {
            assert!(Page::read(cursor, limit).is_err(), "{cursor:?} {limit:?}");
        }
    }
}
