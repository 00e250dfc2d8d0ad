//! From a container's labels to its allowlists.
//!
//! `PREFIX.allow.METHOD`, `PREFIX.allow.METHOD.ANYTHING`, `PREFIX.allow.bindmountfrom`
//! and `PREFIX.allow.bindmountsexact`. The part behind `PREFIX.allow.` is
//! case-insensitive, as the Go original reads the first three; an empty value is
//! ignored, as there. `PREFIX.allow` and `PREFIX.deny` have lists of operations; the
//! original does not know them, nor those of [`super::created`] and
//! [`super::targets`].
//!
//! **Invariant:** labels are read whole or not at all: one that cannot be used
//! makes all of them void, rather than give half of the intended rights. That holds
//! for unknown names too (the original skips them): a container whose only label is
//! misspelt would otherwise be taken for one without labels.
//! **Invariant:** all patterns are translated and weighed before the first is
//! compiled.

use super::created::Created;
use crate::advice::named::named_rules;
use crate::filter::rules::{Draft, Rule};
use crate::filter::{Additions, BindMounts, BodyRules, TargetRules};
use crate::http1::Method;
use std::collections::BTreeMap;

/// The name, behind the prefix, of the label that allows operations by name.
const ALLOW: &str = ".allow";

/// The name of the label that denies operations, even if another label allows them.
const DENY: &str = ".deny";

/// The name, behind the prefix, of the label that restricts bind mounts.
const BIND_MOUNT_FROM: &str = "bindmountfrom";

/// The name of the label that lets only these directories themselves be mounted.
const BIND_MOUNTS_EXACT: &str = "bindmountsexact";

/// Limit for the patterns of one container together. A hundred ordinary ones take
/// less than one MiB.
const WEIGHT_MAX: u64 = 4 << 20;

/// The rights in a container's labels, not compiled yet.
#[derive(Debug)]
pub(super) struct Allowlists {
    pub(super) patterns: Draft,
    /// All rules on bodies but for the guard of labels.
    pub(super) bodies: BodyRules,
    pub(super) targets: TargetRules,
    pub(super) additions: Additions,
}

/// A label that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidLabel {
    pub(super) label: String,
    /// The mistake, in a sentence.
    pub(super) reason: String,
}

/// Reads labels; `None` if none of them is about rights.
///
/// # Errors
/// The first label, in the order of their names, that cannot be used.
pub(super) fn read(
    prefix: &str,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Allowlists>, InvalidLabel> {
    let (mut patterns, mut bind_mounts) = (Draft::new(WEIGHT_MAX), None);
    let (mut exact, mut created): (Option<&str>, _) = (None, Created::default());
    let targets = super::targets::read(prefix, labels)?;
    for (label, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        let invalid = |reason| InvalidLabel { label: label.clone(), reason };
        let named = || named_rules(value, label).map_err(|word| invalid(word.to_string()));
        match label.strip_prefix(prefix) {
            Some(ALLOW) => {
                named()?
                    .into_iter()
                    .for_each(|(operations, rule)| patterns.allow(operations, rule));
            }
            Some(behind) if is_denial(behind) => {
                if !behind.eq_ignore_ascii_case(DENY) {
                    return Err(invalid(format!("denials have a single label, {prefix}{DENY}")));
                }
                named()?.into_iter().for_each(|(operations, rule)| patterns.deny(operations, rule));
            }
            Some(behind) => created.read(behind, label, value).map_err(invalid)?,
            None => {}
        }
        let Some(name) = name_behind(prefix, label) else { continue };
        let first = name.split('.').next().unwrap_or_default();
        if let Some(method) = method(first) {
            let rule = Rule { written: value.clone(), origin: label.clone() };
            let added = patterns.add(method, rule);
            added.map_err(|error| invalid(error.to_string()))?;
        } else if name.eq_ignore_ascii_case(BIND_MOUNT_FROM) {
            let directories =
                BindMounts::parse(value).map_err(|error| invalid(error.to_string()))?;
            bind_mounts = Some(directories.written_in(format!("the label {label}")));
        } else if name.eq_ignore_ascii_case(BIND_MOUNTS_EXACT) {
            match value.to_ascii_lowercase().as_str() {
                "true" | "1" => exact = Some(label),
                "false" | "0" => {}
                _ => return Err(invalid("the value is neither true nor false".to_owned())),
            }
        } else {
            return Err(invalid(format!("neither a method nor {BIND_MOUNT_FROM} is named")));
        }
    }
    bind_mounts = match (bind_mounts, exact) {
        (None, Some(label)) => {
            let reason = format!("it restricts nothing without {BIND_MOUNT_FROM}");
            return Err(InvalidLabel { label: label.to_owned(), reason });
        }
        (mounts, exact) => mounts.map(|mounts: BindMounts| mounts.exactly(exact.is_some())),
    };
    let bodies = created.rules(prefix, labels, bind_mounts)?;
    if patterns.is_empty() && bodies.is_empty() && targets.is_empty() {
        return Ok(None);
    }
    Ok(Some(Allowlists { patterns, bodies, targets, additions: additions(prefix, labels) }))
}

/// For each method the first label that the container does not have.
fn additions(prefix: &str, labels: &BTreeMap<String, String>) -> Additions {
    let is_taken = |name: &String| labels.keys().any(|label| label.eq_ignore_ascii_case(name));
    let free = |method: Method| {
        let plain = format!("{prefix}.allow.{}", method.as_str().to_ascii_lowercase());
        let numbered = (1..=labels.len()).map(|number| format!("{plain}.{number}"));
        std::iter::once(plain.clone()).chain(numbered).find(|name| !is_taken(name))
    };
    let patterns = Method::ALL.into_iter().filter_map(|method| Some((method, free(method)?)));
    let label = format!("{prefix}{ALLOW}");
    let names = match labels.contains_key(&label) {
        true => format!("append to the label {label}: ,"),
        false => format!("add the label {label}="),
    };
    Additions { patterns: patterns.collect(), names, ..Additions::default() }
}

/// Whether a name behind the prefix is that of a denial, or begins with it and a dot:
/// one that is ignored would leave the rights that it was meant to take away.
fn is_denial(behind: &str) -> bool {
    let first = behind.strip_prefix('.').and_then(|name| name.split('.').next());
    first.is_some_and(|first| first.eq_ignore_ascii_case(&DENY[1..]))
}

fn name_behind<'a>(prefix: &str, label: &'a str) -> Option<&'a str> {
    label.strip_prefix(prefix)?.strip_prefix(".allow.")
}

fn method(name: &str) -> Option<Method> {
    Method::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        rows.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    }

    /// All that the labels allow, in words.
    fn shown(prefix: &str, rows: &[(&str, &str)]) -> String {
        match read(prefix, &labels(rows)) {
            Ok(None) => "none".to_owned(),
            Ok(Some(allowed)) => {
                let rules = allowed.patterns.compile().unwrap();
                let patterns = rules.patterns();
                let mut words: Vec<String> =
                    patterns.map(|(method, rule)| format!("{method} {}", rule.written)).collect();
                words.extend(rules.named().map(|(operation, _)| operation.name().to_owned()));
                words.extend(
                    rules.denied().map(|(operation, _)| format!("not {}", operation.name())),
                );
                words.extend(allowed.bodies.bind_mounts.map(|mounts| format!("from {mounts}")));
                let images = allowed.bodies.images.iter().flat_map(|images| images.patterns());
                words.extend(images.map(|pattern| format!("of {pattern}")));
                let maxima = allowed.bodies.maxima;
                words.extend(
                    [maxima.memory, maxima.cpus, maxima.pids]
                        .iter()
                        .flatten()
                        .map(|maximum| maximum.to_string()),
                );
                words.extend(allowed.bodies.safe_create.map(|safe| {
                    let items = safe.exceptions().items().map(ToString::to_string);
                    format!("safely, but {}", items.collect::<Vec<_>>().join(", "))
                }));
                words.extend(
                    allowed.targets.labels.iter().map(|label| format!("only {}", label.pair())),
                );
                words.extend(allowed.targets.hides_env.map(|_| "no env".to_owned()));
                words.join("; ")
            }
            Err(error) => format!("invalid {}", error.label),
        }
    }

    fn check(rows: &[(&str, &str)], expected: &str) {
        assert_eq!(shown("socket-proxy", rows), expected, "{rows:?}");
    }

    #[test]
    fn methods_are_named_in_any_case_and_may_be_numbered() {
        check(&[("socket-proxy.allow.get", "/info")], "GET /info");
        check(&[("socket-proxy.allow.GET", "/info")], "GET /info");
        check(&[("socket-proxy.allow.Get.x.y", "/info")], "GET /info");
        check(
            &[
                ("socket-proxy.allow.get", "/info"),
                ("socket-proxy.allow.get.1", "/version"),
                ("socket-proxy.allow.head", "/_ping"),
            ],
            "GET /info; GET /version; HEAD /_ping",
        );
    }

    #[test]
    fn a_further_pattern_gets_a_label_that_the_container_does_not_have() {
        let rows = [
            ("socket-proxy.allow.post", "socket-proxy.allow.get"),
            ("socket-proxy.allow.get", "socket-proxy.allow.get.1"),
            ("socket-proxy.allow.GET", "socket-proxy.allow.get.1"),
            ("socket-proxy.allow.get.1", "socket-proxy.allow.get"),
        ];
        for (label, expected) in rows {
            let read = read("socket-proxy", &labels(&[(label, "/info")])).unwrap().unwrap();
            let get = read.additions.patterns.iter().find(|(method, _)| *method == Method::Get);
            assert_eq!(get.unwrap().1, expected, "{label}");
        }
    }

    #[test]
    fn bind_mounts_can_be_restricted_with_and_without_rules() {
        check(&[("socket-proxy.allow.bindmountfrom", "/home, /var/log/")], "from /home, /var/log");
        check(
            &[
                ("socket-proxy.allow.BindMountFrom", "/home"),
                ("socket-proxy.allow.post", "/containers/create"),
            ],
            "POST /containers/create; from /home",
        );
    }

    #[test]
    fn bind_mounts_can_be_exact() {
        let from = ("socket-proxy.allow.bindmountfrom", "/home");
        let read = |value: &str| {
            let rows = [from, ("socket-proxy.allow.bindMountsExact", value)];
            let allowed = read("socket-proxy", &labels(&rows)).unwrap().unwrap();
            allowed.bodies.bind_mounts.unwrap().is_exact()
        };
        assert!(read("true") && read("True") && read("1"));
        assert!(!read("false") && !read("0") && !read(""));
        let exact = ("socket-proxy.allow.bindmountsexact", "true");
        check(&[exact], "invalid socket-proxy.allow.bindmountsexact");
        check(
            &[from, ("socket-proxy.allow.bindmountsexact", "yes")],
            "invalid socket-proxy.allow.bindmountsexact",
        );
    }

    #[test]
    fn what_a_container_creates_can_be_safe() {
        let safe = ("socket-proxy.safecreate", "true");
        check(&[safe], "safely, but ");
        check(
            &[
                ("socket-proxy.allow", "ContainerCreate"),
                safe,
                ("socket-proxy.safecreateallow", "gpus, capadd:SYS_PTRACE"),
                ("socket-proxy.safecreateallow.1", "network:host"),
            ],
            "ContainerCreate; safely, but capadd:SYS_PTRACE, gpus, network:host",
        );
        let allow = ("socket-proxy.allow", "all");
        check(&[allow, ("socket-proxy.safecreate", "")], &shown("socket-proxy", &[allow]));
        check(&[allow, ("socket-proxy.safecreate", "False")], &shown("socket-proxy", &[allow]));
        for (label, value) in [
            ("socket-proxy.safecreate", "yes"),
            ("socket-proxy.allowimage", "busybox"),
            ("socket-proxy.AllowImage", "a"),
            ("socket-proxy.maxmemory", "0"),
            ("socket-proxy.maxmemory", "512x"),
            ("socket-proxy.maxcpus", "-1"),
            ("socket-proxy.maxpids", "1.5"),
            ("socket-proxy.maxpids.1", "1"),
            ("socket-proxy.SafeCreate", "true"),
            ("socket-proxy.safecreate.1", "true"),
            ("socket-proxy.safecreateAllow", "gpus"),
            ("socket-proxy.safecreateallow", "gpu"),
            ("socket-proxy.safecreateallow", "gpus"),
        ] {
            check(&[allow, (label, value)], &format!("invalid {label}"));
        }
    }

    #[test]
    fn images_and_limits_are_labels_too() {
        check(
            &[
                ("socket-proxy.allowimage", "ghcr.io/a/.*"),
                ("socket-proxy.allowimage.x", "ghcr.io/b/.*"),
                ("socket-proxy.maxmemory", "512m"),
                ("socket-proxy.maxcpus", "1.5"),
                ("socket-proxy.maxpids", "256"),
            ],
            "of ghcr.io/a/.*; of ghcr.io/b/.*; socket-proxy.maxmemory=512m; \
             socket-proxy.maxcpus=1.5; socket-proxy.maxpids=256",
        );
    }

    #[test]
    fn other_labels_and_empty_ones_grant_nothing() {
        check(&[], "none");
        check(&[("com.docker.compose.project", "x")], "none");
        check(&[("socket-proxy.allow2", ".*")], "none");
        check(&[("Socket-Proxy.allow.get", ".*")], "none");
        check(&[("socket-proxy.ALLOW.get", ".*")], "none");
        check(&[("x.socket-proxy.allow.get", ".*")], "none");
        check(&[("socket-proxy2.allow.get", ".*")], "none");
        check(&[("socket-proxy.allow.get", "")], "none");
        check(&[("socket-proxy.allow.nonsense", "")], "none");
    }

    #[test]
    fn operations_are_allowed_and_denied_by_name() {
        check(&[("socket-proxy.allow", "SystemPing, SystemInfo")], "SystemInfo; SystemPing");
        check(
            &[("socket-proxy.allow", "SystemPing"), ("socket-proxy.deny", "SystemInfo")],
            "SystemPing; not SystemInfo",
        );
        // Not taken for a container without labels, which has the listener's rights.
        check(&[("socket-proxy.deny", "SystemPing")], "not SystemPing");
        check(&[("socket-proxy.DENY", "SystemPing")], "not SystemPing");
        check(&[("socket-proxy.denying", "SystemPing")], "none");
    }

    #[test]
    fn a_list_that_says_nothing_voids_all() {
        for name in ["socket-proxy.allow", "socket-proxy.deny"] {
            for value in [",", " ", " , ,"] {
                check(&[(name, value)], &format!("invalid {name}"));
            }
            check(&[(name, "nonsense")], &format!("invalid {name}"));
        }
        for name in ["socket-proxy.deny.exec", "socket-proxy.Deny.1", "socket-proxy.deny."] {
            check(&[("socket-proxy.allow", "all"), (name, "exec")], &format!("invalid {name}"));
        }
    }

    #[test]
    fn targets_are_limits_and_never_rights() {
        check(&[("socket-proxy.target", "a=b")], "only a=b");
        check(
            &[
                ("socket-proxy.allow", "SystemPing"),
                ("socket-proxy.target", "a=b=c"),
                ("socket-proxy.Target.2", "d=e"),
                ("socket-proxy.hideenv", "true"),
            ],
            "SystemPing; only d=e; only a=b=c; no env",
        );
        check(&[("socket-proxy.hideenv", "false")], "none");
        for name in ["targets", "targetlabel", "hideenv.1", "hide-env"] {
            let label = format!("socket-proxy.{name}");
            check(&[(&label, "true=1")], &format!("invalid {label}"));
        }
        let allow = ("socket-proxy.allow", "all");
        for value in ["", "a", "=b", "a=", "name=x"] {
            let target = ("socket-proxy.target", value);
            check(&[allow, target], "invalid socket-proxy.target");
        }
        check(
            &[("socket-proxy.target", "a=b"), ("socket-proxy.target.1", "a=c")],
            "invalid socket-proxy.target.1",
        );
        check(&[allow, ("socket-proxy.hideenv", "")], "invalid socket-proxy.hideenv");
    }

    #[test]
    fn another_prefix_is_taken_literally() {
        let rows = [("a.b.allow.get", "/x"), ("socket-proxy.allow.get", "/y")];
        assert_eq!(shown("a.b", &rows), "GET /x");
        assert_eq!(shown("a.", &rows), "none");
    }

    #[test]
    fn patterns_are_weighed_together_before_any_is_compiled() {
        let rows: Vec<(String, String)> = (0..300)
            .map(|n| (format!("socket-proxy.allow.get.{n:03}"), r"/\pL{400}".to_owned()))
            .collect();
        let error = read("socket-proxy", &rows.into_iter().collect()).unwrap_err();
        assert_eq!(error.label, "socket-proxy.allow.get.000");
        assert!(error.reason.ends_with("it would take more than 4 MiB when compiled"));
        let rows =
            (0..300).map(|n| (format!("socket-proxy.allow.get.{n:03}"), r"/\pL{20}".to_owned()));
        let error = read("socket-proxy", &rows.collect()).unwrap_err();
        assert_eq!(error.label, "socket-proxy.allow.get.003", "{error:?}");
        assert!(error.reason.contains("with the patterns before it"), "{error:?}");
    }

    #[test]
    fn one_invalid_label_voids_all() {
        let good = ("socket-proxy.allow.get", "/info");
        check(&[good, ("socket-proxy.allow.head", "(")], "invalid socket-proxy.allow.head");
        check(&[good, ("socket-proxy.allow.get.2", "a**")], "invalid socket-proxy.allow.get.2");
        check(&[good, ("socket-proxy.allow.gett", "/x")], "invalid socket-proxy.allow.gett");
        check(&[good, ("socket-proxy.allow.", "/x")], "invalid socket-proxy.allow.");
        check(
            &[good, ("socket-proxy.allow.bindmountfrom", "home")],
            "invalid socket-proxy.allow.bindmountfrom",
        );
        check(
            &[good, ("socket-proxy.allow.bindmountfrom.1", "/home")],
            "invalid socket-proxy.allow.bindmountfrom.1",
        );
    }
}
