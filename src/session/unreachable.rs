//! The answer when the daemon cannot be reached: names the socket, the system's
//! error and, where rights are missing, the line that gives them.

use rustix::process::{getegid, geteuid};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One sentence for the client and the log.
#[must_use]
pub(super) fn explain(path: &Path, error: &io::Error) -> String {
    let path_text = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("cannot connect to {path_text}: {error}{}", missing_rights(path))
        }
        io::ErrorKind::NotFound => format!(
            "cannot connect to {path_text}: {error}; is the daemon running, and is the socket mounted?"
        ),
        io::ErrorKind::ConnectionRefused => {
            format!("cannot connect to {path_text}: {error}; the daemon is not listening")
        }
        io::ErrorKind::WouldBlock => {
            format!("cannot connect to {path_text}: the daemon does not accept connections")
        }
        _ => format!("cannot connect to {path_text}: {error}"),
    }
}

/// Who owns the socket, who we are, and how to start us with the socket's group.
fn missing_rights(path: &Path) -> String {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    match std::fs::metadata(path) {
        Err(_) => format!("; this process runs as {uid}:{gid} and may not see the socket"),
        Ok(socket) => format!(
            "; the socket belongs to {owner}:{group} with mode {mode:04o}, this process runs as \
             {uid}:{gid}: use `--user {uid}:{group}` with docker run, or `user: \"{uid}:{group}\"` \
             in compose",
            owner = socket.uid(),
            group = socket.gid(),
            mode = socket.mode() & 0o7777,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_come_with_the_line_that_gives_them() {
        let directory = std::env::temp_dir();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = explain(&directory, &denied);
        let group = std::fs::metadata(&directory).unwrap().gid();
        assert!(text.contains(&format!(":{group}\"` in compose")), "{text}");
        assert!(text.contains("with mode"), "{text}");
    }

    #[test]
    fn an_absent_socket_is_named() {
        let absent = io::Error::from(io::ErrorKind::NotFound);
        assert!(explain(Path::new("/run/x.sock"), &absent).contains("/run/x.sock"));
    }
}
