//! The list of mutations (`mutations.toml`): faults that are put into the service's code to see that histories find them.
//!
//! A mutated text holds both what was there and what takes its place, and a switch between them, so that one build has many mutations.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutations {
    /// Within how many histories each is to be found that says nothing else.
    pub histories: u64,
    /// All of them.
    pub mutation: Vec<Mutation>,
}

/// One fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// What is broken.
    pub name: String,
    /// Where, from the root of the repository.
    pub file: String,
    /// See [`Edit::within`].
    pub within: Option<String>,
    /// See [`Edit::replace`].
    pub replace: String,
    /// See [`Edit::with`].
    pub with: String,
    /// What else is changed in that file.
    #[serde(default)]
    pub also: Vec<Edit>,
    /// Within how many histories it is to be found.
    pub histories: Option<u64>,
    /// The commit that mended it, if the product once had this fault.
    pub found: Option<String>,
}

/// One change of a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Text that occurs once in the file and has the one to replace.
    pub within: Option<String>,
    /// An expression or statements, once in the file or in `within`.
    pub replace: String,
    /// What takes its place.
    pub with: String,
}

impl Mutations {
    /// The list of a repository.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(root: &Path) -> Result<Mutations, String> {
        let path = root.join("crates/simulation/mutations.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| error.to_string())
    }
}

impl Mutation {
    /// All changes.
    pub fn edits(&self) -> Vec<Edit> {
        let first = Edit { within: self.within.clone(), replace: self.replace.clone(), with: self.with.clone() };
        [vec![first], self.also.clone()].concat()
    }

    /// Where its changes are in the text of its file.
    ///
    /// # Errors
    /// If a text does not occur once.
    pub fn places(&self, text: &str) -> Result<Vec<Range<usize>>, String> {
        let place = |edit: Edit| {
            let around = edit.within.as_ref().map_or(Some(0..text.len()), |within| only(text, within))?;
            let inner = only(text.get(around.clone())?, &edit.replace)?;
            Some(around.start + inner.start..around.start + inner.end)
        };
        let wrong = || format!("{}: its text does not occur once in {}", self.name, self.file);
        self.edits().into_iter().map(|edit| place(edit).ok_or_else(wrong)).collect()
    }

    /// Its changes, switched by its number: where, and the text there.
    ///
    /// # Errors
    /// As [`Mutation::places`].
    pub fn switched(&self, number: usize, text: &str) -> Result<Vec<(Range<usize>, String)>, String> {
        let switched = |Edit { replace, with, .. }: Edit| {
            let both = format!("if crate::mutated::is({number}) {{ {with} }} else {{ {replace} }}");
            if replace.trim_end().ends_with(';') { both } else { format!("({both})") }
        };
        Ok(self.places(text)?.into_iter().zip(self.edits().into_iter().map(switched)).collect())
    }
}

fn only(text: &str, part: &str) -> Option<Range<usize>> {
    let mut found = text.match_indices(part).map(|(at, _)| at..at + part.len());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The text with all changes, which do not overlap.
pub fn apply(text: &str, mut changes: Vec<(Range<usize>, String)>) -> String {
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = text.to_owned();
    for (place, with) in changes {
        text.replace_range(place, &with);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    #[test]
    fn text_of_every_mutation_occurs_once() {
        for mutation in Mutations::read(root()).unwrap().mutation {
            let text = std::fs::read_to_string(root().join(&mutation.file)).unwrap();
            mutation.places(&text).unwrap();
            assert!(mutation.edits().iter().all(|edit| edit.replace != edit.with), "{} changes nothing", mutation.name);
        }
    }

    #[test]
    fn thirty_mutations_ten_of_them_faults_of_the_past() {
        let all = Mutations::read(root()).unwrap().mutation;
        let names: BTreeSet<&str> = all.iter().map(|mutation| mutation.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "a name is used twice");
        assert!(all.len() >= 30 && all.iter().filter(|mutation| mutation.found.is_some()).count() >= 10);
    }

    #[test]
    fn statements_and_expressions_are_switched() {
        let mutation = |replace: &str, with: &str, within: Option<&str>| Mutation {
            name: "n".into(),
            file: "f".into(),
            within: within.map(str::to_owned),
            replace: replace.into(),
            with: with.into(),
            also: vec![],
            histories: None,
            found: None,
        };
        let text = "a(); b(x); c(x)";
        let changes = [mutation("a();", "", None).switched(1, text).unwrap(), mutation("x", "y", Some("c(x)")).switched(2, text).unwrap()].concat();
        assert_eq!(apply(text, changes), "if crate::mutated::is(1) {  } else { a(); } b(x); c((if crate::mutated::is(2) { y } else { x }))");
        assert!(mutation("x", "y", None).places(text).is_err(), "it occurs twice");
    }
}
