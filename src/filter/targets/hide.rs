//! Hidden environments: their places in answers, and the operations that would show
//! them in other ways.

use super::TargetDenial;
use crate::api::{Class, Operation, Subject};
use crate::filter::bodies::query::parameters;
use crate::json::Tree;

/// A place in an answer: names of members, and `*` for every item of an array.
pub(in crate::filter) type Place = &'static [&'static str];

const CONTAINER: &[Place] = &[&["Config", "Env"]];

/// Podman also shows the command line that made the container.
const PODMAN_CONTAINER: &[Place] = &[&["Config", "Env"], &["Config", "CreateCommand"]];

const POD: &[Place] = &[&["CreateCommand"], &["InfraConfig", "Env"]];

const SERVICE: &[Place] = &[
    &["Spec", "TaskTemplate", "ContainerSpec", "Env"],
    &["PreviousSpec", "TaskTemplate", "ContainerSpec", "Env"],
    &["Spec", "TaskTemplate", "PluginSpec", "Env"],
    &["PreviousSpec", "TaskTemplate", "PluginSpec", "Env"],
];

const SERVICES: &[Place] = &[
    &["*", "Spec", "TaskTemplate", "ContainerSpec", "Env"],
    &["*", "PreviousSpec", "TaskTemplate", "ContainerSpec", "Env"],
    &["*", "Spec", "TaskTemplate", "PluginSpec", "Env"],
    &["*", "PreviousSpec", "TaskTemplate", "PluginSpec", "Env"],
];

const TASK: &[Place] = &[&["Spec", "ContainerSpec", "Env"], &["Spec", "PluginSpec", "Env"]];

const TASKS: &[Place] =
    &[&["*", "Spec", "ContainerSpec", "Env"], &["*", "Spec", "PluginSpec", "Env"]];

const PLUGIN: &[Place] = &[&["Settings", "Env"], &["Config", "Env"]];

const PLUGINS: &[Place] = &[&["*", "Settings", "Env"], &["*", "Config", "Env"]];

/// The environments in the answer of an operation.
///
/// # Errors
/// If the operation would show environments in another way: by code in a container, by
/// its files, by its processes. An unknown operation might.
pub(super) fn places(
    operation: Option<Operation>,
    query: Option<&str>,
    flag: &str,
) -> Result<&'static [Place], TargetDenial> {
    let shown = || TargetDenial::ShowsEnv { operation, flag: flag.to_owned() };
    let operation = operation.ok_or_else(shown)?;
    if shows_otherwise(operation) || has_ps_arguments(operation, query) {
        return Err(shown());
    }
    Ok(match operation {
        Operation::ContainerInspect => CONTAINER,
        Operation::ContainerInspectLibpod => PODMAN_CONTAINER,
        Operation::PodInspectLibpod => POD,
        Operation::ServiceInspect => SERVICE,
        Operation::ServiceList => SERVICES,
        Operation::TaskInspect => TASK,
        Operation::TaskList => TASKS,
        Operation::PluginInspect => PLUGIN,
        Operation::PluginList => PLUGINS,
        _ => &[],
    })
}

/// A client that may run code or has the host reads every environment; one that
/// reads a container's files reads `/proc`.
fn shows_otherwise(operation: Operation) -> bool {
    let facts = operation.facts();
    let is_of_container = matches!(
        facts.subject,
        Subject::Container
            | Subject::InQuery(Subject::Container, _)
            | Subject::Pod
            | Subject::Quadlet
    );
    match facts.class {
        Class::Runs | Class::Host => true,
        Class::Files => is_of_container || facts.subject == Subject::Nothing,
        _ => matches!(
            operation,
            Operation::ImageCommit
                | Operation::ImageCommitLibpod
                | Operation::GenerateKubeLibpod
                | Operation::GenerateSystemdLibpod
        ),
    }
}

/// `ps e` prints environments. A query that cannot be read may have it.
fn has_ps_arguments(operation: Operation, query: Option<&str>) -> bool {
    use Operation::{ContainerTop, ContainerTopLibpod, PodTopLibpod};
    let is_top = matches!(operation, ContainerTop | ContainerTopLibpod | PodTopLibpod);
    let names_arguments = || match parameters(query.unwrap_or_default()) {
        Ok(parameters) => parameters.iter().any(|p| p.is("ps_args") && !p.value.is_empty()),
        Err(_) => true,
    };
    is_top && names_arguments()
}

/// Empties the value at a place. An absent value, or `null`, stays so.
pub(super) fn empty(tree: &mut Tree<'_>, place: &[&str]) {
    match (place.split_first(), tree) {
        (_, Tree::Null) => {}
        (None, tree) => *tree = Tree::Array(Vec::new()),
        (Some((&"*", rest)), Tree::Array(items)) => {
            items.iter_mut().for_each(|item| empty(item, rest));
        }
        (Some((name, rest)), Tree::Object(members)) => {
            let named = members.iter_mut().filter(|(key, _)| crate::json::reads_alike(key, name));
            named.for_each(|(_, value)| empty(value, rest));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_environments_are_emptied_and_all_else_is_kept() {
        let text = r#"{"Id":"a","Config":{"Env":["A=b"],"N":1.50,"X":{"b":1,"B":2}},"Env":["C"]}"#;
        let mut tree = Tree::parse_shaped(text.as_bytes(), &crate::json::Shape::Exact).unwrap();
        CONTAINER.iter().for_each(|place| empty(&mut tree, place));
        let expected = r#"{"Id":"a","Config":{"Env":[],"N":1.50,"X":{"b":1,"B":2}},"Env":["C"]}"#;
        assert_eq!(tree.to_string(), expected);
        for (text, places, expected) in [
            (r#"{"Config":{"Env":null}}"#, CONTAINER, r#"{"Config":{"Env":null}}"#),
            (r#"{"Config":null}"#, CONTAINER, r#"{"Config":null}"#),
            (r#"{"config":{"ENV":["A"]}}"#, CONTAINER, r#"{"config":{"ENV":[]}}"#),
            (
                r#"[{"Spec":{"ContainerSpec":{"Env":["A"]}}},{"Spec":1}]"#,
                TASKS,
                r#"[{"Spec":{"ContainerSpec":{"Env":[]}}},{"Spec":1}]"#,
            ),
            (r#"{"Config":{"Env":[{"Name":"A"}]}}"#, PLUGIN, r#"{"Config":{"Env":[]}}"#),
        ] {
            let mut tree = Tree::parse(text.as_bytes()).unwrap();
            places.iter().for_each(|place| empty(&mut tree, place));
            assert_eq!(tree.to_string(), expected);
        }
    }

    #[test]
    fn operations_that_would_show_environments_in_another_way_are_refused() {
        use Operation as O;
        let is_refused = |operation, query| places(Some(operation), query, "-hideenv").is_err();
        for operation in [
            O::ContainerExec,
            O::ExecStart,
            O::ContainerAttach,
            O::ContainerAttachWebsocket,
            O::ContainerArchive,
            O::PutContainerArchive,
            O::ContainerExport,
            O::ContainerCopy,
            O::ContainerCreate,
            O::ImageCommit,
            O::GenerateKubeLibpod,
            O::GenerateSystemdLibpod,
            O::ContainerCheckpointLibpod,
            O::ServiceCreate,
            O::Session,
            O::DebugPprof,
            O::QuadletFileLibpod,
        ] {
            assert!(is_refused(operation, None), "{operation}");
        }
        for operation in [
            O::ContainerList,
            O::ContainerInspect,
            O::ContainerLogs,
            O::ContainerStart,
            O::ImageInspect,
            O::ImageGet,
            O::SystemEvents,
            O::ContainerTop,
        ] {
            assert!(!is_refused(operation, None), "{operation}");
        }
        for query in ["ps_args=e", "a=b&PS_ARGS=axe", "ps%5Fargs=e", "a;ps_args=e", "ps_args=%"] {
            assert!(is_refused(O::ContainerTop, Some(query)), "{query}");
        }
        assert!(!is_refused(O::ContainerTop, Some("ps_args=")));
        assert!(places(None, None, "-hideenv").is_err());
    }
}
