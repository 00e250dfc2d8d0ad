//! Learning: requests that no rule allows pass too, so that a list can be made of them.
//!
//! Allow first, on purpose. An updater that is refused the creation of a container
//! after it has removed the old one loses a container.
//!
//! **Invariant:** only operations of the table pass by learning. Addresses,
//! denials, the rules on bodies and strict HTTP stay in force.

use super::rules::Rule;
use crate::api::{Class, Operation, exact};
use crate::http1::Method;

/// How far a proxy that learns lets requests through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Operations of the classes harmless, reads and secrets.
    Reads,
    /// Every operation.
    All,
}

/// A proxy that learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    scope: Scope,
    rule: Rule,
}

impl Learning {
    /// Learning as the flag `-learn` says.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let written = match scope {
            Scope::Reads => "reads",
            Scope::All => "all",
        };
        let rule = Rule { written: written.to_owned(), origin: "-learn".to_owned() };
        Self { scope, rule }
    }

    /// How far it goes.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The rule that lets a request through because of learning alone.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The rule, if learning lets this request through.
    pub(super) fn admit(&self, method: Method, path: &str) -> Option<&Rule> {
        let class = exact(method, path).map(Operation::class)?;
        let is_read = matches!(class, Class::Harmless | Class::Reads | Class::Secrets);
        (is_read || self.scope == Scope::All).then_some(&self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_pass_by_class_and_unknown_paths_never() {
        let rows = [
            (Method::Get, "/v1.51/info", true, true),
            (Method::Get, "/containers/a/logs", true, true),
            (Method::Get, "/containers/a/archive", false, true),
            (Method::Post, "/containers/create", false, true),
            (Method::Get, "/unknown", false, false),
            (Method::Get, "/x/info", false, false),
        ];
        for (method, path, reads, all) in rows {
            let passes = |scope| Learning::new(scope).admit(method, path).is_some();
            assert_eq!((passes(Scope::Reads), passes(Scope::All)), (reads, all), "{path}");
        }
    }
}
