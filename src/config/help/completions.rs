//! Completions for bash, zsh and fish.
//!
//! They complete names of flags and values of closed sets, files and
//! directories. A flag with a value ends with `=`, which keeps it one word. For
//! a further listener's flag, `-allowGET@NAME`, values are completed; its name
//! is not.

use super::super::options::{self, Kind, Opt};
use super::value_name;

const HEAD: &str = "# Made from src/config/options.rs by scripts/generate. Do not edit.\n";

/// The completions of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Completed {
    Words(&'static str),
    Files,
    Directories,
    Nothing,
}

impl Completed {
    fn of(option: &Opt) -> Self {
        match option.kind {
            Kind::Level => Self::Words("DEBUG INFO WARN ERROR"),
            Kind::Switch => Self::Words("true false"),
            Kind::Learn => Self::Words("reads all"),
            Kind::Form => Self::Words("flags variables compose labels"),
            Kind::Dialect => Self::Words("tecnativa tecnativa-next linuxserver"),
            Kind::SocketPath | Kind::LogFile => Self::Files,
            Kind::Directories => Self::Directories,
            _ => Self::Nothing,
        }
    }
}

/// For `bash`, with or without the package bash-completion.
pub(super) fn bash() -> String {
    let flags: Vec<String> = options::all().map(bash_flag).collect();
    let mut cases: Vec<(Completed, Vec<&str>)> = Vec::new();
    for option in options::all() {
        let completed = Completed::of(option);
        match cases.iter_mut().find(|(other, _)| *other == completed) {
            Some((_, names)) => names.push(option.flag),
            None => cases.push((completed, vec![option.flag])),
        }
    }
    let case = |(completed, names): &(Completed, Vec<&str>)| {
        let source = match completed {
            Completed::Words(words) => format!("-W '{words}'"),
            Completed::Files => "-f".to_owned(),
            Completed::Directories => "-d".to_owned(),
            Completed::Nothing => return None,
        };
        Some(format!("        {})\n            source=({source}) ;;\n", names.join(" | ")))
    };
    let values: String = cases.iter().filter_map(case).collect();
    format!(
        r#"{HEAD}
_socket_proxy() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} flag='' source=()
    COMPREPLY=()
    # `=` is a word of its own in bash.
    if [ "$word" = = ]; then
        word='' flag=${{COMP_WORDS[COMP_CWORD - 1]}}
    elif [ "$COMP_CWORD" -gt 2 ] && [ "${{COMP_WORDS[COMP_CWORD - 1]}}" = = ]; then
        flag=${{COMP_WORDS[COMP_CWORD - 2]}}
    elif [ "${{word#-}}" = "$word" ]; then
        flag=${{COMP_WORDS[COMP_CWORD - 1]}}
    fi
    flag=${{flag#-}} flag=${{flag#-}}
    case ${{flag%%@*}} in
        '')
            source=(-W '{}') ;;
{values}        *)
            return ;;
    esac
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(compgen "${{source[@]}}" -- "$word")
    case ${{COMPREPLY[0]-}} in
        -*=) compopt -o nospace 2>/dev/null ;;
        -*) ;;
        *) compopt -o filenames 2>/dev/null ;;
    esac
}}
complete -F _socket_proxy socket-proxy
"#,
        flags.join(" ")
    )
}

fn bash_flag(option: &Opt) -> String {
    let end = if option.is_boolean() { "" } else { "=" };
    format!("-{}{end}", option.flag)
}

/// For `zsh`, to be found in `$fpath` as `_socket-proxy`.
pub(super) fn zsh() -> String {
    let specs: Vec<String> =
        options::all().map(|option| format!("    '{}'", quoted(&zsh_spec(option)))).collect();
    format!("#compdef socket-proxy\n{HEAD}\n_arguments \\\n{}\n", specs.join(" \\\n"))
}

fn zsh_spec(option: &Opt) -> String {
    let meaning = option.meaning.replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let repeated = if option.is_per_listener() || option.kind == Kind::Listener { "*" } else { "" };
    let action = match Completed::of(option) {
        _ if option.is_boolean() => return format!("-{}[{meaning}]", option.flag),
        Completed::Words(words) => format!("({words})"),
        Completed::Files => "_files".to_owned(),
        Completed::Directories => "_files -/".to_owned(),
        Completed::Nothing => " ".to_owned(),
    };
    format!("{repeated}-{}=[{meaning}]:{}:{action}", option.flag, value_name(option.kind))
}

/// For `fish`.
pub(super) fn fish() -> String {
    let lines: String = options::all().map(fish_line).collect();
    format!("{HEAD}complete -c socket-proxy -f\n{lines}")
}

fn fish_line(option: &Opt) -> String {
    let value = match Completed::of(option) {
        _ if option.is_boolean() => String::new(),
        Completed::Words(words) => format!(" -x -a '{words}'"),
        Completed::Files => " -r -F".to_owned(),
        Completed::Directories => " -x -a '(__fish_complete_directories)'".to_owned(),
        Completed::Nothing => " -x".to_owned(),
    };
    let meaning = option.meaning.replace('\\', "\\\\").replace('\'', "\\'");
    format!("complete -c socket-proxy -o {}{value} -d '{meaning}'\n", option.flag)
}

/// For single quotes of a shell.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
