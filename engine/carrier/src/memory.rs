//! Memory that two processes share: a memfd, mapped by both.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};

use crate::ring;

/// A mapped memfd with room for the two rings of every link in it.
#[derive(Debug)]
pub struct Memory {
    descriptor: OwnedFd,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is reached through atomics and through copies whose bounds are checked; it is unmapped when the
// last owner is gone.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Fresh memory for so many links.
    ///
    /// # Errors
    /// The system has no memory or no descriptor left.
    pub fn new(links: usize) -> io::Result<Memory> {
        // SAFETY: the name is a string with its end, the flags are an integer.
        let descriptor = unsafe { libc::memfd_create(c"glorieta-carrier".as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let length = links * ring::PAIR;
        // SAFETY: ftruncate takes a descriptor and a length.
        if unsafe { libc::ftruncate(descriptor.as_raw_fd(), length as libc::off_t) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Memory::map(descriptor, length)
    }

    /// Memory that another process has made.
    ///
    /// # Errors
    /// It is no such memory, or it cannot be mapped.
    pub fn open(descriptor: OwnedFd) -> io::Result<Memory> {
        // SAFETY: all bytes zero are a valid `stat`.
        let mut facts: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: fstat writes into the struct it is given.
        if unsafe { libc::fstat(descriptor.as_raw_fd(), &raw mut facts) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let length = facts.st_size as usize;
        if length == 0 || !length.is_multiple_of(ring::PAIR) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this memory holds no rings"));
        }
        Memory::map(descriptor, length)
    }

    fn map(descriptor: OwnedFd, length: usize) -> io::Result<Memory> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, descriptor.as_raw_fd(), 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Memory { descriptor, start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// How many links it has room for.
    pub fn links(&self) -> usize {
        self.length / ring::PAIR
    }

    /// Where a ring begins; `None`: there is no such ring.
    pub(crate) fn ring(&self, link: usize, second: bool) -> Option<NonNull<u8>> {
        if link >= self.links() {
            return None;
        }
        let offset = link * ring::PAIR + if second { ring::WHOLE } else { 0 };
        // SAFETY: the offset lies within the mapping, because the link does.
        Some(unsafe { self.start.add(offset) })
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever uses it holds this alive.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
