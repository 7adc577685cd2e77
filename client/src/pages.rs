//! Lists that come page by page.

use crate::Error;

/// Rows per page, at most.
const PAGE: usize = 500;

/// The rows of a list so far.
#[derive(Debug)]
pub struct Pages<T> {
    rows: Vec<T>,
    most: usize,
    cursor: Option<String>,
    is_done: bool,
}

impl<T> Pages<T> {
    /// A list of which `most` rows are wanted.
    pub fn new(most: usize) -> Pages<T> {
        Pages { rows: Vec::new(), most, cursor: None, is_done: most == 0 }
    }

    /// Cursor and limit of the page that is to be asked for; None once the list is complete.
    pub fn wanted(&self) -> Option<(Option<String>, u32)> {
        let limit = u32::try_from(self.most.saturating_sub(self.rows.len()).min(PAGE)).ok()?;
        (!self.is_done && limit > 0).then(|| (self.cursor.clone(), limit))
    }

    /// Adds a page with the cursor of the next one.
    ///
    /// # Errors
    /// [`Error::Unexpected`] for a list that does not go on: it would be asked for without end.
    pub fn add(&mut self, page: Vec<T>, next: Option<String>) -> Result<(), Error> {
        if next.is_some() && (next == self.cursor || page.is_empty()) {
            return Err(Error::Unexpected("the list does not go on".to_owned()));
        }
        self.rows.extend(page);
        self.is_done = next.is_none();
        self.cursor = next;
        Ok(())
    }

    /// The rows.
    pub fn into_rows(mut self) -> Vec<T> {
        self.rows.truncate(self.most);
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first `most` of 1,200 rows, and the number of pages that took.
    fn first(most: usize) -> (Vec<usize>, usize) {
        let (mut list, mut pages) = (Pages::new(most), 0);
        while let Some((cursor, limit)) = list.wanted() {
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let to = (from + limit as usize).min(1_200);
            list.add((from..to).collect(), (to < 1_200).then(|| to.to_string())).unwrap();
            pages += 1;
        }
        (list.into_rows(), pages)
    }

    #[test]
    fn list_ends_at_the_limit_or_the_last_page() {
        for (most, rows, pages) in [(usize::MAX, 1_200, 3), (501, 501, 2), (500, 500, 1), (0, 0, 0)] {
            assert_eq!(first(most), ((0..rows).collect(), pages), "{most}");
        }
    }

    #[test]
    fn list_that_leads_back_or_nowhere_is_refused() {
        let mut list = Pages::new(usize::MAX);
        list.add(vec![1], Some("same".to_owned())).unwrap();
        assert!(list.add(vec![2], Some("same".to_owned())).is_err());
        assert!(list.add(Vec::new(), Some("other".to_owned())).is_err());
        assert!(list.add(vec![3], None).is_ok() && list.wanted().is_none());
    }
}
