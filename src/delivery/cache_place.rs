//! Where entries of the PoP's cache lie, and how many calls of the Cache API one request makes.
//!
//! Keys of the Cache API are URLs. Those on a foreign or unresolvable host cause DNS lookups and failures (Workers documentation, "How the Cache works"), so they lie
//! on the Worker's own host, under a path that no route serves.

/// Calls of the Cache API that content makes for one request; what follows is read from the store in one piece. The platform's limit is 1,000 (Workers
/// documentation, "Limits": cache API calls per request); the rest is for look-ups of metadata, at most some ten for each file that is warmed.
pub const CALLS: u32 = 900;

/// The path under which entries lie.
pub const PATH: &str = "/.jettyspeed/cache/";

/// The URL of an entry on `base` (`https://host`).
pub fn url(base: &str, key: &str) -> String {
    format!("{base}{PATH}{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_lies_on_the_given_host_under_the_reserved_path() {
        assert_eq!(
            url("https://edge.example.com", "1/ns/0"),
            "https://edge.example.com/.jettyspeed/cache/1/ns/0",
            "a change of this format empties every cache"
        );
    }
}
