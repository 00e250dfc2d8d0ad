//! From given values to typed ones: reads slots and collects complaints.
//!
//! Every value is looked at before anything is reported, so that an operator
//! sees all mistakes at once.
//!
//! **Invariant:** each complaint names the flag or variable, the value as
//! written, the error, the expected form, and an example.

use super::options::{COUNT_MAX, Kind, SECONDS_MAX, Slot, Value};
use super::values::{self, shown};
use std::time::Duration;

/// Reads slots; collects the errors in them.
#[derive(Debug, Default)]
pub(super) struct Reader {
    complaints: Vec<String>,
}

impl Reader {
    /// The last value, or the default; `None` if any value is wrong or there is
    /// neither a value nor a default.
    pub(super) fn last<T>(
        &mut self,
        slot: &Slot,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.all(slot, parse)?.pop()
    }

    /// All values, or else the default; `None` if any value is wrong.
    pub(super) fn all<T>(
        &mut self,
        slot: &Slot,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let default = default_of(slot);
        let values = if slot.is_given() { &slot.values } else { &default };
        let read = |value| self.one(slot.option.kind, value, &parse);
        // Every value is read, so that every mistake is reported.
        let results: Vec<Option<T>> = values.iter().map(read).collect();
        results.into_iter().collect()
    }

    /// One value that is in no slot.
    pub(super) fn one<T>(
        &mut self,
        kind: Kind,
        value: &Value,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        parse(value).map_err(|wrong| self.complaints.push(complaint(kind, value, &wrong))).ok()
    }

    /// A complaint that is not about a single value.
    pub(super) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    /// All complaints.
    pub(super) fn into_complaints(self) -> Vec<String> {
        self.complaints
    }

    pub(super) fn switch(&mut self, slot: &Slot) -> Option<bool> {
        self.last(slot, |value| values::switch(&value.text))
    }

    pub(super) fn seconds(&mut self, slot: &Slot) -> Option<Duration> {
        let min = if let Kind::Seconds(min) = slot.option.kind { min } else { 0 };
        self.last(slot, |value| values::seconds(&value.text, min))
    }

    pub(super) fn count(&mut self, slot: &Slot) -> Option<usize> {
        self.last(slot, |value| values::count(&value.text))
    }
}

fn default_of(slot: &Slot) -> Vec<Value> {
    let text = slot.option.default;
    let value = Value { name: slot.option.flag_for(""), text: text.to_owned() };
    if text.is_empty() { Vec::new() } else { vec![value] }
}

fn complaint(kind: Kind, value: &Value, wrong: &str) -> String {
    let Value { name, text } = value;
    let (expected, example) = expectation(kind, name);
    let hint = if is_quoted(text) { "; the quotes are part of the value" } else { "" };
    format!(
        "invalid value {} for {name}: {wrong}{hint}; expected {expected}, for example {name}={example}",
        shown(text)
    )
}

/// Whether the value still carries quotes that were meant for a shell or for YAML.
pub(super) fn is_quoted(text: &str) -> bool {
    let text = text.trim();
    text.len() >= 2 && ['"', '\''].iter().any(|q| text.starts_with(*q) && text.ends_with(*q))
}

/// The expected form, and an example.
fn expectation(kind: Kind, name: &str) -> (String, &'static str) {
    let (expected, example) = match kind {
        Kind::Command | Kind::Switch => ("true or false", "true"),
        Kind::PresetName => ("the name of a preset", "traefik"),
        Kind::Request => ("METHOD PATH, or - for lines of standard input", "'GET /info'"),
        Kind::LogFile => ("the path of a log, or - for standard input", "proxy.log"),
        Kind::Form => ("flags, variables, compose or labels", "flags"),
        Kind::Dialect => ("tecnativa, tecnativa-next or linuxserver", "tecnativa"),
        Kind::Pattern(_) => {
            ("a regular expression in Go's syntax for the whole path", r"/v1\.[0-9]+/info")
        }
        Kind::Learn => ("reads or all", "reads"),
        Kind::Operations => {
            ("comma-separated operations, classes or presets", "traefik,ContainerStats")
        }
        Kind::Exceptions => ("comma-separated exceptions of safe create", "capadd:NET_ADMIN"),
        Kind::Images => (
            "a regular expression in Go's syntax for the whole name of an image",
            "docker.io/library/busybox:.*",
        ),
        Kind::Size => ("a number of bytes with a unit: b, k, m, g or t", "512m"),
        Kind::Cpus => ("a number of processors", "1.5"),
        Kind::Pids => ("a whole number from 1", "256"),
        Kind::Addresses => {
            ("comma-separated networks, addresses or host names", "127.0.0.1,10.0.0.0/8,web")
        }
        Kind::Directories => ("comma-separated absolute directories", "/home,/var/log"),
        Kind::TargetLabel => ("KEY=VALUE", "com.docker.compose.project=web"),
        Kind::SocketPath => ("the path of a unix socket", "/var/run/docker.sock"),
        Kind::Ip => ("an IPv4 or IPv6 address", "0.0.0.0"),
        Kind::Port => ("a port from 1 to 65535", "2375"),
        Kind::Address => ("ADDRESS:PORT", "127.0.0.1:9375"),
        Kind::FileMode => ("permissions up to 0777", "0660"),
        Kind::Level => ("DEBUG, INFO, WARN or ERROR", "INFO"),
        Kind::ContainerName => ("the name of a container", "socket-proxy"),
        Kind::LabelPrefix => ("the beginning of a label's name", "socket-proxy"),
        Kind::Seconds(min) => {
            return (format!("a number of seconds from {min} to {SECONDS_MAX}"), "10");
        }
        Kind::Count => return (format!("a number from 1 to {COUNT_MAX}"), "1024"),
        Kind::Listener => {
            let of_name = if name == "-listen" { "NAME=" } else { "" };
            let expected = format!("{of_name}tcp:ADDRESS:PORT or {of_name}unix:/PATH,mode=MODE");
            let example =
                if of_name.is_empty() { "tcp:0.0.0.0:2376" } else { "web=tcp:0.0.0.0:2376" };
            return (expected, example);
        }
    };
    (expected.to_owned(), example)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::compat::Dialect;
    use crate::config::{commands, options};

    #[test]
    fn every_default_and_every_example_is_valid() {
        for option in options::all() {
            let example = expectation(option.kind, "").1;
            for text in [option.default, example].into_iter().filter(|text| !text.is_empty()) {
                let verdict = match option.kind {
                    Kind::Command | Kind::Switch => values::switch(text).map(drop),
                    Kind::Pattern(_) | Kind::Directories | Kind::LogFile => Ok(()),
                    Kind::PresetName => commands::preset(text).map(drop),
                    Kind::Request => commands::question(text.trim_matches('\'')).map(drop),
                    Kind::Form => commands::form(text).map(drop),
                    Kind::Dialect => Dialect::parse(text).map(drop),
                    Kind::Learn => values::learn(text).map(drop),
                    Kind::Operations => crate::advice::named::parse_list(text)
                        .map(drop)
                        .map_err(|word| word.to_string()),
                    Kind::Exceptions => crate::filter::Exceptions::parse(text)
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    Kind::Images => crate::filter::ImagesDraft::default()
                        .add(text)
                        .map_err(|error| error.to_string()),
                    Kind::Size => crate::filter::Maximum::memory(text, "")
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    Kind::Cpus => crate::filter::Maximum::cpus(text, "")
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    Kind::Pids => crate::filter::Maximum::pids(text, "")
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    Kind::Addresses => crate::filter::ClientAllowlist::parse(text)
                        .map(drop)
                        .map_err(|e| e.to_string()),
                    Kind::TargetLabel => crate::filter::targets::TargetLabel::parse(text, "")
                        .map(drop)
                        .map_err(|error| error.to_string()),
                    Kind::SocketPath => values::socket_path(text).map(drop),
                    Kind::Ip => values::ip(text).map(drop),
                    Kind::Port => values::port(text).map(drop),
                    Kind::Address => values::address(text).map(drop),
                    Kind::FileMode => values::file_mode_of_flag(text).map(drop),
                    Kind::Level => values::level(text).map(drop),
                    Kind::Seconds(min) => values::seconds(text, min).map(drop),
                    Kind::Count => values::count(text).map(drop),
                    Kind::ContainerName => values::container_name(text).map(drop),
                    Kind::LabelPrefix => values::label_prefix(text).map(drop),
                    Kind::Listener => values::endpoint(text).map(drop),
                };
                assert_eq!(verdict, Ok(()), "-{} {text}", option.flag);
            }
        }
    }

    #[test]
    fn all_complaints_are_collected() {
        let line = ["--proxyport", "x", "--proxyport", "80", "--proxyport", "0"].map(String::from);
        let given = options::Given::parse("", &line).unwrap();
        let mut reader = Reader::default();
        assert_eq!(reader.last(&given.proxyport, |value| values::port(&value.text)), None);
        assert_eq!(
            reader.into_complaints(),
            [
                "invalid value \"x\" for -proxyport: it is not a whole number; \
                 expected a port from 1 to 65535, for example -proxyport=2375",
                "invalid value \"0\" for -proxyport: it is out of range; \
                 expected a port from 1 to 65535, for example -proxyport=2375",
            ]
        );
    }

    #[test]
    fn the_last_value_counts_and_the_default_stands_in_for_none() {
        let line = ["--proxyport", "80", "--proxyport", "81"].map(String::from);
        let given = options::Given::parse("", &line).unwrap();
        let mut reader = Reader::default();
        assert_eq!(reader.last(&given.proxyport, |value| values::port(&value.text)), Some(81));
        assert_eq!(reader.count(&given.maxconnections), Some(1024));
        assert_eq!(reader.switch(&given.logjson), Some(false));
        assert_eq!(reader.seconds(&given.idletimeout), Some(Duration::from_secs(120)));
        assert_eq!(reader.last(&given.proxysocketendpoint, |value| Ok(value.text.clone())), None);
        assert_eq!(reader.into_complaints(), [""; 0]);
    }
}
