//! `/etc/hosts` (hosts(5)): names that need no server.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The lines about the names of the address lists. Others are not kept: such
/// files can be long.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, Vec<IpAddr>>);

impl Hosts {
    /// Reads the lines about `wanted`, names in their plain form; unusable lines
    /// are skipped.
    pub(super) fn parse(content: &[u8], wanted: &HashSet<String>) -> Self {
        let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
        for line in content.split(|&byte| byte == b'\n') {
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            for name in words.map(plain).filter(|name| wanted.contains(name)) {
                hosts.entry(name).or_default().push(address.to_canonical());
            }
        }
        Self(hosts)
    }

    /// The addresses of a name, if the file has it; then no server is asked, even
    /// if none is of the right family. `localhost` is this host without a line
    /// as well, and no server's business (RFC 6761 §6.3).
    pub(super) fn addresses(&self, name: &Arc<str>) -> Option<Vec<IpAddr>> {
        let name = plain(name);
        if let Some(found) = self.0.get(&name) {
            return Some(found.clone());
        }
        let is_local = name == "localhost" || name.ends_with(".localhost");
        is_local.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
    }
}

/// A name without case and without the root's dot.
pub(super) fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"# comment\n127.0.0.1 other\n10.0.0.1\tWeb web.example # old\n\
        10.0.0.2 web\r\nfd00::1 web\n::ffff:10.0.0.3 web\nnonsense web\n10.0.0.9\n\
        \xff\xfe\n10.0.0.4 last. # 10.0.0.5 web\n10.0.0.6 LOCAL.localhost\n10.0.0.7 #web";

    fn check(name: &str, expected: &str) {
        let wanted = ["web", "last", "local.localhost"].map(str::to_owned).into();
        let found = Hosts::parse(FILE, &wanted).addresses(&name.into());
        assert_eq!(format!("{:?}", found.unwrap_or_default()), expected, "{name}");
    }

    #[test]
    fn names_have_the_addresses_of_all_their_lines() {
        check("web", "[10.0.0.1, 10.0.0.2, fd00::1, 10.0.0.3]");
        check("WEB.", "[10.0.0.1, 10.0.0.2, fd00::1, 10.0.0.3]");
        check("last", "[10.0.0.4]");
        check("web.example.org", "[]");
    }

    #[test]
    fn localhost_is_this_host_unless_the_file_says_otherwise() {
        check("localhost", "[127.0.0.1, ::1]");
        check("a.Localhost.", "[127.0.0.1, ::1]");
        check("local.localhost", "[10.0.0.6]");
        check("notlocalhost", "[]");
    }

    #[test]
    fn only_wanted_names_are_kept() {
        assert!(Hosts::parse(FILE, &HashSet::new()).0.is_empty());
    }
}
