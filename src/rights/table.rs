//! The addresses of containers on the networks that the proxy is on.
//!
//! **Invariant:** pure; a table that is shown is not changed any more.
//! **Invariant:** an address that two containers seem to have belongs to neither
//! until a fresh look decides: the event that one of them has left it may still be
//! on its way.

use crate::engine::{Attachment, Container, Network};
use crate::judging::SharedPolicy;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A container that shares a network with the proxy.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) id: String,
    pub(super) addresses: Vec<IpAddr>,
    /// Its addresses on networks that the proxy is not on.
    pub(super) elsewhere: Vec<IpAddr>,
    /// The allowlists of its labels; `None` if it has no such labels.
    pub(super) policy: Option<Arc<SharedPolicy>>,
}

/// All that is known at one moment.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The proxy's own container.
    own_id: String,
    networks: Vec<Place>,
    holders: HashMap<String, Arc<Holder>>,
    by_address: HashMap<IpAddr, Vec<Arc<Holder>>>,
}

/// A network that the proxy is on.
#[derive(Debug, Clone)]
struct Place {
    id: String,
    own_addresses: Vec<IpAddr>,
    subnets: Vec<IpNet>,
    gateways: Vec<IpAddr>,
    /// Whether machines are on it that no Engine knows.
    has_machines: bool,
}

/// Whose an address is.
#[derive(Debug)]
pub(super) enum Whose<'a> {
    /// No container's: it is in none of the networks, or it is a gateway or the
    /// proxy's own.
    Nobodys,
    /// The address does not identify a container; why.
    Untold(&'static str),
    /// A container could have it on one of these networks, but none is known to
    /// have it.
    Unknown(Vec<&'a str>),
    /// That container's, or one's of those.
    Claimed(&'a [Arc<Holder>]),
}

impl Table {
    /// A table of the networks that the proxy's `own` container is on, from the
    /// Engine's descriptions of them.
    pub(super) fn new(own: &Container, networks: &[Network]) -> Self {
        let places = own.attachments.iter().zip(networks);
        Self {
            own_id: own.id.clone(),
            networks: places.map(|(attachment, network)| Place::new(attachment, network)).collect(),
            holders: HashMap::new(),
            by_address: HashMap::new(),
        }
    }

    /// Whether the proxy's own container has an address.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.own_addresses.contains(&address))
    }

    pub(super) fn own_id(&self) -> &str {
        &self.own_id
    }

    /// The ids of the networks.
    pub(super) fn networks(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().map(|network| network.id.as_str())
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

    /// The addresses that it has in others.
    pub(super) fn addresses_elsewhere(&self, container: &Container) -> Vec<IpAddr> {
        let is_other = |place: &&Attachment| self.networks().all(|id| id != place.network);
        let others = container.attachments.iter().filter(is_other);
        others.flat_map(|place| place.addresses.iter().copied()).collect()
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
        if self.is_own(address) || self.networks.iter().any(|it| it.gateways.contains(&address)) {
            return Whose::Nobodys;
        }
        let candidates = self.candidates(address);
        if !candidates.is_empty() {
            return Whose::Unknown(candidates);
        }
        if is_link_local(address) {
            return Whose::Untold("a link-local address does not identify a container");
        }
        // It may send from any of its addresses, and would so leave its labels behind.
        let leaves_labels =
            |holder: &Arc<Holder>| holder.policy.is_some() && holder.elsewhere.contains(&address);
        if self.holders.values().any(leaves_labels) {
            return Whose::Untold("a container with labels has it on another network");
        }
        // Containers configure addresses there themselves, from router
        // advertisements.
        if address.is_ipv6() && self.networks.iter().any(|it| it.has_machines) {
            return Whose::Untold("on a network with routers of its own any container may have it");
        }
        Whose::Nobodys
    }

    /// The networks where a container could have an address.
    pub(super) fn candidates(&self, address: IpAddr) -> Vec<&str> {
        self.networks.iter().filter(|it| it.has(address)).map(|it| it.id.as_str()).collect()
    }
}

impl Place {
    fn new(attachment: &Attachment, network: &Network) -> Self {
        Self {
            id: attachment.network.clone(),
            own_addresses: attachment.addresses.clone(),
            subnets: [&attachment.subnets[..], &network.subnets].concat(),
            gateways: [&attachment.gateways[..], &network.gateways].concat(),
            has_machines: network.is_shared_with_machines(),
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(&address))
    }
}

/// Every container has such an address where IPv6 is on, and no Engine reports it.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Labels;

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

    fn network(driver: &str, subnets: &[&str], gateways: &[&str]) -> Network {
        Network {
            driver: driver.to_owned(),
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
            gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
            holders: vec![],
        }
    }

    fn container(id: &str, attachments: Vec<Attachment>) -> Container {
        let (name, labels) = (id.to_owned(), Labels::default());
        Container { id: id.to_owned(), name, labels, running: true, attachments }
    }

    fn table() -> Table {
        let places = vec![place("net1", "10.1.0.2"), place("net2", "10.2.0.2")];
        let bridge = network("bridge", &[], &[]);
        Table::new(&container("own", places), &[bridge.clone(), bridge])
    }

    fn add(table: &mut Table, container: &Container) {
        table.insert(Arc::new(Holder {
            id: container.id.clone(),
            addresses: table.addresses_of(container),
            elsewhere: table.addresses_elsewhere(container),
            policy: None,
        }));
    }

    fn check(table: &Table, address: &str, expected: &str) {
        let shown = match table.whose(address.parse().unwrap()) {
            Whose::Nobodys => "nobody's".to_owned(),
            Whose::Unknown(_) => "unknown".to_owned(),
            Whose::Untold(_) => "untold".to_owned(),
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
    fn the_networks_own_word_on_subnets_and_gateways_counts_too() {
        let mut own = place("net1", "10.1.0.2");
        own.gateways.clear();
        let net = network("bridge", &["10.1.0.0/24", "fd01::/64"], &["10.1.0.9", "fd01::1"]);
        let table = Table::new(&container("own", vec![own]), &[net]);
        check(&table, "10.1.0.9", "nobody's");
        check(&table, "10.1.0.1", "unknown");
        check(&table, "fd01::1", "nobody's");
        check(&table, "fd01::2", "unknown");
        check(&table, "fd02::2", "nobody's");
    }

    #[test]
    fn addresses_of_the_link_tell_nobody() {
        let table = table();
        check(&table, "fe80::42:acff:fe11:2", "untold");
        check(&table, "febf::1", "untold");
        check(&table, "169.254.1.2", "untold");
        let link = network("bridge", &["169.254.0.0/16"], &["169.254.0.1"]);
        let table = Table::new(&container("own", vec![place("net1", "169.254.0.2")]), &[link]);
        check(&table, "169.254.1.2", "unknown");
    }

    #[test]
    fn on_a_network_with_machines_other_ipv6_addresses_tell_nobody() {
        let lan = network("macvlan", &["10.1.0.0/24"], &[]);
        let table = Table::new(&container("own", vec![place("net1", "10.1.0.2")]), &[lan]);
        check(&table, "fd01::2", "untold");
        check(&table, "10.9.0.1", "nobody's");
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
