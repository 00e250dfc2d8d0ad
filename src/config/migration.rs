//! Variables of the HAProxy-based Docker proxies, for people who change over.
//!
//! Those proxies (Tecnativa's, linuxserver's) open a section of the API with
//! `CONTAINERS=1` and every method but GET and HEAD with `POST=1`. Such
//! variables have no effect here. Somebody who swaps only the image would see
//! every request refused and no reason; so one warning says what to write
//! instead. It comes only while nothing is allowed at all, because names like
//! `INFO` or `VERSION` also stand in environments for other reasons.
//!
//! Nothing is ever allowed because of these variables.

use crate::api::ENGINE_VERSION;

/// Sections that are open there unless they are closed, and their paths.
const OPEN_SECTIONS: [(&str, &str); 3] =
    [("EVENTS", "events"), ("PING", "_ping"), ("VERSION", "version")];

/// Sections that are closed there unless they are opened; the path is the name
/// in lower case.
const CLOSED_SECTIONS: [&str; 20] = [
    "AUTH",
    "BUILD",
    "COMMIT",
    "CONFIGS",
    "CONTAINERS",
    "DISTRIBUTION",
    "EXEC",
    "GRPC",
    "IMAGES",
    "INFO",
    "NETWORKS",
    "NODES",
    "PLUGINS",
    "SECRETS",
    "SERVICES",
    "SESSION",
    "SWARM",
    "SYSTEM",
    "TASKS",
    "VOLUMES",
];

/// Single actions on containers, and the verbs that they open.
const ACTIONS: [(&str, &str); 5] = [
    ("ALLOW_START", "start"),
    ("ALLOW_STOP", "stop"),
    ("ALLOW_RESTARTS", "stop|restart|kill"),
    ("ALLOW_PAUSE", "pause"),
    ("ALLOW_UNPAUSE", "unpause"),
];

/// Variables of newer states of those proxies, which are told apart by them: where
/// methods have variables of their own, `POST` opens POST only.
const METHODS: [&str; 3] = ["PUT", "PATCH", "DELETE"];
/// Parts of containers that newer states close unless the variable is set.
const PARTS: [&str; 8] = [
    "ALLOW_ARCHIVE",
    "ALLOW_ATTACH",
    "ALLOW_CHANGES",
    "ALLOW_EXEC",
    "ALLOW_EXPORT",
    "ALLOW_KILL",
    "ALLOW_LOGS",
    "ALLOW_TOP",
];

/// Whether a HAProxy-based proxy would act on the variable.
pub(super) fn is_of_haproxy_proxies(name: &str, value: &str) -> bool {
    let is_switch = matches!(value, "0" | "1");
    let is_known = name == "POST"
        || CLOSED_SECTIONS.contains(&name)
        || OPEN_SECTIONS.iter().any(|(section, _)| *section == name)
        || ACTIONS.iter().any(|(action, _)| *action == name)
        || METHODS.contains(&name)
        || PARTS.contains(&name);
    is_switch && is_known
}

/// One warning with the variables that have the same effect here; nothing if
/// the environment has none of the others'.
pub(super) fn warning(variables: &[(String, String)]) -> Option<String> {
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    // A lone VERSION=1 says nothing about another proxy.
    let is_telling = |name: &&str| *name == "POST" || !OPEN_SECTIONS.iter().any(|(s, _)| s == name);
    if !names.iter().any(is_telling) {
        return None;
    }
    let parts = if names.iter().any(|name| PARTS.contains(name)) {
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
    let open = OPEN_SECTIONS.iter().filter(|(name, _)| !is_set(name, "0"));
    let opened = CLOSED_SECTIONS.iter().filter(|name| is_set(name, "1"));
    let sections: Vec<String> = open
        .map(|(_, path)| (*path).to_owned())
        .chain(opened.map(|name| name.to_ascii_lowercase()))
        .collect();
    let has_methods = variables.iter().any(|(name, _)| METHODS.contains(&name.as_str()));
    let is_open = |method: &&str| match *method {
        "GET" | "HEAD" => true,
        "POST" => is_set("POST", "1"),
        _ if has_methods => is_set(method, "1"),
        // PATCH is left out: neither daemon has it.
        _ => is_set("POST", "1") && *method != "PATCH",
    };
    let methods = ["GET", "HEAD", "POST"].into_iter().chain(METHODS).filter(is_open);
    let pattern = format!("{ENGINE_VERSION}/({})(/.*)?", sections.join("|"));
    let mut settings: Vec<String> =
        methods.map(|method| format!("SP_ALLOW_{method}={pattern}")).collect();
    let actions: Vec<&str> =
        ACTIONS.iter().filter(|(name, _)| is_set(name, "1")).map(|(_, verbs)| *verbs).collect();
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
