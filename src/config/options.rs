//! The table of options: flag, variable, kind of value, default and meaning.
//!
//! This one table is the source of the command line (the structure that argh
//! fills), of the environment, of the help text and of the table in README.md.
//!
//! **Invariant:** an option that is not in the table does not exist, and one
//! that is there is parsed, helped and documented.
//!
//! The meaning of values is not known here; see `values`.

use crate::http1::Method;

/// The longest time that can be configured: a day.
pub(super) const SECONDS_MAX: u64 = 86_400;
/// The largest number of connections that can be configured.
pub(super) const COUNT_MAX: usize = 1_000_000;

/// One option, as the operator knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opt {
    /// The flag's name without its hyphen.
    pub(super) flag: &'static str,
    /// The kind of its values.
    pub(super) kind: Kind,
    /// The value when neither flag nor variable sets one; empty for none.
    pub(super) default: &'static str,
    /// Its purpose, in one line.
    pub(super) meaning: &'static str,
}

/// The kind of an option's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Selects another task than running the proxy; has no variable.
    Command,
    /// The same, with the name of a preset as a value that can be missing.
    PresetName,
    /// The same, with a method and a path; can be repeated.
    Request,
    /// The same, with the path of a log.
    LogFile,
    /// How a list of rights is printed.
    Form,
    /// The proxy whose variables are honoured.
    Dialect,
    /// True or false.
    Switch,
    /// A pattern for the paths of a method; can be repeated.
    Pattern(Method),
    /// How far to let requests through while learning.
    Learn,
    /// A list of operations, classes and presets; repeated lists are merged.
    Operations,
    /// A list of exceptions from safe create; repeated lists are merged.
    Exceptions,
    /// A pattern for names of images; can be repeated.
    Images,
    /// A number of bytes with a unit.
    Size,
    /// A number of processors.
    Cpus,
    /// A number of processes.
    Pids,
    /// A list of client addresses; repeated lists are merged.
    Addresses,
    /// A list of host directories; repeated lists are merged.
    Directories,
    /// A label with its value; can be repeated.
    TargetLabel,
    /// The path of a unix socket.
    SocketPath,
    /// An IP address.
    Ip,
    /// A TCP port.
    Port,
    /// An IP address and a TCP port.
    Address,
    /// Permission bits of a file.
    FileMode,
    /// A log level.
    Level,
    /// A whole number of seconds, at least that many.
    Seconds(u64),
    /// A number of connections.
    Count,
    /// A container's name.
    ContainerName,
    /// The prefix of container labels.
    LabelPrefix,
    /// A further listener: name and endpoint; can be repeated.
    Listener,
}

/// Options that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// The heading.
    pub(super) title: &'static str,
    /// The options in the order of the documentation.
    pub(super) options: &'static [Opt],
}

/// The given values of one option.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// The option.
    pub(super) option: &'static Opt,
    /// The values, in the order in which they were given.
    pub(super) values: Vec<Value>,
    /// Whether an empty flag took the values away.
    pub(super) is_emptied: bool,
}

/// One value as the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// The flag or variable that carried it: `-allowGET@web`, `SP_ALLOW_GET_2`.
    pub(super) name: String,
    /// The text.
    pub(super) text: String,
}

macro_rules! options {
    ($( $title:literal { $( $field:ident $flag:literal $kind:expr, $default:literal, $meaning:literal; )+ } )+) => {
        /// All options.
        pub(super) const GROUPS: &[Group] = &[ $( Group {
            title: $title,
            options: &[ $( Opt { flag: $flag, kind: $kind, default: $default, meaning: $meaning } ),+ ],
        } ),+ ];

        /// The command line in argh's dialect.
        #[derive(argh::FromArgs)]
        struct CommandLine {
            $($( #[argh(option, description = "see the table")] $field: Vec<String>, )+)+
        }

        /// The given values, option by option.
        #[derive(Debug, Clone)]
        pub(super) struct Given { $($( pub(super) $field: Slot, )+)+ }

        impl Given {
            fn from_command_line(line: CommandLine, listener: &str) -> Self {
                Self { $($( $field: Slot::from_flags(
                    &Opt { flag: $flag, kind: $kind, default: $default, meaning: $meaning },
                    listener,
                    line.$field,
                ), )+)+ }
            }

            /// All slots, in the order of the table.
            pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
                [ $($( &self.$field, )+)+ ].into_iter()
            }

            /// All slots, in the order of the table.
            pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
                [ $($( &mut self.$field, )+)+ ].into_iter()
            }
        }
    };
}

options! {
    "Access" {
        allowfrom "allowfrom" Kind::Addresses, "127.0.0.1/32",
            "clients: comma-separated networks, addresses and host names";
        allow "allow" Kind::Operations, "",
            "allowed operations, classes of operations and presets; repeatable";
        deny "deny" Kind::Operations, "",
            "the same, but denied; overrides every rule that allows; repeatable";
        learn "learn" Kind::Learn, "",
            "allow requests that no rule allows and suggest rules for them: reads, or all (beware)";
        allowget "allowGET" Kind::Pattern(Method::Get), "",
            "pattern for the whole path of GET requests; repeatable";
        allowhead "allowHEAD" Kind::Pattern(Method::Head), "", "the same for HEAD";
        allowpost "allowPOST" Kind::Pattern(Method::Post), "", "the same for POST";
        allowput "allowPUT" Kind::Pattern(Method::Put), "", "the same for PUT";
        allowpatch "allowPATCH" Kind::Pattern(Method::Patch), "", "the same for PATCH";
        allowdelete "allowDELETE" Kind::Pattern(Method::Delete), "", "the same for DELETE";
        allowconnect "allowCONNECT" Kind::Pattern(Method::Connect), "", "the same for CONNECT";
        allowtrace "allowTRACE" Kind::Pattern(Method::Trace), "", "the same for TRACE";
        allowoptions "allowOPTIONS" Kind::Pattern(Method::Options), "", "the same for OPTIONS";
        allowbindmountfrom "allowbindmountfrom" Kind::Directories, "",
            "comma-separated host directories; only these may be mounted";
        bindmountsexact "bindmountsexact" Kind::Switch, "false",
            "allow mounts of these directories only, not of anything below them";
        targetlabel "targetlabel" Kind::TargetLabel, "",
            "limit clients to containers, networks and volumes with this label; repeatable";
        hideenv "hideenv" Kind::Switch, "false",
            "hide environment variables of containers in responses";
    }
    "What clients may create" {
        safecreate "safecreate" Kind::Switch, "false",
            "refuse containers with more access to the host than ordinary ones have";
        safecreateallow "safecreateallow" Kind::Exceptions, "",
            "exceptions to -safecreate, such as capadd:NET_ADMIN; repeatable";
        allowimage "allowimage" Kind::Images, "",
            "pattern for the whole name of an image, docker.io/library/busybox:latest; repeatable";
        maxmemory "maxmemory" Kind::Size, "",
            "highest memory limit of a container; containers must set one";
        maxcpus "maxcpus" Kind::Cpus, "",
            "highest CPU limit of a container; containers must set one";
        maxpids "maxpids" Kind::Pids, "",
            "highest limit of processes and threads of a container; containers must set one";
    }
    "Migration" {
        compat "compat" Kind::Dialect, "",
            "honour the variables of tecnativa, tecnativa-next or linuxserver";
    }
    "Listeners" {
        listenip "listenip" Kind::Ip, "127.0.0.1", "IPv4 or IPv6 address to listen on";
        proxyport "proxyport" Kind::Port, "2375", "TCP port to listen on";
        proxysocketendpoint "proxysocketendpoint" Kind::SocketPath, "",
            "listen on this unix socket instead of TCP";
        proxysocketendpointfilemode "proxysocketendpointfilemode" Kind::FileMode, "0600",
            "its permissions (a flag's 0660 is octal and 432 decimal; a variable is always octal)";
        listen "listen" Kind::Listener, "",
            "a further listener with allowlists of its own, see below; repeatable";
    }
    "The daemon" {
        socketpath "socketpath" Kind::SocketPath, "/var/run/docker.sock",
            "the daemon's unix socket";
        waitforsocket "waitforsocket" Kind::Seconds(0), "0",
            "seconds to wait at start for the daemon's socket to appear";
        watchdoginterval "watchdoginterval" Kind::Seconds(0), "0",
            "seconds between two checks of the daemon; 0 is off";
        stoponwatchdog "stoponwatchdog" Kind::Switch, "false",
            "stop with exit code 10 when a check fails";
        allowhealthcheck "allowhealthcheck" Kind::Switch, "false",
            "serve HEAD /health on 127.0.0.1:55555";
        metrics "metrics" Kind::Address, "",
            "serve GET /metrics, for Prometheus, on this address and port, to everyone who can connect";
    }
    "Rights by container labels" {
        proxycontainername "proxycontainername" Kind::ContainerName, "",
            "name of the container that this proxy runs in; turns rights by labels on";
        dockerlabelprefix "dockerlabelprefix" Kind::LabelPrefix, "socket-proxy",
            "labels are PREFIX.allow.get, PREFIX.allow.get.1, PREFIX.allow.bindmountfrom";
        allowlabelgrants "allowlabelgrants" Kind::Switch, "false",
            "let clients create containers with such labels, and so grant rights";
    }
    "Limits" {
        maxconnections "maxconnections" Kind::Count, "1024",
            "maximum concurrent connections of all clients";
        maxconnectionsperclient "maxconnectionsperclient" Kind::Count, "768",
            "maximum concurrent connections of one address, or of one user on unix sockets";
        headertimeout "headertimeout" Kind::Seconds(1), "10",
            "seconds that a client has to send the head of a request";
        idletimeout "idletimeout" Kind::Seconds(1), "120",
            "seconds after which an idle connection is closed";
        shutdowngracetime "shutdowngracetime" Kind::Seconds(0), "10",
            "seconds that running requests have to finish after a stop signal";
    }
    "Log" {
        loglevel "loglevel" Kind::Level, "INFO", "DEBUG, INFO, WARN or ERROR";
        logjson "logjson" Kind::Switch, "false", "log JSON lines instead of text";
    }
    "Commands" {
        healthcheck "healthcheck" Kind::Command, "",
            "check a proxy with -allowhealthcheck on this host; exit 0 if its daemon responds, else 1";
        presets "presets" Kind::PresetName, "", "list the presets, or show the one of this name";
        check "check" Kind::Request, "",
            "judge a request, or each line of standard input (-); exit 1 if one is refused; repeatable";
        lint "lint" Kind::Command, "", "list the operations that the rules open";
        suggest "suggest" Kind::LogFile, "",
            "print the smallest list of rights for the requests in a log, or in standard input (-)";
        format "format" Kind::Form, "compose",
            "output of -suggest: flags, variables, compose or labels";
        version "version" Kind::Command, "", "print the version";
        h "h" Kind::Command, "", "list all options";
    }
}

impl Opt {
    /// The option whose flag has exactly that name.
    pub(super) fn with_flag(name: &str) -> Option<&'static Self> {
        all().find(|option| option.flag == name)
    }

    /// The environment variable, if there is one. A pattern's variable, or that of
    /// a label, may carry a suffix; a further listener's carries its name.
    ///
    /// Commands have none: a stray `SP_VERSION=1.2`, meant for an image's tag in
    /// an `.env` file, must not end the program.
    pub(super) fn variable(&self) -> Option<String> {
        match self.kind {
            Kind::Command | Kind::PresetName | Kind::Request | Kind::LogFile | Kind::Form => None,
            Kind::Pattern(method) => Some(format!("SP_ALLOW_{method}")),
            Kind::Listener => Some("SP_LISTEN_<NAME>".to_owned()),
            _ => Some(format!("SP_{}", self.flag.to_ascii_uppercase())),
        }
    }

    /// The flag as it is written for a listener; an empty name is the default
    /// listener's.
    pub(super) fn flag_for(&self, listener: &str) -> String {
        if listener.is_empty() {
            format!("-{}", self.flag)
        } else {
            format!("-{}@{listener}", self.flag)
        }
    }

    /// Whether the flag needs no value, like Go's boolean flags.
    pub(super) fn is_boolean(&self) -> bool {
        matches!(self.kind, Kind::Switch | Kind::Command | Kind::PresetName)
    }

    /// Whether every listener has its own: `-allowGET@NAME`.
    pub(super) fn is_per_listener(&self) -> bool {
        matches!(
            self.kind,
            Kind::Pattern(_)
                | Kind::Operations
                | Kind::Exceptions
                | Kind::Images
                | Kind::Size
                | Kind::Cpus
                | Kind::Pids
                | Kind::Addresses
                | Kind::Directories
                | Kind::TargetLabel
                | Kind::Request
        ) || matches!(self.flag, "bindmountsexact" | "safecreate" | "hideenv")
    }

    /// Whether the variable can be repeated with a suffix: `SP_ALLOW_GET_2`.
    pub(super) fn takes_suffixes(&self) -> bool {
        matches!(self.kind, Kind::Pattern(_) | Kind::Exceptions | Kind::Images | Kind::TargetLabel)
    }

    /// The option's name in argh's dialect, which knows only lower case.
    pub(super) fn argh_name(&self) -> String {
        format!("--{}", self.flag.to_ascii_lowercase())
    }
}

impl Given {
    /// Reads a command line in argh's dialect that is about one listener; an
    /// empty name is the default listener's.
    ///
    /// # Errors
    /// The error of argh. It cannot happen with the output of `go_flags`.
    pub(super) fn parse(listener: &str, arguments: &[String]) -> Result<Self, String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        <CommandLine as argh::FromArgs>::from_args(&["socket-proxy"], &arguments)
            .map(|line| Self::from_command_line(line, listener))
            .map_err(|exit| exit.output)
    }

    /// The slots of the nine methods.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (Method, &Slot)> {
        self.slots().filter_map(|slot| match slot.option.kind {
            Kind::Pattern(method) => Some((method, slot)),
            _ => None,
        })
    }
}

impl Slot {
    fn from_flags(option: &'static Opt, listener: &str, texts: Vec<String>) -> Self {
        let name = option.flag_for(listener);
        let value = |text| Value { name: name.clone(), text };
        Self { option, values: texts.into_iter().map(value).collect(), is_emptied: false }
    }

    /// Whether a flag or a variable set it.
    pub(super) fn is_given(&self) -> bool {
        !self.values.is_empty()
    }

    /// Whether flags gave the values, and no variables: they never mix.
    pub(super) fn is_from_flag(&self) -> bool {
        self.values.first().is_some_and(Value::is_from_flag)
    }

    /// Takes away values without a text, where an empty flag means that there
    /// is none: `-allowGET=${ALLOW_GET}` in a compose file, and
    /// `-proxysocketendpoint=`, which closes the socket of a variable.
    pub(super) fn drop_empty(&mut self) {
        let is_empty = |value: &Value| value.text.is_empty();
        let last_is_empty = self.values.last().is_some_and(is_empty);
        match self.option.kind {
            Kind::Pattern(_) | Kind::Operations | Kind::Exceptions | Kind::Images | Kind::Learn => {
            }
            Kind::SocketPath if !self.option.default.is_empty() => return,
            // Here the last flag counts.
            Kind::ContainerName | Kind::SocketPath | Kind::Address if last_is_empty => {
                self.values.clear();
            }
            Kind::ContainerName | Kind::SocketPath | Kind::Address => {}
            _ => return,
        }
        self.values.retain(|value| !is_empty(value));
        self.is_emptied = self.values.is_empty() && last_is_empty;
    }
}

impl Value {
    /// Whether a flag carried the value, not a variable.
    pub(super) fn is_from_flag(&self) -> bool {
        self.name.starts_with('-')
    }
}

/// All options in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static Opt> + Clone {
    GROUPS.iter().flat_map(|group| group.options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_reaches_its_own_slot_through_argh() {
        for option in all() {
            let line = [option.argh_name(), "-value=1 ".to_owned()];
            let given = Given::parse("", &line).unwrap();
            let filled: Vec<_> = given.slots().filter(|slot| slot.is_given()).collect();
            assert_eq!(filled.len(), 1, "{}", option.flag);
            assert_eq!(filled[0].option, option);
            let value = Value { name: format!("-{}", option.flag), text: "-value=1 ".to_owned() };
            assert_eq!(filled[0].values, [value]);
        }
    }

    #[test]
    fn flags_and_variables_are_unique() {
        let mut names: Vec<String> = all().map(|option| option.flag.to_owned()).collect();
        names.extend(all().filter_map(Opt::variable));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn all_nine_methods_have_a_flag_and_a_variable_of_their_name() {
        let given = Given::parse("", &[]).unwrap();
        let methods: Vec<Method> = given.patterns().map(|(method, _)| method).collect();
        assert_eq!(methods, Method::ALL);
        for (method, slot) in given.patterns() {
            assert_eq!(slot.option.flag, format!("allow{method}"));
            assert_eq!(slot.option.variable(), Some(format!("SP_ALLOW_{method}")));
        }
    }

    #[test]
    fn repeated_values_keep_their_order() {
        let line =
            ["--allowget", "/a", "--loglevel", "debug", "--allowget", "/b"].map(String::from);
        let given = Given::parse("web", &line).unwrap();
        let named = |text: &str| Value { name: "-allowGET@web".into(), text: text.into() };
        assert_eq!(given.allowget.values, [named("/a"), named("/b")]);
    }

    #[test]
    fn argh_refuses_what_the_normaliser_never_writes() {
        assert!(Given::parse("", &["--nonsense".to_owned()]).is_err());
        assert!(Given::parse("", &["--allowget".to_owned()]).is_err());
        assert!(Given::parse("", &["word".to_owned()]).is_err());
    }
}
