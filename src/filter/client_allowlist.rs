//! Client addresses: networks, single addresses and host names.
//!
//! An address list is the value of `-allowfrom`: CIDRs, bare addresses and host
//! names, mixed. An address is always compared in its plain form: a client that
//! reaches a dual-stack socket over IPv4 shows up as `::ffff:a.b.c.d` (RFC 4291
//! §2.5.5.2) and is still an IPv4 client.
//!
//! **Invariant:** a text that looks like an address but is none (`10.0.0.256`,
//! `0x7f.1`) is an error. It is never taken for a host name, because a resolver
//! would turn it back into some address.
//!
//! Names are not looked up here: the caller brings the resolver.

use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::IpAddr;

/// Longest host name (RFC 1035 §2.3.4, without the root's dot).
const NAME_BYTES_MAX: usize = 253;
/// Longest label of a host name (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// Length of the prefix `::ffff:0:0/96`.
const MAPPED_PREFIX_BITS: u8 = 96;

/// The addresses that a policy admits. The default admits none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientAllowlist {
    networks: Vec<IpNet>,
    names: Vec<String>,
}

/// Why an item of an address list was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAllowlistError {
    /// The item that is neither a network, nor an address, nor a host name.
    pub item: String,
}

impl ClientAllowlist {
    /// Parses a comma-separated list of CIDRs, bare addresses and host names.
    ///
    /// Items are trimmed; empty items are skipped. A network may have host bits
    /// set; they are cleared, as Go's `net.ParseCIDR` does. Networks are reduced
    /// to their IPv4 form where they are written as IPv4-mapped IPv6.
    ///
    /// # Errors
    /// The first item that is none of the three.
    pub fn parse(list: &str) -> Result<Self, ClientAllowlistError> {
        let mut peers = Self::default();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            peers.add(item)?;
        }
        Ok(peers)
    }

    /// Adds the entries of another list to this one; entries that are there
    /// already are not added twice.
    pub fn merge(&mut self, other: Self) {
        other.networks.into_iter().for_each(|network| push_new(&mut self.networks, network));
        other.names.into_iter().for_each(|name| push_new(&mut self.names, name));
    }

    /// Whether `addr` is admitted. `resolve` says whether one of the host names
    /// has that address; it is asked, for all names at once, only if there are
    /// names and no network matches.
    pub fn admits(&self, addr: IpAddr, resolve: impl FnOnce(&[String], IpAddr) -> bool) -> bool {
        let addr = addr.to_canonical();
        self.networks.iter().any(|network| network.contains(&addr))
            || (!self.names.is_empty() && resolve(&self.names, addr))
    }

    /// Whether some network spans a whole address family.
    #[must_use]
    pub fn admits_everyone(&self) -> bool {
        self.networks.iter().any(|network| network.prefix_len() == 0)
    }

    /// Whether nobody but this host itself is admitted.
    #[must_use]
    pub fn admits_only_loopback(&self) -> bool {
        let is_own = |name: &String| name.eq_ignore_ascii_case("localhost");
        self.names.iter().all(is_own) && self.networks.iter().all(is_loopback)
    }

    /// The host names, as written.
    pub fn names(&self) -> impl Iterator<Item = &str> + '_ {
        self.names.iter().map(String::as_str)
    }

    fn add(&mut self, item: &str) -> Result<(), ClientAllowlistError> {
        if let Some(network) = parse_network(item) {
            push_new(&mut self.networks, network);
        } else if is_host_name(item) {
            push_new(&mut self.names, item.to_owned());
        } else {
            return Err(ClientAllowlistError { item: item.to_owned() });
        }
        Ok(())
    }
}

impl fmt::Display for ClientAllowlist {
    /// The list as it could be written again: networks first, then names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks = self.networks.iter().map(ToString::to_string);
        let items: Vec<String> = networks.chain(self.names.iter().cloned()).collect();
        f.write_str(&items.join(","))
    }
}

impl fmt::Display for ClientAllowlistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a network, address or host name", self.item)
    }
}

impl std::error::Error for ClientAllowlistError {}

fn push_new<T: PartialEq>(entries: &mut Vec<T>, entry: T) {
    if !entries.contains(&entry) {
        entries.push(entry);
    }
}

fn parse_network(item: &str) -> Option<IpNet> {
    if let Ok(network) = item.parse::<IpNet>() {
        return Some(unmapped(network.trunc()));
    }
    let bare = item.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(item);
    bare.parse::<IpAddr>().ok().map(|addr| IpNet::from(addr.to_canonical()))
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn unmapped(network: IpNet) -> IpNet {
    let IpAddr::V4(addr) = network.addr().to_canonical() else { return network };
    let mapped = |bits| Ipv4Net::new(addr, bits).ok().map(|v4| IpNet::V4(v4.trunc()));
    match network {
        IpNet::V4(_) => network,
        IpNet::V6(v6) => {
            v6.prefix_len().checked_sub(MAPPED_PREFIX_BITS).and_then(mapped).unwrap_or(network)
        }
    }
}

fn is_loopback(network: &IpNet) -> bool {
    match network {
        IpNet::V4(v4) => v4.addr().is_loopback() && v4.prefix_len() >= 8,
        IpNet::V6(v6) => v6.addr().is_loopback() && v6.prefix_len() == 128,
    }
}

/// Letters, digits, hyphens (RFC 1123 §2.1) and underscores, which names of
/// Compose services have.
fn is_host_name(item: &str) -> bool {
    let name = item.strip_suffix('.').unwrap_or(item);
    name.len() <= NAME_BYTES_MAX
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(|label| !is_number(label))
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a resolver would read a name that ends in this label as an address:
/// `inet_aton` takes decimal, octal and hexadecimal numbers.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &str) -> String {
        match ClientAllowlist::parse(list) {
            Ok(peers) => peers.to_string(),
            Err(error) => format!("error: {}", error.item),
        }
    }

    #[test]
    fn lists_are_parsed_and_shown_in_their_plain_form() {
        let name_of_253_bytes = format!("{}.{}", vec!["a".repeat(62); 4].join("."), "b");
        let rows = [
            ("", ""),
            (" , ,", ""),
            ("127.0.0.1/32", "127.0.0.1/32"),
            ("127.0.0.1", "127.0.0.1/32"),
            (" 10.0.0.0/8 , traefik ", "10.0.0.0/8,traefik"),
            ("traefik,10.0.0.0/8", "10.0.0.0/8,traefik"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
            ("[::1]", "::1/128"),
            ("fd00::1/64", "fd00::/64"),
            ("FD00::1", "fd00::1/128"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("10.0.0.1,10.0.0.1/32,a,a", "10.0.0.1/32,a"),
            ("tasks.my_service", "tasks.my_service"),
            ("a-b.c_d.example.", "a-b.c_d.example."),
            ("1password", "1password"),
            ("3com.example", "3com.example"),
            (name_of_253_bytes.as_str(), name_of_253_bytes.as_str()),
        ];
        for (list, expected) in rows {
            assert_eq!(shown(list), expected, "{list:?}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_never_a_name() {
        let label_of_64_bytes = "a".repeat(64);
        let name_of_255_bytes = vec!["a".repeat(63); 4].join(".");
        let rows = [
            "10.0.0.256",
            "10.0.0",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/8/8",
            "10.0.0.0/",
            "010.0.0.1",
            "0x7f000001",
            "0x7f.0x1",
            "127.0.0.1.",
            "::1/129",
            "::ffff:10.0.0.0/129",
            "fe80::1%eth0",
            "[::1",
            "[fd00::]/8",
            "a..b",
            ".",
            ".a",
            "a..",
            "-a",
            "a-",
            "a.-b",
            "a b",
            "a/24",
            "*",
            "*.example",
            "\"10.0.0.1\"",
            "ünicode",
            "a\nb",
            "a\u{0}b",
            "http://a",
            "a:2375",
            label_of_64_bytes.as_str(),
            name_of_255_bytes.as_str(),
        ];
        for item in rows {
            let found = ClientAllowlist::parse(&format!("127.0.0.1,{item}"));
            assert_eq!(found, Err(ClientAllowlistError { item: item.to_owned() }), "{item:?}");
        }
    }

    fn check(list: &str, addr: &str, expected: bool) {
        let peers = ClientAllowlist::parse(list).unwrap();
        let resolve = |names: &[String], addr: IpAddr| {
            names.iter().any(|name| name == "web") && addr == IpAddr::from([10, 0, 0, 7])
        };
        assert_eq!(peers.admits(addr.parse().unwrap(), resolve), expected, "{list} for {addr}");
    }

    #[test]
    fn admits_compares_plain_addresses() {
        check("", "127.0.0.1", false);
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.1", "::ffff:127.0.0.1", true);
        check("::ffff:127.0.0.1", "127.0.0.1", true);
        check("::ffff:127.0.0.1", "::ffff:127.0.0.1", true);
        check("127.0.0.1", "127.0.0.2", false);
        check("127.0.0.1", "::1", false);
        check("10.9.9.9/8,192.168.0.0/16", "192.168.255.255", true);
        check("10.9.9.9/8,192.168.0.0/16", "10.0.0.1", true);
        check("10.9.9.9/8,192.168.0.0/16", "11.0.0.1", false);
        check("0.0.0.0/0", "::ffff:1.2.3.4", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "1.2.3.4", false);
        check("::/0", "::ffff:1.2.3.4", false);
        check("fd00::/8", "fdff::1", true);
        check("web", "10.0.0.7", true);
        check("web", "::ffff:10.0.0.7", true);
        check("web", "10.0.0.8", false);
        check("other", "10.0.0.7", false);
        check("other,web", "10.0.0.7", true);
    }

    #[test]
    fn names_are_asked_only_if_no_network_matches() {
        let peers = ClientAllowlist::parse("web,10.0.0.0/8,db").unwrap();
        let mut asked = Vec::new();
        let mut resolve = |names: &[String], _: IpAddr| {
            asked.extend_from_slice(names);
            false
        };
        assert!(peers.admits([10, 1, 1, 1].into(), &mut resolve));
        assert!(!peers.admits([11, 1, 1, 1].into(), &mut resolve));
        assert_eq!(asked, ["web", "db"]);
        let numbers = ClientAllowlist::parse("10.0.0.0/8").unwrap();
        assert!(
            !numbers.admits([11, 1, 1, 1].into(), |_, _| panic!("there is no name to ask for"))
        );
    }

    #[test]
    fn merging_keeps_both_lists_without_repeats() {
        let mut peers = ClientAllowlist::parse("10.0.0.1,a").unwrap();
        peers.merge(ClientAllowlist::parse("10.0.0.1,10.0.0.2,a,b").unwrap());
        assert_eq!(peers.to_string(), "10.0.0.1/32,10.0.0.2/32,a,b");
        assert_eq!(peers.names().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn very_wide_and_very_narrow_lists_are_known() {
        let rows = [
            ("", false, true),
            ("127.0.0.1", false, true),
            ("127.0.0.0/8,::1", false, true),
            ("127.0.0.0/7", false, false),
            ("127.0.0.1,web", false, false),
            ("10.0.0.0/8", false, false),
            ("10.0.0.0/8,0.0.0.0/0", true, false),
            ("::/0", true, false),
            ("::ffff:0:0/96", true, false),
        ];
        for (list, everyone, only_loopback) in rows {
            let peers = ClientAllowlist::parse(list).unwrap();
            assert_eq!(peers.admits_everyone(), everyone, "{list}");
            assert_eq!(peers.admits_only_loopback(), only_loopback, "{list}");
        }
    }
}
