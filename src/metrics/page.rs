//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};
use std::time::Duration;

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Labels of a sample, in the order in which they are printed.
pub(super) type Labels<'a> = [(&'a str, &'a str)];

/// A page while it is written: families, one after the other.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// Begins a family. Its samples follow.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, labels: &Labels<'_>, value: u64) {
        self.sample_of("", labels, value);
    }

    /// A sample of the family in seconds.
    pub(super) fn sample_seconds(&mut self, labels: &Labels<'_>, value: Duration) {
        self.sample_of("", labels, value.as_secs_f64());
    }

    /// A sample of a histogram, whose names have ends.
    pub(super) fn sample_of(&mut self, end: &str, labels: &Labels<'_>, value: impl Display) {
        self.name(end, labels);
        let _ = writeln!(self.text, " {value}");
    }

    /// The whole page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn name(&mut self, end: &str, labels: &Labels<'_>) {
        let _ = write!(self.text, "{}{end}", self.family);
        let mut before = '{';
        for (name, value) in labels {
            // Values are words of ours; a build's commit is one of its builder.
            let value = value.replace(['\\', '"', '\n'], "?");
            let _ = write!(self.text, "{before}{name}=\"{value}\"");
            before = ',';
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
    }
}
