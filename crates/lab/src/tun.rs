//! TUN devices: whole IP packets of a namespace, read and written by this process (Documentation/networking/tuntap.rst).

use std::os::fd::{AsFd, OwnedFd};

use jettyspeed_devstack::Result;
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Setter, ioctl};

/// `_IOW('T', 202, int)` of `linux/if_tun.h`.
const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;
/// IP packets, without a header before them.
const IFF_TUN: i16 = 0x0001;
const IFF_NO_PI: i16 = 0x1000;

/// `struct ifreq` as TUNSETIFF reads it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

/// A device `name` (at most 15 bytes) in the network namespace of this thread; it exists as long as the descriptor, which does not block.
pub fn open(name: &str) -> Result<OwnedFd> {
    let fd = rustix::fs::open("/dev/net/tun", OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| format!("/dev/net/tun: {error}"))?;
    let mut request = InterfaceRequest { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    for (to, from) in request.name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: TUNSETIFF reads one `struct ifreq`, and writes no more than its name.
    unsafe { ioctl(fd.as_fd(), Setter::<TUNSETIFF, InterfaceRequest>::new(request)) }.map_err(|error| format!("TUN device {name}: {error}"))?;
    Ok(fd)
}
