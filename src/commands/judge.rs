//! `-lint` and `-check`: the operations that the rules open, and the verdicts on requests.

use super::lines::{self, Line};
use super::{Call, EXIT_DONE, EXIT_REFUSED, Out, complain};
use crate::advice::check::Question;
use crate::advice::lint::lint;
use crate::advice::table::{self, Colour};
use crate::config::{Asked, Config, Listener};
use serde_json::{Value, json};
use std::env;
use std::io::{self, IsTerminal, Write};

pub(super) fn run(
    config: &Config,
    is_lint: bool,
    asked: &[Asked],
    call: &Call,
    out: &mut Out<impl Write>,
) -> u8 {
    let json = call.wants_json(config.log.json);
    call.notes(config).iter().for_each(|note| complain(note));
    if is_lint {
        print_lint(config, json, out);
    }
    let mut code = EXIT_DONE;
    for asked in asked {
        if check(config, asked, json, out) == Checked::NotAllAllowed {
            code = EXIT_REFUSED;
        }
    }
    code
}

fn print_lint(config: &Config, json: bool, out: &mut Out<impl Write>) {
    if json {
        let of = |listener: &Listener| {
            let endpoint = listener.endpoint.to_string();
            table::to_json(&listener.name, &endpoint, &lint(listener.policy.rules()))
        };
        let listeners: Vec<Value> = config.listeners.iter().map(of).collect();
        return out.json(&json!({"listeners": listeners}));
    }
    for (index, listener) in config.listeners.iter().enumerate() {
        let title = format!("{} ({})", listener.title(), listener.endpoint);
        let text = table::table(&title, &lint(listener.policy.rules()), colour());
        if index > 0 {
            out.text("\n");
        }
        out.text(&text);
    }
}

/// Colours are for terminals whose users did not refuse them (no-color.org).
fn colour() -> Colour {
    let is_refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stdout().is_terminal() && !is_refused { Colour::Yes } else { Colour::No }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    AllAllowed,
    NotAllAllowed,
}

fn check(config: &Config, asked: &Asked, json: bool, out: &mut Out<impl Write>) -> Checked {
    let Some(listener) = config.listener(&asked.listener) else { return Checked::NotAllAllowed };
    match &asked.question {
        Some(question) => answer(listener, question, json, out),
        None => check_lines(listener, &asked.flag, json, out),
    }
}

fn answer(
    listener: &Listener,
    question: &Question,
    json: bool,
    out: &mut Out<impl Write>,
) -> Checked {
    let answer = question.answer(&listener.policy);
    match json {
        true => out.json(&answer.to_json(&listener.name)),
        false => out.text(&answer.to_string()),
    }
    if answer.is_allowed() { Checked::AllAllowed } else { Checked::NotAllAllowed }
}

/// Checks each line of standard input. Empty lines and comments do not count.
fn check_lines(listener: &Listener, flag: &str, json: bool, out: &mut Out<impl Write>) -> Checked {
    let (mut checked, mut requests) = (Checked::AllAllowed, 0);
    let read = lines::for_each(io::stdin().lock(), |number, line| {
        let question = match line {
            Line::Whole(line) => {
                let text = String::from_utf8_lossy(line);
                if text.trim().is_empty() || text.starts_with('#') {
                    return;
                }
                Question::parse(&text)
            }
            Line::TooLong => Err("it is too long".to_owned()),
        };
        requests += 1;
        let one = question.map(|question| answer(listener, &question, json, out));
        let one = one.unwrap_or_else(|wrong| {
            complain(&format!("{flag}=-: line {number}: {wrong}; expected METHOD PATH"));
            Checked::NotAllAllowed
        });
        if one == Checked::NotAllAllowed {
            checked = one;
        }
    });
    match read {
        Ok(_) if requests > 0 => checked,
        Ok(_) => {
            complain(&format!("{flag}=-: standard input has no request; expected METHOD PATH"));
            Checked::NotAllAllowed
        }
        Err(error) => {
            complain(&format!("{flag}=-: standard input cannot be read: {error}"));
            Checked::NotAllAllowed
        }
    }
}
