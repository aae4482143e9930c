//! The metrics endpoint's socket and thread.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::admin::metrics::http;
use crate::config::Metrics;
use crate::server::error::ServerError;
use crate::server::listeners;
use crate::server::threads;
use crate::server::threads::Failures;
use crate::server::view::View;

/// An endpoint that has its port and answers nobody yet.
pub(super) struct Bound {
    listener: TcpListener,
    process_families: bool,
}

/// A running endpoint.
pub(super) struct Endpoint {
    /// Where it is scraped.
    pub address: Option<SocketAddr>,
    thread: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

/// Takes the port; `None` when the settings want no endpoint.
///
/// # Errors
/// When the address cannot be resolved or is in use.
pub(super) fn bind(metrics: &Metrics) -> Result<Option<Bound>, ServerError> {
    let Some(settings) = &metrics.prometheus else {
        return Ok(None);
    };
    let (host, port) = (&settings.http_host, settings.http_port);
    let process_families = settings.process_families;
    tracing::info!(
        "Starting /metrics HTTP endpoint at host: {host}, port: {port}, exportJvmInfo: {process_families}"
    );
    Ok(Some(Bound {
        listener: listeners::metrics_port(host, port)?,
        process_families,
    }))
}

impl Bound {
    /// Begins to answer.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn serve(
        self,
        view: &Arc<View>,
        failures: &Arc<Failures>,
    ) -> Result<Endpoint, ServerError> {
        let (stop, stopped) = oneshot::channel();
        let address = self.listener.local_addr().ok();
        let view = Arc::clone(view);
        let facts: http::FactsSource = Arc::new(move || view.facts());
        let thread = threads::spawn("metrics", failures, move || {
            let served = http::serve(self.listener, self.process_families, facts, stopped);
            served.map_err(|source| ServerError::Thread {
                what: "metrics endpoint",
                source,
            })
        })?;
        Ok(Endpoint {
            address,
            thread,
            stop,
        })
    }
}

impl Endpoint {
    /// Lets scrapes that are under way end, and closes the port.
    pub(super) fn stop(self) {
        // A thread that died has said why through its failures.
        let _ = self.stop.send(());
        drop(self.thread.join());
    }
}
