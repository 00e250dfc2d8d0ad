//! The man page, in the `man` macros of roff.

use super::{GROUPS, INTRODUCTION, NOTES, cells, value_name};

const DESCRIPTION: &str = "\
The proxy listens on TCP or on a unix socket, forwards the requests that its rules allow to the \
socket of Docker or Podman, and refuses all others with a reason. Without a rule it refuses every \
request. It keeps no state and reads no file: flags and environment variables are the whole \
configuration.";

/// Exit code and meaning.
const EXIT_CODES: [(&str, &str); 4] = [
    (
        "0",
        "Stopped by a signal, or a command such as -version is done. With -healthcheck: healthy.",
    ),
    (
        "1",
        "The configuration has an error. With -healthcheck: unhealthy. With -check: a request is \
         refused. With -suggest: the log cannot be used.",
    ),
    ("2", "A flag is unknown, the daemon's socket is missing, or a listener cannot be opened."),
    ("10", "The watchdog found that the daemon does not answer (-stoponwatchdog)."),
];

/// Signal and effect.
const SIGNALS: [(&str, &str); 2] = [
    (
        "SIGTERM, SIGINT, SIGQUIT, SIGHUP",
        "Stop: no new connections, and running requests get -shutdowngracetime. A second signal \
         ends the program at once, unless it is SIGHUP.",
    ),
    ("SIGUSR1", "Print the list that -learn has so far; ignored without -learn."),
];

/// File and meaning.
const FILES: [(&str, &str); 2] = [
    ("/var/run/docker.sock", "The daemon's socket, unless -socketpath names another one."),
    ("/etc/default/socket-proxy", "Settings of the systemd service of the Debian package."),
];

/// The whole page.
pub(super) fn page() -> String {
    let mut page = format!(
        ".\\\" Made from src/config/options.rs by scripts/generate. Do not edit.\n\
         .TH SOCKET\\-PROXY 1 \"\" \"socket\\-proxy {}\" \"User Commands\"\n\
         .nh\n.SH NAME\nsocket\\-proxy \\- filtering proxy for the Docker socket\n\
         .SH SYNOPSIS\n.B socket\\-proxy\n.RI [ \\-flag=value ]...\n",
        escaped(env!("CARGO_PKG_VERSION")),
    );
    page.push_str(&format!(".SH DESCRIPTION\n{}\n", escaped(DESCRIPTION)));
    // The first two lines are usage and name.
    let usage = INTRODUCTION.splitn(4, '\n').nth(3).unwrap_or_default();
    page.push_str(&paragraphs(usage.split_once('\n').map_or(usage, |(_, rest)| rest)));
    page.push_str(".SH OPTIONS\n");
    page.push_str(&options());
    page.push_str(".SH NOTES\n");
    page.push_str(&paragraphs(NOTES));
    page.push_str(&section("EXIT STATUS", &EXIT_CODES));
    page.push_str(&section("SIGNALS", &SIGNALS));
    page.push_str(&section("FILES", &FILES));
    page.push_str(".SH SEE ALSO\n.BR docker (1),\n.BR podman (1),\n.BR systemd.socket (5)\n");
    page
}

fn options() -> String {
    let mut text = String::new();
    for group in GROUPS {
        text.push_str(&format!(".SS {}\n", escaped(group.title)));
        for option in group.options {
            let [_, variable, default] = cells(option);
            let value = value_name(option.kind);
            let flag = escaped(&format!("-{}", option.flag));
            text.push_str(&match value {
                "" => format!(".TP\n.B {flag}\n"),
                value => format!(".TP\n.BI {flag}= {}\n", escaped(value)),
            });
            text.push_str(&format!("{}.\n", escaped(&capitalised(option.meaning))));
            if !variable.is_empty() {
                text.push_str(&format!("Variable: {}.\n", escaped(&variable)));
            }
            if !default.is_empty() {
                text.push_str(&format!("Default: {}.\n", escaped(&default)));
            }
        }
    }
    text
}

fn section(title: &str, rows: &[(&str, &str)]) -> String {
    let row = |(head, text): &(&str, &str)| format!(".TP\n{}\n{}\n", escaped(head), escaped(text));
    format!(".SH {title}\n{}", rows.iter().map(row).collect::<String>())
}

/// Text of the help: indented lines keep their form, others are filled.
fn paragraphs(text: &str) -> String {
    let mut page = String::new();
    let mut is_example = false;
    for line in text.trim_matches('\n').lines() {
        let indented = line.starts_with("  ");
        if indented != is_example {
            page.push_str(if indented { ".PP\n.RS\n.nf\n" } else { ".fi\n.RE\n.PP\n" });
            is_example = indented;
        }
        match line.strip_prefix("  ").unwrap_or(line) {
            "" => page.push_str(".PP\n"),
            line => page.push_str(&format!("{}\n", escaped(line))),
        }
    }
    if is_example {
        page.push_str(".fi\n.RE\n");
    }
    // An empty line beside an example would make two paragraphs.
    page.replace(".fi\n.RE\n.PP\n.PP\n", ".fi\n.RE\n.PP\n").replace(".PP\n.PP\n", ".PP\n")
}

/// A text such that roff prints it as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    let text = text.replace('\'', "\\(aq").replace('`', "\\(ga").replace('^', "\\(ha");
    let text = text.replace('~', "\\(ti");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[test]
fn nothing_in_a_text_is_taken_for_a_command_of_roff() {
    assert_eq!(escaped(".x 'a-b' \\. ^~…"), "\\&.x \\(aqa\\-b\\(aq \\e. \\(ha\\(ti...");
    assert_eq!(
        paragraphs("a\n\n  -b\n  .c\n\nd\n"),
        "a\n.PP\n.RS\n.nf\n\\-b\n\\&.c\n.fi\n.RE\n.PP\nd\n"
    );
}
