//! Presets: the operations that an application needs, by the application's name.
//!
//! Each is a text file beside this one that a person can review without Rust:
//!
//! ```text
//! application: Traefik, provider docker
//! version: 3.7.9
//! source: github.com/traefik/traefik, pkg/provider/docker
//! worst: reads labels and environment variables of all containers
//!
//! ContainerList      finds containers
//!
//! +swarm             provider swarm
//! ServiceList        finds services
//! ```
//!
//! Operations before the first `+part` are the base. A part is chosen by
//! `traefik+swarm`, and comes on top of the base.
//!
//! **Invariant:** every file parses (a test reads them all).

use crate::api::Operation;

/// Defines [`FILES`] from the names of the files.
macro_rules! presets {
    ($($name:literal)+) => {
        /// The name and the text of each preset, in the order of their names.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("presets/", $name, ".txt")))),+];
    };
}

presets! {
    "act"
    "alloy"
    "arcane"
    "authentik"
    "autoheal"
    "beszel"
    "caddy-docker-proxy"
    "cadvisor"
    "crowdsec"
    "devcontainers"
    "diun"
    "dockcheck"
    "docker-gen"
    "docker-volume-backup"
    "dockerspawner"
    "dockge"
    "doco-cd"
    "dozzle"
    "drone"
    "gitlab-runner"
    "glances"
    "homarr"
    "homepage"
    "komodo"
    "logporter"
    "netdata"
    "ofelia"
    "portainer"
    "portracker"
    "prometheus"
    "promtail"
    "sablier"
    "telegraf"
    "testcontainers"
    "tinyauth"
    "traefik"
    "trivy"
    "uptime-kuma"
    "watchtower"
    "watchtower-containrrr"
    "woodpecker"
    "wud"
}

/// The needs of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// The name in lists of rights.
    pub name: &'static str,
    /// The application.
    pub application: &'static str,
    /// The version that was examined.
    pub version: &'static str,
    /// Where its needs were read.
    pub source: &'static str,
    /// The worst that a client with the base can do.
    pub worst: &'static str,
    /// The base, whose name is empty, and the parts.
    pub parts: Vec<Part>,
}

/// Operations that are chosen together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name behind the `+`; empty for the base.
    pub name: &'static str,
    /// Its purpose.
    pub purpose: &'static str,
    /// Each operation with the reason for it.
    pub needs: Vec<(Operation, &'static str)>,
}

/// A malformed line of a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The preset.
    pub preset: &'static str,
    /// The line, from 1.
    pub line: usize,
}

/// The names of all presets, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    FILES.iter().map(|(name, _)| *name)
}

/// All presets, in alphabetical order.
pub fn all() -> impl Iterator<Item = Preset> {
    FILES.iter().filter_map(|(name, text)| parse(name, text).ok())
}

/// The preset of this name.
#[must_use]
pub fn find(name: &str) -> Option<Preset> {
    let (name, text) = FILES.iter().find(|(known, _)| *known == name)?;
    parse(name, text).ok()
}

impl Preset {
    /// The operations without any part, each with the reason for it.
    #[must_use]
    pub fn base(&self) -> &[(Operation, &'static str)] {
        self.part("").map_or(&[], |part| &part.needs)
    }

    /// The parts behind a `+`.
    pub fn named_parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.name.is_empty())
    }

    /// The part of this name; the base has the empty one.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// # Errors
/// The first malformed line.
fn parse(name: &'static str, text: &'static str) -> Result<Preset, Malformed> {
    let base = Part { name: "", purpose: "", needs: Vec::new() };
    let (application, version, source, worst) = Default::default();
    let mut preset = Preset { name, application, version, source, worst, parts: vec![base] };
    for (index, line) in text.lines().enumerate() {
        let malformed = Malformed { preset: name, line: index + 1 };
        preset.read(line.trim_end()).ok_or(malformed)?;
    }
    Ok(preset)
}

impl Preset {
    fn read(&mut self, line: &'static str) -> Option<()> {
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        if let Some((key, value)) = line.split_once(": ")
            && let Some(heading) = self.heading(key)
        {
            *heading = value;
            return Some(());
        }
        let (word, text) = line.split_once(' ')?;
        let text = text.trim_start();
        match word.strip_prefix('+') {
            Some(name) => self.parts.push(Part { name, purpose: text, needs: Vec::new() }),
            None => self.parts.last_mut()?.needs.push((Operation::from_name(word)?, text)),
        }
        Some(())
    }

    fn heading(&mut self, key: &str) -> Option<&mut &'static str> {
        Some(match key {
            "application" => &mut self.application,
            "version" => &mut self.version,
            "source" => &mut self.source,
            "worst" => &mut self.worst,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::language::Table;
    use crate::api::Class;
    use crate::filter::go_regexp::translate;
    use crate::http1::Method;
    use std::collections::BTreeSet;

    /// Rows of another mode of an application, whose needs are a part.
    const NOT_IN_BASE: [(&str, &str); 2] =
        [("traefik", "Traefik (swarm provider)"), ("prometheus", "Prometheus dockerswarm_sd")];

    /// Operations that a row's pattern has by its width alone.
    const NOT_MEANT: [(&str, &str); 2] =
        [("komodo", "CheckpointDelete"), ("portainer", "SwarmInspect")];

    #[test]
    fn every_preset_is_complete_and_in_order() {
        let mut before = "";
        for (name, text) in FILES {
            assert!(before < *name, "{name} is out of order");
            before = name;
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            let preset = parse(name, text).unwrap();
            for heading in [preset.application, preset.version, preset.source, preset.worst] {
                assert!(!heading.is_empty(), "{name} lacks a heading");
            }
            for part in &preset.parts {
                assert!(part.name.is_empty() || !part.needs.is_empty(), "{name}+{}", part.name);
                let operations: BTreeSet<_> = part.needs.iter().map(|need| need.0).collect();
                assert_eq!(operations.len(), part.needs.len(), "{name}+{} repeats", part.name);
                assert!(part.needs.iter().all(|(_, why)| !why.is_empty()), "{name}");
            }
        }
    }

    /// The rows of `apps.tsv` that have a preset.
    fn recorded_needs() -> impl Iterator<Item = [&'static str; 5]> {
        let rows = include_str!("../../tests/cases/apps.tsv").lines().skip(3);
        let cells = rows.map(|row| row.split('\t').collect::<Vec<_>>().try_into().unwrap());
        cells.filter(|cells: &[&str; 5]| cells[0] != "-")
    }

    #[test]
    fn every_preset_admits_the_requests_of_its_application() {
        let (mut seen, mut missing_ops) = (BTreeSet::new(), Vec::new());
        for [name, application, method, pattern, need] in recorded_needs() {
            let preset = find(name).unwrap_or_else(|| panic!("no preset {name}"));
            let method = Method::from_name(method).unwrap();
            let regex = translate(pattern).unwrap().regex;
            let opened = Table::new(method).unwrap().opened_by(&regex).unwrap();
            let base: Vec<_> = preset.base().iter().map(|need| need.0).collect();
            let all: Vec<_> = preset.parts.iter().flat_map(|p| &p.needs).map(|n| n.0).collect();
            for finding in opened.findings {
                let listed = if need == "needed" && !NOT_IN_BASE.contains(&(name, application)) {
                    &base
                } else {
                    &all
                };
                let operation = finding.operation;
                let known =
                    listed.contains(&operation) || NOT_MEANT.contains(&(name, operation.name()));
                if !known {
                    missing_ops.push(format!(
                        "{name} lacks {operation}, which {application} needs ({need})"
                    ));
                }
            }
            seen.insert(name);
        }
        assert!(missing_ops.is_empty(), "{missing_ops:#?}");
        let missing: Vec<_> = names().filter(|name| !seen.contains(name)).collect();
        assert!(missing.is_empty(), "no recorded needs of {missing:?}");
    }

    #[test]
    fn a_base_part_opens_nothing_dangerous_unless_the_file_says_why() {
        for (name, text) in FILES {
            let preset = parse(name, text).unwrap();
            let is_explained = text.lines().any(|line| line.starts_with("# "));
            for (operation, why) in preset.base() {
                let is_dangerous = operation.class().is_dangerous();
                assert!(!is_dangerous || is_explained, "{name}: {operation} {why}");
            }
        }
    }

    #[test]
    fn no_preset_is_named_like_a_class_or_an_operation() {
        for name in names() {
            assert!(name != "all" && Class::ALL.iter().all(|class| class.as_str() != name));
            assert_eq!(Operation::from_name(name), None);
        }
    }

    #[test]
    fn a_line_that_is_not_of_the_form_is_found() {
        for text in ["ContainerLst  x", "ContainerList", "color: red", "+swarm"] {
            assert_eq!(parse("x", text), Err(Malformed { preset: "x", line: 1 }), "{text}");
        }
    }
}
