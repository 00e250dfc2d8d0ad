//! Networks: the endpoints of containers, create and connect.

use super::exceptions::Kind;
use super::judge::{says_nothing, text_of};
use super::namespaces::check_network_name;
use super::table::{FieldTable, Judgement, Values::*, rows};
use std::net::IpAddr;

/// `EndpointsConfig`: a map from names of networks.
pub(super) const ENDPOINTS: Judgement = Judgement {
    passes: "endpoints in networks with a name",
    opened_by: &[Kind::Network],
    tables: &[&ENDPOINT],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, network, endpoint| {
            check_network_name(judge, place, network);
            judge.object(&ENDPOINT, place, endpoint);
        });
    },
};

/// Options of endpoints that name the interface within the container.
const ENDPOINT_OPTIONS: [&str; 2] =
    ["com.docker.network.endpoint.expected_ifname", "com.docker.network.endpoint.ifname"];

/// A container's place in a network.
pub(super) const ENDPOINT: FieldTable = FieldTable {
    title: "Endpoint",
    source: "moby api/types/network/endpoint.go: EndpointSettings",
    also: &[],
    rows: rows! {
        "Aliases" => Texts;
        "DNSNames" => Texts, "ignored";
        "DriverOpts" => Keys(&ENDPOINT_OPTIONS, Kind::NetworkOption);
        "EndpointID" => Text, "ignored";
        "Gateway" => Text, "ignored";
        "GlobalIPv6Address" => Text, "ignored";
        "GlobalIPv6PrefixLen" => Number, "ignored";
        "GwPriority" => Number;
        "IPAMConfig" => Object(&ENDPOINT_ADDRESSES);
        "IPAddress" => Text, "ignored";
        "IPPrefixLen" => Number, "ignored";
        "IPv6Gateway" => Text, "ignored";
        "Links" => Texts;
        "MacAddress" => Text;
        "NetworkID" => Text, "a network that is the host's by its id gives no host namespace";
    },
};

const ENDPOINT_ADDRESSES: FieldTable = FieldTable {
    title: "Addresses of an endpoint",
    source: "moby api/types/network/endpoint.go: EndpointIPAMConfig",
    also: &[],
    rows: rows! {
        "IPv4Address" => Text;
        "IPv6Address" => Text;
        "LinkLocalIPs" => Texts;
    },
};

/// Connect of a container.
pub(super) const CONNECT: FieldTable = FieldTable {
    title: "Network connect",
    source: "moby api/types/network/network.go: ConnectOptions",
    also: &[],
    rows: rows! {
        "Container" => Text;
        "EndpointConfig" => Object(&ENDPOINT);
    },
};

/// Create of a network.
pub(super) const CREATE: FieldTable = FieldTable {
    title: "Network create",
    source: "moby api/types/network/network.go: CreateRequest",
    also: &[],
    rows: rows! {
        "Attachable" => Truth;
        "CheckDuplicate" => Truth;
        "ConfigFrom" => By(&CONFIG_FROM);
        "ConfigOnly" => False(Kind::Services);
        "Driver" => Words(&["bridge", "default"], Some(Kind::NetworkDriver));
        "EnableIPv4" => Truth;
        "EnableIPv6" => Truth;
        "IPAM" => Object(&ADDRESSES);
        "Ingress" => False(Kind::Services);
        "Internal" => Truth;
        "Labels" => Any;
        "Name" => Text;
        "Options" => By(&DRIVER_OPTIONS);
        "Scope" => Words(&["local"], Some(Kind::NetworkDriver));
    },
};

/// A network whose configuration another one has: its driver options are not seen.
const CONFIG_FROM: Judgement = Judgement {
    passes: "nothing, or an empty name",
    opened_by: &[Kind::Services],
    tables: &[],
    judge: |judge, place, tree| {
        if !text_of(tree, "Network").is_empty() || !says_nothing(tree) {
            judge.need(place, tree, Kind::Services, "");
        }
    },
};

const ADDRESSES: FieldTable = FieldTable {
    title: "Addresses of a network",
    source: "moby api/types/network/ipam.go: IPAM",
    also: &[],
    rows: rows! {
        "Config" => Each(&Object(&POOL));
        "Driver" => Words(&["default"], Some(Kind::NetworkDriver));
        "Options" => Empty(Some(Kind::NetworkDriver));
    },
};

const POOL: FieldTable = FieldTable {
    title: "Pool of addresses",
    source: "moby api/types/network/ipam.go: IPAMConfig",
    also: &[],
    rows: rows! {
        "AuxiliaryAddresses" => MapOf(&By(&SUBNET));
        "Gateway" => By(&SUBNET);
        "IPRange" => By(&SUBNET);
        "Subnet" => By(&SUBNET);
    },
};

/// Options of the bridge driver that keep a network apart from others.
const OPTIONS: [&str; 13] = [
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.gateway_mode_ipv4",
    "com.docker.network.bridge.gateway_mode_ipv6",
    "com.docker.network.bridge.host_binding_ipv4",
    "com.docker.network.bridge.mtu",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
    "com.docker.network.enable_ipv4",
    "com.docker.network.enable_ipv6",
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
    "mtu",
];

/// How a bridge reaches the world. `nat-unprotected` opens all ports of its containers.
const GATEWAY_MODES: [&str; 4] = ["", "isolated", "nat", "routed"];

/// Options of a network's driver.
const DRIVER_OPTIONS: Judgement = Judgement {
    passes: "options of the bridge driver that keep networks apart",
    opened_by: &[Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, name, value| {
            let Some(text) = judge.text(place, value) else { return };
            let is_mode = name.starts_with("com.docker.network.bridge.gateway_mode_");
            if !OPTIONS.contains(&name) || (is_mode && !GATEWAY_MODES.contains(&text)) {
                judge.need(place, value, Kind::NetworkOption, name);
            }
        });
    },
};

/// A subnet or address of a network: a public one would take the host's way to it.
pub(super) const SUBNET: Judgement = Judgement {
    passes: "private addresses and subnets",
    opened_by: &[Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(text) = judge.text(place, tree) else { return };
        if !text.is_empty() && !is_private(text) {
            judge.need(place, tree, Kind::NetworkOption, "subnet");
        }
    },
};

/// Whether a subnet or address lies within a range for private use (RFC 1918,
/// RFC 6598, RFC 3927, RFC 4193).
fn is_private(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (text, Some(128)),
    };
    let (Ok(address), Some(bits)) = (address.parse::<IpAddr>(), bits) else { return false };
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            match (first, second) {
                (10, _) => bits >= 8,
                (172, 16..=31) => bits >= 12,
                (192, 168) | (169, 254) => bits >= 16,
                (100, 64..=127) => bits >= 10,
                (198, 18..=19) => bits >= 15,
                _ => false,
            }
        }
        IpAddr::V6(address) => {
            let [first, ..] = address.octets();
            (matches!(first, 0xfc | 0xfd) && bits >= 7)
                || (address.is_unicast_link_local() && bits >= 10)
                || (address.segments().first() == Some(&0x2001)
                    && address.segments().get(1) == Some(&0xdb8)
                    && bits >= 32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_subnets_are_known() {
        for text in ["10.0.0.0/8", "172.28.0.0/16", "192.168.1.0/24", "192.168.1.7", "fd00::/8"] {
            assert!(is_private(text), "{text}");
        }
        for text in [
            "10.0.0.0/7",
            "172.15.0.0/16",
            "8.8.8.0/24",
            "0.0.0.0/0",
            "10.0.0.1/x",
            "x",
            "2000::/3",
        ] {
            assert!(!is_private(text), "{text}");
        }
    }
}
