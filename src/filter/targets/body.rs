//! Bodies: labels are added, and references become ids.
//!
//! **Invariant:** fields are found by their exact names; a key that a decoder of Go
//! would take for one of them is refused.
//! **Invariant:** networks are pinned by `NetworkID`, since the daemon resolves their
//! names only when the container starts.
//!
//! Engines up to 26 read the fields of `HostConfig` at the top level as well, so that
//! both levels are looked at.

use super::TargetDenial;
use super::TargetKind::{Container, Network, Volume};
use super::labels::TargetLabel;
use super::query::OPEN_NETWORKS;
use super::search::{Fault, Found, Known, Resolver};
use crate::api::{Operation, Subject};
use crate::filter::bodies::shapes;
use crate::filter::bodies::{self, BodyDenial, Refusal};
use crate::json::{Shape, Tree, reads_alike};
use crate::text::bounded;
use std::borrow::Cow;

/// A full id has that many hexadecimal digits.
const ID_DIGITS: usize = 64;

type Outcome<T = ()> = Result<T, Fault>;

/// An object whose fields are looked up and changed.
struct Fields<'t, 'a> {
    members: &'t mut Vec<(Cow<'a, str>, Tree<'a>)>,
    place: String,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// The value as an object with these fields, spelled exactly.
    fn of(tree: &'t mut Tree<'a>, place: &str, names: &[&'static str]) -> Outcome<Self> {
        let Tree::Object(members) = tree else {
            return Err(value(place, "is not an object"));
        };
        for (key, _) in members.iter() {
            let alike = names.iter().find(|name| reads_alike(key, name) && key != *name);
            if let Some(name) = alike.filter(|_| !names.contains(&&**key)) {
                let place = if place.is_empty() { bounded(key) } else { join_place(place, key) };
                let refusal = Refusal { place, fault: bodies::Fault::ReadAs(name) };
                return Err(BodyDenial::Restricted(bodies::Rule::Targets, refusal).into());
            }
        }
        Ok(Self { members, place: place.to_owned() })
    }

    /// The value of a field that is there and not `null`.
    fn get(&mut self, name: &str) -> Option<(&mut Tree<'a>, String)> {
        let place = join_place(&self.place, name);
        let (_, tree) = self.members.iter_mut().find(|(key, _)| key == name)?;
        (*tree != Tree::Null).then_some((tree, place))
    }

    fn text(&mut self, name: &str) -> Outcome<Option<(&mut Cow<'a, str>, String)>> {
        match self.get(name) {
            None => Ok(None),
            Some((Tree::String(text), place)) => Ok(Some((text, place))),
            Some((_, place)) => Err(value(&place, "is not a string")),
        }
    }

    fn items(&mut self, name: &str) -> Outcome<&mut [Tree<'a>]> {
        match self.get(name) {
            None => Ok(&mut []),
            Some((Tree::Array(items), _)) => Ok(items),
            Some((_, place)) => Err(value(&place, "is not an array")),
        }
    }

    fn texts(&mut self, name: &str) -> Outcome<Vec<&mut Cow<'a, str>>> {
        let place = join_place(&self.place, name);
        let text = |item| match item {
            &mut Tree::String(ref mut text) => Ok(text),
            _ => Err(value(&place, "has a value that is not a string")),
        };
        self.items(name)?.iter_mut().map(text).collect()
    }

    fn set(&mut self, name: &str, tree: Tree<'a>) {
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = tree,
            None => self.members.push((Cow::Owned(name.to_owned()), tree)),
        }
    }

    /// The object of a field; an empty one is made if there is none.
    fn object(&mut self, name: &str) -> Outcome<&mut Tree<'a>> {
        if self.get(name).is_none() {
            self.set(name, Tree::Object(Vec::new()));
        }
        let place = join_place(&self.place, name);
        match self.get(name) {
            Some((tree @ Tree::Object(_), _)) => Ok(tree),
            _ => Err(value(&place, "is not an object")),
        }
    }
}

fn join_place(place: &str, key: &str) -> String {
    if place.is_empty() { bounded(key) } else { format!("{place}.{}", bounded(key)) }
}

fn value(place: &str, why: &'static str) -> Fault {
    let place = if place.is_empty() { "the body" } else { place }.to_owned();
    TargetDenial::Value { place, why }.into()
}

fn read<'b>(body: &'b [u8], shape: &Shape) -> Outcome<Tree<'b>> {
    let tree = Tree::parse_shaped(body, shape).map_err(BodyDenial::NotJson)?;
    match tree {
        Tree::Object(_) => Ok(tree),
        _ => Err(BodyDenial::NotAnObject.into()),
    }
}

fn print(tree: &Tree<'_>) -> Vec<u8> {
    tree.printed().into_bytes()
}

/// Starts with a body are of old versions, which read a whole `HostConfig` there.
pub(super) fn check_empty(body: &[u8]) -> Outcome {
    match Tree::parse(body) {
        _ if body.is_empty() => Ok(()),
        Ok(Tree::Null) => Ok(()),
        Ok(Tree::Object(members)) if members.is_empty() => Ok(()),
        _ => Err(value("the body", "of a start must be empty")),
    }
}

/// A body that creates a container, a network or a volume.
pub(super) fn create(
    subject: Subject,
    body: &[u8],
    labels: &[TargetLabel],
    resolver: &mut Resolver<'_>,
) -> Outcome<Vec<u8>> {
    match subject {
        Subject::Container => container(body, labels, resolver),
        Subject::Network => network(body, labels, resolver),
        _ => volume(body, labels, resolver),
    }
}

fn add_labels(fields: &mut Fields<'_, '_>, labels: &[TargetLabel]) -> Outcome {
    let place = join_place(&fields.place, "Labels");
    let Tree::Object(members) = fields.object("Labels")? else { return Ok(()) };
    for label in labels {
        match members.iter().find(|(key, _)| *key == label.key) {
            None => members.push((
                Cow::Owned(label.key.clone()),
                Tree::String(Cow::Owned(label.value.clone())),
            )),
            Some((_, Tree::String(given))) if *given == label.value => {}
            Some(_) => {
                let (key, value) = (label.key.clone(), label.value.clone());
                return Err(TargetDenial::OtherValue { place, key, value }.into());
            }
        }
    }
    Ok(())
}

fn network(body: &[u8], labels: &[TargetLabel], resolver: &mut Resolver<'_>) -> Outcome<Vec<u8>> {
    let mut tree = read(body, &shapes::NETWORK)?;
    let mut fields = Fields::of(&mut tree, "", &["Labels", "ConfigFrom", "CheckDuplicate"])?;
    add_labels(&mut fields, labels)?;
    // Else Engine 20.10 answers with the id of another network of that name.
    fields.set("CheckDuplicate", Tree::Bool(true));
    if let Some((from, place)) = fields.get("ConfigFrom") {
        let mut from = Fields::of(from, &place, &["Network"])?;
        if let Some((name, _)) = from.text("Network")?.filter(|(name, _)| !name.is_empty()) {
            // The daemon looks for names alone.
            *name = Cow::Owned(resolver.target_in_body(Network, name)?.name);
        }
    }
    Ok(print(&tree))
}

fn volume(body: &[u8], labels: &[TargetLabel], resolver: &mut Resolver<'_>) -> Outcome<Vec<u8>> {
    let mut tree = read(body, &shapes::VOLUME)?;
    let mut fields = Fields::of(&mut tree, "", &["Name", "Labels", "ClusterVolumeSpec"])?;
    add_labels(&mut fields, labels)?;
    if fields.get("ClusterVolumeSpec").is_some() {
        return Err(value("ClusterVolumeSpec", "is about a swarm, which cannot be limited"));
    }
    if let Some((name, _)) = fields.text("Name")?.filter(|(name, _)| !name.is_empty())
        && let Known::Foreign = resolver.look(Volume, name)
    {
        return Err(TargetDenial::TakenVolume(name.clone().into_owned()).into());
    }
    Ok(print(&tree))
}

/// A body that connects a container to a network, or disconnects it.
pub(super) fn join(
    operation: Operation,
    body: &[u8],
    network: &Found,
    resolver: &mut Resolver<'_>,
) -> Outcome<Vec<u8>> {
    let mut tree = read(body, &shapes::CONNECT)?;
    let mut fields = Fields::of(&mut tree, "", &["Container", "EndpointConfig"])?;
    match fields.text("Container")? {
        Some((container, _)) => {
            *container = Cow::Owned(resolver.target(Container, container)?.id);
        }
        None => return Err(value("Container", "is missing")),
    }
    if operation == Operation::NetworkConnect {
        endpoint(fields.object("EndpointConfig")?, "EndpointConfig", network, resolver)?;
    }
    Ok(print(&tree))
}

fn container(body: &[u8], labels: &[TargetLabel], resolver: &mut Resolver<'_>) -> Outcome<Vec<u8>> {
    let mut tree = read(body, &shapes::CONTAINER)?;
    let names = ["Labels", "HostConfig", "NetworkingConfig"];
    let mut fields = Fields::of(&mut tree, "", &names)?;
    add_labels(&mut fields, labels)?;
    if let Some((from, place)) = fields.get("NetworkingConfig") {
        let mut from = Fields::of(from, &place, &["EndpointsConfig"])?;
        if let Some((endpoints, place)) = from.get("EndpointsConfig") {
            self::endpoints(endpoints, &place, resolver)?;
        }
    }
    let mut modes = Vec::new();
    if let Some((host_config, place)) = fields.get("HostConfig") {
        modes.extend(self::host_config(host_config, &place, labels, resolver)?);
    }
    modes.extend(self::host_config(&mut tree, "", labels, resolver)?);
    for network in modes {
        pin(&mut tree, &network)?;
    }
    Ok(print(&tree))
}

/// Gives a network that only a mode names a place among the endpoints, where it can
/// be pinned.
fn pin<'a>(tree: &mut Tree<'a>, network: &Found) -> Outcome {
    let mut fields = Fields::of(tree, "", &["NetworkingConfig"])?;
    let config = fields.object("NetworkingConfig")?;
    let mut config = Fields::of(config, "NetworkingConfig", &["EndpointsConfig"])?;
    let Tree::Object(endpoints) = config.object("EndpointsConfig")? else { return Ok(()) };
    if endpoints.iter().any(|(key, _)| *key == network.name) {
        return Ok(());
    }
    let id = Tree::String(Cow::Owned(network.id.clone()));
    let endpoint = Tree::Object(vec![(Cow::Borrowed("NetworkID"), id)]);
    endpoints.push((Cow::Owned(network.name.clone()), endpoint));
    Ok(())
}

fn endpoints(tree: &mut Tree<'_>, place: &str, resolver: &mut Resolver<'_>) -> Outcome {
    let Tree::Object(members) = tree else { return Err(value(place, "is not an object")) };
    let mut seen: Vec<String> = Vec::new();
    for (key, tree) in members {
        let place = join_place(place, key);
        if *tree == Tree::Null {
            *tree = Tree::Object(Vec::new());
        }
        // Without a name, the daemon would take the endpoint for one of a user's network.
        if !key.is_empty() && OPEN_NETWORKS.contains(&&**key) {
            open_endpoint(tree, &place, resolver)?;
        } else {
            let network = named_network(key, &place, resolver)?;
            endpoint(tree, &place, &network, resolver)?;
            *key = Cow::Owned(network.name);
        }
        if seen.iter().any(|name| name == key) {
            return Err(value(&place, "names a network twice"));
        }
        seen.push(key.to_string());
    }
    Ok(())
}

/// A place in a network that is nobody's: the daemon ignores its id.
fn open_endpoint(tree: &mut Tree<'_>, place: &str, resolver: &mut Resolver<'_>) -> Outcome {
    let mut fields = Fields::of(tree, place, &["NetworkID", "Links"])?;
    fields.members.retain(|(key, _)| key != "NetworkID");
    links(&mut fields, resolver, Identity::Short)
}

/// The network that a body names. The body that is sent has its name, which a daemon must
/// read as nothing else: a network may be called `container:db`, or like another's id.
fn named_network(reference: &str, place: &str, resolver: &mut Resolver<'_>) -> Outcome<Found> {
    let network = resolver.target_in_body(Network, reference)?;
    // While a question is open, names are not known.
    if resolver.is_settled() && reads_otherwise(&network.name) {
        return Err(value(place, "is a network whose name is read as a mode or as an id"));
    }
    Ok(network)
}

fn reads_otherwise(name: &str) -> bool {
    let is_id = name.len() == ID_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id || name.contains(':') || OPEN_NETWORKS.contains(&name)
}

fn endpoint<'a>(
    tree: &mut Tree<'a>,
    place: &str,
    network: &Found,
    resolver: &mut Resolver<'_>,
) -> Outcome {
    let mut fields = Fields::of(tree, place, &["NetworkID", "Links"])?;
    if let Some((given, place)) = fields.text("NetworkID")?
        && !given.is_empty()
        && **given != *network.id
    {
        let other = resolver.target_in_body(Network, given)?;
        // While a question is open, ids are not known.
        if resolver.is_settled() && other.id != network.id {
            return Err(value(&place, "is the id of another network"));
        }
    }
    fields.set("NetworkID", Tree::String(Cow::Owned(network.id.clone())));
    links(&mut fields, resolver, Identity::Short)
}

/// The id by which a linked container is found.
#[derive(Clone, Copy)]
enum Identity {
    Full,
    /// Links of endpoints are names that the daemon's DNS server knows, which has
    /// short ids.
    Short,
}

fn links(fields: &mut Fields<'_, '_>, resolver: &mut Resolver<'_>, identity: Identity) -> Outcome {
    const SHORT_ID_BYTES: usize = 12;
    for link in fields.texts("Links")? {
        let (container, alias) = split_link(link);
        let id = resolver.target_in_body(Container, container)?.id;
        let shown = match identity {
            Identity::Full => &id,
            Identity::Short => id.get(..SHORT_ID_BYTES).unwrap_or(&id),
        };
        let new = format!("{shown}:{alias}");
        *link = Cow::Owned(new);
    }
    Ok(())
}

/// A link and its alias, as the daemon splits them: `name`, `name:alias`, or
/// `/name:/other/alias` as an inspection shows it.
fn split_link(link: &str) -> (&str, &str) {
    let (container, alias) = link.split_once(':').unwrap_or((link, link));
    let container = container.strip_prefix('/').unwrap_or(container);
    (container, alias.rsplit('/').next().unwrap_or(alias))
}

/// Judges a `HostConfig`, and returns the network of its mode.
fn host_config<'a>(
    tree: &mut Tree<'a>,
    place: &str,
    labels: &[TargetLabel],
    resolver: &mut Resolver<'_>,
) -> Outcome<Option<Found>> {
    const MODES: [&str; 6] =
        ["PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode", "Cgroup"];
    let names: Vec<&'static str> =
        [&MODES[..], &["NetworkMode", "Links", "VolumesFrom", "Binds", "Mounts"]].concat();
    let mut fields = Fields::of(tree, place, &names)?;
    for name in MODES {
        if let Some((mode, _)) = fields.text(name)? {
            share(mode, resolver)?;
        }
    }
    links(&mut fields, resolver, Identity::Full)?;
    for from in fields.texts("VolumesFrom")? {
        let (container, options) = from.split_once(':').unwrap_or((from, ""));
        let id = resolver.target_in_body(Container, container)?.id;
        let colon = if options.is_empty() { "" } else { ":" };
        let new = format!("{id}{colon}{options}");
        *from = Cow::Owned(new);
    }
    for bind in fields.texts("Binds")? {
        match bind.split_once(':') {
            Some((source, _)) if !source.starts_with('/') => {
                resolver.target_in_body(Volume, source)?;
            }
            _ => {}
        }
    }
    let mounts_place = join_place(place, "Mounts");
    for (index, mount) in fields.items("Mounts")?.iter_mut().enumerate() {
        self::mount(mount, &format!("{mounts_place}[{index}]"), labels, resolver)?;
    }
    let Some((mode, place)) = fields.text("NetworkMode")? else { return Ok(None) };
    if share(mode, resolver)? || OPEN_NETWORKS.contains(&&**mode) {
        return Ok(None);
    }
    let network = named_network(mode, &place, resolver)?;
    *mode = Cow::Owned(network.name.clone());
    Ok(Some(network))
}

/// Replaces the container of a mode `container:NAME`; returns whether the mode was one.
fn share(mode: &mut Cow<'_, str>, resolver: &mut Resolver<'_>) -> Outcome<bool> {
    let Some(container) = mode.strip_prefix("container:") else { return Ok(false) };
    let id = resolver.target_in_body(Container, container)?.id;
    *mode = Cow::Owned(format!("container:{id}"));
    Ok(true)
}

fn mount<'a>(
    tree: &mut Tree<'a>,
    place: &str,
    labels: &[TargetLabel],
    resolver: &mut Resolver<'_>,
) -> Outcome {
    let mut fields = Fields::of(tree, place, &["Type", "Source", "VolumeOptions"])?;
    let kind = fields.text("Type")?.map_or(String::new(), |(kind, _)| kind.to_string());
    match kind.as_str() {
        "volume" => {}
        "bind" | "tmpfs" | "npipe" | "image" => return Ok(()),
        _ => return Err(value(&join_place(place, "Type"), "is not one that can be limited")),
    }
    if let Some((source, _)) = fields.text("Source")?.filter(|(source, _)| !source.is_empty()) {
        resolver.target_in_body(Volume, source)?;
    }
    // For a volume without a name, and one that is removed in this moment.
    let options_place = join_place(place, "VolumeOptions");
    let mut options = Fields::of(fields.object("VolumeOptions")?, &options_place, &["Labels"])?;
    add_labels(&mut options, labels)
}
