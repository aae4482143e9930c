//! From settings to listening sockets: clients, metrics.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};

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
    let bound = match host {
        // The wildcard of one family is that of both, as Java binds it.
        "0.0.0.0" => listen::bind_any(port, BACKLOG),
        host => bind_host(host, port, BACKLOG),
    };
    bound.map_err(|source| ServerError::Metrics {
        address: format!("{host}:{port}"),
        source,
    })
}

fn bind_host(host: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host.trim_matches(['[', ']']), port).to_socket_addrs()? {
        match listen::bind(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(failure) => error = failure,
        }
    }
    Err(error)
}
