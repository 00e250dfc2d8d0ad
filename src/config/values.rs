//! From texts to values, one function for each kind of value.
//!
//! A refusal is a clause about the text ("it is not a number"); the message
//! around it (flag, expected form, example) is made by `read`.
//!
//! Nothing is repaired here: a port with a space before it is refused. Only
//! list items are trimmed, because lists are written with a space after the
//! comma.

use super::ListenAddress;
use super::options::{COUNT_MAX, SECONDS_MAX};
use crate::filter::Scope;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The form of a listener's name, for messages.
pub(super) const LISTENER_NAME: &str =
    "a letter and then letters or digits, at most 32 characters, but not \"default\"";

const LISTENER_NAME_BYTES_MAX: usize = 32;
/// `sun_path` has 108 bytes with its end (unix(7)).
const UNIX_PATH_BYTES_MAX: usize = 107;
const FILE_MODE_MAX: u32 = 0o777;
const FILE_MODE_DEFAULT: u32 = 0o600;
/// Connecting to a unix socket is writing to its file (unix(7)).
const FILE_MODE_OWNER_WRITES: u32 = 0o200;
const FILE_MODE_OWNER_READS: u32 = 0o400;
/// The most characters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 200;

/// The text in double quotes, with everything that a terminal would act on
/// escaped. Backslashes stay single: patterns are full of them, and a message
/// about a pattern must show it as written.
pub(super) fn shown(text: &str) -> String {
    let escaped = |c: char| match c {
        '\\' | '\'' | '"' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    let rest = if text.chars().nth(SHOWN_CHARS_MAX).is_some() { "…" } else { "" };
    let start: String = text.chars().take(SHOWN_CHARS_MAX).map(escaped).collect();
    format!("\"{start}{rest}\"")
}

/// A listener's name in lower case; environment names are written in capitals.
pub(super) fn listener_name(text: &str) -> Option<String> {
    let name = text.to_ascii_lowercase();
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= LISTENER_NAME_BYTES_MAX
        && name != "default";
    is_name.then_some(name)
}

/// The words that Go's `strconv.ParseBool` takes.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

pub(super) fn ip(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "it is not an IP address".to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    u16::try_from(whole_number(text, 1, u16::MAX.into())?).map_err(|error| error.to_string())
}

/// `127.0.0.1:9375` or `[::1]:9375`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| "it has no port after a colon".to_owned())?;
    let port = self::port(port).map_err(|wrong| format!("the port is invalid: {wrong}"))?;
    match host {
        "" => Err("it has no address before the port; 127.0.0.1 is only this machine, 0.0.0.0 is \
         all networks"
            .to_owned()),
        _ if host.contains(':') && !host.starts_with('[') => {
            Err("an IPv6 address is written in brackets".to_owned())
        }
        _ => Ok(SocketAddr::new(ip(host)?, port)),
    }
}

pub(super) fn seconds(text: &str, seconds_min: u64) -> Result<Duration, String> {
    whole_number(text, seconds_min, SECONDS_MAX).map(Duration::from_secs)
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    let max = u64::try_from(COUNT_MAX).map_err(|error| error.to_string())?;
    usize::try_from(whole_number(text, 1, max)?).map_err(|error| error.to_string())
}

pub(super) fn learn(text: &str) -> Result<Scope, String> {
    match text {
        "reads" => Ok(Scope::Reads),
        "all" => Ok(Scope::All),
        _ => Err("it is neither reads nor all".to_owned()),
    }
}

pub(super) fn level(text: &str) -> Result<log::LevelFilter, String> {
    match text.to_ascii_uppercase().as_str() {
        "DEBUG" => Ok(log::LevelFilter::Debug),
        "INFO" => Ok(log::LevelFilter::Info),
        "WARN" => Ok(log::LevelFilter::Warn),
        "ERROR" => Ok(log::LevelFilter::Error),
        _ => Err("it is not a level".to_owned()),
    }
}

pub(super) fn socket_path(text: &str) -> Result<PathBuf, String> {
    let scheme = ["unix:", "tcp:", "http:"].iter().find(|scheme| text.starts_with(**scheme));
    if let Some(scheme) = scheme {
        return Err(format!("a path is written without {scheme}"));
    }
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains('\0') || text.len() > UNIX_PATH_BYTES_MAX {
        return Err(format!(
            "a socket's path has at most {UNIX_PATH_BYTES_MAX} bytes, none of them 0"
        ));
    }
    Ok(PathBuf::from(text))
}

/// Docker's rule for names of containers.
pub(super) fn container_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('/').unwrap_or(text);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if is_name { Ok(name.to_owned()) } else { Err("no container can have that name".to_owned()) }
}

/// The Go program's rule, which is Docker's own for keys of labels: lower-case
/// letters and digits, single dots or hyphens between them.
pub(super) fn label_prefix(text: &str) -> Result<String, String> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if text.split(['.', '-']).all(is_word) {
        return Ok(text.to_owned());
    }
    Err("a prefix has lower-case letters and digits, with single dots or hyphens between them"
        .to_owned())
}

/// Permission bits as Go reads an integer literal: `0660`, `0o660`, `432`,
/// `0x1b0`, `0b110110000`.
pub(super) fn file_mode_of_flag(text: &str) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (lower.get(2..), 16),
        [b'0', b'o', ..] => (lower.get(2..), 8),
        [b'0', b'b', ..] => (lower.get(2..), 2),
        [b'0', _, ..] => (lower.get(1..), 8),
        _ => (Some(lower.as_str()), 10),
    };
    let mode = number(digits.unwrap_or_default(), radix)?;
    if mode > FILE_MODE_MAX && radix == 10 {
        return Err(format!("without a 0 before it, it is a decimal number, {mode:#o} in octal"));
    }
    usable_file_mode(mode)
}

/// Permission bits of a variable: octal, as in the Go program.
///
/// YAML reads an unquoted `0600` as an octal number and Compose passes it on in
/// decimal, as `384`. No decimal form of a mode that its owner may both read
/// and write is an octal number that its owner may write, so the two cannot be
/// taken for one another. Others could be: `256`, from 0400, is 0256 in octal and
/// lets every user connect.
pub(super) fn file_mode_of_variable(text: &str) -> Result<u32, String> {
    let Some(mode) = decimal_file_mode(text) else { return file_mode_octal(text) };
    if text.contains(['8', '9']) {
        return usable_file_mode(mode);
    }
    match file_mode_octal(text) {
        Ok(octal) if octal & FILE_MODE_OWNER_READS == 0 && octal != FILE_MODE_OWNER_WRITES => {
            Err(format!(
                "it is mode {octal:04o} ({}), or {mode:04o} without its quotes in YAML; write all \
                 four digits, in quotes",
                symbols(octal)
            ))
        }
        Err(wrong) if mode & FILE_MODE_OWNER_WRITES != 0 => Err(format!(
            "{wrong}; YAML turns an unquoted {mode:04o} into {text}, so write it in quotes: \"{mode:04o}\""
        )),
        octal => octal,
    }
}

/// Permission bits in octal, with or without `0` or `0o` before them.
pub(super) fn file_mode_octal(text: &str) -> Result<u32, String> {
    usable_file_mode(number(text.strip_prefix("0o").unwrap_or(text), 8)?)
}

/// The mode whose decimal form the text is, if it is one.
pub(super) fn decimal_file_mode(text: &str) -> Option<u32> {
    let mode = number(text, 10).ok().filter(|_| !text.starts_with('0'))?;
    (mode <= FILE_MODE_MAX).then_some(mode)
}

/// `tcp:ADDRESS:PORT`, `unix:/PATH` or `unix:/PATH,mode=0660`. The double slash
/// of `DOCKER_HOST` is tolerated.
pub(super) fn endpoint(text: &str) -> Result<ListenAddress, String> {
    match text.split_once(':') {
        Some(("tcp", address)) => tcp_endpoint(address.strip_prefix("//").unwrap_or(address)),
        Some(("unix", path)) => unix_endpoint(path.strip_prefix("//").unwrap_or(path)),
        _ => Err("it begins neither with tcp: nor with unix:".to_owned()),
    }
}

fn tcp_endpoint(text: &str) -> Result<ListenAddress, String> {
    let (address, port_text) = text.rsplit_once(':').ok_or_else(|| "it has no port".to_owned())?;
    if address.contains(':') && !address.starts_with('[') {
        return Err("an IPv6 address is written in brackets".to_owned());
    }
    Ok(ListenAddress::Tcp(SocketAddr::new(ip(address)?, port(port_text)?)))
}

fn unix_endpoint(text: &str) -> Result<ListenAddress, String> {
    let (path, setting) = match text.split_once(',') {
        Some((path, setting)) => (path, Some(setting)),
        None => (text, None),
    };
    let mode = match setting.map(|setting| setting.split_once('=')) {
        None => FILE_MODE_DEFAULT,
        Some(Some(("mode", mode))) => file_mode_octal(mode)?,
        Some(_) => return Err("only mode= can follow the comma".to_owned()),
    };
    if !path.starts_with('/') {
        return Err("the path is not absolute".to_owned());
    }
    Ok(ListenAddress::Unix { path: socket_path(path)?, mode })
}

fn usable_file_mode(mode: u32) -> Result<u32, String> {
    if mode > FILE_MODE_MAX {
        return Err("it is out of range".to_owned());
    }
    if mode & FILE_MODE_OWNER_WRITES == 0 {
        return Err(format!(
            "mode {mode:04o} ({}) does not let the owner of the socket connect to it",
            symbols(mode)
        ));
    }
    Ok(mode)
}

/// The mode as `ls` shows it: `rw-rw----`.
fn symbols(mode: u32) -> String {
    let symbol =
        |(place, letter): (u32, char)| if mode >> (8 - place) & 1 == 1 { letter } else { '-' };
    (0..9).zip("rwx".chars().cycle()).map(symbol).collect()
}

fn whole_number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = number(text, 10)?;
    let number = u64::from(number);
    if (min..=max).contains(&number) { Ok(number) } else { Err("it is out of range".to_owned()) }
}

/// Digits alone: the standard parser would take a `+` too.
fn number(text: &str, radix: u32) -> Result<u32, String> {
    if text.is_empty() || !text.chars().all(|c| c.is_digit(radix)) {
        let kind = match radix {
            8 => "an octal",
            10 => "a whole",
            _ => "a",
        };
        return Err(format!("it is not {kind} number"));
    }
    u32::from_str_radix(text, radix).map_err(|_| "it is out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_values_keep_backslashes_and_lose_controls() {
        let long = "a".repeat(300);
        let long_shown = format!("\"{}…\"", "a".repeat(200));
        let rows = [
            ("", r#""""#),
            (r"/v1\..*", r#""/v1\..*""#),
            ("a\nb\u{1b}[0m", r#""a\nb\u{1b}[0m""#),
            ("\u{202e}x\u{9b}", r#""\u{202e}x\u{9b}""#),
            (r#""quoted" 'too'"#, r#"""quoted" 'too'""#),
            (&long, &long_shown),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn listener_names_are_short_words_in_lower_case() {
        let too_long = "a".repeat(33);
        let rows = [
            ("web", Some("web")),
            ("WEB2", Some("web2")),
            ("w", Some("w")),
            ("", None),
            ("2web", None),
            ("my-web", None),
            ("my_web", None),
            ("wéb", None),
            ("default", None),
            ("DEFAULT", None),
            (too_long.as_str(), None),
        ];
        for (text, expected) in rows {
            assert_eq!(listener_name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn switches_are_what_go_takes() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(switch(text), Ok(true));
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(switch(text), Ok(false));
        }
        for text in ["", "yes", "on", "tRue", " true", "2", "\"true\""] {
            assert!(switch(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_and_ports_are_exact() {
        let rows = [
            ("127.0.0.1", true),
            ("0.0.0.0", true),
            ("::", true),
            ("[::1]", true),
            ("fd00::1", true),
            ("", false),
            ("localhost", false),
            ("127.0.0.01", false),
            ("127.0.0.1:80", false),
            ("[::1", false),
            (" ::1", false),
        ];
        for (text, is_ip) in rows {
            assert_eq!(ip(text).is_ok(), is_ip, "{text}");
        }
        let rows = [
            ("1", Ok(1)),
            ("2375", Ok(2375)),
            ("65535", Ok(65535)),
            ("0", Err("it is out of range")),
            ("65536", Err("it is out of range")),
            ("99999999999999999999", Err("it is out of range")),
            ("", Err("it is not a whole number")),
            ("+1", Err("it is not a whole number")),
            ("-1", Err("it is not a whole number")),
            ("1.0", Err("it is not a whole number")),
            ("0x50", Err("it is not a whole number")),
            ("١", Err("it is not a whole number")),
        ];
        for (text, expected) in rows {
            assert_eq!(port(text), expected.map_err(String::from), "{text}");
        }
    }

    #[test]
    fn seconds_and_counts_have_bounds() {
        assert_eq!(seconds("0", 0), Ok(Duration::ZERO));
        assert_eq!(seconds("86400", 0), Ok(Duration::from_secs(86400)));
        assert!(seconds("86401", 0).is_err());
        assert!(seconds("0", 1).is_err());
        assert!(seconds("10s", 0).is_err());
        assert_eq!(count("1"), Ok(1));
        assert_eq!(count("1000000"), Ok(1_000_000));
        assert!(count("0").is_err());
        assert!(count("1000001").is_err());
    }

    #[test]
    fn levels_are_read_in_any_case() {
        assert_eq!(level("debug"), Ok(log::LevelFilter::Debug));
        assert_eq!(level("Info"), Ok(log::LevelFilter::Info));
        assert_eq!(level("WARN"), Ok(log::LevelFilter::Warn));
        assert_eq!(level("eRRor"), Ok(log::LevelFilter::Error));
        for text in ["", "warning", "trace", "off", "1", "info "] {
            assert!(level(text).is_err(), "{text}");
        }
    }

    #[test]
    fn file_modes_of_flags_are_go_literals() {
        let rows = [
            ("0660", Ok(0o660)),
            ("0o660", Ok(0o660)),
            ("0O660", Ok(0o660)),
            ("432", Ok(0o660)),
            ("0x1b0", Ok(0o660)),
            ("0X1B0", Ok(0o660)),
            ("0b110110000", Ok(0o660)),
            ("384", Ok(0o600)),
            ("444", Ok(0o674)),
            ("0", Err("mode 0000 (---------) does not let the owner of the socket connect to it")),
            (
                "0432",
                Err("mode 0432 (r---wx-w-) does not let the owner of the socket connect to it"),
            ),
            (
                "0o444",
                Err("mode 0444 (r--r--r--) does not let the owner of the socket connect to it"),
            ),
            ("0777", Ok(0o777)),
            ("511", Ok(0o777)),
            ("660", Err("without a 0 before it, it is a decimal number, 0o1224 in octal")),
            ("01000", Err("it is out of range")),
            ("0680", Err("it is not an octal number")),
            ("rw", Err("it is not a whole number")),
            ("", Err("it is not a whole number")),
            ("0x", Err("it is not a number")),
            ("0o", Err("it is not an octal number")),
            ("-1", Err("it is not a whole number")),
        ];
        for (text, expected) in rows {
            assert_eq!(file_mode_of_flag(text), expected.map_err(String::from), "{text}");
        }
    }

    #[test]
    fn file_modes_of_variables_are_octal() {
        let rows = [
            ("660", Ok(0o660)),
            ("0660", Ok(0o660)),
            ("0o660", Ok(0o660)),
            ("200", Ok(0o200)),
            ("1777", Err("it is out of range")),
            ("0x1b0", Err("it is not an octal number")),
            ("888", Err("it is not an octal number")),
            ("0680", Err("it is not an octal number")),
            ("", Err("it is not an octal number")),
            ("0", Err("mode 0000 (---------) does not let the owner of the socket connect to it")),
            (
                "0555",
                Err("mode 0555 (r-xr-xr-x) does not let the owner of the socket connect to it"),
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(file_mode_of_variable(text), expected.map_err(String::from), "{text}");
        }
    }

    /// The decimal form has an 8 or a 9 and is understood, or it is an octal
    /// number that its owner may not write and is refused with the cause.
    #[test]
    fn a_mode_that_yaml_made_decimal_is_understood_or_refused_with_the_quotes() {
        let understood = [0o600, 0o606, 0o666, 0o700, 0o740, 0o750, 0o755];
        for mode in understood {
            assert_eq!(file_mode_of_variable(&mode.to_string()), Ok(mode), "{mode}");
        }
        let refused = [
            (0o660, "432", "0432 (r---wx-w-)"),
            (0o640, "416", "0416 (r----xrw-)"),
            (0o644, "420", "0420 (r---w----)"),
            (0o664, "436", "0436 (r---wxrw-)"),
            (0o770, "504", "0504 (r-x---r--)"),
            (0o777, "511", "0511 (r-x--x--x)"),
        ];
        for (mode, text, read_as) in refused {
            assert_eq!(text, mode.to_string());
            let expected = format!(
                "mode {read_as} does not let the owner of the socket connect to it; YAML turns an \
                 unquoted {mode:04o} into {text}, so write it in quotes: \"{mode:04o}\""
            );
            assert_eq!(file_mode_of_variable(text), Err(expected));
        }
        for mode in (0o600_u32..=0o777).filter(|mode| mode & FILE_MODE_OWNER_WRITES != 0) {
            let taken = file_mode_of_variable(&mode.to_string());
            assert!(taken.is_err() || taken == Ok(mode), "{mode}: {taken:?}");
        }
        // Without write permission for the owner it stays useless in any form.
        assert!(file_mode_of_variable("288").is_err(), "0440 in decimal");
    }

    #[test]
    fn no_decimal_form_of_a_mode_opens_a_socket_to_others_than_the_mode_does() {
        let expected = "it is mode 0256 (-w-r-xrw-), or 0400 without its quotes in YAML; write all \
                        four digits, in quotes";
        assert_eq!(file_mode_of_variable("256"), Err(expected.to_owned()));
        for mode in 0..=FILE_MODE_MAX {
            let taken = file_mode_of_variable(&mode.to_string());
            let is_owners_alone = taken == Ok(FILE_MODE_OWNER_WRITES);
            assert!(taken.is_err() || taken == Ok(mode) || is_owners_alone, "{mode}: {taken:?}");
        }
        assert_eq!(file_mode_of_variable("0256"), Ok(0o256));
    }

    fn check_endpoint(text: &str, expected: Result<&str, &str>) {
        let found = endpoint(text).map(|endpoint| match endpoint {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix { path, mode } => format!("{} {mode:o}", path.display()),
        });
        assert_eq!(found, expected.map(String::from).map_err(String::from), "{text}");
    }

    #[test]
    fn endpoints_name_their_family() {
        check_endpoint("tcp:0.0.0.0:2376", Ok("0.0.0.0:2376"));
        check_endpoint("tcp://127.0.0.1:1", Ok("127.0.0.1:1"));
        check_endpoint("tcp:[::1]:2376", Ok("[::1]:2376"));
        check_endpoint("unix:/run/sp/web.sock", Ok("/run/sp/web.sock 600"));
        check_endpoint("unix:///run/web.sock", Ok("/run/web.sock 600"));
        check_endpoint("unix:/run/web.sock,mode=0660", Ok("/run/web.sock 660"));
        check_endpoint("unix:/run/web.sock,mode=660", Ok("/run/web.sock 660"));
        check_endpoint("", Err("it begins neither with tcp: nor with unix:"));
        check_endpoint("0.0.0.0:2376", Err("it begins neither with tcp: nor with unix:"));
        check_endpoint("TCP:0.0.0.0:1", Err("it begins neither with tcp: nor with unix:"));
        check_endpoint("tcp:2376", Err("it has no port"));
        check_endpoint("tcp::2376", Err("it is not an IP address"));
        check_endpoint("tcp:localhost:2376", Err("it is not an IP address"));
        check_endpoint("tcp:::1:2376", Err("an IPv6 address is written in brackets"));
        check_endpoint("tcp:127.0.0.1:0", Err("it is out of range"));
        check_endpoint("unix:", Err("the path is not absolute"));
        check_endpoint("unix:web.sock", Err("the path is not absolute"));
        check_endpoint("unix:/a,mod=0660", Err("only mode= can follow the comma"));
        check_endpoint("unix:/a,", Err("only mode= can follow the comma"));
        check_endpoint("unix:/a,mode=0999", Err("it is not an octal number"));
        check_endpoint("unix:/a,mode=", Err("it is not an octal number"));
        check_endpoint("unix:/a,mode=384", Err("it is not an octal number"));
        check_endpoint(
            "unix:/a,mode=0432",
            Err("mode 0432 (r---wx-w-) does not let the owner of the socket connect to it"),
        );
    }

    #[test]
    fn socket_paths_fit_the_system() {
        let longest = format!("/{}", "a".repeat(106));
        assert!(socket_path(&longest).is_ok());
        assert!(socket_path(&format!("{longest}a")).is_err());
        assert!(socket_path("docker.sock").is_ok());
        assert!(socket_path("").is_err());
        assert!(socket_path("a\0b").is_err());
        assert!(socket_path("unix:///var/run/docker.sock").is_err());
        assert!(socket_path("tcp://127.0.0.1:2375").is_err());
    }

    #[test]
    fn names_of_containers_and_labels_can_exist() {
        assert_eq!(container_name("/socket-proxy_1.x"), Ok("socket-proxy_1.x".to_owned()));
        for text in ["", "/", "-a", "a b", "a/b", "\"a\""] {
            assert!(container_name(text).is_err(), "{text}");
        }
        assert_eq!(label_prefix("com.example.proxy"), Ok("com.example.proxy".to_owned()));
        assert_eq!(label_prefix("proxy-8f3a1c"), Ok("proxy-8f3a1c".to_owned()));
        let other = ["", "a.", ".a", "a b", "\"a\"", "a=b", "a\n", "a*", "a/b", "A", "a_b", "é"];
        for text in other.into_iter().chain(["a..b", "a.-b", "-a", "a-", "a$", "a:b", "a\\b", "."])
        {
            assert!(label_prefix(text).is_err(), "{text}");
        }
    }
}
