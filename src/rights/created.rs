//! Labels about the containers that a container may create: `PREFIX.safecreate`,
//! `PREFIX.safecreateallow`, `PREFIX.allowimage`, `PREFIX.maxmemory`, `PREFIX.maxcpus`
//! and `PREFIX.maxpids`; the second and third also with `.1`, `.2`, … behind them.
//!
//! **Invariant:** a label whose name differs only in case, or has another suffix, cannot
//! be used: if ignored, a restriction would leave the rights that it was meant to take
//! away.

use super::labels::InvalidLabel;
use crate::cgroup;
use crate::filter::{BindMounts, BodyRules, Exceptions, ImagesDraft, Maxima, Maximum, SafeCreate};
use std::collections::BTreeMap;
use std::fmt::Display;

const SAFE_CREATE: &str = ".safecreate";
const SAFE_CREATE_ALLOW: &str = ".safecreateallow";
const ALLOW_IMAGE: &str = ".allowimage";
const MAX_MEMORY: &str = ".maxmemory";
const MAX_CPUS: &str = ".maxcpus";
const MAX_PIDS: &str = ".maxpids";

/// The known names, and whether a suffix makes further labels of a name.
const NAMES: [(&str, bool); 6] = [
    (SAFE_CREATE, false),
    (SAFE_CREATE_ALLOW, true),
    (ALLOW_IMAGE, true),
    (MAX_MEMORY, false),
    (MAX_CPUS, false),
    (MAX_PIDS, false),
];

/// The settings in the labels of one container.
#[derive(Debug, Default)]
pub(super) struct Created {
    is_safe: bool,
    exceptions: Exceptions,
    /// The last label with exceptions.
    exceptions_label: Option<String>,
    images: ImagesDraft,
    maxima: Maxima,
}

impl Created {
    /// Reads a label if it is one of these; `behind` is its name behind the prefix.
    ///
    /// # Errors
    /// A sentence about a label that cannot be used.
    pub(super) fn read(&mut self, behind: &str, label: &str, value: &str) -> Result<(), String> {
        match name(behind)? {
            Some(SAFE_CREATE) => self.is_safe = switch(value)?,
            Some(SAFE_CREATE_ALLOW) => {
                self.exceptions.merge(Exceptions::parse(value).map_err(text)?);
                self.exceptions_label = Some(label.to_owned());
            }
            Some(ALLOW_IMAGE) => self.images.add(value).map_err(text)?,
            Some(MAX_MEMORY) => {
                self.maxima.memory = Some(Maximum::memory(value, label).map_err(text)?);
            }
            Some(MAX_CPUS) => self.maxima.cpus = Some(Maximum::cpus(value, label).map_err(text)?),
            Some(MAX_PIDS) => self.maxima.pids = Some(Maximum::pids(value, label).map_err(text)?),
            _ => {}
        }
        Ok(())
    }

    /// The rules that the labels make, with the host directories of another label.
    ///
    /// # Errors
    /// Exceptions without the rule from which they are.
    pub(super) fn rules(
        self,
        prefix: &str,
        labels: &BTreeMap<String, String>,
        bind_mounts: Option<BindMounts>,
    ) -> Result<BodyRules, InvalidLabel> {
        let Self { is_safe, exceptions, exceptions_label, images, maxima } = self;
        if let Some(label) = exceptions_label.filter(|_| !is_safe) {
            let reason = format!("it has no effect without {prefix}{SAFE_CREATE}=true");
            return Err(InvalidLabel { label, reason });
        }
        let label = format!("{prefix}{SAFE_CREATE_ALLOW}");
        let how = match labels.contains_key(&label) {
            true => format!("append to the label {label}: ,"),
            false => format!("add the label {label}="),
        };
        let directories = format!("the label {prefix}.allow.bindmountfrom");
        let safe_create = is_safe.then(|| {
            SafeCreate::new(exceptions, how, directories)
                .on_cgroup_version_1(cgroup::is_version_1())
        });
        let bind_mounts = match is_safe {
            true => bind_mounts.map(BindMounts::leaving_others),
            false => bind_mounts,
        };
        let images = match images.is_empty() {
            true => None,
            false => Some(compile(images, prefix, labels)?),
        };
        Ok(BodyRules { bind_mounts, safe_create, images, maxima, ..BodyRules::default() })
    }
}

fn compile(
    images: ImagesDraft,
    prefix: &str,
    labels: &BTreeMap<String, String>,
) -> Result<crate::filter::AllowedImages, InvalidLabel> {
    let name = format!("{prefix}{ALLOW_IMAGE}");
    let numbered = (1..=labels.len()).map(|number| format!("{name}.{number}"));
    let mut free = std::iter::once(name.clone()).chain(numbered);
    let free = free.find(|name| !labels.contains_key(name)).unwrap_or_else(|| name.clone());
    let compiled = images.compile(format!("add the label {free}="));
    compiled.map_err(|error| InvalidLabel { label: name, reason: error.to_string() })
}

/// Which of the known names it is.
fn name(behind: &str) -> Result<Option<&'static str>, String> {
    let end = behind.char_indices().skip(1).find(|(_, c)| *c == '.').map(|(at, _)| at);
    let (first, suffix) = behind.split_at(end.unwrap_or(behind.len()));
    let Some((name, takes_suffixes)) =
        NAMES.into_iter().find(|(name, _)| first.eq_ignore_ascii_case(name))
    else {
        return Ok(None);
    };
    match first == name && (suffix.is_empty() || takes_suffixes) {
        true => Ok(Some(name)),
        false => Err(format!("the label is {name}, in lower case and without a suffix")),
    }
}

fn switch(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("the value is neither true nor false".to_owned()),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
