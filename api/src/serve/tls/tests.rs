//! Certificates that are replaced, and handshakes that do not end, with another side of TLS that
//! trusts what the test made.

use super::*;

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::app::LogKind;
use crate::limits::Limits;
use crate::serve::Public;
use crate::serve::connection::Server;
use crate::testing::{TestLog, TestServer};

/// A certificate for `localhost` that nobody else has signed.
struct Made {
    certificate: String,
    der: CertificateDer<'static>,
    key: String,
}

impl Made {
    fn new() -> Made {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Made {
            certificate: made.cert.pem(),
            der: made.cert.der().clone(),
            key: made.signing_key.serialize_pem(),
        }
    }

    /// A client that trusts this certificate alone, and offers both versions of HTTP.
    fn client(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// The files, and what reads them.
struct Scene {
    _dir: TempDir,
    settings: TlsSettings,
    metrics: Metrics,
    tls: Tls,
    follower: Follower,
}

impl Scene {
    fn new(first: &Made) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let settings = TlsSettings {
            certificate: dir.path().join("certificate.pem"),
            key: dir.path().join("key.pem"),
        };
        fs::write(&settings.certificate, &first.certificate).unwrap();
        fs::write(&settings.key, &first.key).unwrap();
        let metrics = Metrics::default();
        let (tls, follower) = Tls::open(&settings, &metrics).unwrap();
        Scene {
            _dir: dir,
            settings,
            metrics,
            tls,
            follower,
        }
    }

    fn look(&mut self, times: usize) {
        for _ in 0..times {
            self.follower.look();
        }
    }

    /// A handshake in memory with a client that trusts `made`.
    async fn meet(
        &self,
        made: &Made,
    ) -> io::Result<(
        TlsStream<DuplexStream>,
        impl Future<Output = Vec<u8>> + use<>,
    )> {
        let (ours, theirs) = duplex(1 << 16);
        let accepting = tokio::spawn(self.tls.acceptor().accept(theirs));
        let stream = made.client().connect(localhost(), ours).await?;
        let mut accepted = accepting.await.unwrap()?;
        Ok((stream, async move {
            let mut received = Vec::new();
            accepted.read_to_end(&mut received).await.unwrap();
            received
        }))
    }

    /// Reloads, failures, and whether the files hold something that is not in use.
    fn counted(&self) -> (u64, u64, i64) {
        self.metrics.tls_counted()
    }
}

#[tokio::test]
async fn new_files_greet_new_connections_and_old_ones_go_on() {
    let (first, second) = (Made::new(), Made::new());
    let mut scene = Scene::new(&first);
    let (mut running, received) = scene.meet(&first).await.unwrap();
    fs::write(&scene.settings.certificate, &second.certificate).unwrap();
    fs::write(&scene.settings.key, &second.key).unwrap();
    scene.look(1);
    // They may still be being written.
    assert!(scene.meet(&first).await.is_ok());
    scene.look(1);
    assert!(scene.meet(&first).await.is_err());
    assert!(scene.meet(&second).await.is_ok());
    assert_eq!(scene.counted(), (1, 0, 0));
    running.write_all(b"still here").await.unwrap();
    running.shutdown().await.unwrap();
    assert_eq!(received.await, b"still here");
}

#[tokio::test]
async fn files_that_do_not_serve_leave_the_old_certificate() {
    let (first, second) = (Made::new(), Made::new());
    let mut scene = Scene::new(&first);
    let path = scene.settings.certificate.clone();
    let half = first.certificate.len() / 2;
    for (number, content) in [
        second.certificate.as_str(), // The key is still the first one's.
        &first.certificate[..half],
        "",
        &first.key,
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&path, content).unwrap();
        scene.look(5);
        let failures = u64::try_from(number + 1).unwrap();
        assert_eq!(scene.counted(), (0, failures, 1), "{content:?}");
        assert!(scene.meet(&first).await.is_ok());
    }
    fs::remove_file(&path).unwrap();
    scene.look(3);
    assert_eq!(scene.counted(), (0, 5, 1));
    // What is put back is tried again.
    fs::write(&path, &first.certificate).unwrap();
    scene.look(3);
    assert_eq!(scene.counted(), (1, 5, 0));
    assert!(scene.meet(&first).await.is_ok());
}

#[test]
fn wrong_files_are_named_at_the_start() {
    let (first, second) = (Made::new(), Made::new());
    let scene = Scene::new(&first);
    let refused = |certificate: &str, key: &str| {
        fs::write(&scene.settings.certificate, certificate).unwrap();
        fs::write(&scene.settings.key, key).unwrap();
        let opened = Tls::open(&scene.settings, &scene.metrics);
        opened.err().unwrap().to_string()
    };
    for (certificate, key, wanted) in [
        (
            "",
            first.key.as_str(),
            "certificate.pem has no certificate in PEM",
        ),
        (&first.certificate, "", "key.pem has no private key in PEM"),
        (&first.certificate, &second.key, "key.pem do not serve: "),
    ] {
        let shown = refused(certificate, key);
        assert!(shown.contains(wanted), "{shown}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }
    let long = "x".repeat(usize::try_from(FILE_LEN_BYTES_MAX).unwrap() + 1);
    let shown = refused(&long, &first.key);
    assert!(shown.contains("has more than 1048576 bytes"), "{shown}");
    fs::remove_file(&scene.settings.certificate).unwrap();
    let shown = Tls::open(&scene.settings, &scene.metrics)
        .err()
        .unwrap()
        .to_string();
    assert!(shown.contains("certificate.pem can't be read: "), "{shown}");
}

/// A listener with that certificate, over a real socket.
async fn start(scene: &Scene, limits: Limits) -> (SocketAddr, watch::Sender<bool>) {
    let app = TestServer::with_limits([TestLog::new("log", LogKind::Raw)], limits).app;
    let routes = Public::new(&app).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let server = Server::new(&app, routes, 8).with_tls(Some(scene.tls.clone()));
    tokio::spawn(server.run(listener, stopped));
    (address, stop)
}

#[tokio::test]
async fn requests_are_answered_over_tls() {
    let made = Made::new();
    let scene = Scene::new(&made);
    let (address, _stop) = start(&scene, Limits::default()).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = made.client().connect(localhost(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    // The protocol is told by what is sent, not by what was agreed on.
    let request = b"GET /logs/log/checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut() {
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let scene = Scene::new(&Made::new());
    let (address, _stop) = start(&scene, limits).await;
    // Half a record of a handshake; plain HTTP, which gets an alert.
    for sent in [
        b"\x16\x03\x01\x02\x00\x01".as_slice(),
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        // Closed or reset.
        let _either = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
}
