//! Where to listen, and which allowlists apply there.
//!
//! Flags and variables without a name make the default listener, as they did in
//! the Go program. `-listen=NAME=…` adds further ones, which start with nothing
//! allowed: rights that silently came from somewhere else would be the first
//! thing that an operator overlooks.
//!
//! The default listener is left out when others exist and nothing was said
//! about it. It could only refuse, and it would take port 2375 from a named one.

use super::options::{Given, Kind, Slot, Value};
use super::read::Reader;
use super::values::{self, LISTENER_NAME};
use super::{ListenAddress, Listener, additions, created, suggest, targets};
use crate::advice::named;
use crate::api::Operation;
use crate::filter::bodies::LabelGuard;
use crate::filter::rules::{Draft, Rule, WEIGHT_MAX};
use crate::filter::{BindMounts, BodyRules, ClientAllowlist, Policy, Rules, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// A further listener as it was written.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    /// The listener's name.
    pub(super) name: String,
    endpoint: Value,
}

impl Declaration {
    pub(super) fn is_from_flag(&self) -> bool {
        self.endpoint.is_from_flag()
    }
}

/// Everything that was said about listeners.
pub(super) struct Said<'a> {
    /// The options without a listener's name.
    pub(super) default: &'a Given,
    /// The options of named listeners.
    pub(super) named: &'a BTreeMap<String, Given>,
    /// Where the named listeners listen.
    pub(super) declarations: &'a [Declaration],
    /// The rights that other proxies' variables give the default listener.
    pub(super) grants: &'a [(BTreeSet<Operation>, Rule)],
    /// Where labels grant rights, no listener's client may grant itself any.
    pub(super) label_guard: Option<&'a LabelGuard>,
}

/// The declarations of all further listeners; a flag wins over a variable of
/// the same name.
pub(super) fn declarations<'a>(
    reader: &mut Reader,
    flags: &Slot,
    variables: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Vec<Declaration> {
    let from_flags = flags.values.iter().filter_map(|value| {
        reader.one(Kind::Listener, value, |value| declaration_of_flag(&value.text))
    });
    let from_flags: Vec<Declaration> = from_flags.collect();
    let is_flag = |name: &str| from_flags.iter().any(|declaration| declaration.name == name);
    let from_variables: Vec<Declaration> = variables
        .filter(|(name, _)| !is_flag(name))
        .map(|(name, value)| Declaration { name: name.to_owned(), endpoint: value.clone() })
        .collect();
    let all = [from_flags, from_variables].concat();
    complain_of_repeats(reader, &all);
    all
}

/// All listeners, the default one first if there is one. `None` if anything is
/// wrong with them. `served` are places that other flags take.
pub(super) fn listeners(
    reader: &mut Reader,
    said: &Said<'_>,
    served: &[(&str, SocketAddr)],
) -> Option<Vec<Listener>> {
    complain_of_strangers(reader, said);
    let default = has_default(said).then(|| default_listener(reader, said));
    let named: Vec<Option<Listener>> = said
        .declarations
        .iter()
        .map(|declaration| named_listener(reader, declaration, said))
        .collect();
    let listeners: Option<Vec<Listener>> = default.into_iter().chain(named).collect();
    complain_of_conflicts(reader, listeners.as_deref().unwrap_or_default(), served);
    listeners
}

/// Whether anything makes the default listener worth having.
fn has_default(said: &Said<'_>) -> bool {
    let Given { listenip, proxyport, proxysocketendpoint, proxycontainername, compat, .. } =
        said.default;
    let places = [listenip, proxyport, proxysocketendpoint, proxycontainername, compat];
    let is_allowlist =
        |slot: &&Slot| slot.option.is_per_listener() && slot.option.kind != Kind::Request;
    let allowlists = said.default.slots().filter(is_allowlist);
    said.declarations.is_empty() || places.into_iter().chain(allowlists).any(Slot::is_given)
}

fn default_listener(reader: &mut Reader, said: &Said<'_>) -> Option<Listener> {
    let given = said.default;
    let endpoint = default_endpoint(reader, given);
    let policy = policy(reader, given, "", said.grants, said.label_guard);
    Some(Listener { name: String::new(), endpoint: endpoint?, policy: policy? })
}

fn default_endpoint(reader: &mut Reader, given: &Given) -> Option<ListenAddress> {
    let ip = reader.last(&given.listenip, |value| values::ip(&value.text));
    let port = reader.last(&given.proxyport, |value| values::port(&value.text));
    let mode = reader.last(&given.proxysocketendpointfilemode, file_mode);
    if given.proxysocketendpoint.is_given() {
        let path =
            reader.last(&given.proxysocketendpoint, |value| values::socket_path(&value.text));
        return Some(ListenAddress::Unix { path: path?, mode: mode? });
    }
    Some(ListenAddress::Tcp(SocketAddr::new(ip?, port?)))
}

fn named_listener(
    reader: &mut Reader,
    declaration: &Declaration,
    said: &Said<'_>,
) -> Option<Listener> {
    let parse = |value: &Value| values::endpoint(&value.text);
    let endpoint = reader.one(Kind::Listener, &declaration.endpoint, parse);
    let given = said.named.get(&declaration.name)?;
    let policy = policy(reader, given, &declaration.name, &[], said.label_guard);
    Some(Listener { name: declaration.name.clone(), endpoint: endpoint?, policy: policy? })
}

fn policy(
    reader: &mut Reader,
    given: &Given,
    listener: &str,
    grants: &[(BTreeSet<Operation>, Rule)],
    label_guard: Option<&LabelGuard>,
) -> Option<Policy> {
    let peers = reader.all(&given.allowfrom, |value| peers(&value.text));
    let rules = rules(reader, given, grants);
    let created = created::rules(reader, given, listener);
    let exact = reader.switch(&given.bindmountsexact);
    let bind_mounts = bind_mounts(reader, &given.allowbindmountfrom);
    if exact == Some(true) && bind_mounts == Some(None) {
        complain_of_exactness(reader, given, listener);
    }
    let targets = targets::rules(reader, given, rules.as_ref(), listener);
    let mut merged = ClientAllowlist::default();
    peers?.into_iter().for_each(|peers| merged.merge(peers));
    let exact = exact?;
    let created = created?;
    let bind_mounts = bind_mounts?.map(|mounts| match created.safe_create {
        Some(_) => mounts.leaving_others(),
        None => mounts,
    });
    let bind_mounts = bind_mounts.map(|mounts| match given.allowbindmountfrom.values.last() {
        Some(value) => mounts.written_in(value.name.clone()).exactly(exact),
        None => mounts.exactly(exact),
    });
    let bodies = BodyRules { bind_mounts, label_guard: label_guard.cloned(), ..created };
    let additions = additions::additions(given, listener);
    let source = Source::Options { listener: listener.to_owned(), additions };
    Some(Policy::new(source, merged, rules?, bodies, targets?))
}

/// Fail closed: a restriction that restricts nothing is a mistake.
fn complain_of_exactness(reader: &mut Reader, given: &Given, listener: &str) {
    let exact = given.bindmountsexact.option.flag_for(listener);
    let list = given.allowbindmountfrom.option.flag_for(listener);
    reader.complain(format!(
        "{exact} restricts nothing without {list}; add it, or {list}=/var/empty for no directory \
         at all"
    ));
}

fn peers(text: &str) -> Result<ClientAllowlist, String> {
    let peers = ClientAllowlist::parse(text).map_err(|error| {
        format!("{} is not a network, address or host name", values::shown(&error.item))
    })?;
    if peers == ClientAllowlist::default() { Err("it is empty".to_owned()) } else { Ok(peers) }
}

/// Each pattern is checked alone first: the complaint names its flag.
fn rules(
    reader: &mut Reader,
    given: &Given,
    grants: &[(BTreeSet<Operation>, Rule)],
) -> Option<Rules> {
    let mut draft = Draft::new(WEIGHT_MAX);
    for (method, slot) in given.patterns() {
        let check = |value: &Value| match Rules::check(method, &value.text) {
            Ok(()) => Ok(Rule { written: value.text.clone(), origin: value.name.clone() }),
            Err(error) => Err(error.reason),
        };
        for rule in reader.all(slot, check).unwrap_or_default() {
            draft.add(method, rule).map_err(|error| reader.complain(error.to_string())).ok()?;
        }
    }
    for rules in reader.all(&given.allow, named_rules).unwrap_or_default() {
        rules.into_iter().for_each(|(operations, rule)| draft.allow(operations, rule));
    }
    for (operations, rule) in grants {
        draft.allow(operations.iter().copied(), rule.clone());
    }
    for rules in reader.all(&given.deny, named_rules).unwrap_or_default() {
        rules.into_iter().for_each(|(operations, rule)| draft.deny(operations, rule));
    }
    draft.compile().map_err(|error| reader.complain(error.to_string())).ok()
}

/// The operations and the rule of each item in a list.
fn named_rules(value: &Value) -> Result<Vec<(BTreeSet<Operation>, Rule)>, String> {
    named::named_rules(&value.text, &value.name).map_err(|word| word.to_string())
}

fn bind_mounts(reader: &mut Reader, slot: &Slot) -> Option<Option<BindMounts>> {
    let parse = |value: &Value| match value.text.trim() {
        // The Go program takes an empty list for no restriction at all.
        "" => Err("it is empty; for no restriction leave it out".to_owned()),
        _ => match BindMounts::parse(&value.text) {
            Ok(_) => Ok(value.text.clone()),
            Err(error) => Err(error.to_string()),
        },
    };
    let lists = reader.all(slot, parse)?;
    if lists.is_empty() {
        return Some(None);
    }
    let directories = BindMounts::parse(&lists.join(","));
    directories.map_err(|error| reader.complain(error.to_string())).ok().map(Some)
}

fn file_mode(value: &Value) -> Result<u32, String> {
    if value.is_from_flag() {
        values::file_mode_of_flag(&value.text)
    } else {
        values::file_mode_of_variable(&value.text)
    }
}

/// `NAME=ENDPOINT`; the endpoint is read later, for flags and variables alike.
fn declaration_of_flag(text: &str) -> Result<Declaration, String> {
    let (name, endpoint) = text.split_once('=').ok_or_else(|| "it has no name".to_owned())?;
    let name = values::listener_name(name).ok_or_else(|| format!("a name is {LISTENER_NAME}"))?;
    let endpoint = Value { name: format!("-listen={name}"), text: endpoint.to_owned() };
    Ok(Declaration { name, endpoint })
}

fn complain_of_repeats(reader: &mut Reader, declarations: &[Declaration]) {
    for (index, declaration) in declarations.iter().enumerate() {
        let mut before = declarations.iter().take(index);
        if let Some(other) = before.find(|other| other.name == declaration.name) {
            reader.complain(format!(
                "the listener {} is defined twice: {} and {}",
                declaration.name, other.endpoint.name, declaration.endpoint.name
            ));
        }
    }
}

/// Allow flags for a listener that nobody declared.
fn complain_of_strangers(reader: &mut Reader, said: &Said<'_>) {
    let declared: Vec<&str> = said.declarations.iter().map(|d| d.name.as_str()).collect();
    for (name, given) in said.named.iter().filter(|(name, _)| !declared.contains(&name.as_str())) {
        let slots = given.slots().flat_map(|slot| &slot.values);
        let mut sources: Vec<&str> = slots.map(|value| value.name.as_str()).collect();
        sources.dedup();
        reader.complain(format!(
            "no listener is called {name} ({}){}; a listener is made by -listen={name}=tcp:ADDRESS:PORT \
             or SP_LISTEN_{}=tcp:ADDRESS:PORT",
            sources.join(", "),
            suggest::hint("", name, declared.iter().copied()),
            name.to_ascii_uppercase()
        ));
    }
}

fn complain_of_conflicts(
    reader: &mut Reader,
    listeners: &[Listener],
    served: &[(&str, SocketAddr)],
) {
    for (index, listener) in listeners.iter().enumerate() {
        let mut before = listeners.iter().take(index);
        if let Some(other) = before.find(|other| overlap(&other.endpoint, &listener.endpoint)) {
            reader.complain(format!(
                "{} and {} can't listen at the same place: {} and {}",
                other.title(),
                listener.title(),
                other.endpoint,
                listener.endpoint
            ));
        }
        for (flag, address) in served {
            if overlap(&ListenAddress::Tcp(*address), &listener.endpoint) {
                reader.complain(format!(
                    "{} can't listen on {}: {flag} needs {address}",
                    listener.title(),
                    listener.endpoint
                ));
            }
        }
    }
    if let [(one, here), (other, there)] = served
        && overlap(&ListenAddress::Tcp(*here), &ListenAddress::Tcp(*there))
    {
        reader.complain(format!("{other} can't listen on {there}: {one} needs {here}"));
    }
}

/// Whether the system would refuse the second of the two.
fn overlap(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => {
            let covers = |wide: IpAddr, narrow: IpAddr| {
                // `::` takes IPv4 connections too (Linux's default).
                wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
            };
            let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
            one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
        }
        (ListenAddress::Unix { path: one, .. }, ListenAddress::Unix { path: other, .. }) => {
            one == other
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_overlap_where_the_system_would_refuse_the_second() {
        let rows = [
            ("tcp:127.0.0.1:1", "tcp:127.0.0.1:1", true),
            ("tcp:127.0.0.1:1", "tcp:127.0.0.1:2", false),
            ("tcp:127.0.0.1:1", "tcp:127.0.0.2:1", false),
            ("tcp:0.0.0.0:1", "tcp:127.0.0.1:1", true),
            ("tcp:0.0.0.0:1", "tcp:[::1]:1", false),
            ("tcp:[::]:1", "tcp:[::1]:1", true),
            ("tcp:[::]:1", "tcp:127.0.0.1:1", true),
            ("tcp:[::]:1", "tcp:0.0.0.0:1", true),
            ("tcp:[::ffff:127.0.0.1]:1", "tcp:127.0.0.1:1", true),
            ("unix:/a", "unix:/a,mode=0660", true),
            ("unix:/a", "unix:/b", false),
            ("unix:/a", "tcp:127.0.0.1:1", false),
        ];
        for (one, other, expected) in rows {
            let (a, b) = (values::endpoint(one).unwrap(), values::endpoint(other).unwrap());
            assert_eq!(overlap(&a, &b), expected, "{one} {other}");
            assert_eq!(overlap(&b, &a), expected, "{other} {one}");
        }
    }
}
