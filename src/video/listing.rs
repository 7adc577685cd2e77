//! The list of a namespace's videos.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::http::pagination;
use crate::problem::Problem;

/// A video: one row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    video_id: Name,
    /// Its top-level playlist of a usual name: `master.m3u8`, else `index.m3u8`.
    entry: Option<String>,
    /// When that playlist was stored.
    updated_at: Option<EpochMs>,
}

/// `cursor` and `limit` of the list; the cursor is the id of the last video seen.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn page(cursor: Option<&str>, limit: Option<&str>) -> Result<(Option<Name>, u64), Problem> {
    let limit = pagination::limit(limit)?;
    let wrong = || Problem::invalid("cursor", "must be the cursor of a previous page");
    let cursor = cursor.filter(|text| !text.is_empty()).map(|text| Name::parse(text).ok_or_else(wrong)).transpose()?;
    Ok((cursor, limit))
}

/// The answer: `rows` is one row more than the page if there is a next one.
pub fn view(rows: Vec<Listed>, limit: u64, namespace: &Name) -> Value {
    let (rows, cursor) = pagination::cut_by(rows, limit, |row| row.video_id.to_string());
    let view = |row: &Listed| json!({ "videoId": row.video_id, "namespace": namespace, "entry": row.entry, "updatedAt": row.updated_at.map(EpochMs::rfc3339) });
    json!({ "videos": rows.iter().map(view).collect::<Vec<_>>(), "cursor": cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_a_cursor_if_there_is_another_and_bad_parameters_are_refused() {
        let name = |text: &str| Name::parse(text).unwrap();
        let row =
            |id: &str, entry: Option<&str>| Listed { video_id: name(id), entry: entry.map(str::to_owned), updated_at: entry.map(|_| EpochMs(1_000)) };
        let rows = vec![row("a", Some("index.m3u8")), row("b", None)];
        let expected = json!({ "videoId": "a", "namespace": "jt_user_1", "entry": "index.m3u8", "updatedAt": "1970-01-01T00:00:01.000Z" });
        assert_eq!(view(rows.clone(), 1, &name("jt_user_1")), json!({ "videos": [expected], "cursor": "a" }));
        let all = view(rows, 2, &name("jt_user_1"));
        assert_eq!((&all["cursor"], &all["videos"][1]["entry"], &all["videos"][1]["updatedAt"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(page(Some("a"), Some("2")), Ok((Some(name("a")), 2)));
        assert_eq!(page(Some(""), None), Ok((None, 50)));
        for (cursor, limit) in [(Some("a b"), None), (Some("../x"), None), (None, Some("0")), (None, Some("501"))] {
            assert!(page(cursor, limit).is_err(), "{cursor:?} {limit:?}");
        }
    }
}
