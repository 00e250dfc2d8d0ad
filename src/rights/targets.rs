//! Labels that limit a container's rights: `PREFIX.target`, also with `.1`, `.2`, … behind
//! it, and `PREFIX.hideenv`.
//!
//! **Invariant:** a label whose name resembles one of these makes all labels void, and
//! so does an empty value: if ignored, each would leave rights that it was meant to
//! take away.

use super::labels::InvalidLabel;
use crate::filter::TargetRules;
use crate::filter::targets::TargetLabel;
use std::collections::BTreeMap;

/// The label that limits to targets.
const TARGET: &str = ".target";

/// The label that hides environments.
const HIDE_ENV: &str = ".hideenv";

/// Reads the limits of a container.
///
/// # Errors
/// The first label that cannot be used.
pub(super) fn read(
    prefix: &str,
    labels: &BTreeMap<String, String>,
) -> Result<TargetRules, InvalidLabel> {
    let mut targets = TargetRules::default();
    for (label, value) in labels {
        let invalid =
            |reason: &str| InvalidLabel { label: label.clone(), reason: reason.to_owned() };
        let Some(behind) = label.strip_prefix(prefix).map(str::to_ascii_lowercase) else {
            continue;
        };
        if is_target(&behind) {
            let read = TargetLabel::parse(value, label);
            targets.labels.push(read.map_err(|error| invalid(&error.to_string()))?);
        } else if behind == HIDE_ENV {
            match value.to_ascii_lowercase().as_str() {
                "true" | "1" => targets.hides_env = Some(label.clone()),
                "false" | "0" => {}
                _ => return Err(invalid("the value is neither true nor false")),
            }
        } else if behind.starts_with(TARGET) || behind.replace('-', "").starts_with(HIDE_ENV) {
            return Err(invalid(
                "the labels of limits are target, target.1 and so on, and hideenv",
            ));
        }
    }
    match targets.contradiction() {
        None => Ok(targets),
        Some(label) => Err(InvalidLabel {
            label: label.origin.clone(),
            reason: format!("another label gives {} a different value", label.key),
        }),
    }
}

fn is_target(behind: &str) -> bool {
    behind.strip_prefix(TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
