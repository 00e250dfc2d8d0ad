//! The modes of namespaces: they decide whose namespace a container gets.
//! Daemons compare modes exactly. Here a mode that differs only in case or in white
//! space counts as the same, because some decoders may trim.

use super::exceptions::Kind;
use super::judge::{Judge, Place};
use super::table::Judgement;
use crate::json::{Tree, fold};

/// `NetworkMode`: names of networks pass.
pub(super) const NETWORK: Judgement = Judgement {
    passes: "names of networks, `bridge`, `default`, `none`",
    opened_by: &[Kind::Network],
    tables: &[],
    judge: |judge, place, tree| check(judge, place, tree, Kind::Network, is_network),
};

/// `PidMode`.
pub(super) const PID: Judgement = Judgement {
    passes: "`private`",
    opened_by: &[Kind::Pid],
    tables: &[],
    judge: |judge, place, tree| check(judge, place, tree, Kind::Pid, |mode| mode == "private"),
};

/// `IpcMode`.
pub(super) const IPC: Judgement = Judgement {
    passes: "`private`, `shareable`, `none`",
    opened_by: &[Kind::Ipc],
    tables: &[],
    judge: |judge, place, tree| {
        let is_own = |mode: &str| matches!(mode, "private" | "shareable" | "none");
        check(judge, place, tree, Kind::Ipc, is_own);
    },
};

/// `UTSMode`.
pub(super) const UTS: Judgement = Judgement {
    passes: "`private`",
    opened_by: &[Kind::Uts],
    tables: &[],
    judge: |judge, place, tree| check(judge, place, tree, Kind::Uts, |mode| mode == "private"),
};

/// `UsernsMode`.
pub(super) const USERNS: Judgement = Judgement {
    passes: "`private`",
    opened_by: &[Kind::Userns],
    tables: &[],
    judge: |judge, place, tree| check(judge, place, tree, Kind::Userns, |mode| mode == "private"),
};

/// `CgroupnsMode`.
pub(super) const CGROUPNS: Judgement = Judgement {
    passes: "`private`; `host` where the host has cgroup v1",
    opened_by: &[Kind::Cgroupns],
    tables: &[],
    judge: |judge, place, tree| check(judge, place, tree, Kind::Cgroupns, |mode| mode == "private"),
};

/// Anything with a `:` or `/` in it may name a namespace; Podman also reads lists and
/// modes of its own (`slirp4netns`, `pasta`), which give the network of the user.
pub(super) fn is_network(mode: &str) -> bool {
    !mode.contains([':', '/', ',']) && fold(mode.trim()) != "host"
}

fn check(
    judge: &mut Judge<'_>,
    place: &Place<'_>,
    tree: &Tree<'_>,
    kind: Kind,
    is_own: impl Fn(&str) -> bool,
) {
    let Some(mode) = judge.text(place, tree) else { return };
    if mode.is_empty() || is_own(mode) {
        return;
    }
    match whose(mode) {
        Some(whose) if kind.takes(whose) => judge.need(place, tree, kind, whose),
        _ => judge.refuse_value(place, tree),
    }
}

/// The argument of the item that opens a mode.
fn whose(mode: &str) -> Option<&'static str> {
    match fold(mode.trim()).as_str() {
        "host" => Some("host"),
        mode if mode.starts_with("container:") => Some("container"),
        _ => None,
    }
}

/// Judges the name of a network among the endpoints of a container.
pub(super) fn check_network_name(judge: &mut Judge<'_>, place: &Place<'_>, name: &str) {
    if !is_network(name) {
        let tree = Tree::String(name.into());
        check(judge, place, &tree, Kind::Network, is_network);
    }
}
