//! The rules on the containers that clients of a listener create, except those about
//! host directories.

use super::additions;
use super::options::{Given, Slot, Value};
use super::read::Reader;
use crate::cgroup;
use crate::filter::bodies::NotAMaximum;
use crate::filter::{
    AllowedImages, BodyRules, Exceptions, ImagesDraft, Maxima, Maximum, SafeCreate,
};

/// The rules on creates; those on directories and labels are left open.
pub(super) fn rules(reader: &mut Reader, given: &Given, listener: &str) -> Option<BodyRules> {
    let safe_create = safe_create(reader, given, listener);
    let images = images(reader, given, listener);
    let memory = maximum(reader, &given.maxmemory, Maximum::memory);
    let cpus = maximum(reader, &given.maxcpus, Maximum::cpus);
    let pids = maximum(reader, &given.maxpids, Maximum::pids);
    Some(BodyRules {
        safe_create: safe_create?,
        images: images?,
        maxima: Maxima { memory: memory?, cpus: cpus?, pids: pids? },
        ..BodyRules::default()
    })
}

fn safe_create(reader: &mut Reader, given: &Given, listener: &str) -> Option<Option<SafeCreate>> {
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
    Some(is_safe?.then(|| {
        SafeCreate::new(merged, how, directories).on_cgroup_version_1(cgroup::is_version_1())
    }))
}

/// Fail closed: exceptions without their rule are a mistake.
fn complain_of_exceptions(reader: &mut Reader, given: &Given, listener: &str) {
    let written = given.safecreateallow.values.last().map_or("", |value| &value.name);
    let rule = given.safecreate.option.flag_for(listener);
    reader.complain(format!("{written} has no effect without {rule}; add it"));
}

/// Each pattern is checked alone first: the complaint names its flag.
fn images(reader: &mut Reader, given: &Given, listener: &str) -> Option<Option<AllowedImages>> {
    let check = |value: &Value| {
        let checked = ImagesDraft::default().add(&value.text);
        checked.map(|()| value.text.clone()).map_err(|error| error.to_string())
    };
    let mut draft = ImagesDraft::default();
    for pattern in reader.all(&given.allowimage, check)? {
        draft.add(&pattern).map_err(|error| reader.complain(error.to_string())).ok()?;
    }
    if draft.is_empty() {
        return Some(None);
    }
    let compiled = draft.compile(additions::image(given, listener));
    compiled.map_err(|error| reader.complain(error.to_string())).ok().map(Some)
}

fn maximum(
    reader: &mut Reader,
    slot: &Slot,
    parse: impl Fn(&str, &str) -> Result<Maximum, NotAMaximum>,
) -> Option<Option<Maximum>> {
    let parse = |value: &Value| parse(&value.text, &value.name).map_err(|error| error.to_string());
    Some(reader.all(slot, parse)?.pop())
}
