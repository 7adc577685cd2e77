//! A page of an account's files: in which order, which of them, and behind which one (docs/api.md, `GET /api/storage/files`).

pub mod repository;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::files::asset::Asset;
use crate::problem::Problem;

/// The longest text that is searched for, bytes.
const MAX_SEARCH: usize = 200;

/// By what files are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// When they were created.
    Created,
    /// Their names, A to Z in either case as one.
    Name,
}

/// Where a page begins: behind the file with these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Creation time and id.
    Created(EpochMs, Id),
    /// Name and id.
    Name(String, Id),
}

/// What a caller wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// By what the files are sorted.
    pub key: Key,
    /// From the smallest value on.
    pub ascending: bool,
    /// What the names contain; empty: any.
    pub search: String,
    /// Where the page begins.
    pub behind: Option<Mark>,
}

fn one_of<T>(field: &'static str, text: Option<&str>, default: T, values: [(&str, T); 2]) -> Result<T, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(default) };
    let names = values.each_ref().map(|(name, _)| *name).join(" or ");
    values.into_iter().find(|(name, _)| *name == text).map(|(_, value)| value).ok_or_else(|| Problem::invalid(field, format!("must be {names}")))
}

impl Listing {
    /// Reads the query parameters `sort`, `order`, `search`, `cursor`.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn read(sort: Option<&str>, order: Option<&str>, search: Option<&str>, cursor: Option<&str>) -> Result<Listing, Problem> {
        let key = one_of("sort", sort, Key::Created, [("created", Key::Created), ("name", Key::Name)])?;
        let ascending = one_of("order", order, key == Key::Name, [("asc", true), ("desc", false)])?;
        let search = search.unwrap_or_default().to_owned();
        if search.len() > MAX_SEARCH {
            return Err(Problem::invalid("search", format!("must have at most {MAX_SEARCH} bytes")));
        }
        let behind = cursor.filter(|text| !text.is_empty()).map(|text| Mark::read(key, text).ok_or_else(bad_cursor)).transpose()?;
        Ok(Listing { key, ascending, search, behind })
    }
}

fn bad_cursor() -> Problem {
    Problem::invalid("cursor", "must be the cursor of a previous page of the same order")
}

impl Mark {
    fn read(key: Key, text: &str) -> Option<Mark> {
        match key {
            Key::Created => text.split_once('_').and_then(|(at, id)| Some(Mark::Created(EpochMs(at.parse().ok()?), Id::parse(id)?))),
            Key::Name => text.split_once('_').and_then(|(id, name)| Some(Mark::Name(name.to_owned(), Id::parse(id)?))),
        }
    }

    /// Behind `asset`.
    pub fn of(key: Key, asset: &Asset) -> Mark {
        match key {
            Key::Created => Mark::Created(asset.created_at, asset.id),
            Key::Name => Mark::Name(asset.name.clone(), asset.id),
        }
    }

    /// The cursor that leads here.
    pub fn cursor(&self) -> String {
        match self {
            Mark::Created(at, id) => format!("{}_{id}", at.0),
            Mark::Name(name, id) => format!("{id}_{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sort: &str, order: &str, cursor: &str) -> Result<Listing, String> {
        Listing::read(Some(sort), Some(order), None, Some(cursor)).map_err(|problem| match problem {
            Problem::Invalid { field, .. } => field.into_owned(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn order_is_newest_first_by_time_and_a_to_z_by_name_unless_told() {
        let order = |sort, order| read(sort, order, "").map(|listing| (listing.key, listing.ascending));
        assert_eq!(order("", ""), Ok((Key::Created, false)));
        assert_eq!(order("name", ""), Ok((Key::Name, true)));
        assert_eq!(order("created", "asc"), Ok((Key::Created, true)));
        assert_eq!(order("name", "desc"), Ok((Key::Name, false)));
        assert_eq!((order("size", ""), order("", "up")), (Err("sort".to_owned()), Err("order".to_owned())));
        assert!(matches!(Listing::read(None, None, Some(&"x".repeat(201)), None), Err(Problem::Invalid { field, .. }) if field == "search"));
    }

    #[test]
    fn cursor_leads_back_to_where_it_was_made_in_its_own_order_only() {
        let id = Id::from_random([1; 16]);
        for (sort, mark) in [("created", Mark::Created(EpochMs(7), id)), ("name", Mark::Name("a_b/c".to_owned(), id))] {
            assert_eq!(read(sort, "", &mark.cursor()).map(|listing| listing.behind), Ok(Some(mark)));
        }
        assert_eq!(read("name", "", &Mark::Created(EpochMs(7), id).cursor()), Err("cursor".to_owned()));
        assert_eq!(read("created", "", "x"), Err("cursor".to_owned()));
    }
}
