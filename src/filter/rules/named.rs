//! Rules by the names of operations.

use crate::api::{Operation, exact, recognise};
use crate::http1::Method;

/// For each operation the rule that names it, if any.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// By the operation's place in the table; empty if no rule names any.
    rules: Vec<Option<usize>>,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Notes that a rule names an operation. The first rule stays.
    pub(super) fn add(&mut self, operation: Operation, rule: usize) {
        self.rules.resize(Operation::ALL.len(), None);
        if let Some(slot) = self.rules.get_mut(operation as usize) {
            slot.get_or_insert(rule);
        }
    }

    /// The rule that names an operation.
    pub(super) fn rule_of(&self, operation: Operation) -> Option<usize> {
        self.rules.get(operation as usize).copied().flatten()
    }

    /// The operations that rules name, in the order of the table.
    pub(super) fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        Operation::ALL.iter().copied().filter(|operation| self.rule_of(*operation).is_some())
    }

    /// The rule that names exactly this request.
    pub(super) fn naming(&self, method: Method, path: &str) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        exact(method, path).and_then(|operation| self.rule_of(operation))
    }

    /// The rule that names any operation which a daemon might see in this request.
    pub(super) fn touching(&self, method: Method, path: &str) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        recognise(method, path).find_map(|operation| self.rule_of(operation))
    }

    /// Whether a named operation has a route with this method.
    pub(super) fn has_method(&self, method: Method) -> bool {
        let mut routes = self.operations().flat_map(|operation| operation.facts().routes);
        !self.is_empty() && routes.any(|route| route.method == method)
    }
}
