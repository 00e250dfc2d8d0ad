//! The capacity table: the memory of a process at each step, and the result.

use crate::cage::Charged;
use crate::support::process::Process;
use std::fmt;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// How the proxy came through a step.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It serves an admitted client.
    Serves,
    /// It serves, but more was charged than the limit: kernels that count all of it
    /// together would have killed it.
    Over,
    /// It lives, but does not answer.
    Deaf(String),
    /// The kernel has killed it.
    Killed(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serves => "serves",
            Self::Over => "**over the limit**",
            Self::Deaf(_) => "**does not serve**",
            Self::Killed(_) => "**killed**",
        })
    }
}

#[derive(Debug)]
struct Row {
    step: String,
    connections: usize,
    threads: u64,
    descriptors: u64,
    resident_bytes: u64,
    charged: Option<Charged>,
    ending: Ending,
}

impl Table {
    pub(crate) fn add(
        &mut self,
        step: &str,
        connections: usize,
        process: &Process,
        charged: Option<Charged>,
        ending: Ending,
    ) {
        let row = Row {
            step: step.into(),
            connections,
            threads: process.threads().unwrap_or(0),
            descriptors: process.descriptors().unwrap_or(0),
            resident_bytes: process.resident_bytes().unwrap_or(0),
            charged,
            ending,
        };
        eprintln!("{row}");
        self.rows.push(row);
    }

    /// The steps through which the proxy did not come, in words.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failure = |row: &Row| {
            let why = match &row.ending {
                Ending::Serves => return None,
                Ending::Over => String::new(),
                Ending::Deaf(error) | Ending::Killed(error) => format!(": {error}"),
            };
            Some(format!("{}: {}{why}", row.step, row.ending))
        };
        self.rows.iter().filter_map(failure).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:44} | connections | threads | descriptors | resident, MiB | charged, MiB | \
             kernel's share, MiB | peak, MiB | then |\n|{}|------------:|--------:|------------:|\
             --------------:|-------------:|--------------------:|----------:|---|",
            "step",
            "-".repeat(46)
        )?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, connections, threads, descriptors, .. } = self;
        write!(f, "| {step:44} | {connections:11} | {threads:7} | {descriptors:11} |")?;
        write!(f, " {:13.2} |", mib(self.resident_bytes))?;
        match self.charged {
            Some(Charged { now, kernel, peak }) => {
                write!(f, " {:12.2} | {:19.2} | {:9.2} |", mib(now), mib(kernel), mib(peak))?;
            }
            None => write!(f, " {:12} | {:19} | {:9} |", "", "", "")?,
        }
        write!(f, " {} |", self.ending)
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
