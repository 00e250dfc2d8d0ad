//! Rules by the names of operations.

use super::Rule;
use crate::api::{Operation, exact, recognise};
use crate::http1::Method;

/// The items of lists of names, and for each operation the first one that names it.
#[derive(Debug, Default)]
pub(super) struct Named {
    items: Vec<(Rule, Vec<Operation>)>,
    /// By the operation's place in the table; empty if no item names any.
    firsts: Vec<Option<usize>>,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// Adds an item, and returns its size in bytes.
    pub(super) fn add(&mut self, rule: Rule, operations: Vec<Operation>) -> usize {
        let item = self.items.len();
        for operation in &operations {
            self.firsts.resize(Operation::ALL.len(), None);
            if let Some(slot) = self.firsts.get_mut(*operation as usize) {
                slot.get_or_insert(item);
            }
        }
        let texts = rule.written.len() + rule.origin.len();
        let bytes = size_of::<(Rule, Vec<Operation>)>() + texts + size_of_val(&*operations);
        self.items.push((rule, operations));
        bytes
    }

    /// The items with all operations that they name.
    pub(super) fn items(&self) -> impl Iterator<Item = (&Rule, &[Operation])> {
        self.items.iter().map(|(rule, operations)| (rule, &**operations))
    }

    /// The first rule that names an operation.
    pub(super) fn rule_of(&self, operation: Operation) -> Option<&Rule> {
        let item = self.firsts.get(operation as usize).copied().flatten()?;
        self.items.get(item).map(|(rule, _)| rule)
    }

    /// The operations that rules name, in the order of the table, each with its rule.
    pub(super) fn operations(&self) -> impl Iterator<Item = (Operation, &Rule)> {
        Operation::ALL.iter().filter_map(|operation| Some((*operation, self.rule_of(*operation)?)))
    }

    /// The rule that names exactly this request.
    pub(super) fn naming(&self, method: Method, path: &str) -> Option<&Rule> {
        if self.is_empty() {
            return None;
        }
        exact(method, path).and_then(|operation| self.rule_of(operation))
    }

    /// The rule that names any operation which a daemon might see in this request.
    pub(super) fn touching(&self, method: Method, path: &str) -> Option<&Rule> {
        if self.is_empty() {
            return None;
        }
        recognise(method, path).find_map(|operation| self.rule_of(operation))
    }

    /// Whether a named operation has a route with this method.
    pub(super) fn has_method(&self, method: Method) -> bool {
        let mut routes = self.operations().flat_map(|(operation, _)| operation.facts().routes);
        !self.is_empty() && routes.any(|route| route.method == method)
    }
}
