//! A unix socket to listen on, opened safely.
//!
//! **Invariant:** the file never exists with more permissions than configured: the
//! socket gets mode 0600 before it is bound, and its own mode afterwards.
//! **Invariant:** a file that is not a socket is never removed, nor is a socket
//! that somebody listens on; our own file is removed at the end, if it is still
//! ours.

use super::BACKLOG;
use crate::relay::socket::Socket;
use rustix::fs::{Mode, chmod, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The file of a listening socket; removed when dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// Listens at `path` with that file mode.
///
/// # Errors
/// If the place is taken by something that must not be removed; otherwise the
/// system's.
pub(super) fn listen(path: &Path, mode: u32) -> io::Result<(Socket, SocketFile)> {
    let address = SocketAddrUnix::new(path)
        .map_err(|_| io::Error::other("the path is too long for a unix socket (107 bytes)"))?;
    make_way(path)?;
    let flags = SocketFlags::CLOEXEC;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&fd, &address)?;
    let file = SocketFile::of(path)?;
    chmod(path, Mode::from_raw_mode(mode))?;
    rustix::net::listen(&fd, BACKLOG)?;
    Ok((Socket::from(fd), file))
}

/// Removes a socket that nobody listens on any more.
fn make_way(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.file_type().is_socket() {
        return Err(io::Error::other("the path exists and is not a socket; it was left alone"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("another process listens there already")),
        Err(error) => {
            Err(io::Error::other(format!("cannot determine whether the socket is in use: {error}")))
        }
    }
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A directory of the test's own; removed at its end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sp-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_file_has_the_mode_that_was_asked_for_and_goes_with_the_listener() {
        let place = Place::new("mode");
        let path = place.0.join("s");
        let bound = listen(&path, 0o660).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o660);
        assert!(UnixStream::connect(&path).is_ok());
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_refused() {
        let place = Place::new("stale");
        let path = place.0.join("s");
        let other = UnixListener::bind(&path).unwrap();
        let refused = listen(&path, 0o600).unwrap_err();
        assert!(refused.to_string().contains("another process"), "{refused}");
        drop(other);
        assert!(path.exists() && listen(&path, 0o600).is_ok());
    }

    #[test]
    fn what_is_not_a_socket_is_left_alone() {
        let place = Place::new("file");
        let path = place.0.join("s");
        fs::write(&path, "precious").unwrap();
        assert!(listen(&path, 0o600).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_that_is_no_longer_ours_stays() {
        let place = Place::new("replaced");
        let path = place.0.join("s");
        let (_socket, file) = listen(&path, 0o600).unwrap();
        fs::rename(&path, place.0.join("old")).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}
