//! The list of mutations (`mutations.toml`): faults that are put into the service's code to see that histories find them.

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
    /// Text that occurs once there.
    pub replace: String,
    /// What takes its place.
    pub with: String,
    /// Within how many histories it is to be found.
    pub histories: Option<u64>,
    /// The commit that mended it, if the product once had this fault.
    pub found: Option<String>,
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
    /// The mutated text of its file.
    ///
    /// # Errors
    /// If the text to replace does not occur once.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.replace).count() {
            1 if self.replace != self.with => Ok(text.replacen(&self.replace, &self.with, 1)),
            1 => Err(format!("{}: changes nothing", self.name)),
            count => Err(format!("{}: its text occurs {count} times in {}", self.name, self.file)),
        }
    }
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
            let mutated = mutation.apply(&text).unwrap();
            assert_ne!(mutated, text, "{}", mutation.name);
        }
    }

    #[test]
    fn thirty_mutations_ten_of_them_faults_of_the_past() {
        let all = Mutations::read(root()).unwrap().mutation;
        let names: BTreeSet<&str> = all.iter().map(|mutation| mutation.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "a name is used twice");
        assert!(all.len() >= 30 && all.iter().filter(|mutation| mutation.found.is_some()).count() >= 10);
    }
}
