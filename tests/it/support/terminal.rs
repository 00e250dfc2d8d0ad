//! A child on a terminal of its own, whose window can be resized.

use super::live::Live;
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::process::Command;

/// Rows and columns of a window.
pub(crate) type Size = (u16, u16);

/// A child and the terminal that controls it.
pub(crate) struct Terminal {
    live: Live,
    ours: File,
}

impl Terminal {
    /// Starts the command as the leader of a session that the terminal
    /// controls: only then does it receive SIGWINCH when the size changes.
    #[track_caller]
    pub(crate) fn start(command: &Command, size: Size) -> Terminal {
        let (ours, theirs) = pair();
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        let duplicate = || theirs.try_clone().expect("descriptors are left");
        session.stdin(duplicate()).stdout(duplicate()).stderr(duplicate());
        resize(&ours, size);
        let child = session.spawn().expect("util-linux is installed");
        let handles = [&ours, &ours].map(|file| file.try_clone().expect("descriptors are left"));
        let [input, output] = handles;
        Terminal { live: Live::watch(child, Some(input), Some(output)), ours }
    }

    #[track_caller]
    pub(crate) fn resize(&self, size: Size) {
        resize(&self.ours, size);
    }
}

impl Deref for Terminal {
    type Target = Live;
    fn deref(&self) -> &Live {
        &self.live
    }
}

impl DerefMut for Terminal {
    fn deref_mut(&mut self) -> &mut Live {
        &mut self.live
    }
}

fn pair() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("the kernel has terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a terminal of ours");
    let name = ptsname(&ours, Vec::new()).expect("a terminal has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = open(name.as_c_str(), flags, Mode::empty()).expect("a terminal can be opened");
    (File::from(ours), theirs)
}

#[track_caller]
fn resize(terminal: &File, (rows, columns): Size) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a terminal has a size");
}
