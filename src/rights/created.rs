//! Labels about what a container may create: `PREFIX.safecreate` and
//! `PREFIX.safecreateallow`, the latter also with `.1`, `.2`, … behind it.
//!
//! **Invariant:** a name that differs in case only, or that goes on in another way, makes
//! the label one that cannot be used: a restriction that is taken for nothing would leave
//! the rights that it was to take.

use super::labels::InvalidLabel;
use crate::filter::{BindMounts, BodyRules, Exceptions, SafeCreate};
use std::collections::BTreeMap;

/// The label that gives new containers nothing of the host.
const SAFE_CREATE: &str = ".safecreate";

/// The label with exceptions from that; a suffix makes further ones.
const SAFE_CREATE_ALLOW: &str = ".safecreateallow";

/// The names that are known, each of which may have a suffix or not.
const NAMES: [(&str, bool); 2] = [(SAFE_CREATE, false), (SAFE_CREATE_ALLOW, true)];

/// What the labels of one container say.
#[derive(Debug, Default)]
pub(super) struct Created {
    is_safe: bool,
    exceptions: Exceptions,
    /// The last label with exceptions.
    exceptions_label: Option<String>,
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
                let exceptions = Exceptions::parse(value).map_err(|error| error.to_string())?;
                self.exceptions.merge(exceptions);
                self.exceptions_label = Some(label.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// The rules that the labels make, with the host directories of another label.
    /// `is_taken` says of a name whether a label has it.
    ///
    /// # Errors
    /// Exceptions without the rule from which they are.
    pub(super) fn rules(
        self,
        prefix: &str,
        labels: &BTreeMap<String, String>,
        bind_mounts: Option<BindMounts>,
    ) -> Result<BodyRules, InvalidLabel> {
        if let Some(label) = self.exceptions_label.filter(|_| !self.is_safe) {
            let reason = format!("it has no effect without {prefix}{SAFE_CREATE}=true");
            return Err(InvalidLabel { label, reason });
        }
        let label = format!("{prefix}{SAFE_CREATE_ALLOW}");
        let how = match labels.contains_key(&label) {
            true => format!("append to the label {label}: ,"),
            false => format!("add the label {label}="),
        };
        let directories = format!("the label {prefix}.allow.bindmountfrom");
        let safe_create = self.is_safe.then(|| SafeCreate::new(self.exceptions, how, directories));
        let bind_mounts = match &safe_create {
            Some(_) => bind_mounts.map(BindMounts::leaving_others),
            None => bind_mounts,
        };
        Ok(BodyRules { bind_mounts, safe_create, ..BodyRules::default() })
    }
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
        false => Err(format!("it is spelled {name}, in lower case and without more behind it")),
    }
}

fn switch(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("the value is neither true nor false".to_owned()),
    }
}
