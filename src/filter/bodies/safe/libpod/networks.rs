//! Podman's own networks: create, connect, update, and the endpoints of containers.

use crate::filter::bodies::safe::exceptions::Kind;
use crate::filter::bodies::safe::network::SUBNET;
use crate::filter::bodies::safe::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// A container's place in a network.
pub(super) const ENDPOINT: FieldTable = FieldTable {
    title: "Podman: endpoint",
    source: "container-libs common/libnetwork/types/network.go: PerNetworkOptions",
    also: &[],
    rows: rows! {
        "aliases" => Texts;
        "interface_name" => Text, "within the container";
        "options" => Keys(&[], Kind::NetworkOption);
        "static_ips" => Texts;
        "static_mac" => Text;
    },
};

/// Connect of a container.
pub(super) const CONNECT: FieldTable = FieldTable {
    title: "Podman: network connect",
    source: "podman pkg/domain/entities/network.go: NetworkConnectOptions",
    also: &[&ENDPOINT],
    rows: rows! {
        "container" => Text;
    },
};

/// Update of a network: its name servers answer all containers in it.
pub(super) const UPDATE: FieldTable = FieldTable {
    title: "Podman: network update",
    source: "podman pkg/domain/entities/network.go: NetworkUpdateOptions",
    also: &[],
    rows: rows! {
        "adddnsservers" => By(&NAME_SERVERS);
        "removednsservers" => By(&NAME_SERVERS);
    },
};

const NAME_SERVERS: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        judge.value(&Texts, place, tree);
        if !matches!(tree, Tree::Array(items) if items.is_empty()) {
            judge.need(place, tree, Kind::NetworkOption, "dns");
        }
    },
};

/// Create of a network.
pub(super) const CREATE: FieldTable = FieldTable {
    title: "Podman: network create",
    source: "container-libs common/libnetwork/types/network.go: Network",
    also: &[],
    rows: rows! {
        "created" => Text, "ignored";
        "dns_enabled" => Truth;
        "driver" => Words(&["bridge"], Some(Kind::NetworkDriver));
        "id" => Text, "refused by Podman";
        "internal" => Truth;
        "ipam_options" => By(&ADDRESSES);
        "ipv6_enabled" => Truth;
        "labels" => Any;
        "name" => Text;
        "network_dns_servers" => Texts;
        "network_interface" => By(&INTERFACE);
        "options" => Keys(&OPTIONS, Kind::NetworkOption);
        "routes" => Each(&Object(&ROUTE)), "of the containers";
        "subnets" => Each(&Object(&POOL));
    },
};

/// Options of the bridge driver that keep a network apart from others.
const OPTIONS: [&str; 5] =
    ["com.docker.network.driver.mtu", "isolate", "metric", "mtu", "no_default_route"];

/// `network_interface`: Podman makes `podman1` and so on by itself.
const INTERFACE: Judgement = Judgement {
    passes: "the empty string, and `podman` with a number",
    opened_by: &[Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(name) = judge.text(place, tree) else { return };
        let is_own = name.strip_prefix("podman").is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        });
        if !name.is_empty() && !is_own {
            judge.need(place, tree, Kind::NetworkOption, "interface");
        }
    },
};

const ADDRESSES: Judgement = Judgement {
    passes: "`driver=host-local`, `driver=none`",
    opened_by: &[Kind::NetworkDriver, Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, key, value| {
            let Some(text) = judge.text(place, value) else { return };
            match (key, text) {
                (_, "") | ("driver", "host-local" | "none") => {}
                ("driver", driver) => judge.need(place, value, Kind::NetworkDriver, driver),
                _ => judge.need(place, value, Kind::NetworkOption, key),
            }
        });
    },
};

const ROUTE: FieldTable = FieldTable {
    title: "Podman: route",
    source: "container-libs common/libnetwork/types/network.go: Route",
    also: &[],
    rows: rows! {
        "destination" => Text;
        "gateway" => Text;
        "metric" => Number;
        "route_type" => Text;
    },
};

const POOL: FieldTable = FieldTable {
    title: "Podman: pool of addresses",
    source: "container-libs common/libnetwork/types/network.go: Subnet",
    also: &[],
    rows: rows! {
        "gateway" => By(&SUBNET);
        "lease_range" => Object(&LEASE_RANGE);
        "subnet" => By(&SUBNET);
    },
};

const LEASE_RANGE: FieldTable = FieldTable {
    title: "Podman: range of addresses",
    source: "container-libs common/libnetwork/types/network.go: LeaseRange",
    also: &[],
    rows: rows! {
        "end_ip" => By(&SUBNET);
        "start_ip" => By(&SUBNET);
    },
};
