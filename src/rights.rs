//! Rights per container: whose allowlists a client has, by its address.
//!
//! A container that shares a network with the proxy's own, and that has labels
//! `PREFIX.allow.…`, has the allowlists of these labels instead of its
//! listener's. A thread follows the Engine's events and keeps a table of who has
//! which address ([`Rights::policy_for`] reads it).
//!
//! **Invariant:** a table is never believed for a new connection. Events lag, and
//! an address can have changed hands meanwhile, so the container that is said to
//! have it is inspected once, after its first request has arrived: the Engine
//! answers under the container's lock. Whoever could send that request from that
//! address has it then. Later requests on the connection cost nothing until
//! something changes: a TCP connection does not change hands, since whoever gets
//! the address next does not have its sequence numbers.
//! **Invariant:** rights are lost at once when an event says that the container
//! has ended or lost the address, and while events cannot be had, nobody's
//! rights are known; what was known before is not used.
//! **Invariant:** an address that a container could have is a stranger's, with
//! the listener's allowlists, only after a look at all containers that began
//! after its request, and another moment: the Engine announces a container some
//! milliseconds after its process runs. These looks are shared and paced.
//!
//! What cannot be told apart by address is not told apart: containers that share
//! a network namespace, and those that may forge addresses (`NET_ADMIN`, or
//! `NET_RAW` with ARP). Clients over unix sockets have no address.
//!
//! Read: `labels`, `containers`, `table` (pure); `api`, `grants`, `view`,
//! `follow`.

mod api;
mod containers;
#[cfg(test)]
mod fake;
mod follow;
mod grants;
mod labels;
mod table;
#[cfg(test)]
mod tests;
mod view;

use crate::config::ContainerRights;
use crate::filter::Policy;
use crate::relay::socket::{self, Socket};
use api::{ApiError, Engine};
use follow::Follower;
use grants::Grants;
use rustix::event::{PollFd, PollFlags};
use std::io::{self, PipeWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use table::{Holder, Table, Whose};
use view::{Glance, View};

/// How long a request waits for its client's container to be announced.
const IDENTIFY_LIMIT: Duration = Duration::from_millis(500);

/// How long it waits for the look that tells that there is no such container.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// An answer of the Engine is parsed on this thread's heap, not on its stack.
const STACK_BYTES: usize = 256 * 1024;

/// The rights of containers. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Rights {
    engine: Engine,
    view: Arc<View>,
    orders: PipeWriter,
}

/// Who a connection was found to come from; one for each connection.
#[derive(Debug, Default)]
pub struct Origin(Option<Known>);

#[derive(Debug)]
struct Known {
    epoch: u64,
    /// `None` for an address that cannot be a container's.
    holder: Option<Arc<Holder>>,
}

/// Whose allowlists apply to a request.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// Those of the listener.
    Listener,
    /// Those of a container's labels.
    Labels(Arc<Policy>),
    /// Nobody can tell; why, for people.
    Unknown(String),
}

impl Rights {
    /// Starts to follow the containers of the Engine behind a socket.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(socket: PathBuf, config: &ContainerRights) -> io::Result<Self> {
        let (receiver, orders) = io::pipe()?;
        let (engine, view) = (Engine::new(socket), Arc::new(View::default()));
        view.invalidate("the daemon has not told yet".to_owned());
        let grants = Grants::new(config.label_prefix.clone(), config.label_guard.clone());
        let name = config.proxy_container_name.clone();
        let follower = Follower::new(engine.clone(), name, grants, Arc::clone(&view), receiver);
        let builder = thread::Builder::new().name("rights".into()).stack_size(STACK_BYTES);
        builder.spawn(move || follower.run())?;
        Ok(Self { engine, view, orders })
    }

    /// Whose allowlists apply to the request that has just arrived on `client`,
    /// a connection from `address`.
    pub fn policy_for(&self, client: &Socket, address: IpAddr, origin: &mut Origin) -> Answer {
        if address.is_loopback() {
            return Answer::Listener;
        }
        match &origin.0 {
            Some(known) if known.epoch == self.view.epoch() => answer(known.holder.as_ref()),
            _ => self.identify(client, address, origin),
        }
    }

    fn identify(&self, client: &Socket, address: IpAddr, origin: &mut Origin) -> Answer {
        let begun = Instant::now();
        let first = self.view.glance();
        let mut glance = self.view.glance();
        let mut has_waited = false;
        loop {
            let is_over = begun.elapsed() >= IDENTIFY_LIMIT;
            let has_looked = glance.has_looked_since(&first);
            let cause = match self.look_up(&glance, address, origin) {
                Found::Holder(_) if has_waited && has_left(client) => {
                    return Answer::Unknown("the client has left".to_owned());
                }
                Found::Holder(holder) => return origin.settle(glance.epoch, holder),
                Found::Nobody if self.view.is_stranger(address) => return origin.settle_stranger(),
                Found::Nobody if is_over && has_looked => {
                    self.view.remember_stranger(address);
                    return origin.settle_stranger();
                }
                Found::Nobody if begun.elapsed() < LOOK_LIMIT => None,
                Found::Nobody => Some(format!("nobody tells whether a container has {address}")),
                Found::Unknown(cause) => is_over.then_some(cause),
            };
            if let Some(cause) = cause {
                return Answer::Unknown(cause);
            }
            self.want_look();
            let limit = if is_over { LOOK_LIMIT } else { IDENTIFY_LIMIT };
            self.view.wait(&glance, begun + limit);
            has_waited = true;
            glance = self.view.glance();
        }
    }

    fn look_up(&self, glance: &Glance, address: IpAddr, origin: &Origin) -> Found {
        let table = match &glance.table {
            Ok(table) => table,
            Err(cause) => return Found::Unknown(cause.clone()),
        };
        match table.whose(address) {
            Whose::Nobodys => Found::Holder(None),
            Whose::Unknown => Found::Nobody,
            Whose::Claimed(claims) => match origin.among(claims) {
                Some(holder) => Found::Holder(Some(holder)),
                None => self.verify(claims, address, table),
            },
        }
    }

    /// Finds the one of those who are said to have an address that has it now.
    fn verify(&self, claims: &[Arc<Holder>], address: IpAddr, table: &Table) -> Found {
        let mut confirmed = Vec::new();
        for claim in claims {
            match self.has_now(claim, address, table) {
                Ok(true) => confirmed.push(claim),
                Ok(false) => {}
                Err(error) => return Found::Unknown(error.to_string()),
            }
        }
        match confirmed[..] {
            [holder] => Found::Holder(Some(Arc::clone(holder))),
            _ => Found::Unknown(format!("{address} has just changed hands")),
        }
    }

    fn has_now(&self, holder: &Holder, address: IpAddr, table: &Table) -> Result<bool, ApiError> {
        let container = self.engine.inspect(&holder.id)?;
        Ok(container.is_some_and(|container| {
            container.id == holder.id
                && container.running
                && table.addresses_of(&container).contains(&address)
        }))
    }

    fn want_look(&self) {
        if self.view.want_look() {
            // Fails only if the thread is gone; then the wait ends at its limit.
            let _ = (&self.orders).write(&[0]);
        }
    }
}

/// What one reading of the table and of the Engine finds.
enum Found {
    /// That container; `None` if it can't be one.
    Holder(Option<Arc<Holder>>),
    /// No container is known to have the address.
    Nobody,
    /// Nothing that could be relied on; why.
    Unknown(String),
}

impl Origin {
    /// The holder among those with that address that this connection was found
    /// to come from before.
    fn among(&self, claims: &[Arc<Holder>]) -> Option<Arc<Holder>> {
        let known = self.0.as_ref()?.holder.as_ref()?;
        claims.iter().find(|claim| claim.id == known.id).cloned()
    }

    /// Notes who a connection comes from. One that came from a container cannot
    /// come from anybody else later.
    fn settle(&mut self, epoch: u64, holder: Option<Arc<Holder>>) -> Answer {
        let before = self.0.as_ref().and_then(|known| known.holder.as_ref());
        if before.is_some_and(|before| holder.as_ref().is_none_or(|now| now.id != before.id)) {
            return gone();
        }
        let answer = answer(holder.as_ref());
        self.0 = Some(Known { epoch, holder });
        answer
    }

    /// A stranger is asked for again with each request.
    fn settle_stranger(&self) -> Answer {
        match self.0.as_ref().and_then(|known| known.holder.as_ref()) {
            Some(_) => gone(),
            None => Answer::Listener,
        }
    }
}

fn answer(holder: Option<&Arc<Holder>>) -> Answer {
    match holder.and_then(|holder| holder.policy.as_ref()) {
        Some(policy) => Answer::Labels(Arc::clone(policy)),
        None => Answer::Listener,
    }
}

fn gone() -> Answer {
    Answer::Unknown("the container of this connection has lost the address".to_owned())
}

/// Whether the client has ended its side. Whoever sent a request and then ended
/// may have had another container's address before.
fn has_left(client: &Socket) -> bool {
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut fds = [PollFd::new(client, ended)];
    socket::poll(&mut fds, Some(Duration::ZERO)).is_ok()
        && fds.iter().any(|fd| fd.revents().intersects(ended))
}
