//! Logs in memory behind the real routes, for the handlers' tests.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use engine::store::memory::{Faults, MemoryCheckpoint, MemoryCold, MemoryHot};
use engine::{Log, LogConfig, LogIdentity, Stores};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tiles::{Ed25519NoteSigner, KeyName, NoteSigner as _, Origin};

use crate::app::{App, Duplicates, LogKind, LogState, PublishLag, ServedLog, Token};
use crate::client_address::{ClientAddress, TrustedProxies};
use crate::instance::Instance;
use crate::limits::Limits;
use crate::live::Live;
use crate::observe::Metrics;
use crate::read::full_tiles::FullTiles;
use crate::rekor::WaitingLine;
use crate::route::{self, Asked, Service};
use crate::timers::Timers;

/// Settings of one log under test.
pub(crate) struct TestLog {
    pub(crate) name: &'static str,
    pub(crate) kind: LogKind,
    pub(crate) hosts: &'static [&'static str],
    pub(crate) duplicates: Duplicates,
    pub(crate) tokens: &'static [&'static str],
    pub(crate) read_only: bool,
    pub(crate) failed: bool,
    /// The entries wait until so many do.
    pub(crate) stuck: bool,
    pub(crate) faults: Arc<Faults>,
}

impl TestLog {
    pub(crate) fn new(name: &'static str, kind: LogKind) -> TestLog {
        TestLog {
            name,
            kind,
            hosts: &[],
            duplicates: Duplicates::Existing,
            tokens: &[],
            read_only: false,
            failed: false,
            stuck: false,
            faults: Arc::default(),
        }
    }

    fn open(self) -> ServedLog {
        let origin = "log.example.org";
        let signer = Ed25519NoteSigner::from_seed(KeyName::new(origin).unwrap(), [1; 32]).unwrap();
        let verifier = signer.verifier().clone();
        let log_id = verifier.log_id();
        let hashing = engine::hashing_pool().unwrap();
        let kind = self.kind.as_str();
        let mut config = LogConfig::new(
            Origin::new(origin).unwrap(),
            kind,
            Arc::new(signer),
            hashing,
        );
        config.limits.checkpoint_interval = Duration::ZERO;
        config.limits.batch_age = Duration::ZERO;
        if self.stuck {
            config.limits.pool_count_max = 2;
            config.limits.batch_age = Duration::from_hours(1);
        }
        let identity = LogIdentity {
            origin: config.origin.clone(),
            kind: kind.to_owned(),
            log_id,
            format: config.format.name().to_owned(),
        };
        let stores = Stores {
            hot: Arc::new(MemoryHot::new(identity, Arc::clone(&self.faults))),
            cold: Arc::new(MemoryCold::new(Arc::clone(&self.faults))),
            checkpoint: Arc::new(MemoryCheckpoint::new(Arc::clone(&self.faults))),
        };
        Log::create_with(&stores, &config).unwrap();
        let log = Log::open_with(&stores, &config).unwrap();
        ServedLog {
            name: self.name.to_owned(),
            kind: self.kind,
            origin: origin.to_owned(),
            state: if self.failed {
                LogState::Failed("/secret/path is gone".to_owned())
            } else {
                LogState::Open(log)
            },
            verifier: Some(verifier),
            hosts: self.hosts.iter().map(|host| (*host).to_owned()).collect(),
            duplicates: self.duplicates,
            tokens: self.tokens.iter().map(|token| Token::new(token)).collect(),
            read_only: self.read_only,
            anchored: true,
            checkpoint_age_max: Duration::from_mins(1),
            publish_lag: PublishLag::new(Duration::ZERO),
            certificates: None,
            volume: None,
            full_tiles: FullTiles::default(),
            waiting_line: WaitingLine::default(),
        }
    }
}

/// A server without a socket.
pub(crate) struct TestServer {
    pub(crate) app: Arc<App>,
    pub(crate) service: Arc<Service>,
}

impl TestServer {
    pub(crate) fn new(logs: impl IntoIterator<Item = TestLog>) -> TestServer {
        TestServer::with_limits(logs, Limits::default())
    }

    pub(crate) fn with_limits(
        logs: impl IntoIterator<Item = TestLog>,
        limits: Limits,
    ) -> TestServer {
        let app = Arc::new(App {
            logs: Live::new(logs.into_iter().map(|log| Arc::new(log.open())).collect()),
            limits,
            metrics: Metrics::default(),
            trusted_proxies: TrustedProxies::default(),
            url: "http://log.example.org".to_owned(),
            instance: Instance::default(),
        });
        let service = Arc::new(Service::new(Arc::clone(&app)).unwrap());
        TestServer { app, service }
    }

    /// A server of one rekor-v2 log, `rekor`.
    pub(crate) fn rekor() -> TestServer {
        TestServer::new([TestLog::new("rekor", LogKind::RekorV2)])
    }

    /// A server of one raw log, `log`.
    pub(crate) fn raw() -> TestServer {
        TestServer::new([TestLog::new("log", LogKind::Raw)])
    }

    pub(crate) fn log(&self, name: &str) -> Log {
        self.app.log(name).unwrap().open().unwrap().clone()
    }

    /// The answer, its body not read.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Response {
        let asked = Asked {
            request: Box::new(request),
            client: ClientAddress(Ipv4Addr::LOCALHOST.into()),
            timers: Timers::default(),
        };
        route::answer(&self.service, asked).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.ask(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(request(Method::POST, path, body)).await
    }
}

/// A request for `path`, with `headers` added by the caller; by HTTP/2, which needs no host.
pub(crate) fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .version(Version::HTTP_2)
        .body(body.into())
        .unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that this is a refusal with that status, code and beginning of a message, which no
    /// cache may keep and any page may read.
    pub(crate) fn check_refused(&self, status: u16, code: u8, message: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("access-control-allow-origin"), "*");
        let json = self.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["details"], serde_json::json!([]));
        let found = json["message"].as_str().unwrap();
        assert!(
            found.starts_with(message),
            "{found:?} does not begin with {message:?}"
        );
    }
}
