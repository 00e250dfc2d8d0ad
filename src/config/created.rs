//! What clients of a listener may create: the rules on containers that are not about
//! host directories.

use super::additions;
use super::options::Given;
use super::read::Reader;
use crate::filter::{BodyRules, Exceptions, SafeCreate};

/// The rules on what is created; those on directories and labels are left open.
pub(super) fn rules(reader: &mut Reader, given: &Given, listener: &str) -> Option<BodyRules> {
    let is_safe = reader.switch(&given.safecreate);
    let exceptions = reader.all(&given.safecreateallow, |value| {
        Exceptions::parse(&value.text).map_err(|error| error.to_string())
    });
    if is_safe == Some(false) && given.safecreateallow.is_given() {
        complain_of_exceptions(reader, given, listener);
    }
    let mut merged = Exceptions::default();
    exceptions?.into_iter().for_each(|list| merged.merge(list));
    let how = additions::exception(given, listener);
    let directories = given.allowbindmountfrom.option.flag_for(listener);
    let safe_create = is_safe?.then(|| SafeCreate::new(merged, how, directories));
    Some(BodyRules { safe_create, ..BodyRules::default() })
}

/// Fail closed: exceptions without their rule are a mistake.
fn complain_of_exceptions(reader: &mut Reader, given: &Given, listener: &str) {
    let written = given.safecreateallow.values.last().map_or("", |value| &value.name);
    let rule = given.safecreate.option.flag_for(listener);
    reader.complain(format!("{written} has no effect without {rule}; add it"));
}
