//! Questions about rights, answered instead of running the proxy: `-presets`,
//! `-check`, `-lint`, `-suggest`.
//!
//! Answers go to standard output, notes and errors to standard error. The exit
//! code is 0 if the question was answered, and 1 for a refusal of `-check` and for
//! input that cannot be used. The answers are made in [`crate::advice`]; this room
//! reads files and prints.
//!
//! **Invariant:** memory is bounded, regardless of the size of a log or of its lines.

mod judge;
mod lines;
mod running;
mod suggest;

pub use running::Call;

use crate::advice::catalogue;
use crate::advice::presets::{Preset, all};
use crate::config::Command;
use serde_json::Value;
use std::io::{self, Write};

/// The question was answered.
const EXIT_DONE: u8 = 0;
/// A request is refused, or the input cannot be used.
const EXIT_REFUSED: u8 = 1;

/// Answers a question; the result is the program's exit code.
#[must_use]
pub fn run(command: &Command, call: &Call) -> u8 {
    let mut out = Out(io::BufWriter::new(io::stdout().lock()));
    match command {
        Command::Presets { preset, json } => presets(preset.as_ref(), *json, &mut out),
        Command::Suggest { log, form, json } => suggest::run(log, *form, *json, &mut out),
        Command::Judge { config, lint, asked } => judge::run(config, *lint, asked, call, &mut out),
    }
}

fn presets(preset: Option<&Preset>, json: bool, out: &mut Out<impl Write>) -> u8 {
    match (preset, json) {
        (None, false) => out.text(&catalogue::list()),
        (None, true) => out.json(&Value::Array(all().map(|p| catalogue::to_json(&p)).collect())),
        (Some(preset), false) => out.text(&catalogue::show(preset)),
        (Some(preset), true) => out.json(&catalogue::to_json(preset)),
    }
    EXIT_DONE
}

/// Standard output. A reader that closed it does not want to read on.
struct Out<W: Write>(W);

impl<W: Write> Out<W> {
    fn text(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush());
    }

    fn json(&mut self, value: &Value) {
        self.text(&format!("{value}\n"));
    }
}

/// Writes a line to standard error.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
