//! Figures by scenario, measure and peer; their medians as a table.

use crate::support::peers::Kind;
use crate::support::stats::median;
use std::fmt;

/// The quantity that a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    CpuPerRequest,
    MedianLatency,
    AddedLatency,
    P99Latency,
    RequestRate,
    Throughput,
    CpuPerGigabyte,
    Growth,
    Resident,
    ResidentPerStream,
    CpuPerEvent,
    Threads,
    Start,
    Size,
}

impl Measure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU per request, µs",
            Self::MedianLatency => "median latency, µs",
            Self::AddedLatency => "added to the daemon's, µs",
            Self::P99Latency => "99th percentile, µs",
            Self::RequestRate => "1000 requests/s",
            Self::Throughput => "GB/s",
            Self::CpuPerGigabyte => "CPU per GB, ms",
            Self::Growth => "memory added, KiB",
            Self::Resident => "resident, MiB",
            Self::ResidentPerStream => "resident per stream, KiB",
            Self::CpuPerEvent => "CPU per event, µs",
            Self::Threads => "threads",
            Self::Start => "until it listens, ms",
            Self::Size => "size of both, MiB",
        }
    }
}

/// All figures, in the order in which they came first.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    scenario: String,
    measure: Measure,
    figures: Vec<(Kind, f64)>,
}

impl Results {
    pub(crate) fn add(&mut self, scenario: &str, measure: Measure, kind: Kind, value: f64) {
        let index = self.rows.iter().position(|row| row.is(scenario, measure));
        let index = index.unwrap_or_else(|| self.insert_row(scenario, measure));
        self.rows[index].figures.push((kind, value));
    }

    /// Makes a row among those of its scenario, in the order of the measures.
    fn insert_row(&mut self, scenario: &str, measure: Measure) -> usize {
        let before = |row: &Row| row.scenario == scenario && row.measure < measure;
        let first = self.rows.iter().position(|row| row.scenario == scenario);
        let first = first.unwrap_or(self.rows.len());
        let index = first + self.rows[first..].iter().take_while(|row| before(row)).count();
        self.rows.insert(index, Row { scenario: scenario.into(), measure, figures: Vec::new() });
        index
    }

    /// The median of a peer's figures.
    pub(crate) fn median(&self, scenario: &str, measure: Measure, kind: Kind) -> Option<f64> {
        self.rows.iter().find(|row| row.is(scenario, measure))?.median(kind)
    }

    /// The scenarios that have such figures.
    pub(crate) fn scenarios(&self, measure: Measure) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().filter(move |row| row.measure == measure);
        rows.map(|row| row.scenario.as_str())
    }
}

impl Row {
    fn is(&self, scenario: &str, measure: Measure) -> bool {
        self.scenario == scenario && self.measure == measure
    }

    fn median(&self, kind: Kind) -> Option<f64> {
        let of_kind = self.figures.iter().filter(|(one, _)| *one == kind);
        let mut values: Vec<f64> = of_kind.map(|(_, value)| *value).collect();
        if values.is_empty() { None } else { Some(median(&mut values)) }
    }

    /// The ratio of our figure to a peer's.
    fn ratio(&self, kind: Kind) -> Option<f64> {
        let ratio = self.median(Kind::Proxy)? / self.median(kind)?;
        ratio.is_finite().then_some(ratio)
    }
}

/// A Markdown table, aligned to be read as it is.
impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took_part = |kind: &Kind| self.rows.iter().any(|row| row.median(*kind).is_some());
        let peers: Vec<Kind> = Kind::ALL.into_iter().filter(took_part).collect();
        let measured = |kind: &&Kind| !matches!(kind, Kind::Daemon | Kind::Proxy);
        let others: Vec<Kind> = peers.iter().filter(measured).copied().collect();
        write!(f, "| {:36} | {:25} |", "scenario", "measure")?;
        peers.iter().try_for_each(|kind| write!(f, " {:>12} |", kind.name()))?;
        others.iter().try_for_each(|kind| write!(f, " {:>10} |", format!("/ {}", kind.name())))?;
        write!(f, "\n|{}|{}|", "-".repeat(38), "-".repeat(27))?;
        peers.iter().try_for_each(|_| write!(f, "{}:|", "-".repeat(13)))?;
        others.iter().try_for_each(|_| write!(f, "{}:|", "-".repeat(11)))?;
        for row in &self.rows {
            write!(f, "\n| {:36} | {:25} |", row.scenario, row.measure.name())?;
            peers.iter().try_for_each(|&kind| write!(f, " {:>12} |", cell(row.median(kind))))?;
            others.iter().try_for_each(|&kind| write!(f, " {:>10} |", cell(row.ratio(kind))))?;
        }
        writeln!(f)
    }
}

/// Three digits that matter, or nothing.
fn cell(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if !value.is_finite() => String::new(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}
