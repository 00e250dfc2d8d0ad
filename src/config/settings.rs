//! Brings flags and variables together and makes the [`Config`] of them.

use super::compat::{self, Dialect, Translation};
use super::environment::Environment;
use super::go_flags::CommandLines;
use super::listeners::{self, Declaration, Said};
use super::options::{Given, Slot};
use super::read::Reader;
use super::{
    Config, ConfigError, ContainerRights, HEALTH_ADDRESS, Limits, LogConfig, advice, values,
};
use crate::filter::Learning;
use crate::filter::bodies::LabelGuard;
use std::collections::BTreeMap;

/// The whole configuration, still as text.
pub(super) struct Settings {
    /// The program's options and the default listener's.
    pub(super) default: Given,
    /// The options of named listeners, declared or not.
    pub(super) named: BTreeMap<String, Given>,
    /// The declarations of named listeners.
    pub(super) declarations: Vec<Declaration>,
    /// Variables of other proxies.
    pub(super) of_haproxy_proxies: Vec<(String, String)>,
    of_other_proxies: Vec<(String, String)>,
    warnings: Vec<String>,
    reader: Reader,
}

impl Settings {
    /// Merges the command line and the environment; flags win.
    ///
    /// # Errors
    /// If argh refuses the command line.
    pub(super) fn merge(
        lines: CommandLines,
        environment: Environment,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        let mut warnings = lines.warnings;
        environment.complaints.iter().for_each(|complaint| reader.complain(complaint.clone()));
        let mut default = parse("", &lines.plain)?;
        environment.fill("", &mut default);
        let mut named = BTreeMap::new();
        for (name, line) in &lines.of_listeners {
            named.insert(name.clone(), parse(name, line)?);
        }
        let declarations =
            listeners::declarations(&mut reader, &default.listen, environment.endpoints());
        let others = declarations.iter().map(|declaration| declaration.name.as_str());
        for name in others.chain(environment.listeners_with_options()) {
            if !named.contains_key(name) {
                named.insert(name.to_owned(), parse(name, &[])?);
            }
        }
        named.iter_mut().for_each(|(name, given)| environment.fill(name, given));
        warnings.extend(overridden_endpoints(&declarations, &environment));
        settle("", &mut default, &environment, &mut warnings);
        named.iter_mut().for_each(|(name, given)| settle(name, given, &environment, &mut warnings));
        warnings.extend(environment.warnings);
        let of_haproxy_proxies = environment.of_haproxy_proxies;
        let of_other_proxies = environment.of_other_proxies;
        Ok(Self {
            default,
            named,
            declarations,
            of_haproxy_proxies,
            of_other_proxies,
            warnings,
            reader,
        })
    }

    /// Whether one of the options that select another task is on.
    ///
    /// # Errors
    /// If it is neither on nor off.
    pub(super) fn is_command(&self, slot: &Slot) -> Result<bool, ConfigError> {
        let mut reader = Reader::default();
        let is_on = reader.all(slot, |value| values::switch(&value.text));
        match is_on {
            Some(is_on) => Ok(is_on.last().copied().unwrap_or_default()),
            None => Err(ConfigError::values(reader.into_complaints())),
        }
    }

    /// Validates and compiles everything.
    ///
    /// # Errors
    /// All values that can't be used.
    pub(super) fn into_config(mut self) -> Result<Config, ConfigError> {
        let config = self.config();
        let complaints = std::mem::take(&mut self.reader).into_complaints();
        match config {
            Some(mut config) if complaints.is_empty() => {
                config.warnings = std::mem::take(&mut self.warnings);
                let advice = advice::advice(&self, &config);
                config.warnings.extend(advice);
                Ok(config)
            }
            _ => Err(ConfigError::values(complaints)),
        }
    }

    /// Every value is read before the first `?`, so that every mistake is found.
    fn config(&mut self) -> Option<Config> {
        let translation = self.translate();
        let (reader, given) = (&mut self.reader, &self.default);
        // Before the listeners, whose policies have its guard.
        let container_rights = container_rights(reader, given);
        let rights = container_rights.as_ref().and_then(Option::as_ref);
        let said = Said {
            default: given,
            named: &self.named,
            declarations: &self.declarations,
            grants: translation.as_ref().map_or(&[], |translation| &translation.grants),
            label_guard: rights.and_then(|rights| rights.label_guard.as_ref()),
        };
        let serve_health = reader.switch(&given.allowhealthcheck);
        let metrics = reader.all(&given.metrics, |value| values::address(&value.text));
        let metrics = metrics.map(|mut addresses| addresses.pop());
        let health = serve_health.unwrap_or_default();
        let health = health.then_some(("-allowhealthcheck", HEALTH_ADDRESS));
        let served = metrics.flatten().map(|address| ("-metrics", address));
        let served: Vec<_> = health.into_iter().chain(served).collect();
        let listeners = listeners::listeners(reader, &said, &served);
        let socket_path = reader.last(&given.socketpath, |value| values::socket_path(&value.text));
        let log = log(reader, given);
        let limits = limits(reader, given);
        let shutdown_grace = reader.seconds(&given.shutdowngracetime);
        let watchdog_interval = reader.seconds(&given.watchdoginterval);
        let stop_on_watchdog = reader.switch(&given.stoponwatchdog);
        let wait_for_socket = reader.seconds(&given.waitforsocket);
        let learning = reader.all(&given.learn, |value| values::learn(&value.text));
        Some(Config {
            listeners: listeners?,
            socket_path: socket_path?,
            log: log?,
            limits: limits?,
            shutdown_grace: shutdown_grace?,
            watchdog_interval: Some(watchdog_interval?).filter(|interval| !interval.is_zero()),
            stop_on_watchdog: stop_on_watchdog?,
            serve_health: serve_health?,
            metrics: metrics?,
            wait_for_socket: wait_for_socket?,
            learning: learning?.pop().map(Learning::new),
            container_rights: container_rights?,
            honoured: translation?.lines,
            warnings: Vec::new(),
        })
    }

    /// The translation of other proxies' variables, if they are to be honoured.
    /// Those about the whole program fill slots that have no other value.
    fn translate(&mut self) -> Option<Translation> {
        let compat = &self.default.compat;
        let dialect = self.reader.last(compat, |value| Dialect::parse(&value.text));
        let Some(dialect) = dialect else {
            return (!compat.is_given()).then(Translation::default);
        };
        let mut translation = compat::translate(dialect, &self.of_other_proxies);
        let Given { socketpath, loglevel, .. } = &mut self.default;
        let values = [translation.socket_path.take(), translation.log_level.take()];
        for (slot, value) in [socketpath, loglevel].into_iter().zip(values) {
            let Some(value) = value else { continue };
            match slot.values.last() {
                Some(ours) => translation.overrule(&value.name, &ours.name),
                None => slot.values.push(value),
            }
        }
        Some(translation)
    }
}

fn parse(name: &str, line: &[String]) -> Result<Given, ConfigError> {
    Given::parse(name, line).map_err(ConfigError::usage)
}

/// Drops flags that say nothing, and names the variables that flags override:
/// an empty flag overrides them too.
fn settle(
    listener: &str,
    given: &mut Given,
    environment: &Environment,
    warnings: &mut Vec<String>,
) {
    for slot in given.slots_mut().filter(|slot| slot.is_from_flag()) {
        let name = slot.option.flag_for(listener);
        let is_empty = slot.values.iter().any(|value| value.text.is_empty());
        let count = slot.values.len();
        slot.drop_empty();
        let is_dropped = is_empty && slot.values.len() < count;
        let empty = if is_dropped { " is empty and" } else { "" };
        let variables = environment.variables_of(listener, slot.option);
        if !variables.is_empty() {
            let which = if variables.len() == 1 { "which has" } else { "which have" };
            let variables = variables.join(", ");
            warnings.push(format!("{name}{empty} overrides {variables}, {which} no effect"));
        } else if is_dropped {
            warnings.push(format!("{name} is empty and has no effect"));
        }
    }
}

fn overridden_endpoints(declarations: &[Declaration], environment: &Environment) -> Vec<String> {
    let is_flag = |name: &str| {
        declarations.iter().any(|listener| listener.name == name && listener.is_from_flag())
    };
    let overridden = environment.endpoints().filter(|(name, _)| is_flag(name));
    overridden
        .map(|(name, value)| {
            format!("-listen={name} overrides {}, which has no effect", value.name)
        })
        .collect()
}

fn log(reader: &mut Reader, given: &Given) -> Option<LogConfig> {
    let level = reader.last(&given.loglevel, |value| values::level(&value.text));
    let json = reader.switch(&given.logjson);
    Some(LogConfig { level: level?, json: json? })
}

fn limits(reader: &mut Reader, given: &Given) -> Option<Limits> {
    let connections_max = reader.count(&given.maxconnections);
    let per_client = reader.count(&given.maxconnectionsperclient);
    let header_timeout = reader.seconds(&given.headertimeout);
    let idle_timeout = reader.seconds(&given.idletimeout);
    Some(Limits {
        connections_max: connections_max?,
        connections_per_client_max: per_client?.min(connections_max?),
        header_timeout: header_timeout?,
        idle_timeout: idle_timeout?,
    })
}

fn container_rights(reader: &mut Reader, given: &Given) -> Option<Option<ContainerRights>> {
    let name = reader.all(&given.proxycontainername, |value| values::container_name(&value.text));
    let prefix = reader.last(&given.dockerlabelprefix, |value| values::label_prefix(&value.text));
    let may_grant = reader.switch(&given.allowlabelgrants)?;
    let (name, label_prefix) = (name?.pop(), prefix?);
    Some(name.map(|proxy_container_name| {
        let guard = LabelGuard::new(&label_prefix, "-allowlabelgrants");
        let label_guard = (!may_grant).then_some(guard);
        ContainerRights { proxy_container_name, label_prefix, label_guard }
    }))
}
