//! One listener: accepting, and serving each connection within the limits of the transport.
//!
//! hyper bounds headers, streams and resets. What it leaves open is bounded here: a client that
//! connects and sends nothing, one that stops half-way through, one that doesn't read its answer,
//! and the number of connections.

mod activity;
mod idle;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Version;
use http::header::EXPECT;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use super::tls::Tls;
use crate::app::App;
use crate::body::drain::Drained;
use crate::body::unread::Unread;
use crate::client_address::ClientAddress;
use crate::limits::{self, Limits};
use crate::route::Asked;
use crate::timers::Timers;
use activity::Activity;
use idle::IdleLimit;

/// Whoever answers the requests of a listener. Clones share what they need for it.
pub(crate) trait Respond: Clone + Send + Sync + 'static {
    /// Answers one request. Dropped half-way if the client goes away.
    fn respond(self, client: ClientAddress, asked: Asked) -> impl Future<Output = Response> + Send;
}

impl Respond for Router {
    async fn respond(self, _: ClientAddress, asked: Asked) -> Response {
        self.oneshot(*asked.request)
            .await
            .unwrap_or_else(|never: Infallible| match never {})
    }
}

/// What one listener serves, and within which limits. Clones share the count of connections.
#[derive(Clone, Debug)]
pub(crate) struct Server<R> {
    app: Arc<App>,
    routes: R,
    builder: Builder<TokioExecutor>,
    tls: Option<Tls>,
    connections: Arc<Semaphore>,
}

impl<R: Respond> Server<R> {
    pub(crate) fn new(app: &Arc<App>, routes: R, connections_max: usize) -> Server<R> {
        Server {
            app: Arc::clone(app),
            routes,
            builder: builder(&app.limits),
            tls: None,
            connections: Arc::new(Semaphore::new(connections_max)),
        }
    }

    /// The same over TLS, if there is a certificate.
    pub(crate) fn with_tls(self, tls: Option<Tls>) -> Server<R> {
        Server { tls, ..self }
    }

    /// Accepts until `stopped` turns true; then returns once the last connection has ended, each
    /// after the request it is in the middle of.
    pub(crate) async fn run(self, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            // The permit comes first: while there is none, connections wait in the kernel.
            let accepting = async {
                let permit = Arc::clone(&self.connections).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                accepted = accepting => accepted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let Ok(permit) = permit else { break };
            match accepted {
                Ok((stream, peer)) => {
                    let (watcher, stopped) = (graceful.watcher(), stopped.clone());
                    let serving = self.clone().serve(stream, peer, watcher, stopped, permit);
                    tokio::spawn(serving);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(limits::ACCEPT_RETRY_DELAY).await;
                }
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }

    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        mut stopped: watch::Receiver<bool>,
        _permit: OwnedSemaphorePermit,
    ) {
        let _counted = self.app.metrics.connection();
        // Small answers should not wait for more; failure only makes them slower.
        let _best_effort = stream.set_nodelay(true);
        let spoke = tokio::select! {
            spoke = speaks_within(&stream, self.app.limits.header_timeout) => spoke,
            // Nothing was asked yet, so nothing is cut off.
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if !spoke {
            self.app.metrics.connection_refused();
            return;
        }
        let Some(tls) = &self.tls else {
            return self.serve_stream(stream, peer, watcher, stopped).await;
        };
        let greeting = tls.acceptor().accept(stream);
        let greeted = tokio::select! {
            greeted = tokio::time::timeout(self.app.limits.header_timeout, greeting) => greeted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match greeted {
            Ok(Ok(stream)) => {
                // Boxed: what a handshake holds is large, and gone by now.
                let serving = self.serve_stream(stream, peer, watcher, stopped);
                Box::pin(serving).await;
            }
            failed => {
                self.app.metrics.connection_refused();
                tracing::debug!(%peer, ?failed, "a handshake failed");
            }
        }
    }

    /// Serves what was read and written in the clear, whatever is below.
    async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: Watcher,
        stopped: watch::Receiver<bool>,
    ) {
        let io = TokioIo::new(IdleLimit::new(stream, idle_timeout(&self.app.limits)));
        let activity = Activity::new();
        let service = self.service(peer, activity.clone());
        let connection = self.builder.serve_connection(io, service).into_owned();
        // A task of its own: what is watched beside it is looked at when it has something to say,
        // not whenever a byte moves.
        let mut connection = tokio::spawn(watcher.watch(connection));
        let ended = tokio::select! {
            ended = &mut connection => match ended {
                Ok(ended) => ended.map_err(|error| error.to_string()),
                Err(error) => Err(format!("a bug: {error}")),
            },
            () = activity.over(stopped) => {
                connection.abort();
                Err("answers were not read in time".to_owned())
            }
        };
        if let Err(error) = ended {
            self.app.metrics.connection_refused();
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }

    /// What hyper calls with each request of a connection.
    fn service(
        &self,
        peer: SocketAddr,
        activity: Activity,
    ) -> impl Service<
        hyper::Request<Incoming>,
        Response = Response,
        Error = Infallible,
        Future: Send,
    > + use<R> {
        let (app, routes, timers) = (
            Arc::clone(&self.app),
            self.routes.clone(),
            Timers::default(),
        );
        service_fn(move |request: hyper::Request<Incoming>| {
            let client = app.trusted_proxies.client(peer.ip(), request.headers());
            let asked = Asked {
                request: Box::new(with_drain(request)),
                client,
                timers: timers.clone(),
            };
            answer(routes.clone(), activity.clone(), client, asked)
        })
    }
}

/// The request with a body that a refusal leaves to be drained, if the client is sending one.
fn with_drain(request: hyper::Request<Incoming>) -> hyper::Request<Body> {
    let drains = request.version() < Version::HTTP_2
        // Such a client sends nothing before it is told to.
        && !request.headers().contains_key(EXPECT);
    request.map(|body| {
        if drains {
            Body::new(Drained::new(body))
        } else {
            Body::new(body)
        }
    })
}

/// The answer, which counts as the connection's until it is read.
async fn answer(
    routes: impl Respond,
    activity: Activity,
    client: ClientAddress,
    asked: Asked,
) -> Result<Response, Infallible> {
    let _running = activity.begin();
    let mut response = routes.respond(client, asked).await;
    if let Some(unread) = response.extensions_mut().remove::<Unread>() {
        activity.answered(unread);
    }
    Ok(response)
}

/// hyper's own limits.
fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .keep_alive(true)
        .max_headers(limits::HEADERS_COUNT_MAX)
        .max_buf_size(limits::HTTP1_BUFFER_LEN_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits::HEADERS_LEN_BYTES_MAX)
        .max_concurrent_streams(limits::HTTP2_STREAMS_COUNT_MAX)
        .max_pending_accept_reset_streams(limits::HTTP2_PENDING_RESETS_COUNT_MAX)
        .max_local_error_reset_streams(limits::HTTP2_LOCAL_RESETS_COUNT_MAX)
        .initial_stream_window_size(limits::HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits::HTTP2_KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// How long a connection may move no byte in either direction: longer than any request may take,
/// since a request that waits for its checkpoint is silent.
fn idle_timeout(limits: &Limits) -> Duration {
    let request = limits.request_timeout.saturating_add(limits.body_timeout);
    request.saturating_add(limits.header_timeout)
}

/// Whether the client sends a first byte in time. hyper starts its clock only once it knows the
/// protocol, which it learns from the first bytes.
async fn speaks_within(stream: &TcpStream, limit: Duration) -> bool {
    let first_byte = tokio::time::timeout(limit, stream.peek(&mut [0_u8])).await;
    matches!(first_byte, Ok(Ok(1)))
}

#[cfg(test)]
mod tests;
