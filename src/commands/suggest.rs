//! `-suggest`: the smallest list of rights for the requests in a log.

use super::lines::{self, Line};
use super::{EXIT_DONE, EXIT_REFUSED, Out, complain};
use crate::advice::logged::{self, Decision, read_line};
use crate::advice::needs::{Form, Needs};
use crate::config::Input;
use crate::text;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// The findings in a log.
#[derive(Debug, Default)]
struct Found {
    needs: Needs,
    lines: u64,
    requests: u64,
    /// Requests that the log does not mark as refused.
    passed: u64,
    unusable: u64,
    too_long: u64,
}

pub(super) fn run(log: &Input, form: Form, json: bool, out: &mut Out<impl Write>) -> u8 {
    let name = shown(log);
    let found = match read(log) {
        Ok(found) => found,
        Err(error) => {
            complain(&format!("-suggest={name}: cannot read the log: {error}"));
            return EXIT_REFUSED;
        }
    };
    if found.requests == 0 {
        complain(&format!("-suggest={name}: {}", found.nothing()));
        return EXIT_REFUSED;
    }
    found.passed_over().into_iter().for_each(|note| complain(&format!("-suggest={name}: {note}")));
    if json {
        out.json(&found.needs.to_json());
        return EXIT_DONE;
    }
    if found.passed == 0 {
        out.text(
            "# This log has refused requests only; -loglevel=debug logs the allowed ones, too.\n",
        );
    }
    out.text(&found.needs.suggestion(form));
    EXIT_DONE
}

fn read(log: &Input) -> io::Result<Found> {
    match log {
        Input::Standard => collect(BufReader::with_capacity(READ_BYTES, io::stdin().lock())),
        Input::File(path) => collect(BufReader::with_capacity(READ_BYTES, File::open(path)?)),
    }
}

fn collect(input: impl BufRead) -> io::Result<Found> {
    let mut found = Found::default();
    found.lines = lines::for_each(input, |_, line| found.read(&line))?;
    Ok(found)
}

impl Found {
    fn read(&mut self, line: &Line<'_>) {
        let Line::Whole(line) = line else {
            self.too_long += 1;
            return;
        };
        match read_line(line) {
            logged::Line::Request(request) => {
                self.requests += 1;
                self.passed += u64::from(request.decision != Decision::Blocked);
                let logged::LoggedRequest { client, method, path, decision } = request;
                let _ = self.needs.note(&client, method, &path, decision);
            }
            logged::Line::Unusable => self.unusable += 1,
            logged::Line::Other => {}
        }
    }

    fn nothing(&self) -> String {
        let Self { lines, unusable, .. } = self;
        let unusable = match unusable {
            0 => String::new(),
            _ => format!(" ({unusable} are about requests that no rule can allow)"),
        };
        format!(
            "none of its {lines} lines has a request{unusable}; expected a log of this proxy with \
             -loglevel=debug, or lines with \"METHOD PATH HTTP/1.1\""
        )
    }

    /// Notes about lines that were passed over.
    fn passed_over(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.unusable > 0 {
            let count = self.unusable;
            notes.push(format!("{count} lines are about requests that no rule can allow"));
        }
        if self.too_long > 0 {
            let (count, max) = (self.too_long, lines::LINE_BYTES_MAX);
            notes.push(format!("{count} lines are longer than {max} bytes and were skipped"));
        }
        notes
    }
}

fn shown(log: &Input) -> String {
    match log {
        Input::Standard => "-".to_owned(),
        Input::File(path) => text::quoted(&path.to_string_lossy()),
    }
}
