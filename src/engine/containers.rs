//! The Engine's descriptions of containers and networks, parsed from its JSON.
//!
//! **Invariant:** a response without the documented shape is an error, never a
//! container with missing properties.
//! **Invariant:** of a container's labels only those with the prefix are kept,
//! within bounds. One with more has [`Labels::TooLarge`], and no rights: how many
//! labels it has does not matter to others.

use super::error::EngineError;
use super::json_stream::{Bytes, JsonStream};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The longest name of a label, and its longest value, that is read.
const LABEL_BYTES_MAX: usize = 16 << 10;

/// Limit for all labels with the prefix together.
const LABELS_BYTES_MAX: usize = 64 << 10;

/// Ids, names, addresses. A container whose name is longer is shown with a part.
const TEXT_BYTES_MAX: usize = 512;

/// A container, as a list or an inspection shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its full id.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// Those of its labels that are about rights.
    pub labels: Labels,
    /// Whether its process runs.
    pub running: bool,
    /// Its places in networks.
    pub attachments: Vec<Attachment>,
}

/// A container's labels with the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// All of them, by their names.
    Few(BTreeMap<String, String>),
    /// They are not kept; the name of the one with which they became too large.
    TooLarge(String),
}

/// A container's place in one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The network's id.
    pub network: String,
    /// The container's addresses there; none if it isn't running.
    pub addresses: Vec<IpAddr>,
    /// The network's subnets, where the container has an address.
    pub subnets: Vec<IpNet>,
    /// The network's gateways, where the container has an address.
    pub gateways: Vec<IpAddr>,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The name of its driver.
    pub driver: String,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
    /// Its gateways; none where the host has no address on it.
    pub gateways: Vec<IpAddr>,
    /// The ids of containers with the requested address.
    pub holders: Vec<String>,
}

/// A change of a container, as an event reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The container's id.
    pub id: String,
    /// Its name, where the event has it.
    pub name: Option<String>,
    /// The kind of change.
    pub kind: ChangeKind,
}

/// The kinds of change that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It has ended, and has no address any more.
    Ended,
    /// It has started or got another name.
    Renewed,
    /// It was connected to a network or disconnected from one.
    Moved,
}

type Read<T> = Result<T, EngineError>;

impl Container {
    /// Reads the answer of `GET /containers/{id}/json`. Labels are kept whose
    /// names begin with `prefix`.
    pub(super) fn read_inspection(json: &mut JsonStream<impl Bytes>, prefix: &str) -> Read<Self> {
        let (mut id, mut name, mut running, mut places) = (None, None, None, None);
        let mut labels = Labels::default();
        json.object(|key, json| match key.text.as_str() {
            "Id" => text(json).map(|text| id = Some(text)),
            "Name" => text(json).map(|text| name = Some(bare_name(&text))),
            "State" => json.object(|key, json| match key.text.as_str() {
                "Running" => json.truth().map(|truth| running = Some(truth)),
                _ => json.skip(),
            }),
            "Config" => json.object(|key, json| match key.text.as_str() {
                "Labels" => Labels::read(json, prefix).map(|read| labels = read),
                _ => json.skip(),
            }),
            "NetworkSettings" => settings(json).map(|read| places = read),
            _ => json.skip(),
        })?;
        match (id, name, running, places) {
            (Some(id), Some(name), Some(running), Some(attachments)) => {
                Ok(Self { id, name, labels, running, attachments })
            }
            _ => Err(json.misshapen()),
        }
    }

    /// Reads the answer of `GET /containers/json`, which lists running ones, and
    /// hands on one after another.
    pub(super) fn read_list<E: From<EngineError>>(
        json: &mut JsonStream<impl Bytes>,
        prefix: &str,
        mut take: impl FnMut(Self) -> Result<(), E>,
    ) -> Result<(), E> {
        json.array(|json| take(Self::read_list_item(json, prefix)?))
    }

    fn read_list_item(json: &mut JsonStream<impl Bytes>, prefix: &str) -> Read<Self> {
        let (mut id, mut own_name, mut places) = (None, None, None);
        let mut labels = Labels::default();
        json.object(|key, json| match key.text.as_str() {
            "Id" => text(json).map(|text| id = Some(text)),
            "Names" => json.array(|json| {
                let name = bare_name(&text(json)?);
                // A name with another slash in it is that of a link (`--link`).
                if !name.contains('/') {
                    own_name.get_or_insert(name);
                }
                Ok(())
            }),
            "Labels" => Labels::read(json, prefix).map(|read| labels = read),
            "NetworkSettings" => settings(json).map(|read| places = read),
            _ => json.skip(),
        })?;
        match (id, own_name, places) {
            (Some(id), Some(name), Some(attachments)) => {
                Ok(Self { id, name, labels, running: true, attachments })
            }
            _ => Err(json.misshapen()),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::Few(BTreeMap::new())
    }
}

impl Labels {
    fn read(json: &mut JsonStream<impl Bytes>, prefix: &str) -> Read<Self> {
        let (mut labels, mut bytes) = (Self::default(), 0);
        json.object_or_null(|label, json| {
            if !label.text.starts_with(prefix) {
                return json.skip();
            }
            let value = json.text(LABEL_BYTES_MAX)?;
            bytes += label.text.len() + value.text.len();
            let is_too_large = label.is_cut || value.is_cut || bytes > LABELS_BYTES_MAX;
            match &mut labels {
                Self::Few(few) if !is_too_large => drop(few.insert(label.text.clone(), value.text)),
                Self::Few(_) => labels = Self::TooLarge(label.text.clone()),
                Self::TooLarge(_) => {}
            }
            Ok(())
        })?;
        Ok(labels)
    }
}

impl Network {
    /// Reads the answer of `GET /networks/{id}`, and keeps its containers with
    /// `address`.
    pub(super) fn read(json: &mut JsonStream<impl Bytes>, address: Option<IpAddr>) -> Read<Self> {
        let (mut network, mut is_isolated, mut has_containers) = (Self::default(), false, false);
        json.object(|key, json| match key.text.as_str() {
            "Driver" => text(json).map(|driver| network.driver = driver),
            "IPAM" => network.read_ipam(json),
            "Options" => json.object_or_null(|key, json| {
                let value = text(json)?;
                is_isolated |= key.text.contains("gateway_mode") && value == "isolated";
                Ok(())
            }),
            "Containers" => {
                has_containers = true;
                json.object_or_null(|id, json| network.read_container(&id.text, json, address))
            }
            _ => json.skip(),
        })?;
        if is_isolated {
            // The host has no address there, and a container may get this one.
            network.gateways.clear();
        }
        match network.driver.is_empty() || (address.is_some() && !has_containers) {
            true => Err(json.misshapen()),
            false => Ok(network),
        }
    }

    fn read_ipam(&mut self, json: &mut JsonStream<impl Bytes>) -> Read<()> {
        json.object(|key, json| match key.text.as_str() {
            "Config" if json.null()? => Ok(()),
            "Config" => json.array(|json| {
                json.object(|key, json| match key.text.as_str() {
                    "Subnet" => {
                        self.subnets
                            .extend(text(json)?.parse::<IpNet>().map(|subnet| subnet.trunc()));
                        Ok(())
                    }
                    "Gateway" => {
                        let gateway = text(json)?;
                        self.gateways.extend(address_before_prefix(&gateway));
                        Ok(())
                    }
                    _ => json.skip(),
                })
            }),
            _ => json.skip(),
        })
    }

    fn read_container(
        &mut self,
        id: &str,
        json: &mut JsonStream<impl Bytes>,
        asked: Option<IpAddr>,
    ) -> Read<()> {
        json.object(|key, json| match key.text.as_str() {
            "IPv4Address" | "IPv6Address" => {
                let address = address_before_prefix(&text(json)?);
                if address.is_some() && address == asked {
                    self.holders.push(id.to_owned());
                }
                Ok(())
            }
            _ => json.skip(),
        })
    }

    /// Whether other machines are on it, with addresses of which this Engine
    /// knows nothing.
    pub fn is_shared_with_machines(&self) -> bool {
        matches!(self.driver.as_str(), "macvlan" | "ipvlan")
    }
}

impl Change {
    /// Reads one event; `None` for one that changes neither addresses nor names.
    ///
    /// Podman's own words (`died`, `remove`) are taken too.
    pub(super) fn read_event(json: &mut JsonStream<impl Bytes>) -> Read<Option<Self>> {
        let (mut kind, mut action, mut actor, mut name, mut container) =
            (String::new(), String::new(), None, None, None);
        json.object(|key, json| match key.text.as_str() {
            "Type" => text(json).map(|text| kind = text),
            "Action" => text(json).map(|text| action = text),
            "Actor" => json.object(|key, json| match key.text.as_str() {
                "ID" => text(json).map(|text| actor = Some(text)),
                "Attributes" => json.object_or_null(|key, json| match key.text.as_str() {
                    "name" => text(json).map(|text| name = Some(text)),
                    "container" => text(json).map(|text| container = Some(text)),
                    _ => json.skip(),
                }),
                _ => json.skip(),
            }),
            _ => json.skip(),
        })?;
        Ok(match (kind.as_str(), action.as_str()) {
            ("container", "die" | "died" | "destroy" | "remove") => {
                actor.map(|id| Self { id, name, kind: ChangeKind::Ended })
            }
            ("container", "start" | "restart" | "rename") => {
                actor.map(|id| Self { id, name, kind: ChangeKind::Renewed })
            }
            ("network", "connect" | "disconnect") => {
                container.map(|id| Self { id, name: None, kind: ChangeKind::Moved })
            }
            _ => None,
        })
    }
}

fn text(json: &mut JsonStream<impl Bytes>) -> Read<String> {
    json.text(TEXT_BYTES_MAX).map(|text| text.text)
}

fn bare_name(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

/// Reads `NetworkSettings`; `None` without networks in it.
fn settings(json: &mut JsonStream<impl Bytes>) -> Read<Option<Vec<Attachment>>> {
    let mut attachments = None;
    json.object(|key, json| match key.text.as_str() {
        "Networks" => {
            let places = attachments.insert(Vec::new());
            json.object_or_null(|_, json| Attachment::read(json).map(|place| places.push(place)))
        }
        _ => json.skip(),
    })?;
    Ok(attachments)
}

impl Attachment {
    fn read(json: &mut JsonStream<impl Bytes>) -> Read<Self> {
        let (mut network, mut v4, mut v6) =
            (None, FamilyAddress::default(), FamilyAddress::default());
        json.object(|key, json| match key.text.as_str() {
            "NetworkID" => text(json).map(|id| network = Some(id)),
            "IPAddress" => ip(json).map(|ip| v4.address = ip),
            "IPPrefixLen" => json.number().map(|bits| v4.bits = bits),
            "Gateway" => ip(json).map(|ip| v4.gateway = ip),
            "GlobalIPv6Address" => ip(json).map(|ip| v6.address = ip),
            "GlobalIPv6PrefixLen" => json.number().map(|bits| v6.bits = bits),
            "IPv6Gateway" => ip(json).map(|ip| v6.gateway = ip),
            _ => json.skip(),
        })?;
        let mut attachment = Self { network: network.ok_or(json.misshapen())?, ..Self::default() };
        attachment.add(&v4);
        attachment.add(&v6);
        Ok(attachment)
    }

    /// Adds one address family, if the container has an address of it.
    fn add(&mut self, family: &FamilyAddress) {
        let Some(address) = family.address else { return };
        self.addresses.push(address);
        self.gateways.extend(family.gateway);
        let subnet = u8::try_from(family.bits).ok().map(|bits| IpNet::new(address, bits));
        if let Some(Ok(subnet)) = subnet {
            self.subnets.push(subnet.trunc());
        }
    }
}

/// A container's address, prefix length and gateway of one address family.
#[derive(Debug, Default)]
struct FamilyAddress {
    address: Option<IpAddr>,
    bits: u64,
    gateway: Option<IpAddr>,
}

/// An address that must be one where it is there at all.
fn ip(json: &mut JsonStream<impl Bytes>) -> Read<Option<IpAddr>> {
    if json.null()? {
        return Ok(None);
    }
    match text(json)?.as_str() {
        "" => Ok(None),
        text => match text.parse::<IpAddr>() {
            Ok(address) => Ok(Some(address.to_canonical())),
            Err(_) => Err(json.misshapen()),
        },
    }
}

/// `10.1.0.3` or `10.1.0.3/16`.
fn address_before_prefix(text: &str) -> Option<IpAddr> {
    let address = text.split('/').next().unwrap_or_default();
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read<T>(value: &Value, read: impl FnOnce(&mut JsonStream<&[u8]>) -> Read<T>) -> Option<T> {
        let text = value.to_string();
        read(&mut JsonStream::new(text.as_bytes(), "a test")).ok()
    }

    fn inspected(value: &Value) -> Option<Container> {
        read(value, |json| Container::read_inspection(json, "a"))
    }

    fn listed(value: &Value) -> Option<Vec<Container>> {
        let mut containers = Vec::new();
        let take = |item| {
            containers.push(item);
            Ok(())
        };
        read(value, |json| Container::read_list(json, "a", take))?;
        Some(containers)
    }

    fn event_of(json: &mut JsonStream<&[u8]>) -> Read<Option<Change>> {
        Change::read_event(json)
    }

    fn few(container: &Container) -> &BTreeMap<String, String> {
        let Labels::Few(few) = &container.labels else { panic!("{container:?}") };
        few
    }

    fn network(address: &str) -> Value {
        json!({"n": {"NetworkID": "net1", "IPAddress": address, "IPPrefixLen": 24,
            "Gateway": "10.9.0.1", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
            "IPv6Gateway": ""}})
    }

    fn inspection(networks: &Value) -> Value {
        json!({"Id": "c1", "Name": "/web", "State": {"Running": true},
            "Config": {"Labels": {"a": "b"}}, "NetworkSettings": {"Networks": networks}})
    }

    #[test]
    fn an_inspection_tells_name_labels_and_addresses() {
        let container = inspected(&inspection(&network("10.9.0.7"))).unwrap();
        assert_eq!((container.id.as_str(), container.name.as_str()), ("c1", "web"));
        assert_eq!(few(&container).get("a").map(String::as_str), Some("b"));
        let [attachment] = &container.attachments[..] else { panic!("{container:?}") };
        assert_eq!(attachment.addresses, [IpAddr::from([10, 9, 0, 7])]);
        assert_eq!(attachment.subnets, ["10.9.0.0/24".parse::<IpNet>().unwrap()]);
        assert_eq!(attachment.gateways, [IpAddr::from([10, 9, 0, 1])]);
    }

    #[test]
    fn both_address_families_are_read() {
        let networks = json!({"n": {"NetworkID": "net1", "IPAddress": "10.9.0.7",
            "IPPrefixLen": 24, "Gateway": "", "GlobalIPv6Address": "fd00::7",
            "GlobalIPv6PrefixLen": 64, "IPv6Gateway": "fd00::1"}});
        let container = inspected(&inspection(&networks)).unwrap();
        let attachment = &container.attachments[0];
        assert_eq!(
            attachment.addresses,
            ["10.9.0.7", "fd00::7"].map(|a| a.parse::<IpAddr>().unwrap())
        );
        assert_eq!(attachment.gateways, [IpAddr::V6("fd00::1".parse().unwrap())]);
    }

    #[test]
    fn a_container_without_an_address_has_none() {
        for networks in [network(""), json!({}), Value::Null] {
            let container = inspected(&inspection(&networks)).unwrap();
            assert!(container.attachments.iter().all(|a| a.addresses.is_empty()), "{networks}");
        }
    }

    #[test]
    fn a_list_tells_own_names_and_not_those_of_links() {
        let item = json!({"Id": "c1", "Names": ["/other/alias", "/web"], "Labels": {"a": "b"},
            "NetworkSettings": {"Networks": network("10.9.0.7")}});
        let containers = listed(&json!([item])).unwrap();
        assert_eq!(containers[0].name, "web");
        assert_eq!(few(&containers[0]).len(), 1);
    }

    #[test]
    fn an_answer_of_another_shape_is_no_answer() {
        let odd = json!({"n": {"NetworkID": "net1", "IPAddress": "10.9.0"}});
        for answer in [json!({}), json!([]), inspection(&odd), inspection(&json!([1]))] {
            assert_eq!(inspected(&answer), None, "{answer}");
        }
        for answer in [json!({}), json!([{"Id": "c1"}]), json!([1])] {
            assert_eq!(listed(&answer), None, "{answer}");
        }
    }

    #[test]
    fn labels_are_kept_by_prefix_and_within_bounds() {
        let labels = |labels: Value| {
            let body = json!({"Id": "c1", "Name": "/web", "State": {"Running": true},
                "Config": {"Labels": labels}, "NetworkSettings": {"Networks": {}}});
            inspected(&body).unwrap().labels
        };
        let many: Value = (0..60_000).map(|n| (format!("b{n}"), json!("x"))).collect();
        assert_eq!(labels(many), Labels::default());
        assert_eq!(labels(Value::Null), Labels::default());
        let large = |name: &str, bytes: usize| json!({"a1": "x", name: "y".repeat(bytes)});
        assert!(matches!(labels(large("b", 1 << 20)), Labels::Few(few) if few.len() == 1));
        assert!(matches!(labels(large("a2", LABEL_BYTES_MAX)), Labels::Few(few) if few.len() == 2));
        assert_eq!(labels(large("a2", LABEL_BYTES_MAX + 1)), Labels::TooLarge("a2".into()));
        let long = format!("a{}", "x".repeat(2000));
        assert!(
            matches!(labels(large(&long, 1)), Labels::TooLarge(name) if long.starts_with(&name))
        );
        let several: Value = (0..100).map(|n| (format!("a{n}"), json!("x".repeat(1000)))).collect();
        assert!(matches!(labels(several), Labels::TooLarge(_)));
    }

    #[test]
    fn a_network_tells_who_has_an_address() {
        let value = json!({"Name": "n", "Driver": "bridge", "Options": {}, "IPAM": {"Config":
            [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}, {"Subnet": "fd00::/64"}]},
            "Containers": {"c1": {"Name": "web", "IPv4Address": "10.9.0.7/24", "IPv6Address": ""},
                "c2": {"IPv4Address": "", "IPv6Address": "fd00::7/64"}}});
        let ask =
            |address: &str| read(&value, |json| Network::read(json, address.parse().ok())).unwrap();
        assert_eq!(ask("10.9.0.7").holders, ["c1"]);
        assert_eq!(ask("fd00::7").holders, ["c2"]);
        assert!(ask("10.9.0.8").holders.is_empty());
        assert_eq!(ask("10.9.0.8").subnets.len(), 2);
        assert_eq!(ask("10.9.0.8").gateways, [IpAddr::from([10, 9, 0, 1])]);
        let mut isolated = value.clone();
        isolated["Options"] = json!({"com.docker.network.bridge.gateway_mode_ipv4": "isolated"});
        assert!(read(&isolated, |json| Network::read(json, None)).unwrap().gateways.is_empty());
        let silent = json!({"Driver": "bridge", "IPAM": {"Config": null}, "Options": null});
        let address = Some(IpAddr::from([10, 9, 0, 7]));
        assert_eq!(read(&silent, |json| Network::read(json, address)), None);
        assert!(read(&silent, |json| Network::read(json, None)).is_some());
    }

    fn check_event(kind: &str, action: &str, expected: Option<(&str, Option<&str>, ChangeKind)>) {
        let event = json!({"Type": kind, "Action": action, "Actor": {"ID": "actor",
            "Attributes": {"name": "web", "container": "c1"}}});
        let expected = expected.map(|(id, name, kind)| Change {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            kind,
        });
        assert_eq!(read(&event, event_of).unwrap(), expected, "{kind} {action}");
    }

    #[test]
    fn events_that_change_addresses_or_names_are_heeded() {
        let web = Some("web");
        for action in ["start", "restart", "rename"] {
            check_event("container", action, Some(("actor", web, ChangeKind::Renewed)));
        }
        for action in ["die", "died", "destroy", "remove"] {
            check_event("container", action, Some(("actor", web, ChangeKind::Ended)));
        }
        check_event("network", "connect", Some(("c1", None, ChangeKind::Moved)));
        check_event("network", "disconnect", Some(("c1", None, ChangeKind::Moved)));
    }

    #[test]
    fn other_events_are_not() {
        for action in ["create", "pause", "unpause", "exec_start: sh", "health_status: healthy"] {
            check_event("container", action, None);
        }
        check_event("network", "create", None);
        check_event("volume", "destroy", None);
        let bare = json!({"Type": "network", "Action": "connect"});
        assert_eq!(read(&bare, event_of).unwrap(), None);
    }
}
