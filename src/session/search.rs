//! Looks up the targets of a request, on separate connections, before the request is
//! sent.
//!
//! A result is valid for this one request only.

use super::Session;
use crate::engine::{EngineError, Product, Thing, Things};
use crate::filter::Verdict;
use crate::filter::targets::{Fact, Facts, Found, Question, Search, Step, TargetKind};
use crate::outcome::Refusal;
use std::sync::OnceLock;

/// The daemon's product. It is requested once.
#[derive(Debug, Default)]
pub struct KnownDaemon(OnceLock<Product>);

impl Session<'_> {
    /// Asks the daemon until all questions are answered.
    pub(super) fn search<'r>(
        &mut self,
        mut search: Search<'r>,
        mut questions: Vec<Question>,
    ) -> Result<Verdict<'r>, Refusal> {
        self.check_daemon()?;
        let mut facts = Facts::new();
        loop {
            for question in questions {
                let fact = self.ask(&search, &question).map_err(unanswered)?;
                facts.push((question, fact));
            }
            match search.go_on(&facts) {
                Step::Ask(further, open) => (search, questions) = (further, open),
                step => return Ok(step.into()),
            }
        }
    }

    fn ask(&self, search: &Search<'_>, question: &Question) -> Result<Fact, EngineError> {
        let keys: Vec<&str> = search.labels().iter().map(|label| label.key.as_str()).collect();
        let things = Things { socket: &self.shared.socket_path, keys: &keys };
        let found = match question {
            Question::Thing(TargetKind::Container, reference) => things.container(reference),
            Question::Thing(TargetKind::Exec, reference) => things.exec(reference),
            Question::Thing(TargetKind::Network, reference) => things.network(reference),
            Question::Thing(TargetKind::Volume, reference) => things.volume(reference),
            Question::Members => {
                let pairs: Vec<String> = search.labels().iter().map(|l| l.pair()).collect();
                return things.containers_with(&pairs).map(Fact::Members);
            }
        };
        Ok(found?.map_or(Fact::Missing, |Thing { id, name, labels }| {
            Fact::Found(Found { id, name, labels })
        }))
    }

    /// Whether the daemon is one whose answers to questions about targets are known.
    pub(super) fn check_daemon(&self) -> Result<(), Refusal> {
        let KnownDaemon(known) = &self.shared.daemon;
        let product = match known.get() {
            Some(product) => *product,
            None => {
                let things = Things { socket: &self.shared.socket_path, keys: &[] };
                let product = things.product().map_err(unanswered)?;
                if known.set(product).is_ok() && product != Product::Engine {
                    log::error!(
                        "-targetlabel works only with Docker's Engine, and this daemon is another one; \
                         all requests that it limits are refused"
                    );
                }
                product
            }
        };
        if product == Product::Engine { Ok(()) } else { Err(Refusal::OtherDaemon) }
    }
}

fn unanswered(error: EngineError) -> Refusal {
    Refusal::Daemon(format!("a target could not be looked up: {error}"))
}
