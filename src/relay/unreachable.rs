//! Why the daemon cannot be reached, for clients, the log and the start: names
//! the socket, the system's error and, where rights are missing, the line that
//! gives them.

use rustix::process::{getegid, geteuid, getgroups};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Why there may be a directory in the place of a socket.
pub const DOCKER_MADE_IT: &str =
    "Docker makes a directory where the source of a mount does not exist";

/// One sentence for the client and the log.
#[must_use]
pub fn explain(path: &Path, error: &io::Error) -> String {
    let path_text = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("cannot connect to {path_text}: {error}{}", missing_rights(path))
        }
        io::ErrorKind::NotFound => format!(
            "cannot connect to {path_text}: {error}; is the daemon running, and is the socket mounted?"
        ),
        io::ErrorKind::ConnectionRefused => {
            format!("cannot connect to {path_text}: {}", not_listening(path, error))
        }
        io::ErrorKind::WouldBlock => {
            format!("cannot connect to {path_text}: the daemon does not accept connections")
        }
        _ => format!("cannot connect to {path_text}: {error}"),
    }
}

/// A path that is no socket refuses connections as a socket without a listener
/// does (connect(2), ECONNREFUSED).
fn not_listening(path: &Path, error: &io::Error) -> String {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            format!("it is a directory and not a socket; {DOCKER_MADE_IT}")
        }
        Ok(found) if !found.file_type().is_socket() => "it is not a socket".to_owned(),
        _ => format!("{error}; the daemon is not listening"),
    }
}

/// The socket's owner, our user, and the user to start the proxy as.
fn missing_rights(path: &Path) -> String {
    let us = Ourselves::now();
    let Ourselves { uid, gid, .. } = us;
    let Ok(socket) = std::fs::metadata(path) else {
        return format!("; this process runs as {uid}:{gid} and may not see the socket");
    };
    let (owner, group, mode) = (socket.uid(), socket.gid(), socket.mode() & 0o7777);
    let advice = match us.user_that_may_connect(owner, group, mode) {
        Some(user) => {
            format!(": use `--user {user}` with docker run, or `user: \"{user}\"` in compose")
        }
        None => ", which is sufficient, but a security module forbids it; with SELinux, use \
                 `--security-opt label=disable`"
            .to_owned(),
    };
    format!(
        "; the socket belongs to {owner}:{group} with mode {mode:04o}, this process runs as \
         {uid}:{gid}{advice}"
    )
}

/// The credentials of this process.
struct Ourselves {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Ourselves {
    fn now() -> Self {
        let groups = getgroups().unwrap_or_default();
        let groups = groups.into_iter().map(|group| group.as_raw()).collect();
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw(), groups }
    }

    /// Write permission on a socket is enough to connect (unix(7)). `None` if we
    /// have it: then the mode is not the cause.
    fn user_that_may_connect(&self, owner: u32, group: u32, mode: u32) -> Option<String> {
        let is_member = self.gid == group || self.groups.contains(&group);
        let our_bit = if self.uid == owner {
            0o200
        } else if is_member {
            0o020
        } else {
            0o002
        };
        if mode & our_bit != 0 {
            None
        } else if mode & 0o020 != 0 && !is_member {
            Some(format!("{}:{group}", self.uid))
        } else {
            Some(format!("{owner}:{group}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn missing_rights_come_with_owner_group_and_mode() {
        let path = std::env::temp_dir().join(format!("rights-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o460)).unwrap();
        let text = explain(&path, &io::ErrorKind::PermissionDenied.into());
        let found = file.metadata().unwrap();
        std::fs::remove_file(&path).unwrap();
        let belongs = format!("belongs to {}:{} with mode 0460", found.uid(), found.gid());
        assert!(text.contains(&belongs), "{text}");
        assert!(text.ends_with(&format!("{}\"` in compose", found.gid())), "{text}");
    }

    #[test]
    fn the_advice_names_somebody_who_may_connect() {
        let rows = [
            (65534, 65534, 0o660, Some("65534:998")),
            (65534, 65534, 0o600, Some("1000:998")),
            (65534, 65534, 0o640, Some("1000:998")),
            (65534, 998, 0o600, Some("1000:998")),
            (0, 0, 0o660, Some("0:998")),
            (65534, 65534, 0o666, None),
            (65534, 998, 0o660, None),
            (1000, 100, 0o600, None),
        ];
        for (uid, gid, mode, user) in rows {
            let us = Ourselves { uid, gid, groups: vec![7] };
            let advice = us.user_that_may_connect(1000, 998, mode);
            assert_eq!(advice.as_deref(), user, "{uid}:{gid} {mode:o}");
        }
        let member = Ourselves { uid: 65534, gid: 65534, groups: vec![7, 998] };
        assert_eq!(member.user_that_may_connect(1000, 998, 0o660), None);
    }

    #[test]
    fn what_is_no_socket_is_called_so() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = explain(&std::env::temp_dir(), &refused());
        assert!(text.contains("it is a directory and not a socket"), "{text}");
        let program = std::env::current_exe().unwrap();
        assert!(explain(&program, &refused()).ends_with("it is not a socket"));
        assert!(explain(Path::new("/none"), &refused()).ends_with("is not listening"));
    }

    #[test]
    fn an_absent_socket_is_named() {
        let absent = io::Error::from(io::ErrorKind::NotFound);
        assert!(explain(Path::new("/run/x.sock"), &absent).contains("/run/x.sock"));
    }
}
