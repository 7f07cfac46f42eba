//! One HTTP/1.1 connection, one request at a time on it.

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::target::Target;

/// No answer of a log is longer: an entry bundle of the longest entries.
const ANSWER_LEN_BYTES_MAX: usize = tiles::entry_bundle::BUNDLE_LEN_BYTES_MAX;

/// An open connection. Belongs to the `LocalSet` that it was opened in.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// A copy: it may be kept for long, and the network buffer is larger.
    pub(super) body: Bytes,
}

/// Makes requests to one server.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    host: HeaderValue,
}

impl Requests {
    /// To that server.
    pub(super) fn to(target: &Target) -> anyhow::Result<Self> {
        let host = HeaderValue::try_from(target.authority())?;
        Ok(Self { host })
    }

    /// `GET path`.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(Method::GET).uri(path);
        let request = request.header(HOST, self.host.clone());
        Ok(request.body(Full::default())?)
    }

    /// `POST path`.
    pub(super) fn post(
        &self,
        path: &http::Uri,
        body: Bytes,
        content: &HeaderValue,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, content.clone());
        request
    }
}

impl Connection {
    /// Connects to the server.
    pub(super) async fn dial(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address()).await;
        let stream = stream.with_context(|| format!("cannot connect to {}", target.url()))?;
        stream.set_nodelay(true)?;
        Self::over(TokioIo::new(stream)).await
    }

    /// Speaks HTTP over any two-way stream.
    pub(super) async fn over<T>(stream: T) -> anyhow::Result<Self>
    where
        T: Read + Write + Unpin + 'static,
    {
        let (sender, connection) = handshake(stream).await?;
        // How it ends shows in the requests on it.
        tokio::task::spawn_local(async { connection.await.ok() });
        Ok(Self { sender })
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LEN_BYTES_MAX).collect();
        let body = body.await.map_err(|error| anyhow::anyhow!(error))?;
        let body = Bytes::copy_from_slice(&body.to_bytes());
        Ok(Answer { status, body })
    }
}
