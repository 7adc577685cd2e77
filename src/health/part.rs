//! What the parts of a deployment said when they were tried.

use serde_json::{Map, Value, json};

/// One part: a binding, a class of Durable Objects, the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its name in the answer.
    pub name: &'static str,
    /// How long it took to answer, ms.
    pub ms: u64,
    /// What is wrong with it: a problem code, `timeout`, or a word of this kind.
    pub outcome: Result<(), &'static str>,
}

/// `{name: {ok, ms, code?}}`
pub fn view(parts: &[Tried]) -> Value {
    let one = |part: &Tried| {
        let mut fields = Map::from_iter([("ok".to_owned(), json!(part.outcome.is_ok())), ("ms".to_owned(), json!(part.ms))]);
        if let Err(code) = part.outcome {
            fields.insert("code".to_owned(), json!(code));
        }
        (part.name.to_owned(), Value::Object(fields))
    };
    Value::Object(parts.iter().map(one).collect())
}

/// The names of the parts that failed.
pub fn failing(parts: &[Tried]) -> Vec<&'static str> {
    parts.iter().filter(|part| part.outcome.is_err()).map(|part| part.name).collect()
}

/// Whether a part of that name was tried and works.
pub fn works(parts: &[Tried], name: &str) -> bool {
    parts.iter().any(|part| part.name == name && part.outcome.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_part_is_named_with_its_code_and_the_others_only_with_their_time() {
        let parts = [Tried { name: "d1", ms: 3, outcome: Ok(()) }, Tried { name: "kv", ms: 10_000, outcome: Err("timeout") }];
        assert_eq!(view(&parts), json!({ "d1": { "ok": true, "ms": 3 }, "kv": { "ok": false, "ms": 10_000, "code": "timeout" } }));
        assert_eq!(failing(&parts), ["kv"]);
        assert!(works(&parts, "d1") && !works(&parts, "kv") && !works(&parts, "store"));
        assert_eq!(failing(&[]), Vec::<&str>::new());
    }
}
