//! An eventfd: wakes whoever waits for a side of a link, across processes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A counter in the kernel that is readable while it is not zero. Inherited by a process that is started with its
/// descriptor.
#[derive(Debug)]
pub struct Event(OwnedFd);

impl Event {
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Event> {
        // SAFETY: eventfd takes two integers.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Event(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Makes it readable. It cannot fail but by 2^64 signals that nobody took.
    pub fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: the buffer lives during the call and has eight bytes.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes what was signalled, so that it is not readable until the next signal.
    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: the buffer lives during the call and has eight bytes. Nothing to read is an error that says so.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl From<OwnedFd> for Event {
    fn from(descriptor: OwnedFd) -> Event {
        Event(descriptor)
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Event {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
