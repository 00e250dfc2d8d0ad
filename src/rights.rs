//! Rights per container: whose allowlists a client has, by its address.
//!
//! A container that shares a network with the proxy's own, and that has labels
//! `PREFIX.allow.…`, has the allowlists of these labels instead of its listener's.
//! A thread follows the Engine's events and maintains a table of containers and
//! their addresses ([`Rights::policy_for`] reads it).
//!
//! **Invariant:** the table alone is never trusted for a new connection. Events
//! lag, and an address can have changed hands meanwhile, so the container that has
//! it in the table is inspected once, after its first request has arrived: the
//! Engine answers under the container's lock. The sender of that request has the
//! address at that time. Later requests on the connection cost nothing until
//! something changes: a TCP connection does not change hands, since the next holder
//! of the address does not know its sequence numbers.
//! **Invariant:** rights are lost at once when an event says that the container has
//! ended or lost the address, and while no events can be received, nobody's rights
//! are known; earlier knowledge is not used.
//! **Invariant:** no container with labels ever gets the listener's allowlists. The table
//! may lack a container that has just started, and so an address that a container could
//! have is looked up in its network, which lists it before the container's process
//! begins. An address that no container has there has no rights, except on a macvlan or
//! ipvlan network, where other machines have addresses that no Engine knows; and there an
//! address that a container had a moment ago, when it may have sent the request, has none
//! either. Link-local addresses, which identify nobody, have none either.
//! **Invariant:** the table counts only for connections that reached the proxy at
//! an address of its own container. That container is proven by the first of them,
//! and stays the proxy's own even if names of containers change later.
//!
//! Clients with the same address cannot be distinguished: containers that share a
//! network namespace, and those that may forge addresses (`NET_ADMIN`, or `NET_RAW`
//! with ARP). Clients over unix sockets have no address.
//!
//! Read: `labels`, `table` (pure); `fault`, `grants`, `view`, `follow`.

mod created;
mod fault;
mod follow;
mod grants;
mod labels;
mod table;
mod targets;
#[cfg(test)]
mod tests;
mod view;

use crate::config::ContainerRights;
use crate::engine::{Container, Engine};
use crate::judging::SharedPolicy;
use crate::relay::socket::{self, Socket};
use fault::Fault;
use follow::Follower;
use grants::Grants;
use rustix::event::{PollFd, PollFlags};
use std::io::{self, PipeWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use table::{Holder, Table, Whose};
use view::{Glance, View};

/// How long a request waits for its client's container to be known.
const IDENTIFY_LIMIT: Duration = Duration::from_millis(500);

/// When to ask for it again, if there is no news and if there is.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Answers of the Engine are read piece by piece, and patterns are compiled on a
/// stack of their own.
const STACK_BYTES: usize = 256 * 1024;

/// The rights of containers. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Rights {
    engine: Engine,
    proxy_name: String,
    grants: Arc<Mutex<Grants>>,
    view: Arc<View>,
    orders: PipeWriter,
}

/// The container that a connection was found to come from; one for each connection.
#[derive(Debug, Default)]
pub struct ClientIdentity(Option<Known>);

#[derive(Debug)]
struct Known {
    epoch: u64,
    /// `None` for an address that cannot be a container's.
    holder: Option<Arc<Holder>>,
}

/// Whose allowlists apply to a request.
#[derive(Debug)]
#[must_use]
pub enum Entitlement {
    /// Those of the listener.
    Listener,
    /// Those of a container's labels.
    Labels(Arc<SharedPolicy>),
    /// Nobody can tell; why, for people.
    Unknown(String),
}

/// The seeming owner of an address, without a request to the Engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// A container with allowlists in its labels.
    Labelled,
    /// A container without, or none.
    Unlabelled,
    /// No known owner.
    Unknown,
}

impl Rights {
    /// The seeming owner of an address: good enough to give a connection a place,
    /// never to judge a request.
    pub fn guess(&self, address: IpAddr) -> Guess {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Guess::Unlabelled;
        }
        match &self.view.glance().table {
            Ok(table) => guess_by(table, address),
            Err(_) => Guess::Unknown,
        }
    }

    /// Starts to follow the containers of the Engine behind a socket.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(socket: PathBuf, config: &ContainerRights) -> io::Result<Self> {
        let (receiver, orders) = io::pipe()?;
        let engine = Engine::new(socket, &config.label_prefix);
        let view = Arc::new(View::default());
        view.invalidate("the daemon has not listed its containers yet".to_owned());
        let grants = Grants::new(config.label_prefix.clone(), config.label_guard.clone());
        let grants = Arc::new(Mutex::new(grants));
        let proxy_name = config.proxy_container_name.clone();
        let shared = (Arc::clone(&grants), Arc::clone(&view));
        let follower =
            Follower::new(engine.clone(), proxy_name.clone(), shared.0, shared.1, receiver);
        let builder = thread::Builder::new().name("rights".into()).stack_size(STACK_BYTES);
        builder.spawn(move || follower.run())?;
        Ok(Self { engine, proxy_name, grants, view, orders })
    }

    /// Whose allowlists apply to the request that has just arrived on `client`,
    /// a connection from `address`.
    pub fn policy_for(
        &self,
        client: &Socket,
        address: IpAddr,
        identity: &mut ClientIdentity,
    ) -> Entitlement {
        self.policy_at(|| client.local_address(), client, address, identity)
    }

    /// The same; `local` is the proxy's address of the connection.
    fn policy_at(
        &self,
        local: impl FnOnce() -> Option<IpAddr>,
        client: &Socket,
        address: IpAddr,
        identity: &mut ClientIdentity,
    ) -> Entitlement {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Entitlement::Listener;
        }
        if let Some(known) = identity.0.as_ref().filter(|known| known.epoch == self.view.epoch()) {
            return answer(known.holder.as_ref());
        }
        match local() {
            Some(local) => self.identify(Ends { local, address }, client, identity),
            None => {
                Entitlement::Unknown("the proxy's address of the connection is unknown".to_owned())
            }
        }
    }

    fn identify(&self, ends: Ends, client: &Socket, identity: &mut ClientIdentity) -> Entitlement {
        let begun = Instant::now();
        let mut asked = begun;
        let mut is_first = true;
        let mut was_containers = false;
        loop {
            let glance = self.view.glance();
            let cause = match self.look_up(&glance, ends, identity) {
                Found::Machine if has_left(client) => {
                    return Entitlement::Unknown("the client has disconnected".to_owned());
                }
                Found::Machine if was_containers => changed_hands(ends.address),
                Found::Lost => {
                    was_containers = true;
                    self.want_look();
                    changed_hands(ends.address)
                }
                Found::Holder { was_listed, .. }
                    if !(was_listed && is_first) && has_left(client) =>
                {
                    return Entitlement::Unknown("the client has disconnected".to_owned());
                }
                Found::Holder { holder, .. } => return identity.settle(glance.epoch, Some(holder)),
                Found::Nobody | Found::Machine => return identity.settle(glance.epoch, None),
                Found::Untold(cause) => return Entitlement::Unknown(cause),
                Found::Unknown(cause) => cause,
            };
            if begun.elapsed() >= IDENTIFY_LIMIT {
                return Entitlement::Unknown(cause);
            }
            self.view.wait(&glance, Instant::now() + ASK_AGAIN_AFTER);
            if !is_first {
                // Others' news must not make each of many waiting ask at once.
                thread::sleep(ASK_EVERY.saturating_sub(asked.elapsed()));
            }
            (asked, is_first) = (Instant::now(), false);
        }
    }

    fn look_up(&self, glance: &Glance, ends: Ends, identity: &ClientIdentity) -> Found {
        let table = match &glance.table {
            Ok(table) if self.is_ours(table, ends.local) => table,
            Ok(_) => {
                self.want_look();
                return Found::Unknown(format!(
                    "the container {} does not have {}, at which the proxy was reached \
                     (-proxycontainername)",
                    self.proxy_name, ends.local
                ));
            }
            Err(cause) => {
                self.want_look();
                return Found::Unknown(cause.clone());
            }
        };
        let found = match table.whose(ends.address) {
            Whose::Nobodys => Ok(Found::Nobody),
            Whose::Untold(cause) => Ok(Found::Untold(format!("{}: {cause}", ends.address))),
            Whose::Unknown(networks) => self.ask_networks(&networks, ends.address, table),
            Whose::Claimed(claims) => match identity.among(claims) {
                Some(holder) => Ok(Found::Holder { holder, was_listed: true }),
                None => self.verify(claims, ends.address, table),
            },
        };
        found.unwrap_or_else(|error| Found::Unknown(error.to_string()))
    }

    /// Whether the table is that of the container in which the proxy runs.
    fn is_ours(&self, table: &Table, local: IpAddr) -> bool {
        if !table.is_own(local) {
            return false;
        }
        self.view.prove_own(table.own_id());
        self.view.own_id() == Some(table.own_id())
    }

    /// Finds the container that has an address now, among those that have it in the
    /// table.
    fn verify(
        &self,
        claims: &[Arc<Holder>],
        address: IpAddr,
        table: &Table,
    ) -> Result<Found, Fault> {
        let mut confirmed = Vec::new();
        for claim in claims {
            if self.inspect_holder(&claim.id, address, table)?.is_some() {
                confirmed.push(claim);
            }
        }
        match confirmed[..] {
            [holder] => Ok(Found::Holder { holder: Arc::clone(holder), was_listed: true }),
            _ => match self.ask_networks(&table.candidates(address), address, table)? {
                Found::Machine => Ok(Found::Lost),
                found => Ok(found),
            },
        }
    }

    /// Finds the container that has an address by inspecting the address's network.
    fn ask_networks(
        &self,
        networks: &[&str],
        address: IpAddr,
        table: &Table,
    ) -> Result<Found, Fault> {
        let (mut holders, mut with_machines) = (Vec::new(), 0);
        for network in networks {
            let Some(network) = self.engine.network(network, Some(address))? else { continue };
            with_machines += usize::from(network.is_shared_with_machines());
            holders.extend(network.holders);
        }
        let is_only_with_machines = with_machines > 0 && with_machines == networks.len();
        match &holders[..] {
            [] if is_only_with_machines && address.is_ipv4() => Ok(Found::Machine),
            [id] if id == table.own_id() => Ok(Found::Nobody),
            [id] => match self.inspect_holder(id, address, table)? {
                Some(container) => self.holder(&container, table),
                None => Ok(Found::Lost),
            },
            _ => Ok(Found::Unknown(format!("no known container has the address {address}"))),
        }
    }

    fn holder(&self, container: &Container, table: &Table) -> Result<Found, Fault> {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = grants.holder(container, table).map_err(Fault::NoThread)?;
        Ok(Found::Holder { holder, was_listed: false })
    }

    /// The container, if it has the address now.
    fn inspect_holder(
        &self,
        id: &str,
        address: IpAddr,
        table: &Table,
    ) -> Result<Option<Container>, Fault> {
        let has_it = |container: &Container| {
            container.id == id
                && container.running
                && table.addresses_of(container).contains(&address)
        };
        Ok(self.engine.inspect(id)?.filter(has_it))
    }

    fn want_look(&self) {
        if self.view.want_look() {
            // Fails only if the thread is gone; then the wait ends at its limit.
            let _ = (&self.orders).write(&[0]);
        }
    }
}

/// The addresses of a connection.
#[derive(Debug, Clone, Copy)]
struct Ends {
    /// Where it reached the proxy.
    local: IpAddr,
    /// Where it comes from.
    address: IpAddr,
}

/// The result of one reading of the table and of the Engine.
enum Found {
    /// That container.
    Holder {
        holder: Arc<Holder>,
        /// Whether the table had it, so that nothing had to be waited for.
        was_listed: bool,
    },
    /// No container has the address.
    Nobody,
    /// No container has it, and a machine of the same network may.
    Machine,
    /// A container had it a moment ago, perhaps when it sent the request.
    Lost,
    /// Nothing, and there is nothing to wait for; why.
    Untold(String),
    /// Nothing that could be relied on; why.
    Unknown(String),
}

impl ClientIdentity {
    /// The holder that this connection was found to come from before, if it still
    /// has the address.
    fn among(&self, claims: &[Arc<Holder>]) -> Option<Arc<Holder>> {
        let known = self.0.as_ref()?.holder.as_ref()?;
        claims.iter().find(|claim| claim.id == known.id).cloned()
    }

    /// Records the sender of a connection. One that came from a container cannot
    /// come from anybody else later.
    fn settle(&mut self, epoch: u64, holder: Option<Arc<Holder>>) -> Entitlement {
        let before = self.0.as_ref().and_then(|known| known.holder.as_ref());
        if before.is_some_and(|before| holder.as_ref().is_none_or(|now| now.id != before.id)) {
            return gone();
        }
        let answer = answer(holder.as_ref());
        self.0 = Some(Known { epoch, holder });
        answer
    }
}

fn guess_by(table: &Table, address: IpAddr) -> Guess {
    match table.whose(address) {
        Whose::Claimed(claims) if claims.iter().any(|claim| claim.policy.is_some()) => {
            Guess::Labelled
        }
        Whose::Claimed(_) | Whose::Nobodys => Guess::Unlabelled,
        _ => Guess::Unknown,
    }
}

fn answer(holder: Option<&Arc<Holder>>) -> Entitlement {
    match holder.and_then(|holder| holder.policy.as_ref()) {
        Some(policy) => Entitlement::Labels(Arc::clone(policy)),
        None => Entitlement::Listener,
    }
}

fn changed_hands(address: IpAddr) -> String {
    format!("{address} was just reassigned")
}

fn gone() -> Entitlement {
    Entitlement::Unknown("the container of this connection has lost the address".to_owned())
}

/// Whether the client has ended its side. A sender that has ended may have had an
/// address that another container has now.
fn has_left(client: &Socket) -> bool {
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut fds = [PollFd::new(client, ended)];
    socket::poll(&mut fds, Some(Duration::ZERO)).is_ok()
        && fds.iter().any(|fd| fd.revents().intersects(ended))
}
