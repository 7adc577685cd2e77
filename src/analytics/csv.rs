//! Writes a series as CSV (RFC 4180).

use crate::analytics::report::{Point, Report};

/// The report's series: a line with the names of the columns, and one for each hour or day. An unknown figure is empty.
pub fn series(report: &Report) -> String {
    let at = if report.series.iter().any(|point| point.day.is_some()) { "day" } else { "hour" };
    let head = format!("{at},requests,hits,bytes_from_cache,bytes_from_origin,p95_latency_ms,uploads\r\n");
    report.series.iter().fold(head, |text, point| text + &line(point))
}

// Nothing in a line has to be quoted: instants and numbers.
fn line(point: &Point) -> String {
    let at = point.hour.as_deref().or(point.day.as_deref()).unwrap_or_default();
    let latency = point.p95_latency_ms.map_or_else(String::new, |ms| ms.to_string());
    let Point { requests, hits, bytes_from_cache, bytes_from_origin, uploads, .. } = point;
    format!("{at},{requests},{hits},{bytes_from_cache},{bytes_from_origin},{latency},{uploads}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::figures::Gathered;
    use crate::analytics::period::Period;
    use crate::base::time::EpochMs;

    #[test]
    fn series_has_a_line_for_each_hour_or_day_and_empty_figures_where_nothing_was_counted() {
        let text = |period: Period| series(&Report::of(period, None, EpochMs(100 * 86_400_000), &Gathered::default(), 0.1));
        let hours = text(Period::Day);
        let lines: Vec<&str> = hours.split("\r\n").collect();
        assert_eq!(lines[0], "hour,requests,hits,bytes_from_cache,bytes_from_origin,p95_latency_ms,uploads");
        assert_eq!((lines.len(), lines[24], lines[25]), (26, "1970-04-11T00:00:00.000Z,0,0,0,0,,0", ""));
        assert!(text(Period::Month).starts_with("day,") && text(Period::Month).ends_with("\r\n1970-04-11,0,0,0,0,,0\r\n"));
    }
}
