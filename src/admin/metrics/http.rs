//! The HTTP endpoint `/metrics`: methods and paths as upstream's servlet answers them. A scrape reads the facts anew.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time;

use crate::admin::metrics::exporter::Exporter;
use crate::admin::view::Facts;

const PATH: &str = "/metrics";
/// What the Prometheus client that upstream uses calls `TextFormat.CONTENT_TYPE_004`.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, TRACE, OPTIONS");

/// Scrapers are few; whoever comes beyond that waits, so that descriptors stay for clients.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may be silent between requests, or take to send one. As Jetty.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long answers that are under way may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// Wait after a failed accept: without descriptors the next would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Gives the counts of the moment.
pub type FactsSource = Arc<dyn Fn() -> Facts + Send + Sync>;

/// What answers scrapes.
struct Endpoint {
    exporter: Exporter,
    facts: FactsSource,
}

/// Serves scrapes on `listener`, which must not block, until `stop` is told or dropped. `process_families`: whether
/// the `process_*` families are served too.
///
/// # Errors
/// When the runtime or the socket fails at the start; a scrape that fails is its client's matter.
pub fn serve(
    listener: net::TcpListener,
    process_families: bool,
    facts: FactsSource,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let endpoint = Arc::new(Endpoint {
        exporter: Exporter::new(process_families),
        facts,
    });
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let graceful = Arc::new(GracefulShutdown::new());
        let accepting = tokio::spawn(accept(listener, endpoint, Arc::clone(&graceful)));
        // Told or dropped is the same.
        let _ = stop.await;
        accepting.abort();
        let _ = accepting.await;
        let graceful = Arc::into_inner(graceful).expect("the task that shared it has ended");
        // Whoever takes longer is cut off.
        let _ = time::timeout(FAREWELL, graceful.shutdown()).await;
        Ok(())
    })
}

/// Never ends by itself.
async fn accept(listener: TcpListener, endpoint: Arc<Endpoint>, graceful: Arc<GracefulShutdown>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => converse(stream, place, Arc::clone(&endpoint), &graceful),
            Err(error) => {
                tracing::warn!("metrics endpoint: a connection was not accepted: {error}");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn converse(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    endpoint: Arc<Endpoint>,
    graceful: &GracefulShutdown,
) {
    let service = service_fn(move |request| {
        let response = endpoint.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A scraper that goes away in the middle is its own business.
        if let Err(error) = connection.await {
            tracing::debug!("metrics endpoint: {error}");
        }
        drop(place);
    });
}

impl Endpoint {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let uri = request.uri();
        // apache 3.9.5: metrics/prometheus/PrometheusMetricsProvider.java constrainTraceMethod
        match *request.method() {
            Method::TRACE => empty(StatusCode::FORBIDDEN),
            _ if uri.path() != PATH => empty(StatusCode::NOT_FOUND),
            Method::GET | Method::HEAD | Method::POST => self.metrics(uri.query()),
            Method::OPTIONS => {
                let mut response = empty(StatusCode::OK);
                response.headers_mut().insert(ALLOW, ALLOWED);
                response
            }
            Method::PUT | Method::DELETE => empty(StatusCode::METHOD_NOT_ALLOWED),
            _ => empty(StatusCode::NOT_IMPLEMENTED),
        }
    }

    /// `name[]=<sample>`, any number of times, limits the answer to those samples.
    fn metrics(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let only = pairs
            .filter(|(key, _)| key == "name[]")
            .map(|(_, name)| name.into_owned());
        let text = self
            .exporter
            .text(&(self.facts)(), &only.collect::<BTreeSet<_>>());
        let mut response = Response::new(Full::from(text));
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
