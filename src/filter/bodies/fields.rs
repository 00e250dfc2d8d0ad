//! Typed access to the fields of a body, with the place of each for messages.
//! A field is found by its exact name. A key that Go's decoder would take for a
//! field that is judged, but that is spelled otherwise, is refused by name
//! rather than looked at: real clients don't send it. `null` is absence, as it
//! is to Go for every type that is judged here (the tree has no repeated keys,
//! so there is no earlier value that it could keep).

use super::refusal::{Fault, Refusal, Type};
use crate::json::{Tree, reads_alike};
use crate::text::bounded;

/// A value within a body, and its place.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    place: String,
}

/// An object within a body.
#[derive(Debug, Clone)]
pub(super) struct Fields<'t> {
    members: &'t [(std::borrow::Cow<'t, str>, Tree<'t>)],
    place: String,
}

impl<'t> Node<'t> {
    /// The value of a whole body.
    pub(super) fn root(tree: &'t Tree<'t>) -> Self {
        Self { tree, place: String::new() }
    }

    /// The place of the value, such as `HostConfig.Binds[0]`.
    pub(super) fn place(&self) -> &str {
        if self.place.is_empty() { "the body" } else { &self.place }
    }

    fn is_not(&self, wanted: Type) -> Refusal {
        Refusal::new(self.place(), Fault::NotA(wanted))
    }

    pub(super) fn is_null(&self) -> bool {
        *self.tree == Tree::Null
    }

    /// The value as an object in which the fields `judged` are spelled exactly.
    pub(super) fn fields(&self, judged: &[&'static str]) -> Result<Fields<'t>, Refusal> {
        let fields = self.map()?;
        judged.iter().try_for_each(|name| fields.check_spelling(name, judged))?;
        Ok(fields)
    }

    /// The value as an object whose keys are data, not names of fields.
    pub(super) fn map(&self) -> Result<Fields<'t>, Refusal> {
        match self.tree {
            Tree::Object(members) => Ok(Fields { members, place: self.place.clone() }),
            _ => Err(self.is_not(Type::Object)),
        }
    }

    pub(super) fn items(&self) -> Result<impl Iterator<Item = Node<'t>> + use<'t>, Refusal> {
        let Tree::Array(items) = self.tree else {
            return Err(self.is_not(Type::Array));
        };
        let place = self.place().to_owned();
        Ok(items
            .iter()
            .enumerate()
            .map(move |(index, tree)| Node { tree, place: format!("{place}[{index}]") }))
    }

    pub(super) fn text(&self) -> Result<&'t str, Refusal> {
        match self.tree {
            Tree::String(text) => Ok(text),
            _ => Err(self.is_not(Type::Text)),
        }
    }

    /// A whole number as Go reads one into an `int64`; anything else is refused.
    pub(super) fn whole_number(&self) -> Result<i64, Refusal> {
        match self.tree {
            Tree::Number(digits) => digits.parse().map_err(|_| self.is_not(Type::WholeNumber)),
            _ => Err(self.is_not(Type::WholeNumber)),
        }
    }

    /// Whether the value is `true`; anything but a truth value is refused.
    pub(super) fn truth(&self) -> Result<bool, Refusal> {
        match self.tree {
            Tree::Bool(value) => Ok(*value),
            _ => Err(self.is_not(Type::Truth)),
        }
    }
}

impl<'t> Fields<'t> {
    /// Whether the object has no member.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where the object is.
    pub(super) fn place(&self) -> &str {
        if self.place.is_empty() { "the body" } else { &self.place }
    }

    /// Refuses a key that would be read as `name`, unless it is a name itself.
    pub(super) fn check_spelling(&self, name: &'static str, known: &[&str]) -> Result<(), Refusal> {
        let misspells = |key: &str| reads_alike(key, name) && !known.contains(&key);
        match self.members.iter().find(|(key, _)| misspells(key)) {
            Some((key, _)) => Err(Refusal::new(self.place_of(key), Fault::ReadAs(name))),
            None => Ok(()),
        }
    }

    /// The field of that exact name, if it is there and not `null`.
    pub(super) fn get(&self, name: &str) -> Option<Node<'t>> {
        let (_, tree) = self.members.iter().find(|(key, _)| key == name)?;
        let node = Node { tree, place: self.place_of(name) };
        Some(node).filter(|node| !node.is_null())
    }

    /// The text of a field; empty if it is absent, as to Go.
    pub(super) fn text(&self, name: &str) -> Result<&'t str, Refusal> {
        self.get(name).map_or(Ok(""), |node| node.text())
    }

    /// The items of a field; none if it is absent.
    pub(super) fn items(&self, name: &str) -> Result<Vec<Node<'t>>, Refusal> {
        self.get(name).map_or(Ok(Vec::new()), |node| Ok(node.items()?.collect()))
    }

    /// All members, `null` or not.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, Node<'t>)> {
        let members: &'t [_] = self.members;
        members.iter().map(|(key, tree)| (key.as_ref(), Node { tree, place: self.place_of(key) }))
    }

    fn place_of(&self, key: &str) -> String {
        match self.place.as_str() {
            "" => bounded(key),
            place => format!("{place}.{}", bounded(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, judge: impl Fn(Node<'_>) -> Result<(), Refusal>, refusal: &str) {
        let tree = Tree::parse(text.as_bytes()).unwrap();
        assert_eq!(judge(Node::root(&tree)).unwrap_err().to_string(), refusal);
    }

    #[test]
    fn a_key_that_would_be_read_as_a_judged_field_is_refused_by_name() {
        let judge = |node: Node<'_>| node.fields(&["Binds"]).map(drop);
        check(r#"{"bindſ":1}"#, judge, "bindſ would be read as Binds; write Binds");
        check(r#"{"B_inds":1}"#, judge, "B_inds would be read as Binds; write Binds");
        check(r#"{"-BINDS":1}"#, judge, "-BINDS would be read as Binds; write Binds");
        let tree = Tree::parse(br#"{"Binds":1,"Bind":2,"binds ":3}"#).unwrap();
        assert!(judge(Node::root(&tree)).is_ok());
    }

    #[test]
    fn places_name_fields_and_positions() {
        let judge = |node: Node<'_>| {
            let mounts = node.fields(&["Mounts"])?.items("Mounts")?;
            mounts.iter().try_for_each(|mount| mount.fields(&[])?.text("Type").map(drop))
        };
        check(r#"{"Mounts":[{},{"Type":1}]}"#, judge, "Mounts[1].Type is not a string");
        check(r#"{"Mounts":[null]}"#, judge, "Mounts[0] is not an object");
        check(r#"{"Mounts":{}}"#, judge, "Mounts is not an array");
        check("1", judge, "the body is not an object");
    }

    #[test]
    fn null_is_absence() {
        let tree = Tree::parse(br#"{"a":null}"#).unwrap();
        let fields = Node::root(&tree).map().unwrap();
        assert!(fields.get("a").is_none());
        assert_eq!(fields.text("a"), Ok(""));
        assert!(fields.items("a").unwrap().is_empty());
    }
}
