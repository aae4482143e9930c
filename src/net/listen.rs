//! Binding and tuning sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Binds a listening socket that a restarted server can take over at once. The wildcard of either family serves both, as Java's
/// does.
///
/// # Errors
/// When the address is in use or not ours.
pub fn bind(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    if address.ip().is_unspecified() {
        bind_any(address.port(), backlog)
    } else {
        bind_exactly(address, backlog)
    }
}

/// Binds a port on all addresses of both families; of IPv4 alone on a machine without IPv6.
///
/// # Errors
/// When the port is in use.
pub fn bind_any(port: u16, backlog: i32) -> io::Result<TcpListener> {
    let any = |ip: IpAddr| SocketAddr::new(ip, port);
    match bind_exactly(any(Ipv6Addr::UNSPECIFIED.into()), backlog) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind_exactly(any(Ipv4Addr::UNSPECIFIED.into()), backlog)
        }
        bound => bound,
    }
}

fn bind_exactly(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Prepares an accepted client socket.
///
/// # Errors
/// When the peer is gone already.
pub fn tune(stream: &impl AsFd, keep_alive: bool) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    if keep_alive {
        socket.set_keepalive(true)?;
    }
    Ok(())
}

/// Refuses an accepted socket with a reset, as Java's default connector does.
pub fn reset(stream: &impl AsFd) {
    // Best effort: the peer may have gone, and then there is nobody to refuse.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn the_wildcard_of_either_family_serves_both() {
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        for wildcard in [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()] {
            let listener = bind(SocketAddr::new(wildcard, 0), 5).unwrap();
            let port = listener.local_addr().unwrap().port();
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            assert_eq!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)).is_ok(), six);
        }
    }
}
