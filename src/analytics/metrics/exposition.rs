//! The text format of Prometheus, version 0.0.4 (Prometheus documentation, "Exposition formats").

use std::fmt::{Display, Write};

use crate::base::histogram::{BOUNDS, Histogram};

/// `Content-Type` of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of metrics is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values by bucket.
    Histogram,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A label and its value.
pub type Label<'a> = (&'static str, &'a str);

/// A text that grows by families; all samples of a family follow its beginning.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Exposition {
        self.name = name;
        self.line(format_args!("# HELP {name} {}", escaped(help, false)));
        self.line(format_args!("# TYPE {name} {}", kind.as_str()));
        self
    }

    /// Adds a sample.
    pub fn sample(&mut self, labels: &[Label], value: impl Display) -> &mut Exposition {
        let name = self.name;
        self.line(format_args!("{name}{} {value}", labelled(labels)));
        self
    }

    /// Adds a histogram of milliseconds with their sum, in seconds: cumulative buckets, sum and count.
    pub fn milliseconds(&mut self, labels: &[Label], values: &Histogram, sum_ms: u64) -> &mut Exposition {
        let name = self.name;
        let mut below = 0u64;
        let bounds = BOUNDS.iter().map(|bound| (f64::from(*bound) / 1_000.0).to_string()).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(values.counts()) {
            below = below.saturating_add(*count);
            self.line(format_args!("{name}_bucket{} {below}", labelled(&[labels, &[("le", &bound)]].concat())));
        }
        // Below 2^53: exact in f64.
        self.line(format_args!("{name}_sum{} {}", labelled(labels), sum_ms as f64 / 1_000.0));
        self.line(format_args!("{name}_count{} {below}", labelled(labels)));
        self
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments) {
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn labelled(labels: &[Label]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// A help text, or the value of a label, in which a quotation mark is escaped, too.
fn escaped(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_label { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_help_and_type_of_their_family_and_labels_are_escaped() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "What\\is\n\"it\".").sample(&[("x", "a\"b\\c\nd"), ("y", "ü")], 7).sample(&[], 0.25);
        text.family("b", Kind::Gauge, "B.").sample(&[], 1);
        let lines = [
            r#"# HELP a_total What\\is\n"it"."#,
            "# TYPE a_total counter",
            r#"a_total{x="a\"b\\c\nd",y="ü"} 7"#,
            "a_total 0.25",
            "# HELP b B.",
            "# TYPE b gauge",
            "b 1",
            "",
        ];
        assert_eq!(text.into_text(), lines.join("\n"));
    }

    #[test]
    fn histogram_has_cumulative_buckets_in_seconds_up_to_infinity() {
        let mut values = Histogram::default();
        [0.5, 3.0, 4.0, 9_000.0].into_iter().for_each(|ms| values.add(ms));
        let mut text = Exposition::default();
        text.family("t_seconds", Kind::Histogram, "T.").milliseconds(&[("class", "small")], &values, 9_007);
        let text = text.into_text();
        for line in [
            r#"t_seconds_bucket{class="small",le="0.001"} 1"#,
            r#"t_seconds_bucket{class="small",le="0.002"} 1"#,
            r#"t_seconds_bucket{class="small",le="0.005"} 3"#,
            r#"t_seconds_bucket{class="small",le="5"} 3"#,
            r#"t_seconds_bucket{class="small",le="+Inf"} 4"#,
            r#"t_seconds_sum{class="small"} 9.007"#,
            r#"t_seconds_count{class="small"} 4"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("t_seconds_bucket")).count(), 13);
    }
}
