//! Guards against fields that would grant a container rights at this proxy that
//! it should not have: labels, and other containers' addresses.
//! Where labels of containers are allowlists, a client that may create containers
//! could grant its own any. So the guard refuses
//!
//! - labels with the prefix in bodies that create containers;
//! - the network namespace of another container, of a pod, of a path or of the
//!   host: rights follow addresses, and it has theirs;
//! - builds whose RUN steps could reach the proxy: the classic builder's have the
//!   labels of the Dockerfile, on any network that the query names. BuildKit's
//!   (`version=2`) have no labels, and of networks only the default one, none or
//!   the host's.
//!
//! The labels of an image are not in the body: a container inherits them, and
//! only the reader of the labels can tell them apart (see the rights per
//! container). BuildKit's `/grpc` and `/session` are opaque.

use super::query::parameters;
use super::read::{Container, Map, Service, Spec};
use super::refusal::{Fault, Refusal};
use crate::json::fold;

/// Network modes that Podman reads, and that share no namespace, although a `:`
/// is in them.
const OWN_NETWORK: &str = "bridge:";

/// Podman's names for network namespaces that are a container's own.
const OWN_NAMESPACES: [&str; 5] = ["", "default", "private", "bridge", "none"];

/// Refuses create bodies whose labels would grant rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelGuard {
    /// Folded, without the last dot: `socket-proxy.allow`.
    prefix: String,
    /// The flag that allows such labels, for messages.
    allowed_by: &'static str,
}

impl LabelGuard {
    /// A guard of the labels `<prefix>.allow.…`; `allowed_by` is the flag that a
    /// refusal names.
    #[must_use]
    pub fn new(prefix: &str, allowed_by: &'static str) -> Self {
        Self { prefix: fold(&format!("{prefix}.allow")), allowed_by }
    }

    /// Checks a body of containers create, or of containers start where it has
    /// one. Engines read fields of `HostConfig` at the top level, too.
    pub(super) fn check_container(&self, container: &Container<'_>) -> Result<(), Refusal> {
        self.check("Labels", container.labels()?.as_ref())?;
        let places = ["NetworkMode", "HostConfig.NetworkMode"];
        for (place, host_config) in places.iter().zip(container.host_configs()?) {
            self.check_mode(place, host_config.network_mode()?)?;
        }
        Ok(())
    }

    /// Checks Podman's own spec of a container or a pod.
    pub(super) fn check_spec(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        self.check("labels", spec.labels()?.as_ref())?;
        match spec.pod()?.map_or(Ok(""), |pod| pod.text())? {
            "" => {}
            pod => return Err(self.shares("pod", pod)),
        }
        let Some(network) = spec.network_namespace()? else { return Ok(()) };
        network.check_spelling()?;
        match network.mode()? {
            mode if OWN_NAMESPACES.contains(&mode) => Ok(()),
            mode => Err(self.shares("netns.nsmode", mode)),
        }
    }

    /// Checks the query of a build.
    pub(super) fn check_build(&self, path: &str, query: &str) -> Result<(), Refusal> {
        // Podman looks for its own tree in path and query together.
        let is_libpod =
            path.split('/').any(|segment| segment == "libpod") || query.contains("/libpod");
        match is_apart(query, is_libpod) {
            true => Ok(()),
            false => {
                Err(Refusal::new("the build", Fault::ReachingBuild { allowed_by: self.allowed_by }))
            }
        }
    }

    /// Anything with a `:` in it may name a namespace. Podman takes lists.
    fn check_mode(&self, place: &str, mode: &str) -> Result<(), Refusal> {
        let folded = fold(mode.trim());
        let names_one = folded.contains([':', '/']) && !folded.starts_with(OWN_NETWORK);
        match names_one || mode.split(',').any(shares_the_hosts) {
            true => Err(self.shares(place, mode)),
            false => Ok(()),
        }
    }

    fn shares(&self, place: &str, mode: &str) -> Refusal {
        Refusal::new(
            place,
            Fault::SharedNetwork { mode: mode.to_owned(), allowed_by: self.allowed_by },
        )
    }

    /// Checks labels at a place.
    fn check(&self, place: &str, labels: Option<&Map<'_>>) -> Result<(), Refusal> {
        let mut keys = labels.into_iter().flat_map(Map::entries).map(|(label, _)| label);
        match keys.find(|label| self.grants(label)) {
            Some(label) => {
                let (label, allowed_by) = (label.to_owned(), self.allowed_by);
                Err(Refusal::new(place, Fault::GrantingLabel { label, allowed_by }))
            }
            None => Ok(()),
        }
    }

    /// Whether a label is `<prefix>.allow` or begins with it and a dot. Podman ends
    /// the name of a label at a `=` in it.
    fn grants(&self, label: &str) -> bool {
        let folded = fold(label);
        let behind = folded.strip_prefix(&self.prefix);
        behind.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '=']))
    }

    /// Checks the labels of a service's containers.
    pub(super) fn check_service(&self, service: &Service<'_>) -> Result<(), Refusal> {
        let Some(task) = service.task()? else { return Ok(()) };
        if let Some(container) = task.container()? {
            self.check("Labels", container.labels()?.as_ref())?;
        }
        for network in task.networks()?.iter().chain(&service.networks()?) {
            self.check_mode(&format!("{}.Target", network.0.place()), network.target()?)?;
        }
        Ok(())
    }
}

fn shares_the_hosts(mode: &str) -> bool {
    fold(mode.trim()) == "host"
}

/// Whether a build's containers can neither have labels nor share a network with
/// the proxy. The Engine takes the first of repeated parameters, Podman the last
/// and in any case, and older Go also separates them by semicolons: all must say
/// the same.
fn is_apart(query: &str, is_libpod: bool) -> bool {
    let Ok(parameters) = parameters(query) else { return false };
    let all_are = |name: &str, values: &[&str]| {
        let mut found = parameters.iter().filter(|parameter| parameter.is(name));
        found.all(|found| found.name == name && values.contains(&found.value.as_str()))
    };
    let is_given = |name: &str| parameters.iter().any(|parameter| parameter.is(name));
    let has_no_network = is_given("networkmode") && all_are("networkmode", &["none"]);
    let is_buildkit = !is_libpod && is_given("version") && all_are("version", &["2"]);
    has_no_network || (is_buildkit && all_are("networkmode", &["", "default", "none"]))
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::Recognised;
    use super::super::fields::Node;
    use super::super::read::{Value, read_text};
    use super::*;
    use crate::http1::Method;
    use crate::json::Tree;

    fn guard() -> LabelGuard {
        LabelGuard::new("socket-proxy", "-allowlabelgrants")
    }

    fn check(labels: &str, refusal: Option<&str>) {
        let body = format!(r#"{{"Labels":{labels}}}"#);
        let tree = Tree::parse(body.as_bytes()).unwrap();
        let container = Container::read(Node::root(&tree)).unwrap();
        let refused = guard().check_container(&container).err().map(|it| it.to_string());
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
        check(r#"{"socket-proxy.allow=x":".*"}"#, Some("grant"));
        check(r#"{"\u0073ocket-proxy.allow.get":".*"}"#, Some("grant"));
    }

    #[test]
    fn other_labels_pass() {
        check("null", None);
        check("{}", None);
        check(
            r#"{"com.docker.compose.project":"x","socket-proxy.allowed":"1","x.socket-proxy.allow.get":"1"}"#,
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
        let judge = |body: &str| {
            let tree = Tree::parse(body.as_bytes()).unwrap();
            guard().check_service(&Service::read(Node::root(&tree)).unwrap())
        };
        assert_eq!(judge(r#"{"Labels":{"socket-proxy.allow.get":"x"},"TaskTemplate":{}}"#), Ok(()));
        let labelled =
            r#"{"TaskTemplate":{"ContainerSpec":{"Labels":{"socket-proxy.allow.get":"x"}}}}"#;
        assert!(judge(labelled).is_err());
        assert!(judge(r#"{"TaskTemplate":{"ContainerSpec":{"labels":{}}}}"#).is_err());
    }

    fn is_refused<T: Value<'static>>(
        check: impl Fn(&LabelGuard, &T) -> Result<(), Refusal>,
        body: &str,
    ) -> bool {
        let read = read_text(body).unwrap();
        check(&guard(), &read).is_err()
    }

    #[test]
    fn another_network_namespace_is_refused_at_both_levels() {
        for mode in [
            "container:x",
            "container:",
            "Container:x",
            " container:x",
            "host",
            "HOST",
            "ns:/proc/1/ns/net",
            "ns:x",
            "pasta:-T,2375",
            "slirp4netns:allow_host_loopback=true",
            "path:/x",
            "a,host",
            "x:y",
            "/proc/1/ns/net",
        ] {
            for body in [
                format!(r#"{{"HostConfig":{{"NetworkMode":"{mode}"}}}}"#),
                format!(r#"{{"NetworkMode":"{mode}"}}"#),
                format!(r#"{{"NetworkMode":"{mode}","HostConfig":{{"NetworkMode":"bridge"}}}}"#),
            ] {
                assert!(is_refused(LabelGuard::check_container, &body), "{body}");
            }
            let service = format!(r#"{{"TaskTemplate":{{"Networks":[{{"Target":"{mode}"}}]}}}}"#);
            assert!(is_refused(LabelGuard::check_service, &service), "{service}");
        }
        for body in [
            r#"{"HostConfig":{"networkmode":"bridge"}}"#,
            r#"{"hostconfig":{}}"#,
            r#"{"HostConfig":{"NetworkMode":1}}"#,
        ] {
            assert!(is_refused(LabelGuard::check_container, body), "{body}");
        }
    }

    #[test]
    fn a_network_of_its_own_passes() {
        for mode in
            ["", "default", "bridge", "none", "private", "my_net-1.x", "bridge:ip=10.88.0.9"]
        {
            let body =
                format!(r#"{{"NetworkMode":"{mode}","HostConfig":{{"NetworkMode":"{mode}"}}}}"#);
            assert!(!is_refused(LabelGuard::check_container, &body), "{body}");
        }
        assert!(!is_refused(
            LabelGuard::check_container,
            r#"{"HostConfig":null,"NetworkMode":null}"#
        ));
    }

    #[test]
    fn namespaces_in_podmans_own_specs_are_judged() {
        for mode in ["container", "path", "host", "pod", "Host", "pasta", "slirp4netns", "x"] {
            let body = format!(r#"{{"netns":{{"nsmode":"{mode}","value":"x"}}}}"#);
            assert!(is_refused(LabelGuard::check_spec, &body), "{body}");
        }
        for body in [
            r#"{"pod":"p"}"#,
            r#"{"netns":{"NsMode":"private"}}"#,
            r#"{"NetNS":{}}"#,
            r#"{"netns":"host"}"#,
            r#"{"labels":{"socket-proxy.allow.get":"x"}}"#,
        ] {
            assert!(is_refused(LabelGuard::check_spec, body), "{body}");
        }
        for body in [
            "{}",
            r#"{"netns":null,"pod":""}"#,
            r#"{"netns":{}}"#,
            r#"{"netns":{"nsmode":"bridge","value":""},"labels":{"a":"b"}}"#,
            r#"{"netns":{"nsmode":"none"}}"#,
        ] {
            assert!(!is_refused(LabelGuard::check_spec, body), "{body}");
        }
    }

    fn judge_build(method: Method, path: &str, query: &str) -> bool {
        let is_build = Recognised::of(method, path).is_build;
        !is_build || guard().check_build(path, query).is_ok()
    }

    fn build(path: &str, query: &str) -> bool {
        judge_build(Method::Post, path, query)
    }

    #[test]
    fn builds_that_could_reach_the_proxy_are_refused() {
        for query in [
            "",
            "networkmode=net",
            "networkmode=",
            "networkmode=None",
            "networkmode=none ",
            "networkmode=host",
            "NetworkMode=none",
            "networkmode=none&networkmode=net",
            "networkmode=net&networkmode=none",
            "networkmode=none&NETWORKMODE=net",
            "networkmode=none&net%57orkmode=net",
            "networkmode=none;x=1",
            "x=1;networkmode=none",
            "networkmode=none%zz",
            "networkmode%00=none",
            "version=1",
            "version=",
            "version=02",
            "version=2 ",
            "Version=2",
            "version=1&version=2",
            "version=2&version=1",
            "version=2&VERSION=1",
            "version=2;version=1",
            "version=2&networkmode=net",
            "version=2&networkmode=host",
            "version=2&networkmode=container:x",
            "version=2&networkmode=&networkmode=host",
            "version=2&networkmode=none&networkmode=host",
            "v%65rsion=%31",
            "session=x&remote=client-session",
        ] {
            for path in ["/build", "/v1.41/build", "/v1.41/libpod/build", "/libpod/local/build"] {
                assert!(!build(path, query), "{path}?{query}");
            }
        }
        assert!(!build("/v5.0.0/libpod/build", "version=2"), "Podman has no other builder");
    }

    #[test]
    fn builds_apart_from_the_proxy_pass() {
        for query in [
            "networkmode=none",
            "net%77orkmode=n%6fne&t=x",
            "networkmode=none&networkmode=none",
            "version=2&session=x&remote=client-session&buildid=1",
            "v%65rsion=2",
            "version=2&networkmode=default",
            "version=2&networkmode=",
            "version=2&networkmode=none",
        ] {
            assert!(build("/v1.41/build", query), "{query}");
        }
        assert!(build("/libpod/build", "networkmode=none"));
        for path in ["/build/prune", "/build/cancel", "/containers/build/start", "/session"] {
            assert!(build(path, ""), "{path}");
        }
        assert!(judge_build(Method::Get, "/build", ""));
    }
}
