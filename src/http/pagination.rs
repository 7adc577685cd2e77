//! Paging: a cursor is the creation time and id of the last thing seen, so that pages stay right while things come and go.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::problem::Problem;

const DEFAULT: u64 = 50;

const MAX: u64 = 500;

/// `cursor` and `limit` of a listing.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Where to go on.
    pub cursor: Option<(EpochMs, Id)>,
    /// 1..=500.
    pub limit: u64,
}

impl Page {
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn read(cursor: Option<&str>, limit: Option<&str>) -> Result<Page, Problem> {
        let limit = self::limit(limit)?;
        let cursor = match cursor.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let parsed = text.split_once('_').and_then(|(at, id)| Some((EpochMs(at.parse().ok()?), Id::parse(id)?)));
                Some(parsed.ok_or_else(|| Problem::invalid("cursor", "is not one of ours"))?)
            }
        };
        Ok(Page { cursor, limit })
    }
}

/// `limit` of a listing, 1..=500.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn limit(limit: Option<&str>) -> Result<u64, Problem> {
    match limit.filter(|text| !text.is_empty()) {
        None => Ok(DEFAULT),
        Some(text) => {
            text.parse().ok().filter(|n| (1..=MAX).contains(n)).ok_or_else(|| Problem::invalid("limit", format!("must be from 1 to {MAX}")))
        }
    }
}

/// Cuts rows, of which one more than `limit` was asked for, to a page and the cursor of the next.
pub fn cut<T>(rows: Vec<T>, limit: u64, place: impl Fn(&T) -> (EpochMs, Id)) -> (Vec<T>, Option<String>) {
    cut_by(rows, limit, |row| {
        let (at, id) = place(row);
        format!("{}_{id}", at.0)
    })
}

/// The same with a cursor of the caller's making.
pub fn cut_by<T>(mut rows: Vec<T>, limit: u64, place: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let cursor = rows.last().map(place);
    (rows, cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_next_page_and_ends() {
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
