//! Pages for browsers: the list of documents, and the documents.

use crate::http::accept;

const LIST: &str = include_str!("documents.html");

/// The documents for callers, which script/build copies to the static assets. Documents for operators and developers are not served.
const DOCUMENTS: [&str; 8] = ["api.md", "uploads.md", "resumable.md", "paths.md", "accounts.md", "delivery.md", "video.md", "edges.md"];

/// Allows inline styles only: a page loads no other resource (Content Security Policy Level 3).
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The list of documents, as HTML.
pub fn documents(version: &str) -> String {
    LIST.replace("VERSION", version)
}

/// The path of a document's static asset.
pub fn document(name: &str) -> Option<String> {
    DOCUMENTS.contains(&name).then(|| format!("/docs/{name}"))
}

/// Whether a caller that sends this `Accept` prefers HTML over JSON: browsers name `text/html`, programs send `*/*` or `application/json`
/// (RFC 9110 section 12.5.1).
pub fn prefers_html(accept: Option<&str>) -> bool {
    accept::prefers(accept, "text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_html_and_programs_json() {
        for html in ["text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json;q=0.5, Text/HTML"] {
            assert!(prefers_html(Some(html)), "{html}");
        }
        for json in [
            None,
            Some(""),
            Some("*/*"),
            Some("application/json"),
            Some("application/problem+json, text/html;q=0"),
            Some("application/json, text/html;q=0.9"),
        ] {
            assert!(!prefers_html(json), "{json:?}");
        }
    }

    #[test]
    fn list_of_documents_has_the_version_and_links_only_to_served_documents() {
        let page = documents("1.2.3");
        assert!(page.contains("version 1.2.3") && !page.contains("VERSION"));
        let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(links.contains(&"/api/health") && links.len() == 1 + DOCUMENTS.len());
        for name in links.iter().filter_map(|link| link.strip_prefix("/docs/")) {
            assert!(document(name).is_some(), "{name}");
        }
        assert_eq!(document("../Cargo.toml"), None);
    }
}
