//! The operations that clients requested, and the smallest list that admits them.
//! Filled from a log or by a proxy that learns, and printed as flags, variables,
//! compose lines or labels. Every item of a list was requested; a path of no
//! known operation becomes a pattern of just this path.
//!
//! **Invariant:** memory is bounded: requests beyond the bounds are only counted.

use super::logged::Decision;
use super::presets;
use crate::api::{Class, Operation, exact, generalise};
use crate::http1::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// The most clients that are counted separately.
const CLIENTS_MAX: usize = 256;
/// The most paths of no known operation for each client.
const PATHS_MAX: usize = 256;

/// The memory limit for the names and patterns of all clients; a path may have 128 KiB.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The needs of all clients.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    clients: BTreeMap<String, ClientNeeds>,
    /// The bytes that names and patterns have taken of [`TEXT_BYTES_MAX`].
    text_bytes: usize,
    /// Requests that found no room.
    left_out: u64,
}

/// The needs of one client.
#[derive(Debug, Clone, Default)]
struct ClientNeeds {
    operations: BTreeMap<Operation, Count>,
    /// Patterns of paths that are no operation.
    patterns: BTreeMap<(Method, String), Count>,
}

/// How often something was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    requests: u64,
    blocked: u64,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Flags for a shell.
    Flags,
    /// Environment variables.
    Variables,
    /// The lines of a compose file's `command:`.
    #[default]
    Compose,
    /// Labels of the client's container.
    Labels,
}

impl Form {
    /// The form of this name: `flags`, `variables`, `compose` or `labels`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "flags" => Self::Flags,
            "variables" => Self::Variables,
            "compose" => Self::Compose,
            "labels" => Self::Labels,
            _ => return None,
        })
    }
}

/// Whether a request was new in its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The first of this client for this operation or path.
    First,
    /// One more, or one that found no room.
    Known,
}

impl Needs {
    /// Counts a request; `path` is the decoded one in normal form.
    pub fn note(
        &mut self,
        client: &str,
        method: Method,
        path: &str,
        decision: Decision,
    ) -> Novelty {
        let Some(count) = self.count(client, method, path) else {
            self.left_out += 1;
            return Novelty::Known;
        };
        count.requests += 1;
        count.blocked += u64::from(decision == Decision::Blocked);
        if count.requests == 1 { Novelty::First } else { Novelty::Known }
    }

    /// Whether nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// The lists of all clients, each with a comment about it.
    #[must_use]
    pub fn suggestion(&self, form: Form) -> String {
        let mut text = String::new();
        for (client, needs) in &self.clients {
            // Writing to a String cannot fail.
            let _ = needs.print(client, form, &mut text);
            text.push('\n');
        }
        if self.left_out > 0 {
            let _ = writeln!(
                text,
                "# {} requests are left out: there were too many different ones.",
                self.left_out
            );
        }
        text
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let clients = self.clients.iter().map(|(client, needs)| needs.to_json(client));
        json!({"clients": clients.collect::<Vec<_>>(), "left_out": self.left_out})
    }

    /// The count of such requests; `None` if there is no room for another.
    fn count(&mut self, client: &str, method: Method, path: &str) -> Option<&mut Count> {
        let Self { clients, text_bytes, .. } = self;
        if !clients.contains_key(client) {
            let is_room = clients.len() < CLIENTS_MAX && take(text_bytes, client.len());
            is_room.then_some(())?;
        }
        let needs = clients.entry(client.to_owned()).or_default();
        if let Some(operation) = exact(method, path) {
            return Some(needs.operations.entry(operation).or_default());
        }
        let key = (method, generalise(path));
        if !needs.patterns.contains_key(&key) {
            let is_room = needs.patterns.len() < PATHS_MAX && take(text_bytes, key.1.len());
            is_room.then_some(())?;
        }
        Some(needs.patterns.entry(key).or_default())
    }
}

/// Reserves bytes for a text, if as many are left.
fn take(text_bytes: &mut usize, bytes: usize) -> bool {
    let is_room = bytes <= TEXT_BYTES_MAX - *text_bytes;
    if is_room {
        *text_bytes += bytes;
    }
    is_room
}

impl ClientNeeds {
    fn to_json(&self, client: &str) -> Value {
        let operation = |(operation, count): (&Operation, &Count)| {
            let (name, class) = (operation.name(), operation.class().as_str());
            json!({
                "operation": name, "class": class, "requests": count.requests,
                "blocked": count.blocked,
            })
        };
        let pattern = |((method, pattern), count): (&(Method, String), &Count)| {
            json!({
                "method": method.as_str(), "pattern": pattern, "requests": count.requests,
                "blocked": count.blocked,
            })
        };
        json!({
            "client": client,
            "preset": self.preset(),
            "operations": self.operations.iter().map(operation).collect::<Vec<_>>(),
            "patterns": self.patterns.iter().map(pattern).collect::<Vec<_>>(),
        })
    }

    fn print(&self, client: &str, form: Form, out: &mut String) -> fmt::Result {
        self.print_about(client, out)?;
        let names: Vec<&str> = self.operations.keys().map(|operation| operation.name()).collect();
        let mut items = Vec::new();
        if !names.is_empty() {
            items.push((None, names.join(",")));
        }
        items.extend(self.patterns.keys().map(|(method, p)| (Some(*method), p.clone())));
        if form == Form::Compose {
            writeln!(out, "    command:")?;
        }
        let mut before = BTreeMap::new();
        for (method, value) in &items {
            let nth = before.entry(*method).or_insert(0);
            *nth += 1;
            print_item(form, *method, value, *nth, out)?;
        }
        Ok(())
    }

    /// Comments: the number of requests, the blocked ones, the dangerous operations.
    fn print_about(&self, client: &str, out: &mut String) -> fmt::Result {
        let counts = || self.operations.values().chain(self.patterns.values());
        let requests: u64 = counts().map(|count| count.requests).sum();
        let blocked: u64 = counts().map(|count| count.blocked).sum();
        let client = if client.is_empty() { "unknown client" } else { client };
        let plural = if requests == 1 { "" } else { "s" };
        let client = shown(client);
        writeln!(out, "# {client}: {requests} request{plural}, {blocked} of them blocked")?;
        let was_blocked = self.operations.iter().filter(|(_, count)| count.blocked > 0);
        let blocked: Vec<&str> = was_blocked.map(|(operation, _)| operation.name()).collect();
        if !blocked.is_empty() {
            writeln!(out, "# blocked so far: {}", blocked.join(", "))?;
            writeln!(out, "# (the client may send other requests once these are allowed)")?;
        }
        for class in Class::ALL.into_iter().filter(|class| class.is_dangerous()) {
            let of_class = self.operations.keys().filter(|operation| operation.class() == class);
            let names: Vec<&str> = of_class.map(|operation| operation.name()).collect();
            if !names.is_empty() {
                writeln!(out, "# gives {}: {}", class.gives(), names.join(", "))?;
            }
        }
        if let Some(preset) = self.preset() {
            writeln!(out, "# the preset {preset} has all of these operations")?;
        }
        Ok(())
    }

    /// The narrowest preset whose base has all the operations, and gives no more than
    /// they do.
    fn preset(&self) -> Option<&'static str> {
        let worst = self.operations.keys().map(|operation| operation.class()).max()?;
        let has_all = |preset: &presets::Preset| {
            let has = |operation: &Operation| preset.base().iter().any(|need| need.0 == *operation);
            let is_no_worse = preset.base().iter().all(|need| need.0.class() <= worst);
            is_no_worse && self.operations.keys().all(has)
        };
        let fitting = presets::all().filter(has_all);
        fitting.min_by_key(|preset| preset.base().len()).map(|preset| preset.name)
    }
}

/// One line: names if there is no method, else the `nth` pattern of it.
fn print_item(
    form: Form,
    method: Option<Method>,
    value: &str,
    nth: usize,
    out: &mut String,
) -> fmt::Result {
    let method = method.map(|method| method.to_string()).unwrap_or_default();
    let suffix = if nth == 1 { String::new() } else { format!("_{nth}") };
    match form {
        Form::Flags => writeln!(out, "{}", shell_quoted(&format!("-allow{method}={value}"))),
        Form::Compose => {
            let text = format!("-allow{method}={value}").replace('$', "$$");
            writeln!(out, "      - '{}'", text.replace('\'', "''"))
        }
        Form::Variables => {
            let under = if method.is_empty() { "" } else { "_" };
            writeln!(out, "SP_ALLOW{under}{method}{suffix}={value}")
        }
        Form::Labels => {
            let dot = if method.is_empty() { "" } else { "." };
            let suffix = suffix.replace('_', ".");
            let method = method.to_ascii_lowercase();
            writeln!(out, "socket-proxy.allow{dot}{method}{suffix}={value}")
        }
    }
}

fn shell_quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_=,./+:@".contains(&b);
    if word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The name of a client, which a log may have from anywhere, for a comment.
fn shown(client: &str) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || " .:_-[]%/@=".contains(c);
    client.chars().take(80).map(|c| if is_safe(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(requests: &[(&str, Method, &str, Decision)]) -> Needs {
        let mut needs = Needs::default();
        for (client, method, path, decision) in requests {
            let _ = needs.note(client, *method, path, *decision);
        }
        needs
    }

    #[test]
    fn each_client_gets_a_list_of_its_own() {
        let needs = needs(&[
            ("10.0.0.2", Method::Get, "/v1.51/containers/json", Decision::Allowed),
            ("10.0.0.2", Method::Get, "/containers/json", Decision::Blocked),
            ("10.0.0.2", Method::Get, "/x/it's $5", Decision::Blocked),
            ("10.0.0.2", Method::Get, "/v1.51/y", Decision::Blocked),
            ("10.0.0.3", Method::Post, "/build", Decision::Blocked),
        ]);
        let compose = "\
# 10.0.0.2: 4 requests, 3 of them blocked
# blocked so far: ContainerList
# (the client may send other requests once these are allowed)
# the preset beszel has all of these operations
    command:
      - '-allow=ContainerList'
      - '-allowGET=/v[0-9.]+/y'
      - '-allowGET=/x/it''s \\$$5'

# 10.0.0.3: 1 request, 1 of them blocked
# blocked so far: ImageBuild
# (the client may send other requests once these are allowed)
# gives root on the host: ImageBuild
    command:
      - '-allow=ImageBuild'

";
        assert_eq!(needs.suggestion(Form::Compose), compose);
        let flags = needs.suggestion(Form::Flags);
        assert!(flags.contains("\n-allow=ContainerList\n"), "{flags}");
        assert!(flags.contains("\n'-allowGET=/x/it'\\''s \\$5'\n"), "{flags}");
        let variables = needs.suggestion(Form::Variables);
        assert!(variables.contains("\nSP_ALLOW=ContainerList\n"), "{variables}");
        assert!(variables.contains("\nSP_ALLOW_GET_2=/x/it's \\$5\n"), "{variables}");
        let labels = needs.suggestion(Form::Labels);
        assert!(labels.contains("\nsocket-proxy.allow.get.2=/x/it's \\$5\n"), "{labels}");
    }

    #[test]
    fn a_request_is_new_once_for_each_client() {
        let mut needs = Needs::default();
        let mut note = |client| needs.note(client, Method::Get, "/info", Decision::Blocked);
        assert_eq!(note("a"), Novelty::First);
        assert_eq!(note("a"), Novelty::Known);
        assert_eq!(note("b"), Novelty::First);
    }

    #[test]
    fn what_comes_beyond_the_bounds_is_counted() {
        let mut needs = Needs::default();
        for n in 0..PATHS_MAX + 3 {
            let _ = needs.note("a", Method::Get, &format!("/unknown/{n}"), Decision::Blocked);
        }
        for n in 0..CLIENTS_MAX + 2 {
            let _ = needs.note(&format!("c{n}"), Method::Get, "/info", Decision::Blocked);
        }
        assert_eq!(needs.left_out, 6);
        assert!(needs.suggestion(Form::Flags).contains("# 6 requests are left out"));
    }

    #[test]
    fn long_paths_and_names_are_bounded_together() {
        let mut needs = Needs::default();
        let long = "x".repeat(100_000);
        for n in 0..30 {
            let _ = needs.note("a", Method::Get, &format!("/{n}{long}"), Decision::Blocked);
            let _ = needs.note(&format!("{n}{long}"), Method::Get, "/info", Decision::Blocked);
        }
        let patterns = needs.clients.values().flat_map(|client| client.patterns.keys());
        let kept = patterns.map(|(_, pattern)| pattern.len()).sum::<usize>()
            + needs.clients.keys().map(String::len).sum::<usize>();
        assert!(kept <= TEXT_BYTES_MAX && kept > TEXT_BYTES_MAX - 2 * long.len(), "{kept}");
        assert_eq!(needs.left_out, 60 - 41);
        // Requests of a known kind are still counted.
        assert_eq!(needs.note("a", Method::Get, "/info", Decision::Allowed), Novelty::First);
    }

    #[test]
    fn a_client_cannot_end_its_comment() {
        let needs = needs(&[("a\n- evil\u{202e}", Method::Get, "/info", Decision::Blocked)]);
        assert!(needs.suggestion(Form::Compose).starts_with("# a?- evil?: 1 request, 1 of"));
    }
}
