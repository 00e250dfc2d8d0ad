//! Compiles each container's labels once, and logs the result.
//!
//! Labels cannot be changed while a container exists, so its id is the key.
//! A container that has ended is forgotten.
//!
//! **Invariant:** the patterns of all containers together weigh [`WEIGHT_MAX`] at
//! most, weighed before they are compiled. A container whose labels cannot be used,
//! for any reason, has no rights, and never those of the listener.

use super::labels;
use super::table::{Holder, Table};
use crate::engine::{Container, Labels};
use crate::filter::bodies::LabelGuard;
use crate::filter::{
    Additions, AllowedImages, BodyRules, ClientAllowlist, Policy, Rules, Source, TargetRules,
};
use crate::judging::{Lanes, SharedPolicy};
use crate::large_stack;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// Limit for the patterns of all containers together, in bytes.
const WEIGHT_MAX: u64 = 16 << 20;

/// How long a container is remembered that no look has shown yet: lists lag.
const UNLISTED_FOR: Duration = Duration::from_secs(10);

/// The rights of the containers that were seen.
#[derive(Debug)]
pub(super) struct Grants {
    label_prefix: String,
    label_guard: Option<LabelGuard>,
    by_id: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    grant: Grant,
    lanes: Arc<Lanes>,
    weight: u64,
    since: Instant,
}

#[derive(Debug)]
enum Grant {
    /// No label is about rights.
    Unlabelled,
    Allowlists {
        rules: Rules,
        bodies: Box<BodyRules>,
        targets: TargetRules,
        additions: Additions,
    },
    /// That label cannot be used.
    Void(String),
}

impl Grants {
    pub(super) fn new(label_prefix: String, label_guard: Option<LabelGuard>) -> Self {
        Self { label_prefix, label_guard, by_id: HashMap::new() }
    }

    /// A container with the addresses and the rights that it has.
    ///
    /// # Errors
    /// If a thread for compiling its patterns cannot be started.
    pub(super) fn holder(
        &mut self,
        container: &Container,
        table: &Table,
    ) -> io::Result<Arc<Holder>> {
        let addresses = table.addresses_of(container);
        if !self.by_id.contains_key(&container.id) {
            let (grant, weight) = self.read(container)?;
            announce(&grant, container, &addresses);
            let (lanes, since) = (Arc::default(), Instant::now());
            let entry = Entry { grant, lanes, weight, since };
            self.by_id.insert(container.id.clone(), entry);
        }
        let policy = self.by_id.get(&container.id).and_then(|entry| {
            let policy = self.policy(&entry.grant, container, &addresses)?;
            Some(Arc::new(SharedPolicy::with_lanes(policy, Arc::clone(&entry.lanes))))
        });
        let elsewhere = table.addresses_elsewhere(container);
        Ok(Arc::new(Holder { id: container.id.clone(), addresses, elsewhere, policy }))
    }

    /// Forgets a container.
    pub(super) fn forget(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Forgets the containers that the table does not have.
    pub(super) fn keep_only(&mut self, table: &Table) {
        let ids: HashSet<&str> = table.holders().map(|holder| holder.id.as_str()).collect();
        self.by_id
            .retain(|id, entry| ids.contains(id.as_str()) || entry.since.elapsed() < UNLISTED_FOR);
    }

    fn read(&self, container: &Container) -> io::Result<(Grant, u64)> {
        let labels = match &container.labels {
            Labels::Few(labels) if labels.is_empty() => return Ok((Grant::Unlabelled, 0)),
            Labels::Few(labels) => labels,
            Labels::TooLarge(label) => {
                return Ok((void(container, label, "the labels are too large in total"), 0));
            }
        };
        let used: u64 = self.by_id.values().map(|entry| entry.weight).sum();
        large_stack::run(|| match labels::read(&self.label_prefix, labels) {
            Ok(None) => (Grant::Unlabelled, 0),
            Ok(Some(allowed)) => compile(container, allowed, WEIGHT_MAX.saturating_sub(used)),
            Err(error) => (void(container, &error.label, &error.reason), 0),
        })
    }

    /// The policy admits the container's own addresses and no others.
    fn policy(&self, grant: &Grant, container: &Container, addresses: &[IpAddr]) -> Option<Policy> {
        let peers = ClientAllowlist::parse(&Addresses(addresses).to_string()).unwrap_or_default();
        let container = container.name.clone();
        let (source, rules, bodies, targets) = match grant {
            Grant::Unlabelled => return None,
            Grant::Allowlists { rules, bodies, targets, additions } => {
                let source = Source::Labels { container, additions: additions.clone() };
                (source, rules.clone(), BodyRules::clone(bodies), targets.clone())
            }
            Grant::Void(label) => {
                let label = label.clone();
                let source = Source::InvalidLabel { label, container };
                (source, Rules::default(), BodyRules::default(), TargetRules::default())
            }
        };
        let bodies = BodyRules { label_guard: self.label_guard.clone(), ..bodies };
        Some(Policy::new(source, peers, rules, bodies, targets))
    }
}

/// Compiles patterns that may weigh as much as is left for all containers.
fn compile(container: &Container, allowed: labels::Allowlists, left: u64) -> (Grant, u64) {
    let images = allowed.bodies.images.as_ref().map_or(0, AllowedImages::weight);
    let weight = allowed.patterns.weight().saturating_add(images);
    if weight > left {
        let reason = format!(
            "the patterns of all containers together would take more than {} MiB when compiled",
            WEIGHT_MAX >> 20
        );
        return (void(container, "of any name", &reason), 0);
    }
    let labels::Allowlists { patterns, bodies, targets, additions } = allowed;
    match patterns.compile() {
        Ok(rules) => {
            let bodies = Box::new(bodies);
            (Grant::Allowlists { rules, bodies, targets, additions }, weight)
        }
        Err(error) => (void(container, &error.pattern, &error.reason), 0),
    }
}

fn void(container: &Container, label: &str, reason: &str) -> Grant {
    log::error!(
        container:% = container.name, label:% = label, error:% = reason;
        "invalid label, so this container has no rights"
    );
    Grant::Void(label.to_owned())
}

fn announce(grant: &Grant, container: &Container, addresses: &[IpAddr]) {
    let Grant::Allowlists { rules, bodies, targets, .. } = grant else { return };
    let (name, ip) = (container.name.as_str(), Addresses(addresses));
    for (rule, _) in rules.allowed_items() {
        log::info!(
            container = name, ip:% = ip, allow = rule.written; "configured operation allowlist"
        );
    }
    for (rule, _) in rules.denied_items() {
        log::info!(
            container = name, ip:% = ip, deny = rule.written; "configured operation denials"
        );
    }
    for (method, rule) in rules.patterns() {
        log::info!(
            container = name, ip:% = ip, method:% = method, regex:% = rule.written;
            "configured request allowlist"
        );
    }
    if let Some(containers) = bodies.of_created() {
        log::info!(
            containers:% = containers, container = name, ip:% = ip;
            "created containers are restricted"
        );
    }
    if let Some(directories) = &bodies.bind_mounts {
        log::info!(
            allowbindmountfrom:% = directories, container = name, ip:% = ip;
            "Docker bind mount restrictions enabled"
        );
    }
    for label in &targets.labels {
        log::info!(
            targetlabel = label.pair(), container = name, ip:% = ip;
            "limited to containers, networks and volumes with a label"
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
