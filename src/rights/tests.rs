//! The rights of containers in a world that changes, with events that come, come
//! late or never.

mod addresses;
mod changes;
mod labels;
mod outages;

use super::*;
use crate::engine::fake::{FakeContainer, FakeEngine};
use crate::engine::fake_daemon::await_condition;
use crate::filter::Policy;
use crate::filter::Source;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

const PROXY: &str = "proxy";
const OWN: &str = "10.1.0.2";
const NET: &str = "net1";
const OTHER_NET: &str = "net2";

/// How a question for a network begins.
const NETWORKS: &str = "/networks/";

/// How the target of a look at all containers begins.
const LOOKS: &str = "/containers/json?filters=%7B%22network";

/// A proxy's world: its container at 10.1.0.2, and the objects that tests add.
struct World {
    engine: FakeEngine,
    rights: Option<Rights>,
}

impl World {
    fn new(containers: impl IntoIterator<Item = FakeContainer>) -> Self {
        Self::with_driver("bridge", containers)
    }

    fn with_driver(driver: &str, containers: impl IntoIterator<Item = FakeContainer>) -> Self {
        let engine = FakeEngine::start();
        engine.set_driver(NET, driver);
        engine.put(FakeContainer::new("proxy-id", NET, OWN).named(PROXY));
        containers.into_iter().for_each(|container| engine.put(container));
        Self { engine, rights: None }.started()
    }

    fn started(mut self) -> Self {
        let config = ContainerRights {
            proxy_container_name: PROXY.to_owned(),
            label_prefix: "socket-proxy".to_owned(),
            label_guard: None,
        };
        self.rights = Some(Rights::start(self.engine.socket(), &config).unwrap());
        self
    }

    fn rights(&self) -> &Rights {
        self.rights.as_ref().unwrap()
    }

    /// Waits until the table is that of a look at all containers.
    fn await_table(&self) {
        await_condition(|| self.rights().view.glance().table.is_ok());
    }

    fn await_no_table(&self) {
        await_condition(|| self.rights().view.glance().table.is_err());
    }

    /// Waits until the events sent before have been processed.
    fn await_events(&self) {
        let marker = FakeContainer::new("marker", NET, "10.1.255.254");
        self.engine.put(marker);
        self.engine.container_event("start", "marker", "marker");
        self.await_holder("10.1.255.254", "marker");
        self.engine.remove("marker");
        self.engine.container_event("destroy", "marker", "marker");
    }

    fn await_holder(&self, address: &str, id: &str) {
        let address = address.parse().unwrap();
        await_condition(|| match self.rights().view.glance().table {
            Ok(table) => match table.whose(address) {
                Whose::Claimed(holders) => holders.iter().any(|holder| holder.id == id),
                _ => false,
            },
            Err(_) => false,
        });
    }

    fn connect(&self, address: &str) -> Client<'_> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        Client {
            world: self,
            local: OWN.parse().unwrap(),
            address: address.parse().unwrap(),
            socket: Socket::from(OwnedFd::from(ours)),
            peer: Some(theirs),
            identity: ClientIdentity::default(),
        }
    }

    /// The owner of the rights of a new connection's first request.
    fn ask(&self, address: &str) -> String {
        self.connect(address).ask()
    }
}

/// A client's connection.
struct Client<'a> {
    world: &'a World,
    /// Where it reached the proxy.
    local: IpAddr,
    address: IpAddr,
    socket: Socket,
    peer: Option<UnixStream>,
    identity: ClientIdentity,
}

impl Client<'_> {
    fn answer(&mut self) -> Entitlement {
        let (rights, local) = (self.world.rights(), self.local);
        rights.policy_at(|| Some(local), &self.socket, self.address, &mut self.identity)
    }

    fn ask(&mut self) -> String {
        match self.answer() {
            Entitlement::Listener => "listener".to_owned(),
            Entitlement::Labels(policy) => shown(&policy, self.address),
            Entitlement::Unknown(_) => "unknown".to_owned(),
        }
    }
}

fn shown(policy: &Policy, address: IpAddr) -> String {
    assert!(policy.peers().admits(address, |_, _| false), "{address} {policy:?}");
    match &policy.source() {
        Source::Labels { container, .. } => format!("labels of {container}"),
        Source::InvalidLabel { label, container } => format!("invalid {label} of {container}"),
        other => panic!("{other:?}"),
    }
}

fn labelled(id: &str, address: &str) -> FakeContainer {
    FakeContainer::new(id, NET, address).label("socket-proxy.allow.get", "/info")
}

fn plain(id: &str, address: &str) -> FakeContainer {
    FakeContainer::new(id, NET, address)
}
