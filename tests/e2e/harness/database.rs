//! Direct access to the Worker's D1, bypassing the Worker: its SQLite file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection};
use serde_json::{Map, Value, json};

use jettyspeed_devstack::Result;

/// Where workerd keeps D1 below a state folder.
const FOLDER: &str = "v3/d1";

/// Makes `state` begin with the database of `template`, a state folder that no workerd has open.
pub fn copy(template: &Path, state: &Path) -> Result<()> {
    copy_folder(&template.join(FOLDER), &state.join(FOLDER))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Runs one or several statements on the only database: the rows of each, as objects.
pub fn run(state: &Path, statements: &str) -> Result<Vec<Vec<Value>>> {
    run_on(&file(state)?, statements)
}

/// The same on that of several databases that [`copy`] took from `template`.
pub fn run_like(template: &Path, state: &Path, statements: &str) -> Result<Vec<Vec<Value>>> {
    run_on(&state.join(file(template)?.strip_prefix(template)?), statements)
}

fn run_on(file: &Path, statements: &str) -> Result<Vec<Vec<Value>>> {
    let connection = Connection::open(file)?;
    // workerd writes to it, too.
    connection.busy_timeout(Duration::from_secs(20))?;
    let mut answers = Vec::new();
    let mut batch = Batch::new(&connection, statements);
    while let Some(mut statement) = batch.next()? {
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next()? {
            let mut object = Map::new();
            for (index, name) in names.iter().enumerate() {
                object.insert(name.clone(), value(row.get_ref(index)?)?);
            }
            answer.push(Value::Object(object));
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn value(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(std::str::from_utf8(text)?),
        ValueRef::Blob(_) => return Err("a blob: nothing of ours keeps those".into()),
    })
}

/// The one database of ours: Miniflare keeps another one of its own beside it.
fn file(state: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(state.join(FOLDER))? {
        let kind = entry?.path();
        if !kind.is_dir() {
            continue;
        }
        for entry in fs::read_dir(kind)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sqlite") && path.file_stem().is_some_and(|stem| stem != "metadata") {
                found.push(path);
            }
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        others => Err(format!("{} databases below {}", others.len(), state.display()).into()),
    }
}
