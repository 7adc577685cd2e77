//! Content negotiation between JSON and one other media type.

/// Whether a caller that sends this `Accept` prefers `media_type` over JSON: it names it, and does not prefer `application/json`. Programs send `*/*` or
/// `application/json` (RFC 9110 section 12.5.1).
pub fn prefers(accept: Option<&str>, media_type: &str) -> bool {
    let quality = |media_type: &str| {
        accept.unwrap_or_default().split(',').find_map(|range| {
            let mut parameters = range.split(';').map(str::trim);
            let named = parameters.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            let weight = parameters.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse::<f32>().ok());
            weight.filter(|_| named)
        })
    };
    quality(media_type).is_some_and(|wanted| wanted > 0.0 && wanted >= quality("application/json").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_type_is_preferred_where_it_is_named_and_json_is_not_preferred() {
        for (accept, csv) in [
            (None, false),
            (Some("*/*"), false),
            (Some("application/json"), false),
            (Some("text/csv"), true),
            (Some("Text/CSV; charset=utf-8"), true),
            (Some("text/csv;q=0"), false),
            (Some("text/csv;q=x"), false),
            (Some("application/json, text/csv"), true),
            (Some("application/json, text/csv;q=0.5"), false),
            (Some("text/*"), false),
        ] {
            assert_eq!(prefers(accept, "text/csv"), csv, "{accept:?}");
        }
    }
}
