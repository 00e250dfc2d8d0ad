//! Variables of the HAProxy-based Docker proxies, for people who change over.
//!
//! Those proxies (Tecnativa's, linuxserver's) open a section of the API with
//! `CONTAINERS=1` and every method but GET and HEAD with `POST=1`. Such
//! variables have no effect here. An operator who swaps only the image would
//! see every request refused and no reason, so one warning names the flags to
//! use. It comes only while nothing is allowed at all, because names like
//! `INFO` or `VERSION` are common in environments for other reasons.
//!
//! Nothing is ever allowed because of these variables.

use super::compat::{ACTIONS, METHODS, OPEN_SECTIONS, PARTS, SECTIONS};
use crate::api::ENGINE_VERSION;
use crate::http1::Method;

/// Whether a HAProxy-based proxy would act on the variable.
pub(super) fn is_of_haproxy_proxies(name: &str, value: &str) -> bool {
    let is_switch = matches!(value, "0" | "1");
    let action = name.strip_prefix("ALLOW_");
    let is_known = METHODS.iter().any(|(method, _)| *method == name)
        || SECTIONS.iter().any(|(section, _)| *section == name)
        || ACTIONS.iter().any(|(end, _)| action == Some(*end))
        || is_part(name);
    is_switch && is_known
}

/// Whether newer states close a part of containers unless the variable is set.
fn is_part(name: &str) -> bool {
    PARTS.iter().any(|(part, ..)| *part == name)
}

/// One warning with the variables that have the same effect here; nothing if
/// the environment has none of the others'.
pub(super) fn warning(variables: &[(String, String)]) -> Option<String> {
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    // A lone VERSION=1 says nothing about another proxy.
    let is_telling = |name: &&str| !OPEN_SECTIONS.contains(name);
    if !names.iter().any(is_telling) {
        return None;
    }
    let parts = if names.iter().any(|name| is_part(name)) {
        "; docs/migration.md has the patterns for ALLOW_…"
    } else {
        ""
    };
    Some(format!(
        "{} are variables of HAProxy-based proxies and have no effect here, so nothing is \
         allowed; -compat=tecnativa, tecnativa-next or linuxserver honours them. The same rights \
         are written here as: {}{parts}",
        names.join(", "),
        equivalent(variables).join(" ")
    ))
}

fn equivalent(variables: &[(String, String)]) -> Vec<String> {
    let is_set = |name: &str, value: &str| variables.iter().any(|(n, v)| n == name && v == value);
    let is_open_section = |name| match OPEN_SECTIONS.contains(&name) {
        true => !is_set(name, "0"),
        false => is_set(name, "1"),
    };
    let (open, closed): (Vec<_>, Vec<_>) =
        SECTIONS.iter().partition(|(name, _)| OPEN_SECTIONS.contains(name));
    let sections = open.into_iter().chain(closed).filter(|(name, _)| is_open_section(name));
    let sections: Vec<&str> = sections.map(|(_, place)| place.trim_start_matches('/')).collect();
    // Where methods have variables of their own, POST opens POST only.
    let mut others = METHODS.iter().filter(|(_, method)| *method != Method::Post);
    let has_methods = others.any(|(method, _)| variables.iter().any(|(name, _)| name == method));
    let is_open = |method: &&str| match *method {
        "GET" | "HEAD" => true,
        "POST" => is_set("POST", "1"),
        _ if has_methods => is_set(method, "1"),
        // PATCH is left out: neither daemon has it.
        _ => is_set("POST", "1") && *method != "PATCH",
    };
    let methods = ["GET", "HEAD"].into_iter().chain(METHODS.map(|(name, _)| name)).filter(is_open);
    let pattern = format!("{ENGINE_VERSION}/({})(/.*)?", sections.join("|"));
    let mut settings: Vec<String> =
        methods.map(|method| format!("SP_ALLOW_{method}={pattern}")).collect();
    let on = ACTIONS.iter().filter(|(end, _)| is_set(&format!("ALLOW_{end}"), "1"));
    let actions: Vec<&str> = on.flat_map(|(_, verbs)| *verbs).copied().collect();
    if !actions.is_empty() {
        let verbs = actions.join("|");
        settings.push(format!("SP_ALLOW_POST_2={ENGINE_VERSION}/containers/[^/]+/({verbs})"));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Option<&str>) {
        let owned: Vec<(String, String)> = variables
            .iter()
            .filter(|(name, value)| is_of_haproxy_proxies(name, value))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(warning(&owned).as_deref(), expected, "{variables:?}");
    }

    #[test]
    fn the_same_rights_are_spelled_out() {
        check(&[], None);
        check(&[("VERSION", "1"), ("INFO", "debug"), ("CONTAINERS", "yes")], None);
        check(
            &[("CONTAINERS", "1"), ("IMAGES", "0"), ("EVENTS", "0")],
            Some(
                "CONTAINERS, IMAGES, EVENTS are variables of HAProxy-based proxies and have no \
                 effect here, so nothing is allowed; -compat=tecnativa, tecnativa-next or \
                 linuxserver honours them. The same rights are written here as: \
                 SP_ALLOW_GET=(/v[0-9.]+)?/(_ping|version|containers)(/.*)? \
                 SP_ALLOW_HEAD=(/v[0-9.]+)?/(_ping|version|containers)(/.*)?",
            ),
        );
        check(
            &[("POST", "1"), ("ALLOW_RESTARTS", "1"), ("ALLOW_START", "1")],
            Some(
                "POST, ALLOW_RESTARTS, ALLOW_START are variables of HAProxy-based proxies and \
                 have no effect here, so nothing is allowed; -compat=tecnativa, tecnativa-next or \
                 linuxserver honours them. The same rights are written here \
                 as: SP_ALLOW_GET=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_HEAD=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_POST=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_PUT=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_DELETE=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_POST_2=(/v[0-9.]+)?/containers/[^/]+/(start|stop|restart|kill)",
            ),
        );
    }
    #[test]
    fn methods_with_variables_of_their_own_are_not_opened_by_post() {
        check(
            &[("POST", "1"), ("DELETE", "1"), ("PUT", "0"), ("ALLOW_LOGS", "0"), ("LOGS", "1")],
            Some(
                "POST, DELETE, PUT, ALLOW_LOGS are variables of HAProxy-based proxies and have no \
                 effect here, so nothing is allowed; -compat=tecnativa, tecnativa-next or \
                 linuxserver honours them. The same rights are written here as: \
                 SP_ALLOW_GET=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_HEAD=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_POST=(/v[0-9.]+)?/(events|_ping|version)(/.*)? \
                 SP_ALLOW_DELETE=(/v[0-9.]+)?/(events|_ping|version)(/.*)?; \
                 docs/migration.md has the patterns for ALLOW_…",
            ),
        );
    }
}
