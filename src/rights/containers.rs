//! What the Engine says of containers, read from its JSON.
//!
//! **Invariant:** pure. An answer that does not have the documented shape is no
//! answer (`None`), never a container with less than it has.

use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A container, as a list or an inspection shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    /// Without the leading slash.
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) running: bool,
    pub(super) attachments: Vec<Attachment>,
}

/// A container's place in one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attachment {
    pub(super) network: String,
    /// The container's addresses there; none if it isn't running.
    pub(super) addresses: Vec<IpAddr>,
    /// The network's subnets, where the container has an address.
    pub(super) subnets: Vec<IpNet>,
    pub(super) gateways: Vec<IpAddr>,
}

/// What an event says about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) id: String,
    /// Its name, where the event tells.
    pub(super) name: Option<String>,
    pub(super) kind: ChangeKind,
}

/// In what way a container changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// It has ended, and has no address any more.
    Ended,
    /// It has started or got another name.
    Renewed,
    /// It was connected to a network or disconnected from one.
    Moved,
}

impl Container {
    /// Reads the answer of `GET /containers/{id}/json`.
    pub(super) fn from_inspection(answer: &Value) -> Option<Self> {
        Some(Self {
            id: text(answer, "Id")?,
            name: bare_name(answer.get("Name")?.as_str()?),
            labels: labels(answer.get("Config")?.get("Labels")),
            running: answer.get("State")?.get("Running")?.as_bool()?,
            attachments: attachments(answer)?,
        })
    }

    /// Reads the answer of `GET /containers/json`, which lists running ones.
    pub(super) fn from_list(answer: &Value) -> Option<Vec<Self>> {
        answer.as_array()?.iter().map(Self::from_list_item).collect()
    }

    fn from_list_item(item: &Value) -> Option<Self> {
        let names = item.get("Names")?.as_array()?.iter().filter_map(Value::as_str);
        // A name with another slash in it is that of a link (`--link`).
        let own = names.map(bare_name).find(|name| !name.contains('/'));
        Some(Self {
            id: text(item, "Id")?,
            name: own?,
            labels: labels(item.get("Labels")),
            running: true,
            attachments: attachments(item)?,
        })
    }
}

impl Change {
    /// Reads one event; `None` for one that changes neither addresses nor names.
    ///
    /// Podman's own words (`died`, `remove`) are taken too.
    pub(super) fn from_event(event: &Value) -> Option<Self> {
        let action = event.get("Action")?.as_str()?;
        let actor = event.get("Actor")?;
        let attribute = |name| text(actor.get("Attributes")?, name);
        match event.get("Type")?.as_str()? {
            "container" => {
                let kind = match action {
                    "die" | "died" | "destroy" | "remove" => ChangeKind::Ended,
                    "start" | "restart" | "rename" => ChangeKind::Renewed,
                    _ => return None,
                };
                Some(Self { id: text(actor, "ID")?, name: attribute("name"), kind })
            }
            "network" if matches!(action, "connect" | "disconnect") => {
                Some(Self { id: attribute("container")?, name: None, kind: ChangeKind::Moved })
            }
            _ => None,
        }
    }
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

fn bare_name(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn attachments(container: &Value) -> Option<Vec<Attachment>> {
    match container.get("NetworkSettings")?.get("Networks")? {
        Value::Null => Some(Vec::new()),
        networks => networks.as_object()?.values().map(attachment).collect(),
    }
}

fn attachment(value: &Value) -> Option<Attachment> {
    let mut attachment = Attachment {
        network: text(value, "NetworkID")?,
        addresses: Vec::new(),
        subnets: Vec::new(),
        gateways: Vec::new(),
    };
    attachment.add(value, "IPAddress", "IPPrefixLen", "Gateway")?;
    attachment.add(value, "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway")?;
    Some(attachment)
}

impl Attachment {
    /// Adds one address family; an absent or empty address is no address.
    fn add(&mut self, value: &Value, address: &str, prefix: &str, gateway: &str) -> Option<()> {
        let Some(address) = ip(value, address)? else { return Some(()) };
        self.addresses.push(address);
        self.gateways.extend(ip(value, gateway)?);
        let bits = value.get(prefix).and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
        if let Some(Ok(subnet)) = bits.map(|bits| IpNet::new(address, bits)) {
            self.subnets.push(subnet.trunc());
        }
        Some(())
    }
}

/// An address that must be one where it is there at all.
fn ip(value: &Value, field: &str) -> Option<Option<IpAddr>> {
    match value.get(field).and_then(Value::as_str).unwrap_or_default() {
        "" => Some(None),
        text => text.parse::<IpAddr>().ok().map(|address| Some(address.to_canonical())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let container = Container::from_inspection(&inspection(&network("10.9.0.7"))).unwrap();
        assert_eq!((container.id.as_str(), container.name.as_str()), ("c1", "web"));
        assert_eq!(container.labels.get("a").map(String::as_str), Some("b"));
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
        let container = Container::from_inspection(&inspection(&networks)).unwrap();
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
            let container = Container::from_inspection(&inspection(&networks)).unwrap();
            assert!(container.attachments.iter().all(|a| a.addresses.is_empty()), "{networks}");
        }
    }

    #[test]
    fn a_list_tells_own_names_and_not_those_of_links() {
        let item = json!({"Id": "c1", "Names": ["/other/alias", "/web"], "Labels": {"a": "b"},
            "NetworkSettings": {"Networks": network("10.9.0.7")}});
        let containers = Container::from_list(&json!([item])).unwrap();
        assert_eq!(containers[0].name, "web");
        assert_eq!(containers[0].labels.len(), 1);
    }

    #[test]
    fn an_answer_of_another_shape_is_no_answer() {
        let odd = json!({"n": {"NetworkID": "net1", "IPAddress": "10.9.0"}});
        for answer in [json!({}), json!([]), inspection(&odd), inspection(&json!([1]))] {
            assert_eq!(Container::from_inspection(&answer), None, "{answer}");
        }
        for answer in [json!({}), json!([{"Id": "c1"}]), json!([1])] {
            assert_eq!(Container::from_list(&answer), None, "{answer}");
        }
    }

    fn check_event(kind: &str, action: &str, expected: Option<(&str, Option<&str>, ChangeKind)>) {
        let event = json!({"Type": kind, "Action": action, "Actor": {"ID": "actor",
            "Attributes": {"name": "web", "container": "c1"}}});
        let expected = expected.map(|(id, name, kind)| Change {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            kind,
        });
        assert_eq!(Change::from_event(&event), expected, "{kind} {action}");
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
        assert_eq!(Change::from_event(&json!({"Type": "network", "Action": "connect"})), None);
    }
}
