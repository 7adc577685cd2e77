//! `Accept-Encoding` (RFC 9110 section 12.5.3): whether the client asks for gzip, the one coding that answers are offered in.

/// Whether `field` lists gzip, or everything, with a weight over 0. A client that names no coding asks for none.
pub fn asks_for_gzip(field: &str) -> bool {
    let (mut named, mut any) = (None, None);
    for item in field.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")).map(|(_, value)| value.trim()));
        // A weight that cannot be read asks for nothing.
        let wanted = weight.is_none_or(|text| text.parse::<f32>().is_ok_and(|weight| weight > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            named = Some(wanted);
        } else if coding == "*" {
            any = Some(wanted);
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_gives_whether_gzip_is_asked_for() {
        for yes in ["gzip", "deflate, GZIP;q=0.5", "br, gzip", "*", "x-gzip", "identity, *;q=0.1", "gzip; q=1.000"] {
            assert!(asks_for_gzip(yes), "{yes}");
        }
        for no in ["", "identity", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzip;q=x", "gzipped"] {
            assert!(!asks_for_gzip(no), "{no}");
        }
    }
}
