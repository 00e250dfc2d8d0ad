//! The table of the capacity: what a process holds at each step.

use crate::cage::Charged;
use crate::support::Result;
use crate::support::process::Process;
use std::fmt;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    step: String,
    connections: usize,
    threads: u64,
    descriptors: u64,
    resident_bytes: u64,
    charged: Option<Charged>,
}

impl Table {
    pub(crate) fn add(
        &mut self,
        step: &str,
        connections: usize,
        process: &Process,
        charged: Option<Charged>,
    ) -> Result<()> {
        self.rows.push(Row {
            step: step.into(),
            connections,
            threads: process.threads()?,
            descriptors: process.descriptors()?,
            resident_bytes: process.resident_bytes()?,
            charged,
        });
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:31} | connections | threads | descriptors | resident, MiB | charged, MiB | \
             kernel's share, MiB | peak, MiB |\n|{}|------------:|--------:|------------:|\
             --------------:|-------------:|--------------------:|----------:|",
            "step",
            "-".repeat(33)
        )?;
        for row in &self.rows {
            let Row { step, connections, threads, descriptors, .. } = row;
            write!(f, "| {step:31} | {connections:11} | {threads:7} | {descriptors:11} |")?;
            write!(f, " {:13.2} |", mib(row.resident_bytes))?;
            match row.charged {
                Some(Charged { now, kernel, peak }) => {
                    write!(f, " {:12.2} | {:19.2} |", mib(now), mib(kernel))?;
                    writeln!(f, " {:9.2} |", mib(peak))?;
                }
                None => writeln!(f, " {:12} | {:19} | {:9} |", "", "", "")?,
            }
        }
        Ok(())
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
