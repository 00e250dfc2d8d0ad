//! The thread that keeps the table: a look at all containers, then their events,
//! and after any failure the same again.
//!
//! **Invariant:** a table is shown only while the stream of events that began
//! before its look is unbroken.
//! **Invariant:** sessions cannot hurry the Engine: looks at all containers that they
//! want are [`LOOK_EVERY`] apart or more, and failures are followed by pauses that
//! grow. All events that have arrived together cause one request; if one of them is
//! about the proxy's own container, that is a look at all containers, at once.
//!
//! Containers are listed here, not inspected: an inspection waits for as long as
//! the container is just being started, and with it would all other events.

use super::fault::Fault;
use super::grants::Grants;
use super::table::Table;
use super::view::View;
use crate::engine::{Change, ChangeKind, Container, Engine, EngineError, Events, Network};
use crate::journal::Journal;
use crate::relay::socket::poll;
use rustix::event::{PollFd, PollFlags};
use std::collections::HashSet;
use std::io::{self, PipeReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two looks at all containers.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A look that took long is repeated after that many times its duration, so that
/// looks take a small part of the Engine's time.
const LOOK_REST: u32 = 5;

/// The Engine announces that a container has moved just before its lists show
/// it. So they are asked once more after this time.
const MOVE_SETTLED: Duration = Duration::from_millis(100);

/// The first pause after a failure, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Follower {
    engine: Engine,
    proxy_name: String,
    grants: Arc<Mutex<Grants>>,
    view: Arc<View>,
    /// A byte when a look is wanted; the end when the thread is to end.
    orders: PipeReader,
    next_look: Instant,
    /// Containers that have moved, and when to ask for them once more.
    moved: HashSet<String>,
    moved_due: Option<Instant>,
    pause: Duration,
    journal: Journal,
    /// Whether the log says that containers are followed.
    is_announced: bool,
}

/// However the thread ends, a panic included, its knowledge is not used any more.
impl Drop for Follower {
    fn drop(&mut self) {
        self.view.invalidate("the proxy no longer follows the containers".to_owned());
    }
}

/// Why the thread stops to follow.
enum Stop {
    Failure(String),
    /// It is not needed any more.
    End,
}

impl Stop {
    fn log(&self) {
        if let Self::Failure(cause) = self {
            log::warn!(error:% = cause; "failed to update allowlists from container event");
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failure(fault.to_string())
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Fault::from(error).into()
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failure(error.to_string())
    }
}

impl Follower {
    pub(super) fn new(
        engine: Engine,
        proxy_name: String,
        grants: Arc<Mutex<Grants>>,
        view: Arc<View>,
        orders: PipeReader,
    ) -> Self {
        Self {
            engine,
            proxy_name,
            grants,
            view,
            orders,
            next_look: Instant::now(),
            moved: HashSet::new(),
            moved_due: None,
            pause: PAUSE,
            journal: Journal::default(),
            is_announced: false,
        }
    }

    /// Follows until the other end of the orders is closed.
    pub(super) fn run(mut self) {
        loop {
            let begun = Instant::now();
            let Err(stop) = self.follow();
            let Stop::Failure(cause) = stop else { return };
            self.view.invalidate(cause.clone());
            if begun.elapsed() > PAUSE_MAX {
                self.pause = PAUSE;
            }
            self.note_failure(&cause);
            if self.rest().is_err() {
                return;
            }
        }
    }

    /// Events first, so that nothing falls between them and the look.
    fn follow(&mut self) -> Result<std::convert::Infallible, Stop> {
        let mut events = self.engine.events()?;
        let mut table = self.look()?;
        self.note_table(&table);
        loop {
            self.wait(&events)?;
            let changes = events.take()?;
            if !changes.is_empty() {
                self.apply(changes, &mut table).inspect_err(Stop::log)?;
            }
            if self.view.is_look_wanted() && Instant::now() >= self.next_look {
                table = self.look()?;
            }
            if self.moved_due.is_some_and(|due| due <= Instant::now()) {
                self.moved_due = None;
                let moved: Vec<String> = self.moved.drain().collect();
                self.see(&moved, &mut table)?;
            }
        }
    }

    /// Looks at all containers.
    fn look(&mut self) -> Result<Table, Stop> {
        let begun = Instant::now();
        self.view.begin_look();
        let looked = self.look_afresh();
        let rest = LOOK_EVERY.max(begun.elapsed() * LOOK_REST);
        self.next_look = Instant::now() + rest;
        let table = looked?;
        self.view.publish(table.clone());
        Ok(table)
    }

    fn look_afresh(&mut self) -> Result<Table, Stop> {
        let own = self.own()?;
        let mut networks = Vec::new();
        for place in &own.attachments {
            // Podman has names of networks that are none, such as `pasta`.
            let is_none = place.addresses.is_empty();
            let none = is_none.then(Network::default);
            let gone = || Stop::Failure(format!("the network {} was removed", place.network));
            networks.push(self.engine.network(&place.network, None)?.or(none).ok_or_else(gone)?);
        }
        let mut table = Table::new(&own, &networks);
        let ids: Vec<&str> = own.attachments.iter().map(|place| place.network.as_str()).collect();
        if !ids.is_empty() {
            let engine = self.engine.clone();
            engine.list_of_networks(&ids, |container| self.seen(&container, &mut table))?;
        }
        self.grants().keep_only(&table);
        Ok(table)
    }

    /// The proxy's own container: the one that is proven to be, or the one of its
    /// name. The Engine takes ids and beginnings of ids for names too.
    fn own(&self) -> Result<Container, Stop> {
        let name = &self.proxy_name;
        let own = match self.view.own_id() {
            Some(id) => self.engine.inspect(id)?.filter(|own| own.id == id),
            None => self.engine.inspect(name)?.filter(|own| own.name == *name),
        };
        own.ok_or_else(|| {
            Stop::Failure(format!("there is no container {name} (-proxycontainername)"))
        })
    }

    fn apply(&mut self, changes: Vec<Change>, table: &mut Table) -> Result<(), Stop> {
        for change in &changes {
            log::debug!(
                action:? = change.kind, container = change.name.as_deref().unwrap_or(&change.id);
                "received Docker container event"
            );
        }
        let is_own = |change: &Change| {
            change.id == table.own_id() || change.name.as_deref() == Some(&self.proxy_name)
        };
        if changes.iter().any(is_own) {
            *table = self.look()?;
            return Ok(());
        }
        let is_end = |change: &Change| change.kind == ChangeKind::Ended;
        let (ended, others): (Vec<_>, Vec<_>) = last_of_each(changes).into_iter().partition(is_end);
        // Ended containers first, before any request takes its time.
        for change in &ended {
            self.gone(&change.id, table);
        }
        if !ended.is_empty() {
            self.view.publish(table.clone());
        }
        let moved = others.iter().filter(|change| change.kind == ChangeKind::Moved);
        self.moved.extend(moved.map(|change| change.id.clone()));
        if !self.moved.is_empty() && self.moved_due.is_none() {
            self.moved_due = Some(Instant::now() + MOVE_SETTLED);
        }
        let others: Vec<String> = others.into_iter().map(|change| change.id).collect();
        self.see(&others, table)
    }

    /// Brings the table up to date for these containers.
    fn see(&mut self, ids: &[String], table: &mut Table) -> Result<(), Stop> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let engine = self.engine.clone();
        let mut listed = HashSet::new();
        engine.list_of_ids(&ids, |container| {
            listed.insert(container.id.clone());
            self.seen(&container, table)
        })?;
        for id in ids.iter().filter(|id| !listed.contains(**id)) {
            self.gone(id, table);
        }
        self.view.publish(table.clone());
        Ok(())
    }

    fn seen(&mut self, container: &Container, table: &mut Table) -> Result<(), Fault> {
        if container.id == table.own_id() || table.addresses_of(container).is_empty() {
            self.gone(&container.id, table);
        } else {
            let holder = self.grants().holder(container, table).map_err(Fault::NoThread)?;
            table.insert(holder);
        }
        Ok(())
    }

    fn gone(&mut self, id: &str, table: &mut Table) {
        let holder = table.holders().find(|holder| holder.id == id);
        if let Some(policy) = holder.and_then(|holder| holder.policy.as_ref()) {
            log::info!(
                container = policy.source().container(), ip:% = policy.peers();
                "removed allowlist for container"
            );
        }
        table.remove(id);
        self.grants().forget(id);
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for events, or until the time of something else has come.
    fn wait(&mut self, events: &Events) -> Result<(), Stop> {
        loop {
            let look = self.view.is_look_wanted().then_some(self.next_look);
            let due = look.into_iter().chain(self.moved_due).min();
            let limit = due.map(|due| due.saturating_duration_since(Instant::now()));
            let mut fds = [
                PollFd::new(events.socket(), PollFlags::IN),
                PollFd::new(&self.orders, PollFlags::IN),
            ];
            let ready = poll(&mut fds, limit)?;
            let [events_ready, ordered] = fds.map(|fd| !fd.revents().is_empty());
            if ordered {
                self.take_orders()?;
            }
            if events_ready || ready == 0 {
                return Ok(());
            }
        }
    }

    /// Pauses after a failure. A wanted look ends the pause, but for a short one.
    fn rest(&mut self) -> Result<(), Stop> {
        let begun = Instant::now();
        let (pause, pause_min) = (self.pause, PAUSE.max(self.until_next_look()));
        self.pause = (pause * 2).min(PAUSE_MAX);
        loop {
            let pause = if self.view.is_look_wanted() { pause_min } else { pause };
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            let mut fds = [PollFd::new(&self.orders, PollFlags::IN)];
            if poll(&mut fds, Some(left))? > 0 {
                self.take_orders()?;
            }
        }
    }

    fn until_next_look(&self) -> Duration {
        self.next_look.saturating_duration_since(Instant::now())
    }

    fn take_orders(&mut self) -> Result<(), Stop> {
        match self.orders.read(&mut [0; 64])? {
            0 => Err(Stop::End),
            _ => Ok(()),
        }
    }
    fn note_table(&mut self, table: &Table) {
        if std::mem::replace(&mut self.is_announced, true) {
            return;
        }
        if !table.has_subnets() {
            log::warn!(
                "the proxy's container has no address on a network of containers, so labels \
                 grant nothing"
            );
        }
        let networks: Vec<&str> = table.networks().collect();
        log::info!(socketproxynetworks:% = networks.join(","); "socket proxy networks detected");
        log::info!(
            networks = networks.len(), containers = table.holders().count(),
            labelled = table.holders().filter(|holder| holder.policy.is_some()).count();
            "following containers for their rights"
        );
    }

    fn note_failure(&mut self, cause: &str) {
        if !self.journal.is_news(cause, Instant::now()) {
            return;
        }
        if std::mem::take(&mut self.is_announced) {
            log::info!("Docker event stream closed");
            log::error!(error:% = cause; "received error from Docker event stream");
        } else {
            log::warn!(error:% = cause; "failed to refresh per-container allowlists");
        }
    }
}

/// Of several changes of one container only the last counts, because the Engine is
/// asked for the container's present state.
fn last_of_each(mut changes: Vec<Change>) -> Vec<Change> {
    let mut seen = HashSet::new();
    changes.reverse();
    changes.retain(|change| seen.insert(change.id.clone()));
    changes.reverse();
    changes
}
