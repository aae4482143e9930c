//! From settings to listening sockets: clients, metrics.

use std::io;
use std::net::{Ipv6Addr, TcpListener, ToSocketAddrs};

use crate::config::Network;
use crate::net::listen;
use crate::server::error::ServerError;

/// What Java's `ServerSocket` takes when told nothing.
const BACKLOG: i32 = 50;

/// Opens the client port; `None` when the settings want none.
///
/// # Errors
/// When the address cannot be resolved or is in use.
pub(super) fn client_port(network: &Network) -> Result<Option<TcpListener>, ServerError> {
    let Some(port) = network.client_port else {
        return Ok(None);
    };
    let backlog = match network.client_port_listen_backlog {
        backlog if backlog > 0 => backlog,
        _ => BACKLOG,
    };
    let host = network.client_port_address.as_deref();
    let address = format!("{}:{port}", host.unwrap_or("*"));
    let bound = match host {
        Some(host) => bind_host(host, port, backlog),
        None => listen::bind_any(port, backlog),
    };
    let listener = bound.map_err(|source| ServerError::Listen { address, source })?;
    Ok(Some(listener))
}

/// Opens the port of the metrics endpoint.
///
/// # Errors
/// When the address cannot be resolved or is in use.
pub(super) fn metrics_port(host: &str, port: u16) -> Result<TcpListener, ServerError> {
    bind_host(host, port, BACKLOG).map_err(|source| ServerError::Metrics {
        address: format!("{host}:{port}"),
        source,
    })
}

/// Opens a client port that a change of the membership has moved, which takes no `clientPortListenBacklog`.
///
/// # Errors
/// When the address cannot be resolved or is in use.
pub(super) fn moved_port(host: &str, port: u16) -> io::Result<TcpListener> {
    bind_host(host, port, BACKLOG)
}

fn bind_host(host: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    if host == "0.0.0.0" {
        // The wildcard of one family is that of both, as Java binds it.
        return listen::bind_any(port, backlog);
    }
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (without_zone(host), port).to_socket_addrs()? {
        match listen::bind(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(failure) => error = failure,
        }
    }
    Err(error)
}

/// The host without brackets, and without a zone that means nothing: only link-local addresses need one, and the system's resolver
/// refuses it elsewhere, while Java takes it (`::1%lo`).
fn without_zone(host: &str) -> &str {
    let host = host.trim_matches(['[', ']']);
    match host.split_once('%') {
        Some((address, _))
            if address
                .parse()
                .is_ok_and(|ip: Ipv6Addr| !ip.is_unicast_link_local()) =>
        {
            address
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_stays_only_where_it_matters() {
        assert_eq!(without_zone("[0:0:0:0:0:0:0:1%lo]"), "0:0:0:0:0:0:0:1");
        assert_eq!(without_zone("fe80::1%eth0"), "fe80::1%eth0");
        assert_eq!(without_zone("a%b.example"), "a%b.example");
        assert_eq!(without_zone("::1"), "::1");
    }
}
