//! The dashboard's files, which are static assets (dashboard/, script/build).

/// What the dashboard at `base` (`scheme://authority`) may load (Content Security Policy Level 3): no inline script or style, and code from its own folder only,
/// because other paths of this host have files that customers uploaded; besides these bytes that its scripts have made.
pub fn content_security_policy(base: &str) -> String {
    let own = format!("{base}/dashboard/");
    format!(
        "default-src 'none'; script-src {own}; style-src {own}; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; \
         worker-src {own} blob:; frame-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The page itself.
const PAGE: &str = "index.html";

/// The longest name of a file, bytes.
const MAX_NAME: usize = 100;

/// The path of the static asset and its media type; `name` is None for the page. None for what cannot be a file of the dashboard.
pub fn file(name: Option<&str>) -> Option<(String, &'static str)> {
    let name = name.unwrap_or(PAGE);
    let (stem, extension) = name.rsplit_once('.')?;
    let media_type = match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (name.len() <= MAX_NAME && !stem.is_empty() && !stem.starts_with('.') && name.bytes().all(is_plain))
        .then(|| (format!("/dashboard/{name}"), media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comes_from_the_dashboards_folder_only() {
        let policy = content_security_policy("https://edge.example.com");
        for directive in ["default-src 'none'", "script-src https://edge.example.com/dashboard/", "style-src https://edge.example.com/dashboard/"] {
            assert!(policy.split("; ").any(|one| one == directive), "{directive}: {policy}");
        }
    }

    #[test]
    fn page_and_plain_names_are_files_and_nothing_else() {
        assert_eq!(file(None), Some(("/dashboard/index.html".to_owned(), "text/html; charset=utf-8")));
        assert_eq!(file(Some("chunk-A_1.js")), Some(("/dashboard/chunk-A_1.js".to_owned(), "text/javascript; charset=utf-8")));
        for other in ["", "app", ".js", "..js", "a.txt", "../app.js", "a/b.js", "a%2f.js", "ä.js"] {
            assert_eq!(file(Some(other)), None, "{other}");
        }
        assert_eq!(file(Some(&format!("{}.js", "x".repeat(98)))), None);
    }
}
