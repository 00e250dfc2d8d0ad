//! The memory of a proxy that learns, which all sessions share.

use super::{Client, Owner};
use crate::advice::logged::Decision;
use crate::advice::needs::{Form, Needs, Novelty};
use crate::filter::{Denial, Learning, Permit};
use crate::http1::{Method, Request};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The requests of clients while the proxy learns.
#[derive(Debug)]
pub struct Learner {
    learning: Learning,
    needs: Mutex<Needs>,
    learned: AtomicU64,
}

/// Whether a rule allows a request already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    Known,
    New,
}

impl Learner {
    /// A learner that knows nothing yet.
    #[must_use]
    pub fn new(learning: Learning) -> Self {
        Self { learning, needs: Mutex::default(), learned: AtomicU64::new(0) }
    }

    /// How far it lets requests through.
    #[must_use]
    pub fn learning(&self) -> &Learning {
        &self.learning
    }

    /// The whole list of learned requests, for a compose file.
    #[must_use]
    pub fn suggestion(&self) -> String {
        let needs = self.needs();
        match needs.is_empty() {
            true => "# No requests yet.\n".to_owned(),
            false => needs.suggestion(Form::Compose),
        }
    }

    /// How many operations and paths were learned, for each client.
    #[must_use]
    pub fn learned(&self) -> u64 {
        self.learned.load(Ordering::Relaxed)
    }

    /// Whether a request passes because of learning alone.
    pub(super) fn let_through(&self, permit: &Permit<'_>) -> bool {
        permit.rule() == self.learning.rule()
    }

    /// Notes a request that is forwarded.
    pub(super) fn note_allowed(&self, client: &Client, permit: &Permit<'_>) {
        let lesson = if self.let_through(permit) { Lesson::New } else { Lesson::Known };
        self.note(client, permit.request(), Decision::Allowed, lesson);
    }

    /// Notes a request that no rule allows, and learning does not either.
    pub(super) fn note_denied(&self, client: &Client, request: &Request<'_>, denial: &Denial) {
        if matches!(denial, Denial::Method { .. } | Denial::Path { .. }) {
            self.note(client, request, Decision::Blocked, Lesson::New);
        }
    }

    fn note(&self, client: &Client, request: &Request<'_>, decision: Decision, lesson: Lesson) {
        let client = Owner::from(client).to_string();
        let (method, path) = (request.method(), request.target().path());
        let novelty = self.needs().note(&client, method, path, decision);
        if novelty == Novelty::First && lesson == Lesson::New {
            self.learned.fetch_add(1, Ordering::Relaxed);
            log_learned(&client, method, path);
        }
    }

    fn needs(&self) -> MutexGuard<'_, Needs> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_learned(client: &str, method: Method, path: &str) {
    let operation = crate::api::exact(method, path).map(crate::api::Operation::name);
    log::info!(method:% = method, URL:% = path, operation, client:% = client; "learned");
}
