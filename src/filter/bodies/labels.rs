//! Labels that would grant a container rights at this proxy.
//!
//! Where labels of containers are allowlists, whoever may create a container
//! could grant itself any. A create body that sets such a label is refused. The
//! labels of an image are not in the body: a container inherits them, and only
//! who reads the labels can tell them apart (see the rights per container).

use super::fields::{Node, Refusal, quoted};
use super::json::fold;

/// Refuses create bodies whose labels would grant rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelGuard {
    /// Folded, with everything up to the last dot: `socket-proxy.allow.`.
    prefix: String,
    /// The flag that allows such labels, for messages.
    allowed_by: &'static str,
}

impl LabelGuard {
    /// A guard of the labels `<prefix>.allow.…`; `allowed_by` is the flag that a
    /// refusal names.
    #[must_use]
    pub fn new(prefix: &str, allowed_by: &'static str) -> Self {
        Self { prefix: fold(&format!("{prefix}.allow.")), allowed_by }
    }

    /// Checks the labels of a container or pod, which stand in the field `name`.
    pub(super) fn check(&self, body: &Node<'_>, name: &str) -> Result<(), Refusal> {
        let Some(labels) = body.fields(&[name])?.get(name) else { return Ok(()) };
        for (label, _) in labels.map()?.entries() {
            if fold(label).starts_with(&self.prefix) {
                return Err(format!(
                    "{name} has {}, which would grant rights at this proxy; set {} to allow it",
                    quoted(label),
                    self.allowed_by,
                ));
            }
        }
        Ok(())
    }

    /// Checks the labels of a service's containers.
    pub(super) fn check_service(&self, body: &Node<'_>) -> Result<(), Refusal> {
        let task = body.fields(&["TaskTemplate"])?.get("TaskTemplate");
        let Some(task) = task else { return Ok(()) };
        match task.fields(&["ContainerSpec"])?.get("ContainerSpec") {
            Some(container) => self.check(&container, "Labels"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Tree;
    use super::*;

    fn guard() -> LabelGuard {
        LabelGuard::new("socket-proxy", "-allowlabelgrants")
    }

    fn check(labels: &str, refusal: Option<&str>) {
        let body = format!(r#"{{"Labels":{labels}}}"#);
        let tree = Tree::parse(body.as_bytes()).unwrap();
        let refused = guard().check(&Node::root(&tree), "Labels").err();
        match (&refused, refusal) {
            (Some(refused), Some(refusal)) => {
                assert!(refused.contains(refusal), "{labels}: {refused}")
            }
            _ => assert_eq!(refused.as_deref(), refusal, "{labels}"),
        }
    }

    #[test]
    fn labels_that_grant_rights_are_refused() {
        check(
            r#"{"a":"b","socket-proxy.allow.get":".*"}"#,
            Some(
                "\"socket-proxy.allow.get\", which would grant rights at this proxy; set -allowlabelgrants",
            ),
        );
        check(r#"{"socket-proxy.allow.get.1":null}"#, Some("grant"));
        check(r#"{"socket-proxy.allow.bindmountfrom":"/"}"#, Some("grant"));
        check(r#"{"Socket-Proxy.ALLOW.post":".*"}"#, Some("grant"));
        check(r#"{"\u0073ocket-proxy.allow.get":".*"}"#, Some("grant"));
    }

    #[test]
    fn other_labels_pass() {
        check("null", None);
        check("{}", None);
        check(
            r#"{"com.docker.compose.project":"x","socket-proxy.allow":"1","x.socket-proxy.allow.get":"1"}"#,
            None,
        );
    }

    #[test]
    fn labels_are_an_object() {
        check(r#"["socket-proxy.allow.get=.*"]"#, Some("Labels is not an object"));
        check(r#""x""#, Some("Labels is not an object"));
    }

    #[test]
    fn labels_of_a_services_containers_are_looked_at() {
        let judge =
            |body: &str| guard().check_service(&Node::root(&Tree::parse(body.as_bytes()).unwrap()));
        assert_eq!(judge(r#"{"Labels":{"socket-proxy.allow.get":"x"},"TaskTemplate":{}}"#), Ok(()));
        let labelled =
            r#"{"TaskTemplate":{"ContainerSpec":{"Labels":{"socket-proxy.allow.get":"x"}}}}"#;
        assert!(judge(labelled).is_err());
        assert!(judge(r#"{"TaskTemplate":{"ContainerSpec":{"labels":{}}}}"#).is_err());
    }
}
