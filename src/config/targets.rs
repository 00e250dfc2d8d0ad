//! Limits to targets: read from flags and variables, and what defeats them.

use super::Listener;
use super::options::Given;
use super::read::Reader;
use crate::api::Operation;
use crate::filter::targets::TargetLabel;
use crate::filter::{Rules, TargetRules};

/// Operations on images, which belong to nobody.
const OF_IMAGES: [Operation; 6] = [
    Operation::ImageBuild,
    Operation::ImageCreate,
    Operation::ImageTag,
    Operation::ImageLoad,
    Operation::ImageDelete,
    Operation::ImagePrune,
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
            "{}={} contradicts another value for {}, so that nothing could be a target",
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

/// Who creates a container runs code, which reads every environment.
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

/// What a listener's rules allow that defeats its limits.
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
    let rows = [
        (
            open(&[Operation::ContainerCreate, Operation::ContainerExec]),
            "a container or a command with privileges reaches all others",
        ),
        (
            open(&[Operation::Session, Operation::Grpc]),
            "BuildKit's connections are opaque and cannot be limited",
        ),
        (
            open(&OF_IMAGES),
            "images belong to nobody, so that clients can replace or remove those of others",
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
