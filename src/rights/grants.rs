//! Compiles each container's labels once, and says in the log what came of it.
//!
//! Labels cannot be changed while a container exists, so its id is the key.
//! What has ended is forgotten.

use super::containers::Container;
use super::labels::{self, Allowlists};
use super::table::{Holder, Table};
use crate::filter::bodies::LabelGuard;
use crate::filter::{BodyRules, Peers, Policy, Rules, Source};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The rights of the containers that were seen.
#[derive(Debug)]
pub(super) struct Grants {
    label_prefix: String,
    label_guard: Option<LabelGuard>,
    by_id: HashMap<String, Grant>,
}

#[derive(Debug)]
enum Grant {
    /// No label is about rights.
    Unlabelled,
    Allowlists(Allowlists),
    /// That label cannot be used.
    Void(String),
}

impl Grants {
    pub(super) fn new(label_prefix: String, label_guard: Option<LabelGuard>) -> Self {
        Self { label_prefix, label_guard, by_id: HashMap::new() }
    }

    /// A container with the addresses and the rights that it has.
    pub(super) fn holder(&mut self, container: &Container, table: &Table) -> Arc<Holder> {
        let addresses = table.addresses_of(container);
        if !self.by_id.contains_key(&container.id) {
            let grant = self.read(container);
            announce(&grant, container, &addresses);
            self.by_id.insert(container.id.clone(), grant);
        }
        let policy = self
            .by_id
            .get(&container.id)
            .and_then(|grant| self.policy(grant, container, &addresses))
            .map(Arc::new);
        Arc::new(Holder { id: container.id.clone(), addresses, policy })
    }

    /// Forgets a container.
    pub(super) fn forget(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Forgets the containers that the table does not have.
    pub(super) fn keep_only(&mut self, table: &Table) {
        let ids: HashSet<&str> = table.holders().map(|holder| holder.id.as_str()).collect();
        self.by_id.retain(|id, _| ids.contains(id.as_str()));
    }

    fn read(&self, container: &Container) -> Grant {
        match labels::read(&self.label_prefix, &container.labels) {
            Ok(None) => Grant::Unlabelled,
            Ok(Some(allowlists)) => Grant::Allowlists(allowlists),
            Err(error) => {
                log::error!(
                    container:% = container.name, label:% = error.label, error:% = error.reason;
                    "invalid label, so this container has no rights"
                );
                Grant::Void(error.label)
            }
        }
    }

    /// The policy admits the container's own addresses and no others.
    fn policy(&self, grant: &Grant, container: &Container, addresses: &[IpAddr]) -> Option<Policy> {
        let peers = Peers::parse(&Addresses(addresses).to_string()).unwrap_or_default();
        let container = container.name.clone();
        let (source, rules, bind_mounts) = match grant {
            Grant::Unlabelled => return None,
            Grant::Allowlists(allowed) => {
                let source = Source::Labels { container, additions: allowed.additions.clone() };
                (source, allowed.rules.clone(), allowed.bind_mounts.clone())
            }
            Grant::Void(label) => {
                let label = label.clone();
                (Source::InvalidLabel { label, container }, Rules::default(), None)
            }
        };
        let bodies = BodyRules { bind_mounts, label_guard: self.label_guard.clone() };
        Some(Policy { source, peers, rules, bodies })
    }
}

fn announce(grant: &Grant, container: &Container, addresses: &[IpAddr]) {
    let Grant::Allowlists(allowed) = grant else { return };
    let (name, ip) = (container.name.as_str(), Addresses(addresses));
    for (method, regex) in allowed.rules.patterns() {
        log::info!(
            container = name, ip:% = ip, method:% = method, regex:% = regex;
            "configured request allowlist"
        );
    }
    if let Some(directories) = &allowed.bind_mounts {
        log::info!(
            allowbindmountfrom:% = directories, container = name, ip:% = ip;
            "Docker bind mount restrictions enabled"
        );
    }
}

/// Addresses with commas between them.
#[derive(Clone, Copy)]
struct Addresses<'a>(&'a [IpAddr]);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&list.join(","))
    }
}
