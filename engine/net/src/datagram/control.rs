//! What comes and goes beside a datagram: the address of this machine that it was sent to, and is answered from
//! (`IP_PKTINFO`, `IPV6_PKTINFO`). A socket that listens at every address has to answer from the one that was asked.

use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use socket2::SockAddr;

/// Room for one address of either family, with its header.
const ROOM: usize = 64;

#[repr(align(8))]
pub struct Control([u8; ROOM]);

impl Control {
    pub const fn new() -> Control {
        Control([0; ROOM])
    }

    pub fn room(&mut self) -> (*mut libc::c_void, usize) {
        (self.0.as_mut_ptr().cast(), ROOM)
    }
}

/// Has a socket say of each datagram to which address it was sent.
pub fn ask_for_servers(socket: &socket2::Socket, version6: bool) -> io::Result<()> {
    let (level, option) = match version6 {
        false => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        true => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    let on: libc::c_int = 1;
    // SAFETY: the option takes an integer, which is given with its size.
    let done = unsafe {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(&on).cast(), size)
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The address that a datagram was sent to, where the system says it.
pub fn server_of(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the header was filled in by the system; the macros stay within the control data that it describes.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            match (found.cmsg_level, found.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                    return Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned();
                    return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => message = libc::CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}

/// Sends from one of this machine's addresses.
pub fn send_from(socket: RawFd, bytes: &[u8], client: SocketAddr, server: IpAddr) -> io::Result<()> {
    let name = SockAddr::from(client);
    let mut control = Control::new();
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: zeros are values of all its fields.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = name.as_ptr().cast_mut().cast();
    header.msg_namelen = name.len();
    header.msg_iov = &mut piece;
    header.msg_iovlen = 1;
    (header.msg_control, header.msg_controllen) = control.room();
    // SAFETY: the control data has room for the header and either address; everything that the header points to lives
    // until the call returns, and the system only reads it.
    let sent = unsafe {
        header.msg_controllen = match server {
            IpAddr::V4(server) => {
                let mut info: libc::in_pktinfo = zeroed();
                info.ipi_spec_dst.s_addr = u32::from(server).to_be();
                write(&header, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
            }
            IpAddr::V6(server) => {
                let mut info: libc::in6_pktinfo = zeroed();
                info.ipi6_addr.s6_addr = server.octets();
                write(&header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
            }
        };
        libc::sendmsg(socket, &header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Writes one message; the length of the control data.
///
/// # Safety
/// The header has control data with room for it.
unsafe fn write<T>(header: &libc::msghdr, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: as the caller promises.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as usize;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(size) as usize
    }
}
