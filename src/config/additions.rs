//! The flag or variable for a further right that takes no other right away.
//!
//! A flag replaces all variables of its method, and a variable replaces the
//! default. So a right that was given by a variable is extended by a further
//! variable, one that was given by a flag by a further flag.

use super::options::{self, Given, Kind, Opt, Slot, Value};
use crate::advice::presets;
use crate::api::Operation;
use crate::filter::Additions;
use crate::http1::Method;

/// For all methods and the list of addresses of a listener; an empty name is
/// the default listener's.
pub(super) fn additions(given: &Given, listener: &str) -> Additions {
    let patterns = given.patterns().map(|(method, _)| (method, pattern(given, listener, method)));
    Additions {
        patterns: patterns.collect(),
        names: names(given, listener),
        parts: parts(&given.allow),
        address: address(&given.allowfrom, listener),
    }
}

/// How to allow an operation, in words that end before its name.
fn names(given: &Given, listener: &str) -> String {
    let [flag, variable] = names_spelled(listener);
    match given.allow.values.last() {
        Some(value) if value.is_from_flag() => format!("add {flag}="),
        Some(value) => format!("append to {}: ,", value.name),
        None if !given.allow.is_emptied && is_written_in_variables(given) => {
            format!("set {variable}=")
        }
        None => format!("add {flag}="),
    }
}

/// Advice on how to allow a refusal of safe create, in words that end before the item.
pub(super) fn exception(given: &Given, listener: &str) -> String {
    let Given { safecreate, safecreateallow, .. } = given;
    let flag = safecreateallow.option.flag_for(listener);
    let variable = format!("SP_{}SAFECREATEALLOW", of_listener(listener));
    let is_in_variable = safecreate.is_given() && !safecreate.is_from_flag();
    match safecreateallow.values.last() {
        Some(value) if value.is_from_flag() => format!("add {flag}="),
        Some(value) => format!("append to {}: ,", value.name),
        None if is_in_variable && !safecreateallow.is_emptied => format!("set {variable}="),
        None => format!("add {flag}="),
    }
}

/// How to allow an image, in words that end before its name.
pub(super) fn image(given: &Given, listener: &str) -> String {
    let slot = &given.allowimage;
    match slot.values.last() {
        Some(value) if !value.is_from_flag() => {
            let variable = format!("SP_{}ALLOWIMAGE", of_listener(listener));
            format!("set {}=", free(&variable, &slot.values))
        }
        _ => format!("add {}=", slot.option.flag_for(listener)),
    }
}

/// The operations of all parts that presets in use have and that were not chosen.
fn parts(slot: &Slot) -> Vec<(Operation, String)> {
    let items = slot.values.iter().flat_map(|value| value.text.split(','));
    let mut parts = Vec::new();
    for item in items.map(str::trim) {
        let chosen: Vec<&str> = item.split('+').collect();
        let Some(preset) = chosen.first().and_then(|name| presets::find(name)) else { continue };
        for part in preset.named_parts().filter(|part| !chosen.contains(&part.name)) {
            let written = format!("{item}+{}", part.name);
            parts.extend(part.needs.iter().map(|(operation, _)| (*operation, written.clone())));
        }
    }
    parts
}

/// The flag or variable for a further pattern of a method.
pub(super) fn pattern(given: &Given, listener: &str, method: Method) -> String {
    let [flag, variable] = spelled(method, listener);
    let slot = given.patterns().find(|(of, _)| *of == method).map(|(_, slot)| slot);
    match slot {
        Some(slot) if slot.is_given() && !slot.is_from_flag() => free(&variable, &slot.values),
        Some(slot) if slot.is_given() || slot.is_emptied => flag,
        _ if is_written_in_variables(given) => variable,
        _ => flag,
    }
}

/// The flag and the variable for lists of names on a listener.
pub(super) fn names_spelled(listener: &str) -> [String; 2] {
    let flag = Opt::with_flag("allow").map(|option| option.flag_for(listener));
    [flag.unwrap_or_default(), format!("SP_{}ALLOW", of_listener(listener))]
}

/// The flag and the variable for a method on a listener.
pub(super) fn spelled(method: Method, listener: &str) -> [String; 2] {
    let is_it = |option: &&'static Opt| option.kind == Kind::Pattern(method);
    let flag = options::all().find(is_it).map(|option| option.flag_for(listener));
    [flag.unwrap_or_default(), format!("SP_{}ALLOW_{method}", of_listener(listener))]
}

fn of_listener(listener: &str) -> String {
    match listener {
        "" => String::new(),
        _ => format!("LISTEN_{}_", listener.to_ascii_uppercase()),
    }
}

fn free(variable: &str, values: &[Value]) -> String {
    let is_free = |name: &String| !values.iter().any(|value| value.name == *name);
    let names = (2..=values.len() + 2).map(|number| format!("{variable}_{number}"));
    names.into_iter().find(is_free).unwrap_or_else(|| format!("{variable}_MORE"))
}

fn is_written_in_variables(given: &Given) -> bool {
    let mut values = given.patterns().flat_map(|(_, slot)| &slot.values).peekable();
    values.peek().is_some() && !values.any(Value::is_from_flag)
}

/// Advice on how to admit an address, in words that end before it.
fn address(slot: &Slot, listener: &str) -> String {
    let variable = format!("SP_{}ALLOWFROM", of_listener(listener));
    let flag = slot.option.flag_for(listener);
    match slot.values.last() {
        Some(value) if value.is_from_flag() => format!("add {flag}="),
        // A stranger does not see the other addresses of the list.
        Some(value) => format!("append to {}: ,", value.name),
        None => format!("set {flag} (or {variable}) to {},", slot.option.default),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Invocation};
    use super::*;
    use crate::filter::Source;

    /// Where the listener's patterns for GET and HEAD, and an address, would go.
    fn check(line: &[&str], variables: &[(&str, &str)], expected: [&str; 3]) {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let Ok(Invocation::Run(config)) =
            Config::from_args_and_env(line.iter().map(Into::into), variables)
        else {
            panic!("{line:?} is a configuration");
        };
        let policy = &config.listeners.last().unwrap().policy;
        let Source::Options { additions, .. } = &policy.source() else { panic!("of options") };
        let of =
            |method| additions.patterns.iter().find(|(of, _)| *of == method).unwrap().1.as_str();
        let found = [of(Method::Get), of(Method::Head), additions.address.as_str()];
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn a_right_is_extended_where_it_was_written() {
        let default = "set -allowfrom (or SP_ALLOWFROM) to 127.0.0.1/32,";
        check(&[], &[], ["-allowGET", "-allowHEAD", default]);
        check(&["-allowGET=/a"], &[], ["-allowGET", "-allowHEAD", default]);
        let get = ("SP_ALLOW_GET", "/a");
        check(&[], &[get], ["SP_ALLOW_GET_2", "SP_ALLOW_HEAD", default]);
        let second = ("SP_ALLOW_GET_2", "/b");
        check(&[], &[get, second], ["SP_ALLOW_GET_3", "SP_ALLOW_HEAD", default]);
        check(&[], &[second], ["SP_ALLOW_GET_3", "SP_ALLOW_HEAD", default]);
        // The two ways mix; each method goes its own.
        check(&["-allowHEAD=/_ping"], &[get], ["SP_ALLOW_GET_2", "-allowHEAD", default]);
        check(&["-allowPOST=/b"], &[get], ["SP_ALLOW_GET_2", "-allowHEAD", default]);
        // An empty flag takes its variable's effect away, so only a flag helps.
        check(
            &["-allowGET="],
            &[get, ("SP_ALLOW_PUT", "/")],
            ["-allowGET", "SP_ALLOW_HEAD", default],
        );
        check(&["-allowfrom=web"], &[], ["-allowGET", "-allowHEAD", "add -allowfrom="]);
        let from = ("SP_ALLOWFROM", "web, 10.0.0.0/8");
        check(&[], &[from], ["-allowGET", "-allowHEAD", "append to SP_ALLOWFROM: ,"]);
    }

    #[test]
    fn listeners_are_extended_by_their_own_names() {
        check(
            &["-listen=web=tcp:127.0.0.1:1"],
            &[("SP_LISTEN_WEB_ALLOW_GET", "/a"), ("SP_LISTEN_WEB_ALLOWFROM", "x")],
            [
                "SP_LISTEN_WEB_ALLOW_GET_2",
                "SP_LISTEN_WEB_ALLOW_HEAD",
                "append to SP_LISTEN_WEB_ALLOWFROM: ,",
            ],
        );
        check(
            &["-listen=web=tcp:127.0.0.1:1", "-allowGET@web=/a", "-allowfrom@web=x"],
            &[],
            ["-allowGET@web", "-allowHEAD@web", "add -allowfrom@web="],
        );
    }
}
