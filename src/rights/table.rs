//! Which container has which address, on the networks that the proxy is on.
//!
//! **Invariant:** pure; a table that is shown is not changed any more.
//! **Invariant:** an address that two containers are said to have belongs to
//! neither until a fresh look decides: the word that one of them has left it may
//! still be on its way.

use super::containers::{Attachment, Container};
use crate::filter::Policy;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A container that shares a network with the proxy.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) id: String,
    pub(super) addresses: Vec<IpAddr>,
    /// The allowlists of its labels; `None` if it has no such labels.
    pub(super) policy: Option<Arc<Policy>>,
}

/// All that is known at one moment.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The proxy's own container.
    own_id: String,
    networks: Vec<Attachment>,
    holders: HashMap<String, Arc<Holder>>,
    by_address: HashMap<IpAddr, Vec<Arc<Holder>>>,
}

/// Whose an address is.
#[derive(Debug)]
pub(super) enum Whose<'a> {
    /// No container's: it is in none of the networks, or it is a gateway or the
    /// proxy's own.
    Nobodys,
    /// One that a container could have, but none is known to have it.
    Unknown,
    /// That container's, or one's of those.
    Claimed(&'a [Arc<Holder>]),
}

impl Table {
    /// A table of the networks that the proxy's `own` container is on.
    pub(super) fn new(own: &Container) -> Self {
        Self {
            own_id: own.id.clone(),
            networks: own.attachments.clone(),
            holders: HashMap::new(),
            by_address: HashMap::new(),
        }
    }

    pub(super) fn own_id(&self) -> &str {
        &self.own_id
    }

    /// The ids of the networks.
    pub(super) fn networks(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().map(|network| network.network.as_str())
    }

    /// Whether containers can have an address on any of the networks.
    pub(super) fn has_subnets(&self) -> bool {
        self.networks.iter().any(|network| !network.subnets.is_empty())
    }

    /// The containers, without the proxy's own.
    pub(super) fn holders(&self) -> impl Iterator<Item = &Arc<Holder>> {
        self.holders.values()
    }

    /// The addresses that a container has in these networks.
    pub(super) fn addresses_of(&self, container: &Container) -> Vec<IpAddr> {
        let is_shared = |place: &&Attachment| self.networks().any(|id| id == place.network);
        let shared = container.attachments.iter().filter(is_shared);
        shared.flat_map(|place| place.addresses.iter().copied()).collect()
    }

    /// Puts a holder in the place of the one with its id.
    pub(super) fn insert(&mut self, holder: Arc<Holder>) {
        self.remove(&holder.id);
        for address in &holder.addresses {
            self.by_address.entry(*address).or_default().push(Arc::clone(&holder));
        }
        self.holders.insert(holder.id.clone(), holder);
    }

    /// Removes a container with all its addresses.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(holder) = self.holders.remove(id) else { return };
        for address in &holder.addresses {
            if let Some(claims) = self.by_address.get_mut(address) {
                claims.retain(|claim| claim.id != id);
                if claims.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
    }

    /// Whose an address is.
    pub(super) fn whose(&self, address: IpAddr) -> Whose<'_> {
        if let Some(claims) = self.by_address.get(&address) {
            return Whose::Claimed(claims);
        }
        let is_in = |subnet: &IpNet| subnet.contains(&address);
        let is_fixed = |place: &Attachment| {
            place.gateways.contains(&address) || place.addresses.contains(&address)
        };
        if self.networks.iter().any(is_fixed) {
            return Whose::Nobodys;
        }
        match self.networks.iter().any(|network| network.subnets.iter().any(is_in)) {
            true => Whose::Unknown,
            false => Whose::Nobodys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(network: &str, address: &str) -> Attachment {
        let subnet: IpNet = format!("{address}/24").parse().unwrap();
        let IpNet::V4(v4) = subnet.trunc() else { panic!("{address}") };
        Attachment {
            network: network.to_owned(),
            addresses: vec![address.parse().unwrap()],
            subnets: vec![subnet.trunc()],
            gateways: v4.hosts().next().map(IpAddr::V4).into_iter().collect(),
        }
    }

    fn container(id: &str, attachments: Vec<Attachment>) -> Container {
        let (name, labels) = (id.to_owned(), [].into());
        Container { id: id.to_owned(), name, labels, running: true, attachments }
    }

    fn table() -> Table {
        let places = vec![place("net1", "10.1.0.2"), place("net2", "10.2.0.2")];
        Table::new(&container("own", places))
    }

    fn add(table: &mut Table, container: &Container) {
        table.insert(Arc::new(Holder {
            id: container.id.clone(),
            addresses: table.addresses_of(container),
            policy: None,
        }));
    }

    fn check(table: &Table, address: &str, expected: &str) {
        let shown = match table.whose(address.parse().unwrap()) {
            Whose::Nobodys => "nobody's".to_owned(),
            Whose::Unknown => "unknown".to_owned(),
            Whose::Claimed(holders) => {
                holders.iter().map(|h| h.id.as_str()).collect::<Vec<_>>().join(",")
            }
        };
        assert_eq!(shown, expected, "{address}");
    }

    #[test]
    fn only_addresses_in_shared_networks_can_be_a_containers() {
        let mut table = table();
        add(&mut table, &container("a", vec![place("net1", "10.1.0.3")]));
        check(&table, "10.1.0.3", "a");
        check(&table, "10.1.0.4", "unknown");
        check(&table, "10.2.0.4", "unknown");
        check(&table, "10.1.0.1", "nobody's");
        check(&table, "10.1.0.2", "nobody's");
        check(&table, "10.3.0.4", "nobody's");
        check(&table, "fd00::1", "nobody's");
    }

    #[test]
    fn addresses_in_other_networks_are_not_looked_at() {
        let mut table = table();
        let places = vec![place("net2", "10.2.0.3"), place("net3", "10.1.0.9")];
        add(&mut table, &container("a", places));
        check(&table, "10.2.0.3", "a");
        check(&table, "10.1.0.9", "unknown");
        let elsewhere = container("b", vec![place("net3", "10.1.0.8")]);
        assert!(table.addresses_of(&elsewhere).is_empty());
    }

    #[test]
    fn a_container_that_moved_leaves_its_address() {
        let mut table = table();
        add(&mut table, &container("a", vec![place("net1", "10.1.0.3")]));
        add(&mut table, &container("a", vec![place("net1", "10.1.0.4")]));
        check(&table, "10.1.0.3", "unknown");
        check(&table, "10.1.0.4", "a");
        table.remove("a");
        check(&table, "10.1.0.4", "unknown");
        table.remove("a");
        assert_eq!(table.holders().count(), 0);
    }

    #[test]
    fn an_address_with_two_claims_is_given_to_neither() {
        let mut table = table();
        add(&mut table, &container("a", vec![place("net1", "10.1.0.3")]));
        add(&mut table, &container("b", vec![place("net1", "10.1.0.3")]));
        check(&table, "10.1.0.3", "a,b");
        table.remove("a");
        check(&table, "10.1.0.3", "b");
    }
}
