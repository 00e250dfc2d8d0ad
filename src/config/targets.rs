//! Limits to targets: reads them from flags and variables, and finds rules that defeat them.

use super::Listener;
use super::options::Given;
use super::read::Reader;
use crate::api::Operation;
use crate::filter::targets::TargetLabel;
use crate::filter::{Rules, TargetRules};

/// Operations that give the host away, and with it all containers.
const UNSAFE: [Operation; 5] = [
    Operation::ContainerCreate,
    Operation::ContainerExec,
    Operation::NetworkCreate,
    Operation::VolumeCreate,
    Operation::ImageCreate,
];

/// Operations on images, which belong to nobody. A pull takes its content from a
/// registry; an import, which -safecreate refuses, from the client.
const OF_IMAGES: [Operation; 6] = [
    Operation::ImageBuild,
    Operation::ImageTag,
    Operation::ImageLoad,
    Operation::ImageDelete,
    Operation::ImagePrune,
    Operation::ImageCommit,
];

/// Reads the limits of a listener. Fails where they contradict themselves or its rules.
pub(super) fn rules(
    reader: &mut Reader,
    given: &Given,
    rules: Option<&Rules>,
    listener: &str,
) -> Option<TargetRules> {
    let labels = reader.all(&given.targetlabel, |value| {
        TargetLabel::parse(&value.text, &value.name).map_err(|error| error.to_string())
    });
    let hides_env = reader.switch(&given.hideenv)?;
    let flag = given.hideenv.values.last().map(|value| value.name.clone());
    let targets = TargetRules { labels: labels?, hides_env: flag.filter(|_| hides_env) };
    if let Some(label) = targets.contradiction() {
        reader.complain(format!(
            "{}={} contradicts another value for {}, so nothing can be a target",
            label.origin,
            label.pair(),
            label.key
        ));
    }
    if let (Some(flag), Some(rules)) = (&targets.hides_env, rules) {
        complain_of_creates(reader, rules, flag, &given.deny.option.flag_for(listener));
    }
    Some(targets)
}

/// A client that creates a container runs code, which reads every environment.
fn complain_of_creates(reader: &mut Reader, rules: &Rules, flag: &str, deny: &str) {
    let creates = [Operation::ContainerCreate, Operation::ContainerCreateLibpod];
    let named = rules.named().filter(|(operation, _)| creates.contains(operation));
    let named: Vec<_> = named.collect();
    let Some((_, rule)) = named.first() else { return };
    let names: Vec<&str> = named.iter().map(|(operation, _)| operation.name()).collect();
    let names = names.join(",");
    reader.complain(format!(
        "{flag} hides environments, and {}={} allows {names}, which would show them; leave one of \
         them out, or add {deny}={names}",
        rule.origin, rule.written
    ));
}

/// Warnings about rules of a listener that defeat its limits.
pub(super) fn warnings(listener: &Listener) -> Vec<String> {
    let Some(label) = listener.policy.targets().labels.first() else { return Vec::new() };
    let rules = listener.policy.rules();
    let open = |operations: &[Operation]| {
        let names: Vec<&str> = operations
            .iter()
            .filter(|operation| opens(rules, **operation))
            .map(|operation| operation.name())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let is_safe = listener.policy.bodies().safe_create.is_some();
    let unsafely = |operations| if is_safe { None } else { open(operations) };
    let rows = [
        (
            unsafely(&UNSAFE),
            "without -safecreate they reach all others, by privileges, mounts, bridges and imports",
        ),
        (
            open(&[Operation::Session, Operation::Grpc]),
            "BuildKit's connections are opaque and cannot be limited",
        ),
        (
            open(&OF_IMAGES),
            "images have no owner, so clients can replace or remove those of others",
        ),
    ];
    let title = listener.title();
    let warning = |(names, why): (Option<String>, &str)| {
        Some(format!("{title} has {} and allows {}: {why}", label.origin, names?))
    };
    rows.into_iter().filter_map(warning).collect()
}

/// Whether a path of the operation passes, with a version or without.
fn opens(rules: &Rules, operation: Operation) -> bool {
    operation.facts().routes.iter().any(|route| {
        let path: String = route
            .template
            .pieces()
            .map(|piece| match piece {
                crate::api::Piece::Literal(text) => text,
                crate::api::Piece::Segment(_) | crate::api::Piece::Span(_) => "x",
            })
            .collect();
        ["", "/v1.51"]
            .iter()
            .any(|version| rules.judge(route.method, &format!("{version}{path}")).is_allowed())
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Invocation};

    fn read(flags: &[&str]) -> Result<Config, String> {
        let arguments = flags.iter().map(Into::into);
        match Config::from_args_and_env(arguments, []) {
            Ok(Invocation::Run(config)) => Ok(*config),
            Ok(_) => Err("another call".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The warnings about targets.
    fn warned(flags: &[&str]) -> Vec<String> {
        let warnings = read(&[flags, &["-targetlabel=a=b"]].concat()).unwrap().warnings;
        warnings.into_iter().filter(|warning| warning.contains("-targetlabel")).collect()
    }

    #[test]
    fn what_defeats_targets_is_named_at_start() {
        assert_eq!(warned(&["-allow=ContainerList,ContainerStop"]), [""; 0]);
        let [create] = &warned(&["-allow=ContainerCreate,ContainerExec"])[..] else { panic!() };
        assert!(create.contains("allows ContainerCreate, ContainerExec: without -safecreate"));
        assert_eq!(warned(&["-allow=ContainerCreate", "-safecreate"]), [""; 0]);
        let [create] = &warned(&["-allowPOST=/v1\\.51/volumes/.*"])[..] else { panic!() };
        assert!(create.contains("VolumeCreate"), "{create}");
        let [images] = &warned(&["-allow=ImageTag,ImageCommit"])[..] else { panic!() };
        assert!(images.contains("ImageTag, ImageCommit: images have no owner"), "{images}");
        let [buildkit] = &warned(&["-allow=Session,Grpc"])[..] else { panic!() };
        assert!(buildkit.contains("BuildKit"), "{buildkit}");
    }

    #[test]
    fn limits_that_contradict_themselves_or_the_rules_are_errors() {
        for (flags, part) in [
            (&["-targetlabel=a=b", "-targetlabel=a=c"][..], "contradicts another value for a"),
            (&["-targetlabel="], "it has no ="),
            (&["-targetlabel=a="], "the value is empty"),
            (&["-targetlabel=name=x"], "the key is an attribute of events"),
            (&["-hideenv", "-allow=ContainerCreate"], "-deny=ContainerCreate"),
            (&["-hideenv", "-allow=all"], "-deny=ContainerCreate,ContainerCreateLibpod"),
        ] {
            let error = read(flags).map(drop).unwrap_err();
            assert!(error.contains(part), "{flags:?}: {error}");
        }
        for flags in [
            &["-targetlabel=a=b", "-targetlabel=a=b", "-targetlabel=c=d"][..],
            &["-hideenv", "-allow=all", "-deny=ContainerCreate,ContainerCreateLibpod"],
            &["-hideenv", "-allowPOST=/containers/create"],
        ] {
            assert!(read(flags).is_ok(), "{flags:?}: {:?}", read(flags).map(drop));
        }
    }

    #[test]
    fn an_empty_variable_does_not_take_a_limit_away() {
        let read = |name: &str, value: &str| {
            Config::from_args_and_env([], [(name.into(), value.into())]).map(drop)
        };
        for name in ["SP_TARGETLABEL", "SP_TARGETLABEL_2", "SP_LISTEN_WEB_TARGETLABEL"] {
            let error = read(name, "").unwrap_err().to_string();
            assert!(error.contains("is empty, and would limit nothing"), "{error}");
        }
        assert!(read("SP_TARGETLABEL_2", "a=b").is_ok());
    }
}
