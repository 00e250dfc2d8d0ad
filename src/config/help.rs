//! The table of options for people: `-h` and README.md.

#[cfg(test)]
mod completions;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod manual;

use super::options::{GROUPS, Kind, Opt};

/// Widest line of the help text.
const COLUMNS: usize = 100;
/// Where the four columns of the help text begin.
const COLUMN_STARTS: [usize; 4] = [2, 24, 48, 64];

const INTRODUCTION: &str = "\
Usage: socket-proxy [-flag=value]...

A filtering proxy for the Docker socket. It refuses every request that no rule allows.

  socket-proxy -listenip=0.0.0.0 -allowfrom=traefik -allow=traefik
  socket-proxy -listenip=0.0.0.0 -allowfrom=app -allow=ContainerList,ContainerInspect,SystemEvents

-presets lists the presets for -allow.

-flag value, -flag=value and --flag=value are the same; -logjson is -logjson=true. A flag wins over
its variable. An empty variable means the default.
";

const NOTES: &str = "\
Patterns are regular expressions in Go's syntax. A pattern must match the whole path, without the
query: -allowGET=/info does not allow /v1.41/info, but -allowGET='(/v1\\.[0-9]+)?/info' does.
Repeat a flag, or add a suffix to its variable (SP_ALLOW_GET_2, SP_ALLOW_GET_images), for more
patterns. A flag for a method replaces all variables of that method. A method without a pattern and
without an operation of -allow is refused.

More listeners, each with allowlists of its own; nothing is inherited from the flags without a name:
  -listen=web=tcp:0.0.0.0:2376              SP_LISTEN_WEB=tcp:0.0.0.0:2376
  -listen=web=unix:/run/sp/web.sock         SP_LISTEN_WEB=unix:/run/sp/web.sock,mode=0660
  -allow@web=SystemVersion                  SP_LISTEN_WEB_ALLOW=SystemVersion
  -allowfrom@web=traefik                    SP_LISTEN_WEB_ALLOWFROM=traefik
  -allowbindmountfrom@web=/home             SP_LISTEN_WEB_ALLOWBINDMOUNTFROM=/home
A mode is octal; without one it is 0600. Flags without a name are for the default listener. It is
omitted if there are others and no flag or variable configures it.
";

/// The output of `-h`.
pub(super) fn text() -> String {
    let mut text = format!("{INTRODUCTION}\n");
    for (index, group) in GROUPS.iter().enumerate() {
        let heads = if index == 0 { ["VARIABLE", "DEFAULT", "MEANING"] } else { [""; 3] };
        text.push_str(&row([group.title, heads[0], heads[1], heads[2]], 0));
        for option in group.options {
            let [flag, variable, default] = cells(option);
            text.push_str(&row([&flag, &variable, &default, option.meaning], COLUMN_STARTS[0]));
        }
        text.push('\n');
    }
    text.push_str(NOTES);
    text
}

/// The table in README.md.
#[cfg(test)]
pub(super) fn markdown() -> String {
    let code = |cell: &String| if cell.is_empty() { String::new() } else { format!("`{cell}`") };
    let mut text = "| flag | variable | default | meaning |\n|---|---|---|---|\n".to_owned();
    for group in GROUPS {
        text.push_str(&format!("| **{}** | | | |\n", group.title));
        for option in group.options {
            let [flag, variable, default] = cells(option).each_ref().map(code);
            text.push_str(&format!("| {flag} | {variable} | {default} | {} |\n", option.meaning));
        }
    }
    text
}

/// The name of a value in the man page and the completions; empty for flags without one.
#[cfg(test)]
fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Command | Kind::Switch => "",
        Kind::Addresses | Kind::Exceptions => "LIST",
        Kind::Directories => "DIRECTORIES",
        Kind::TargetLabel => "KEY=VALUE",
        Kind::SocketPath => "PATH",
        Kind::Ip => "ADDRESS",
        Kind::Address => "ADDRESS:PORT",
        Kind::FileMode => "MODE",
        Kind::Level => "LEVEL",
        Kind::Seconds(_) => "SECONDS",
        Kind::Port | Kind::Count | Kind::Cpus | Kind::Pids => "NUMBER",
        Kind::Listener => "NAME=ENDPOINT",
        Kind::Pattern(_) | Kind::Images => "PATTERN",
        Kind::Size => "SIZE",
        _ => "VALUE",
    }
}

/// Flag, variable and default as they are shown.
fn cells(option: &Opt) -> [String; 3] {
    let flag = match option.kind {
        Kind::Listener => format!("-{}=NAME=…", option.flag),
        Kind::PresetName => format!("-{}[=NAME]", option.flag),
        Kind::Request => format!("-{}='METHOD PATH'", option.flag),
        Kind::LogFile => format!("-{}=FILE", option.flag),
        _ => format!("-{}", option.flag),
    };
    [flag, option.variable().unwrap_or_default(), option.default.to_owned()]
}

/// A row of the help text. A cell that is too long for its column pushes the
/// next one to a line of its own.
fn row(cells: [&str; 4], indent: usize) -> String {
    let mut text = String::new();
    let mut line = " ".repeat(indent);
    let starts = [indent, COLUMN_STARTS[1], COLUMN_STARTS[2], COLUMN_STARTS[3]];
    for (cell, start) in cells.iter().zip(starts).filter(|(cell, _)| !cell.is_empty()) {
        for (index, piece) in wrapped(cell, COLUMNS - start).iter().enumerate() {
            let is_taken = line.chars().count() + 2 > start && !line.trim().is_empty();
            if index > 0 || is_taken {
                text.push_str(line.trim_end());
                text.push('\n');
                line.clear();
            }
            line.push_str(&" ".repeat(start.saturating_sub(line.chars().count())));
            line.push_str(piece);
        }
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

/// Breaks a text at its spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options;

    #[test]
    fn the_help_fits_a_terminal_and_names_everything() {
        let text = text();
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(line, line.trim_end());
        }
        for option in options::all() {
            let [flag, variable, default] = cells(option);
            for cell in [flag, variable, default] {
                assert!(text.contains(&cell), "{cell}");
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.join(" ").contains(option.meaning), "{}", option.meaning);
        }
    }

    #[test]
    fn long_cells_push_the_next_to_a_line_of_its_own() {
        let rows = [
            (
                ["-a", "SP_A", "1", "b c"],
                "  -a                    SP_A                    1               b c\n".to_owned(),
            ),
            (
                ["-aaaaaaaaaaaaaaaaaaaaaaa", "SP_A", "", "b"],
                format!("  -aaaaaaaaaaaaaaaaaaaaaaa\n{}SP_A{}b\n", " ".repeat(24), " ".repeat(36)),
            ),
        ];
        for (cells, expected) in rows {
            assert_eq!(row(cells, 2), expected);
        }
    }

    #[test]
    fn the_table_in_the_readme_is_this_one() {
        let readme = include_str!("../../README.md");
        let between = readme
            .split_once("<!-- options -->\n")
            .and_then(|(_, rest)| rest.split_once("\n<!-- /options -->"))
            .map(|(table, _)| table);
        let expected = markdown();
        let expected = expected.trim_end();
        assert_eq!(between, Some(expected), "README.md should have between its marks:\n{expected}");
    }
}
