//! Moving bytes between two sockets inside the kernel: `splice(2)` through a pipe.
//!
//! A pipe costs two descriptors and its making two system calls, so each worker keeps some. A pipe is taken when
//! bytes are there and returned as soon as it is empty: a tunnel that waits holds none.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// Room in a pipe, in bytes. A pipe has one slot per page, and a page received may be only partly filled, so
/// the kernel's usual 64 KiB do not hold a 64 KiB answer with its head.
const PIPE_ROOM: usize = 256 << 10;

/// Empty pipes kept per worker. Only tunnels whose reader is slow hold one for longer than one turn.
const POOLED: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// An empty pipe, or one that carries bytes from one socket to another. Dropping it discards them.
#[derive(Debug)]
pub(crate) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// A pipe of this worker's, or a new one.
    pub(crate) fn take() -> io::Result<Pipe> {
        match POOL.with_borrow_mut(Vec::pop) {
            Some(pipe) => Ok(pipe),
            None => Pipe::create(),
        }
    }

    /// Gives the pipe back. It must be empty: what it held would surface in a stranger's tunnel.
    pub(crate) fn give_back(self) {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < POOLED {
                pool.push(self);
            }
        });
    }

    fn create() -> io::Result<Pipe> {
        let mut ends = [-1; 2];
        // SAFETY: pipe2 writes two descriptors into the array, which has room for two.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both descriptors were just opened and belong to nobody else.
        let (read, write) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        // SAFETY: F_SETPIPE_SZ takes an integer and touches no memory of ours. Where the user's pipe quota is used
        // up it fails and the pipe stays smaller, which is slower and nothing else.
        unsafe { libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, PIPE_ROOM as libc::c_int) };
        Ok(Pipe { read, write })
    }

    /// Moves what `from` has received into the pipe, at most `most`; 0 at its end. With an empty pipe, `WouldBlock`
    /// means that nothing was there to read.
    pub(crate) fn fill(&self, from: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        splice(from, borrow(&self.write), most.min(PIPE_ROOM))
    }

    /// Moves at most `length` bytes out of the pipe to `to`.
    pub(crate) fn drain(&self, to: BorrowedFd<'_>, length: usize) -> io::Result<usize> {
        splice(borrow(&self.read), to, length)
    }
}

fn borrow(descriptor: &OwnedFd) -> BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(descriptor)
}

fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, length: usize) -> io::Result<usize> {
    loop {
        // SAFETY: both descriptors are borrowed and thus open; null offsets are what sockets and pipes require.
        let moved = unsafe {
            libc::splice(
                from.as_raw_fd(),
                ptr::null_mut(),
                to.as_raw_fd(),
                ptr::null_mut(),
                length,
                libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK,
            )
        };
        if moved >= 0 {
            return Ok(moved as usize);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Whether an error of `fill` means that this kind of socket, or this sandbox, knows no splice.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EPERM | libc::EOPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_pass_through_a_pipe_and_the_pipe_returns_empty() {
        let (mut client, inside) = UnixStream::pair().unwrap();
        let (outside, mut server) = UnixStream::pair().unwrap();
        inside.set_nonblocking(true).unwrap();
        let pipe = Pipe::take().unwrap();
        assert_eq!(pipe.fill(inside.as_fd(), usize::MAX).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"seven b").unwrap();
        assert_eq!(pipe.fill(inside.as_fd(), usize::MAX).unwrap(), 7);
        assert_eq!(pipe.drain(outside.as_fd(), 7).unwrap(), 7);
        let mut seen = [0; 7];
        server.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"seven b");
        drop(client);
        assert_eq!(pipe.fill(inside.as_fd(), usize::MAX).unwrap(), 0);
        let number = pipe.read.as_raw_fd();
        pipe.give_back();
        assert_eq!(Pipe::take().unwrap().read.as_raw_fd(), number);
    }
}
