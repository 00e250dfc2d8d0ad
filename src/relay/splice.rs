//! Moves the bytes of a bulk transfer from socket to socket inside the kernel
//! (splice(2), through a pipe), where nothing has to be looked at or added.
//!
//! **Invariant:** bytes in the pipe belong to the body that is being moved, and
//! are written before anything else is.
//!
//! Copying through the program costs about twice the processor time. The pipe
//! is made only for a body that has filled a bulk buffer: for small ones it
//! would cost more than it saves.

use super::socket::Socket;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A pipe between two sockets.
#[derive(Debug)]
pub(super) struct Splice<'a> {
    reader: OwnedFd,
    writer: OwnedFd,
    held: usize,
    call_bytes: usize,
    client: &'a Socket,
}

impl<'a> Splice<'a> {
    /// A pipe for transfers from or to `client`, of up to `call_bytes` at once.
    /// The client's socket does not wait in the meantime: kernels before 6.5 heed
    /// only the socket's own mode.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn new(client: &'a Socket, call_bytes: usize) -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Beyond the user's limit for pipes the default size has to do.
        let _ = fcntl_setpipe_size(&writer, call_bytes);
        client.set_nonblocking(true)?;
        Ok(Self { reader, writer, held: 0, call_bytes, client })
    }

    /// Takes up to `bytes_max` from a socket. `Ok(0)` is its end of data.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; otherwise the system's.
    pub(super) fn fill(&mut self, from: &Socket, bytes_max: u64) -> io::Result<usize> {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(self.call_bytes);
        let taken = transfer(from.as_fd(), self.writer.as_fd(), bytes_max)?;
        self.held += taken;
        Ok(taken)
    }

    /// Writes the bytes in the pipe; returns the number written.
    ///
    /// # Errors
    /// `WouldBlock` if nothing fits; otherwise the system's.
    pub(super) fn drain(&mut self, to: &Socket) -> io::Result<usize> {
        let written = transfer(self.reader.as_fd(), to.as_fd(), self.held)?;
        self.held -= written;
        Ok(written)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }
}

impl Drop for Splice<'_> {
    fn drop(&mut self) {
        // The next user of the socket expects it to block.
        let _ = self.client.set_nonblocking(false);
    }
}

fn transfer(from: BorrowedFd<'_>, to: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    loop {
        match splice(from, None, to, None, bytes, flags) {
            Err(Errno::INTR) => {}
            result => return result.map_err(Into::into),
        }
    }
}
