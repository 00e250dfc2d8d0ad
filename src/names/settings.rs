//! `/etc/resolv.conf` (resolv.conf(5)), with the defaults and limits of Go's
//! resolver: names resolve as in the Engine and in other clients.

use resolv_conf::{Config, ScopedIp};
use rustix::net::{AddressFamily, SocketType, netdevice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const PORT: u16 = 53;
const SERVERS_MAX: usize = 3;
const NDOTS_MAX: usize = 15;
const ATTEMPTS_MAX: u32 = 5;
const SEARCH_MAX: usize = 32;

/// Longest name with the root's dot (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 254;

/// How names are looked up.
#[derive(Debug)]
pub(super) struct Settings {
    /// Not empty.
    pub(super) servers: Vec<SocketAddr>,
    /// How often each server is asked.
    pub(super) attempts: usize,
    /// How long the last question may go unanswered.
    pub(super) timeout: Duration,
    pub(super) rotates: bool,
    pub(super) always_by_tcp: bool,
    search: Vec<String>,
    ndots: usize,
}

impl Settings {
    /// Reads the file. Lines and options that are unknown or broken are skipped.
    pub(super) fn parse(content: &[u8]) -> Self {
        let (config, _) = Config::parse_with_errors(content);
        let mut servers: Vec<SocketAddr> =
            config.nameservers.iter().filter_map(server).take(SERVERS_MAX).collect();
        if servers.is_empty() {
            let local: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            servers = local.map(|address| SocketAddr::new(address, PORT)).into();
        }
        let mut search: Vec<String> =
            config.get_last_search_or_domain().map(|domain| bare(domain)).collect();
        if search.is_empty() {
            search.extend(domain_of_this_host());
        }
        search.retain(|domain| !domain.is_empty());
        search.truncate(SEARCH_MAX);
        Self {
            servers,
            attempts: usize::try_from(config.attempts.clamp(1, ATTEMPTS_MAX)).unwrap_or(1),
            timeout: Duration::from_secs(u64::from(config.timeout.max(1))),
            rotates: config.rotate,
            always_by_tcp: config.use_vc,
            search,
            ndots: usize::try_from(config.ndots).unwrap_or(NDOTS_MAX).min(NDOTS_MAX),
        }
    }

    /// The full names to ask for, in order: the name with each search domain,
    /// and the name itself, which comes first if it has enough dots.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        let mut candidates = vec![bare(name)];
        if !name.ends_with('.') {
            let found = self.search.iter().map(|domain| format!("{name}.{domain}"));
            let dots = name.bytes().filter(|&byte| byte == b'.').count();
            let place = if dots >= self.ndots { candidates.len() } else { 0 };
            candidates.splice(place..place, found);
        }
        candidates.retain(|name| is_askable(name));
        candidates
    }
}

/// Whether a name may be queried at servers: it has a wire format, and is not of
/// the Tor network (RFC 7686 §2).
fn is_askable(name: &str) -> bool {
    let is_onion = name.rsplit('.').next().is_some_and(|top| top.eq_ignore_ascii_case("onion"));
    name.len() < NAME_BYTES_MAX && !name.split('.').any(str::is_empty) && !is_onion
}

fn bare(name: &str) -> String {
    name.trim_end_matches('.').to_owned()
}

fn server(address: &ScopedIp) -> Option<SocketAddr> {
    match address {
        ScopedIp::V4(address) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(address, None) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(address, Some(zone)) => {
            let scope = scope_of(zone)?;
            Some(SocketAddrV6::new(*address, PORT, 0, scope).into())
        }
    }
}

/// The number of an interface, given by name or number.
fn scope_of(zone: &str) -> Option<u32> {
    if let Ok(index) = zone.parse() {
        return Some(index);
    }
    let socket = rustix::net::socket(AddressFamily::INET6, SocketType::DGRAM, None).ok()?;
    netdevice::name_to_index(&socket, zone).ok()
}

/// The part behind the first dot of this host's name.
fn domain_of_this_host() -> Option<String> {
    let host = rustix::system::uname();
    let (_, domain) = host.nodename().to_str().ok()?.split_once('.')?;
    Some(bare(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(content: &str, name: &str) -> String {
        Settings::parse(content.as_bytes()).candidates(name).join(" ")
    }

    #[test]
    fn names_are_tried_with_the_search_domains() {
        let rows = [
            ("search a.example b.example.", "web", "web.a.example web.b.example web"),
            ("search a.example", "web.x", "web.x web.x.a.example"),
            ("search a.example", "web.", "web"),
            ("search a.example\noptions ndots:0", "web", "web web.a.example"),
            ("search a.example\noptions ndots:5 edns0", "a.b.c.d", "a.b.c.d.a.example a.b.c.d"),
            ("options ndots:2 what:ever trust-ad\nnonsense\nsearch a", "x.y", "x.y.a x.y"),
            ("search old\ndomain new", "web", "web.new web"),
            ("domain old\nsearch new", "web", "web.new web"),
            ("search . a", "web", "web.a web"),
            ("search a..b onion", "web", "web"),
            ("search a", "tasks.my_web", "tasks.my_web tasks.my_web.a"),
        ];
        for (content, name, expected) in rows {
            assert_eq!(candidates(content, name), expected, "{content}: {name}");
        }
        let long = format!("search {}", vec!["a".repeat(60); 4].join("."));
        assert_eq!(candidates(&long, "web"), format!("web.{} web", &long[7..]));
        assert_eq!(candidates(&long, "long-name-x"), "long-name-x");
    }

    #[test]
    fn servers_are_read_with_their_limits_and_defaults() {
        let servers = |content: &str| {
            let servers = Settings::parse(content.as_bytes()).servers;
            servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(servers(""), "127.0.0.1:53 [::1]:53");
        assert_eq!(servers("nameserver 127.0.0.11"), "127.0.0.11:53");
        assert_eq!(servers("nameserver x\nnameserver fd00::1 # ours"), "[fd00::1]:53");
        assert_eq!(servers("nameserver fe80::1%3"), "[fe80::1%3]:53");
        assert_eq!(servers("nameserver fe80::1%lo"), "[fe80::1%1]:53");
        assert_eq!(servers("nameserver fe80::1%none"), "127.0.0.1:53 [::1]:53");
        let four =
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4";
        assert_eq!(servers(four), "10.0.0.1:53 10.0.0.2:53 10.0.0.3:53");
    }

    #[test]
    fn options_are_held_within_reason() {
        let shown = |content: &str| {
            let found = Settings::parse(content.as_bytes());
            (
                found.attempts,
                found.timeout.as_secs(),
                found.ndots,
                found.rotates,
                found.always_by_tcp,
            )
        };
        assert_eq!(shown(""), (2, 5, 1, false, false));
        assert_eq!(shown("options attempts:0 timeout:0 ndots:99 rotate"), (1, 1, 15, true, false));
        assert_eq!(shown("options attempts:99 timeout:3 use-vc"), (5, 3, 1, false, true));
        assert_eq!(shown("options attempts:x timeout:-1 ndots:"), (2, 5, 1, false, false));
    }
}
