//! Room for a batch of datagrams, one per worker; `recvmmsg(2)`.

use std::cell::RefCell;
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::ptr;

use super::control::{Control, server_of};

/// Datagrams of clients that are received at once.
pub const MANY: usize = 16;
/// Datagrams of one endpoint that are received at once.
pub const FEW: usize = 4;
/// Larger than any datagram: its length is a number of 16 bits.
const LARGEST: usize = 1 << 16;

thread_local! {
    /// Boxed, because a library that is loaded later has next to no room for what belongs to threads. Pages of it that
    /// no datagram has reached take no memory.
    pub static BATCH: RefCell<Box<Batch>> = RefCell::new(Box::new(Batch::new()));
}

pub struct Batch {
    bytes: Box<[u8]>,
    senders: [libc::sockaddr_storage; MANY],
    controls: [Control; MANY],
    /// Lengths and senders' lengths of what was received.
    headers: [libc::mmsghdr; MANY],
}

impl Batch {
    fn new() -> Batch {
        // SAFETY: all of these are plain numbers and pointers, for which zeros are values.
        unsafe {
            Batch {
                bytes: vec![0; MANY * LARGEST].into_boxed_slice(),
                senders: zeroed(),
                controls: [const { Control::new() }; MANY],
                headers: zeroed(),
            }
        }
    }

    /// Receives what is there, at most `most`; how many datagrams came.
    pub fn receive(&mut self, socket: RawFd, most: usize) -> io::Result<usize> {
        let most = most.min(MANY);
        let mut pieces: [MaybeUninit<libc::iovec>; MANY] = [const { MaybeUninit::uninit() }; MANY];
        for (index, buffer) in self.bytes.chunks_exact_mut(LARGEST).enumerate().take(most) {
            let piece =
                pieces[index].write(libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() });
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.senders[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = ptr::from_mut(piece);
            header.msg_iovlen = 1;
            (header.msg_control, header.msg_controllen) = self.controls[index].room();
            header.msg_flags = 0;
        }
        loop {
            // SAFETY: each of the first `most` headers points to buffers of its own, which live until the call returns.
            let count = unsafe {
                libc::recvmmsg(socket, self.headers.as_mut_ptr(), most as u32, libc::MSG_DONTWAIT as _, ptr::null_mut())
            };
            if count >= 0 {
                return Ok(count as usize);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// Shows the first `count` that were received: the bytes, who sent them, and to which address.
    pub fn each(&mut self, count: usize, take: &mut impl FnMut(&[u8], Option<SocketAddr>, Option<IpAddr>)) {
        for index in 0..count.min(MANY) {
            let header = &self.headers[index];
            let length = (header.msg_len as usize).min(LARGEST);
            let bytes = &self.bytes[index * LARGEST..][..length];
            let sender = sender_of(&self.senders[index], header.msg_hdr.msg_namelen);
            take(bytes, sender, server_of(&header.msg_hdr));
        }
    }
}

fn sender_of(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    if length == 0 {
        return None;
    }
    // SAFETY: the system has written an address of this length into it.
    unsafe {
        socket2::SockAddr::try_init(|into, size| {
            into.cast::<libc::sockaddr_storage>().write(*storage);
            *size = length;
            Ok(())
        })
    }
    .ok()
    .and_then(|((), address)| address.as_socket())
}
