//! The query of a build, in which Podman takes mounts and files of the host.
//!
//! Invariant: the query is an allowlist. A parameter that is not in the table
//! is refused, and so is a value of another form than the table's. The table
//! has the parameters of the Engine up to 29 and of Podman 4.0 to 5.8.
//!
//! The context itself, which the client sends, and BuildKit's `/session` and
//! `/grpc` are not looked at. Podman follows symbolic links in a context when
//! it reads the Containerfile and secrets, and takes `FROM dir:/path`: a client
//! that may build with Podman can read single files of the host.

use super::directories::BindMounts;
use super::fields::Node;
use super::host_paths::{check_seccomp, check_security_option};
use super::images::{Fetcher, check_image, check_remote, is_http};
use super::mounts::check_bind;
use super::query::{Parameter, parameters};
use super::refusal::{Closed, Fault, Refusal, Unfit};
use crate::json::{Shape, Tree};
use crate::text::bounded;
use Form::*;

/// The form of a parameter's values.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A number, a truth value, a size, a duration, a short name.
    Word,
    /// Any text; it names nothing of the host.
    Text,
    /// Strict JSON of texts that name nothing of the host.
    Json,
    /// The name of an image.
    Image,
    /// A name of an image or JSON of several.
    Images,
    /// Where the Dockerfile is: within the context, or a URL.
    Dockerfile,
    /// Where the context is.
    Remote,
    /// Further contexts.
    Contexts,
    /// Files of the context that are secrets.
    Secrets,
    /// A mount in its short form.
    Volume,
    /// A file of the host that Podman writes.
    HostFile,
    /// A profile for system calls.
    Seccomp,
    /// Options such as `seccomp=unconfined`.
    SecurityOptions,
    /// Namespaces by kind.
    Namespaces,
    /// Maps of users, which may name files of the host.
    IdMappings,
    /// The outputs of BuildKit; its client holds the files.
    Outputs,
    /// No value passes: each could open the host.
    Never,
}

#[rustfmt::skip]
const PARAMETERS: &[(&str, Form)] = &[
    ("addcaps", Json), ("additionalbuildcontexts", Contexts), ("allplatforms", Word),
    ("annotations", Json), ("apparmor", Word), ("buildargs", Json), ("buildid", Text),
    ("cachefrom", Images), ("cacheto", Images), ("cachettl", Word), ("cgroupparent", Text),
    ("compatvolumes", Word), ("compression", Word), ("cppflags", Never), ("cpuperiod", Word),
    ("cpuquota", Word), ("cpusetcpus", Word), ("cpusetmems", Word), ("cpushares", Word),
    ("createdannotation", Word), ("devices", Json), ("dnsoptions", Json), ("dnssearch", Json),
    ("dnsservers", Json), ("dockerfile", Dockerfile), ("dropcaps", Json), ("excludes", Json),
    ("extrahosts", Text), ("forcerm", Word), ("from", Image), ("groupadd", Word),
    ("httpproxy", Word), ("identitylabel", Word), ("idmappingoptions", IdMappings),
    ("ignore", Word), ("inheritannotations", Word), ("inheritlabels", Word),
    ("isolation", Word), ("jobs", Word), ("labelopts", Json), ("labels", Json),
    ("layerLabel", Text), ("layers", Word), ("manifest", Image), ("memory", Word),
    ("memswap", Word), ("networkmode", Text), ("nocache", Word), ("nohosts", Word),
    ("nsoptions", Namespaces), ("omithistory", Word), ("osfeature", Text), ("osversion", Text),
    ("output", Image), ("outputformat", Text), ("outputs", Outputs), ("platform", Text),
    ("pull", Word), ("pullpolicy", Word), ("q", Word), ("registry", Text), ("remote", Remote),
    ("retry", Word), ("retry-delay", Word), ("rewritetimestamp", Word), ("rm", Word),
    ("rusage", Word), ("rusagelogfile", HostFile), ("save-stages", Word),
    ("sbom-image-output", Text), ("sbom-image-purl-output", Text),
    ("sbom-merge-strategy", Word), ("sbom-output", HostFile), ("sbom-purl-output", HostFile),
    ("sbom-scanner-command", Json), ("sbom-scanner-image", Image), ("seccomp", Seccomp),
    ("secrets", Secrets), ("securityopt", SecurityOptions), ("session", Text),
    ("setenv", Text), ("shmsize", Word), ("skipunusedstages", Word),
    ("sourcedateepoch", Word), ("squash", Word), ("stage-labels", Word), ("t", Image),
    ("target", Text), ("timestamp", Word), ("tlsVerify", Word),
    ("transientRunMounts", Never), ("ulimits", Json), ("unsetenv", Text),
    ("unsetlabel", Text), ("unsetannotation", Text), ("version", Word), ("volume", Volume),
];

/// Checks the query of a build at `path`.
pub(super) fn check_query(allowed: &BindMounts, path: &str, query: &str) -> Result<(), Refusal> {
    let fetcher = fetcher(path, query);
    parameters(query)?.iter().try_for_each(|parameter| check(allowed, fetcher, parameter))
}

/// Podman tells its trees apart by the second part of path *and query*: the
/// query of `/build?t=/libpod/x` puts that request into its own tree.
fn fetcher(path: &str, query: &str) -> Fetcher {
    match path.contains("/libpod/") || query.contains("/libpod") {
        true => Fetcher::Libpod,
        false => Fetcher::Compatible,
    }
}

fn check(allowed: &BindMounts, fetcher: Fetcher, parameter: &Parameter) -> Result<(), Refusal> {
    let Parameter { name, value } = parameter;
    let known = PARAMETERS.iter().find(|(known, _)| parameter.is(known));
    let Some((known, form)) = known else {
        return Err(Refusal::value("the build", Unfit::Parameter, name));
    };
    if name != known {
        return Err(Refusal::new(bounded(name), Fault::ReadAs(known)));
    }
    match value.is_empty() {
        true => Ok(()),
        false => check_form(allowed, fetcher, *form, known, value),
    }
}

fn check_form(
    allowed: &BindMounts,
    fetcher: Fetcher,
    form: Form,
    name: &str,
    value: &str,
) -> Result<(), Refusal> {
    match form {
        Text => Ok(()),
        Word => check_word(name, value),
        Json => tree(name, value).map(drop),
        Image => check_image(name, value),
        Images => texts(name, value)?.iter().try_for_each(|image| check_image(name, image)),
        Dockerfile => {
            texts(name, value)?.iter().try_for_each(|path| check_dockerfile(allowed, name, path))
        }
        Remote => check_remote(name, value, fetcher),
        Contexts => check_contexts(allowed, name, value),
        Secrets => texts(name, value)?.iter().try_for_each(|secret| check_secret(name, secret)),
        // A build has no named volumes, so a source is a path.
        Volume if value.contains(':') && !value.starts_with('/') => {
            Err(Refusal::value(name, Unfit::BuildVolume, value))
        }
        Volume => check_bind(allowed, name, value),
        HostFile => allowed.check_raw_path(name, value),
        Seccomp => check_seccomp(allowed, name, value),
        SecurityOptions => texts(name, value)?
            .iter()
            .try_for_each(|option| check_security_option(allowed, name, option)),
        Namespaces => check_namespaces(name, value),
        IdMappings => check_id_mappings(name, value),
        Outputs => check_outputs(name, value),
        Never if matches!(value, "[]" | "null") => Ok(()),
        Never => Err(Refusal::closed(name, Closed::AnyDirectory)),
    }
}

fn check_word(name: &str, value: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._,:+-".contains(c);
    match value.chars().all(plain) {
        true => Ok(()),
        false => Err(Refusal::value(name, Unfit::Word, value)),
    }
}

/// The JSON of a parameter; the keys of its outermost object are data.
fn tree<'v>(name: &str, value: &'v str) -> Result<Tree<'v>, Refusal> {
    Tree::parse_shaped(value.as_bytes(), &Shape::Map(&Shape::Any))
        .map_err(|error| Refusal::new(name, Fault::NotJson(error)))
}

/// Whether a value is an array or an object.
fn is_json(value: &str) -> bool {
    value.trim_start().starts_with(['[', '{'])
}

/// The texts of a JSON array, or the value itself. Podman tries the one first;
/// the Engine knows the other alone for some parameters.
fn texts(name: &str, value: &str) -> Result<Vec<String>, Refusal> {
    if !is_json(value) {
        return Ok(vec![value.to_owned()]);
    }
    let tree = tree(name, value)?;
    let items: Vec<Node<'_>> = Node::root(&tree).items().map_err(|e| e.within(name))?.collect();
    let text = |item: &Node<'_>| item.text().map(str::to_owned).map_err(|e| e.within(name));
    items.iter().map(text).collect()
}

/// Podman reads an absolute path as one of the host. It gives files that end
/// with `.in` to the C preprocessor, which includes any file.
fn check_dockerfile(allowed: &BindMounts, name: &str, path: &str) -> Result<(), Refusal> {
    if path.trim_end().ends_with(".in") {
        return Err(Refusal::value(name, Unfit::Preprocessed, path));
    }
    if is_http(path) {
        return Ok(());
    }
    if path.starts_with('/') {
        return allowed.check_raw_path(name, path);
    }
    match path.split(['/', '\\']).any(|segment| segment == "..") {
        true => Err(Refusal::value(name, Unfit::ContextPath, path)),
        false => Ok(()),
    }
}

/// Podman up to 5.5 takes an object of contexts, later ones `name=kind:value`.
fn check_contexts(allowed: &BindMounts, name: &str, value: &str) -> Result<(), Refusal> {
    if is_json(value) || value.trim() == "null" {
        let tree = tree(name, value)?;
        if tree == Tree::Null {
            return Ok(());
        }
        let contexts = Node::root(&tree).map().map_err(|e| e.within(name))?;
        return contexts.entries().try_for_each(|(_, context)| {
            check_context(allowed, name, &context).map_err(|e| e.within(name))
        });
    }
    let context = value.split_once('=').map_or("", |(_, context)| context);
    match context.split_once(':') {
        Some(("image", image)) => check_image(name, image),
        Some(("url", address)) => check_remote(name, address, Fetcher::Libpod),
        _ => Err(Refusal::value(name, Unfit::Context, value)),
    }
}

fn check_context(allowed: &BindMounts, name: &str, context: &Node<'_>) -> Result<(), Refusal> {
    let fields = context.fields(&["IsURL", "IsImage", "Value", "DownloadedCache"])?;
    let is = |name| fields.get(name).map_or(Ok(false), |node| node.truth());
    let (is_url, is_image) = (is("IsURL")?, is("IsImage")?);
    let (value, cache) = (fields.text("Value")?, fields.text("DownloadedCache")?);
    if !cache.is_empty() {
        allowed.check_raw_path("DownloadedCache", cache)?;
    }
    match (is_url, is_image) {
        (false, true) => check_image(name, value),
        (true, false) => check_remote(name, value, Fetcher::Libpod),
        (false, false) => allowed.check_raw_path("Value", value),
        (true, true) => Err(Refusal::closed("a context", Closed::ImageAndUrl)),
    }
}

/// `id=NAME,src=FILE` with a file of the context, as Podman's client writes it.
/// Without `src` the daemon takes `id` for the file's path.
fn check_secret(name: &str, secret: &str) -> Result<(), Refusal> {
    let fault = || Err(Refusal::value(name, Unfit::Secret, secret));
    let mut source = None;
    for option in secret.split(',') {
        match option.split_once('=') {
            Some(("id", _)) | Some(("type", "file" | "env")) => {}
            Some(("src", file)) if source.is_none() => source = Some(file),
            _ => return fault(),
        }
    }
    let is_plain =
        |file: &str| !file.is_empty() && !matches!(file, "." | "..") && !file.contains('/');
    if source.is_some_and(is_plain) { Ok(()) } else { fault() }
}

/// A namespace of mounts that is the host's shows all of its directories.
fn check_namespaces(name: &str, value: &str) -> Result<(), Refusal> {
    const KINDS: [&str; 6] = ["cgroup", "ipc", "network", "pid", "user", "uts"];
    let tree = tree(name, value)?;
    if tree == Tree::Null {
        return Ok(());
    }
    for namespace in Node::root(&tree).items().map_err(|e| e.within(name))? {
        let fields = namespace.fields(&["Name", "Host", "Path"]).map_err(|e| e.within(name))?;
        let (kind, path) = (fields.text("Name")?, fields.text("Path")?);
        if !KINDS.contains(&kind) || path.contains('/') {
            return Err(Refusal::value(name, Unfit::Namespace, format!("{kind} {path}")));
        }
    }
    Ok(())
}

fn check_id_mappings(name: &str, value: &str) -> Result<(), Refusal> {
    let tree = tree(name, value)?;
    if tree == Tree::Null {
        return Ok(());
    }
    let judge = |node: &Node<'_>| {
        let fields = node.fields(&["AutoUserNsOpts"])?;
        let Some(options) = fields.get("AutoUserNsOpts") else { return Ok(()) };
        let options = options.fields(&["PasswdFile", "GroupFile"])?;
        match options.text("PasswdFile")?.is_empty() && options.text("GroupFile")?.is_empty() {
            true => Ok(()),
            false => Err(Refusal::closed("AutoUserNsOpts", Closed::HostFiles)),
        }
    };
    judge(&Node::root(&tree)).map_err(|e: Refusal| e.within(name))
}

/// The client keeps `dest` to itself: its session receives the files.
fn check_outputs(name: &str, value: &str) -> Result<(), Refusal> {
    const OUTPUTS: Shape = Shape::List(&Shape::Struct(&[("Attrs", &Shape::Map(&Shape::Any))]));
    let tree = Tree::parse_shaped(value.as_bytes(), &OUTPUTS)
        .map_err(|error| Refusal::new(name, Fault::NotJson(error)))?;
    if tree == Tree::Null {
        return Ok(());
    }
    for output in Node::root(&tree).items().map_err(|e| e.within(name))? {
        let fields = output.fields(&["Type", "Attrs"]).map_err(|e| e.within(name))?;
        let Some(attributes) = fields.get("Attrs") else { continue };
        let attributes = attributes.map().map_err(|e| e.within(name))?;
        if attributes.entries().any(|(key, _)| key.eq_ignore_ascii_case("dest")) {
            return Err(Refusal::closed(name, Closed::Destination));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(path: &str, query: &str) -> Result<(), Refusal> {
        check_query(&BindMounts::parse("/home").unwrap(), path, query)
    }

    fn check_passes(path: &str, query: &str) {
        assert_eq!(judge(path, query), Ok(()), "{path} {query}");
    }

    /// Both trees refuse it.
    fn check_refused(query: &str) {
        for path in ["/build", "/v1.51/build", "/v5.8.0/libpod/build"] {
            assert!(judge(path, query).is_err(), "{path} {query}");
        }
    }

    #[test]
    fn every_known_parameter_is_listed_once() {
        let mut names: Vec<String> =
            PARAMETERS.iter().map(|(name, _)| name.to_lowercase()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn queries_of_real_builds_pass() {
        for query in [
            "",
            "buildargs=%7B%22PATH%22%3A%22%2Fx%3A..%22%2C%22path%22%3Anull%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0&dockerfile=Dockerfile&labels=%7B%7D&memory=0&memswap=0&networkmode=default&rm=1&shmsize=0&t=app%3A1&target=&ulimits=null&version=1",
            "version=2&session=abc&remote=client-session&buildid=1&outputs=%5B%7B%22Type%22%3A%22local%22%2C%22Attrs%22%3A%7B%7D%7D%5D",
            "version=2&remote=upload-request&buildid=upload-request%3Aabc",
            "remote=https%3A%2F%2Fgithub.com%2Fa%2Fb.git%23main%3Adocker",
            "remote=git@github.com:a/b.git",
            "t=a&t=b/c:d&pull=True&q=False&nocache=False&rm=True&dockerfile=.dockerfile.0a1b&extrahosts=h:10.0.0.1&platform=linux/amd64",
            "cachefrom=[\"a:1\",\"reg:5000/b\"]&ulimits=[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}]&labels={\"MAINTAINER\":\"a\",\"maintainer\":\"/b\"}",
            "volume=",
        ] {
            check_passes("/v1.51/build", query);
        }
    }

    #[test]
    fn queries_of_podmans_client_pass() {
        for query in [
            "dockerfile=%5B%22Containerfile%22%5D&forcerm=1&httpproxy=1&identitylabel=1&idmappingoptions=%7B%22HostUIDMapping%22%3Atrue%2C%22HostGIDMapping%22%3Atrue%2C%22UIDMap%22%3A%5B%5D%2C%22GIDMap%22%3A%5B%5D%2C%22AutoUserNs%22%3Afalse%2C%22AutoUserNsOpts%22%3A%7B%22Size%22%3A0%2C%22InitialSize%22%3A0%2C%22PasswdFile%22%3A%22%22%2C%22GroupFile%22%3A%22%22%2C%22AdditionalUIDMappings%22%3Anull%7D%7D&isolation=0&jobs=1&layers=1&networkmode=0&nsoptions=%5B%7B%22Name%22%3A%22user%22%2C%22Host%22%3Atrue%2C%22Path%22%3A%22%22%7D%5D&omithistory=0&output=localhost%2Fx&outputformat=application%2Fvnd.oci.image.manifest.v1%2Bjson&pullpolicy=missing&retry=3&retry-delay=2s&rm=1&shmsize=67108864&t=localhost%2Fx&rewritetimestamp=0&inheritannotations=1&ulimits=[\"nofile=1:2\"]",
            "seccomp=/usr/share/containers/seccomp.json&apparmor=unconfined&labelopts=[\"disable\"]",
            "secrets=%5B%22id%3Dx%2Csrc%3Dpodman-build-secret123%22%5D",
            "secrets=[\"id=x,type=file,src=podman-build-secret123\"]",
            "volume=%2Fhome%2Fme%3A%2Fsrc%3Aro&t=x",
            "additionalbuildcontexts=%7B%22base%22%3A%7B%22IsImage%22%3Atrue%2C%22Value%22%3A%22alpine%22%7D%7D",
            "additionalbuildcontexts={\"s\":{\"IsURL\":true,\"Value\":\"https://x/y.tar\"},\"S\":{\"Value\":\"/home/me\"}}",
            "additionalbuildcontexts=base=image:alpine&additionalbuildcontexts=s=url:https://x/y.tar",
            "remote=https://github.com/a/b.git%23main&sbom-scanner-image=x/y&sbom-image-output=/root/s.json",
            "rusagelogfile=/home/me/log&sbom-output=/home/me/s&cppflags=[]&transientRunMounts=",
            "dockerfile=https://x/Dockerfile&setenv=PATH=/x&unsetenv=A&groupadd=keep-groups&cachettl=1h0m0s&from=docker://alpine",
            "dockerfile=/home/me/Dockerfile",
        ] {
            check_passes("/v5.8.0/libpod/build", query);
        }
    }

    #[test]
    fn host_directories_in_the_query_are_refused() {
        for query in [
            "volume=/etc:/h",
            "t=x&volume=%2fetc:/h",
            "VOLUME=/home:/h",
            "volume=etc:/h",
            "volume=data:/h",
            "v%6flume=/etc:/h",
            "volume=/home:/a&volume=/etc:/b",
            "volume=/etc:/a&volume=/home:/b",
            "volume=/home/x:/y:ro,/etc:/z",
            "volume=/home:/h:O,upperdir=/etc",
            "additionalbuildcontexts={\"a\":{\"Value\":\"/etc\"}}",
            "additionalbuildcontexts= {\"a\":{\"Value\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"Value\":\"/home/../etc\"}}",
            "additionalbuildcontexts={\"a\":{\"Value\":\"/home\"},\"a\":{\"Value\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"IsURL\":true,\"Value\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"IsURL\":true,\"Value\":\"https://x/y.git%23:../..\"}}",
            "additionalbuildcontexts={\"a\":{\"IsImage\":true,\"DownloadedCache\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"IsImage\":true,\"Value\":\"dir:/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"isimage\":true}}",
            "additionalbuildcontexts=a=localpath:/etc",
            "additionalbuildcontexts=a=url:/etc",
            "additionalbuildcontexts=a=url:https://x/y.git%23main:link",
            "additionalbuildcontexts=a=image:oci:/etc",
            "additionalbuildcontexts=a=/etc",
            "additionalbuildcontext\u{17f}={}",
            "transientRunMounts=type=bind,src=/etc",
            "remote=/etc",
            "Remote=https://x/y.git",
            "remote=git@/../../etc",
            "remote=ssh://h/x.git",
            "remote=https://x/y.git%23main:../..",
            "remote=https://x/y.git&remote=/etc",
            "nsoptions=[{\"Name\":\"mount\",\"Host\":true}]",
            "nsoptions=[{\"Name\":\"network\",\"Path\":\"/proc/1/ns/mnt\"}]",
            "nsoptions=[{\"name\":\"mount\",\"Name\":\"user\"}]",
            "localcontextdir=/etc",
        ] {
            check_refused(query);
        }
    }

    #[test]
    fn host_files_in_the_query_are_refused() {
        for query in [
            "secrets=[\"id=x,src=../../etc/shadow\"]",
            "secrets=[\"id=x,src=/etc/shadow\"]",
            "secrets=[\"id=/etc/shadow\"]",
            "secrets=[\"id=x,src=a/../../b\"]",
            "secrets=[\"id=x,src=..\"]",
            "secrets=[\"id=x,src=\"]",
            "secrets=[\"id=x,env=HOME\"]",
            "secrets=[\"id=x,src=a,src=../b\"]",
            "secrets=[\"id=x,source=/etc/shadow\"]",
            "secrets=id=x,src=/etc/shadow",
            "secrets=[\"id=x,src=a\"",
            "secrets={\"id\":\"x\"}",
            "SECRETS=[\"id=x,src=a\"]",
            "%73ecrets=[\"id=x,src=../a\"]",
            "dockerfile=/etc/shadow",
            "dockerfile=../../etc/shadow",
            "dockerfile=[\"Containerfile\",\"/etc/shadow\"]",
            "dockerfile=%20[\"/etc/shadow\"]",
            "dockerfile=[\"a\"]x",
            "dockerfile=/home/../etc/shadow",
            "dockerfile=Containerfile.in",
            "dockerfile=https://x/Containerfile.in",
            "cppflags=[\"-include/etc/shadow\"]",
            "sbom-output=/etc/cron.d/x",
            "sbom-purl-output=x",
            "rusagelogfile=/etc/cron.d/x",
            "rusagelogfile=x",
            "t=dir:/etc/x",
            "output=oci-archive:/etc/x",
            "from=docker-archive:/x.tar",
            "cachefrom=[\"a\",\"dir:/x\"]",
            "sbom-scanner-image=oci:/x",
            "seccomp=/etc/x.json",
            "securityopt=[\"seccomp=/etc/x.json\"]",
            "idmappingoptions={\"AutoUserNsOpts\":{\"PasswdFile\":\"/etc/shadow\"}}",
            "outputs=[{\"Type\":\"local\",\"Attrs\":{\"dest\":\"/etc\"}}]",
            "outputs=type=local,dest=/etc",
        ] {
            check_refused(query);
        }
    }

    #[test]
    fn parameters_that_are_not_known_and_values_of_another_form_are_refused() {
        for query in [
            "ssh=default",
            "secret=id=x",
            "mount=x",
            "volumes=/home:/h",
            "volume.0=/home:/h",
            "%20volume=/home:/h",
            "output-file=x",
            "sourcePolicy={}",
            "t=x;volume=/home:/h",
            "t=%",
            "rm=1/../x",
            "memory=/etc",
            "pull=$(x)",
            "labels={\"a\":\"1\",\"a\":\"2\"}",
            "labels=x",
            "T=x",
        ] {
            check_refused(query);
        }
    }

    #[test]
    fn a_query_that_puts_a_build_into_podmans_own_tree_is_judged_so() {
        check_passes("/v1.51/build", "remote=client-session");
        for query in ["remote=client-session", "remote=https://h/a.git%23main:link"] {
            assert!(judge("/v5.8.0/libpod/build", query).is_err(), "{query}");
            assert!(judge("/build", &format!("t=/libpod/x&{query}")).is_err(), "{query}");
        }
    }
}
