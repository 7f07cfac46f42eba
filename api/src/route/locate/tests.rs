//! From host and path to a log and resource.

use super::*;

use proptest::prelude::*;

use crate::testing::{TestLog, TestServer};

/// What `locate` finds, in short: the log's name and the resource.
fn found(app: &App, host: Option<&str>, path: &str) -> Result<(String, String), Refusal> {
    locate(app, || host.map(str::to_owned), path).map(|target| {
        let resource = match target.resource {
            Resource::Read(resource) => resource.to_string(),
            other => format!("{other:?}"),
        };
        (target.log.name.clone(), resource)
    })
}

fn server() -> TestServer {
    let hosts = |mut log: TestLog, hosts| {
        log.hosts = hosts;
        log
    };
    TestServer::new([
        TestLog::new("raw", LogKind::Raw),
        hosts(
            TestLog::new("old", LogKind::RekorV2),
            &["old.example.org", "[::1]"],
        ),
        TestLog::new("new", LogKind::RekorV2),
    ])
}

#[tokio::test]
async fn paths_lead_to_logs() {
    let server = server();
    let check = |host: &str, path: &str, log: &str, resource: &str| {
        let wanted = (log.to_owned(), resource.to_owned());
        assert_eq!(
            found(&server.app, Some(host), path),
            Ok(wanted),
            "{host} {path}"
        );
    };
    check("old.example.org", "/checkpoint", "old", "checkpoint");
    check("[::1]", "/checkpoint", "old", "checkpoint");
    check("any.example.org", "/checkpoint", "new", "checkpoint");
    check("", "/tile/0/000", "new", "tile/0/000");
    check("", "/tile/0/x001/234.p/5", "new", "tile/0/x001/234.p/5");
    check(
        "",
        "/tile/entries/000.p/255",
        "new",
        "tile/entries/000.p/255",
    );
    check("", "/api/v2/checkpoint", "new", "checkpoint");
    check("", "/api/v2/tile/1/000", "new", "tile/1/000");
    check("", "/api/v2/tile/entries/000", "new", "tile/entries/000");
    check("", "/api/v2/log/entries", "new", "RekorAdd(Plain)");
    check("", "/api/v2/log/entries/batch", "new", "RekorAddBatch");
    check("", "/logs/old/api/v2/log/entries", "old", "RekorAdd(Plain)");
    let call = "/dev.sigstore.rekor.v2.Rekor/CreateEntry";
    check("", call, "new", "RekorAdd(Grpc)");
    check("", &format!("/logs/old{call}"), "old", "RekorAdd(Grpc)");
    check("", "/logs/old/checkpoint", "old", "checkpoint");
    check("", "/logs/raw/add", "raw", "RawAdd");
    check("", "/logs/raw/add-batch", "raw", "RawAddBatch");
    check("", "/logs/raw/tile/0/000", "raw", "tile/0/000");
}

#[tokio::test]
async fn extra_slashes_change_nothing() {
    let server = server();
    for path in [
        "//checkpoint",
        "/checkpoint/",
        "///checkpoint///",
        "checkpoint",
    ] {
        assert_eq!(
            found(&server.app, None, path).unwrap().1,
            "checkpoint",
            "{path}"
        );
    }
    for path in [
        "//api/v2/log/entries",
        "/api//v2///log/entries/",
        "/logs//new//api/v2/log/entries",
    ] {
        assert_eq!(
            found(&server.app, None, path).unwrap().1,
            "RekorAdd(Plain)",
            "{path}"
        );
    }
    assert_eq!(
        found(&server.app, None, "/tile//0//000/").unwrap().1,
        "tile/0/000"
    );
}

#[tokio::test]
async fn other_paths_lead_nowhere() {
    let server = server();
    let check = |path: &str, wanted: fn(&Refusal) -> bool| {
        let refusal = found(&server.app, None, path).unwrap_err();
        assert!(wanted(&refusal), "{path}: {refusal:?}");
        assert_eq!(refusal.status().0, 404);
    };
    for path in [
        "/",
        "",
        "/index.html",
        "/api",
        "/api/v2",
        "/api/v2/",
        "/api/v2/log",
        "/api/v1/log/entries",
        "/api/v2/log/entries/x",
        "/Checkpoint",
        "/checkpoint.txt",
        "/checkpoint%2F",
        "/logs/new",
        "/logs/new/",
        "/logs/new/logs/new/checkpoint",
        "/logs/raw/api/v2/checkpoint",
        "/../checkpoint",
    ] {
        check(path, |refusal| *refusal == Refusal::NoSuchPath);
    }
    for path in [
        "/tile/0/0",
        "/tile/00/000",
        "/tile/0/x000/001",
        "/tile/0/000.p/0",
        "/tile/0/000.p/01",
        "/tile/0/000.p/256",
        "/tile/64/000",
        "/tile/-1/000",
        "/tile/0/../0/000",
        "/tile/0/%30%30%30",
        "/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/tile/data/000",
        "/tile/",
        "/tile/entries",
    ] {
        check(path, |refusal| {
            matches!(refusal, Refusal::NoSuchResource(_) | Refusal::NoSuchPath)
        });
    }
    for path in [
        "/logs",
        "/logs/",
        "/logs/none/checkpoint",
        "/logs/NEW/checkpoint",
    ] {
        check(path, |refusal| {
            matches!(refusal, Refusal::NoSuchLog | Refusal::NoSuchPath)
        });
    }
    for path in [
        "/add",
        "/logs/new/add-batch",
        "/logs/raw/api/v2/log/entries",
    ] {
        check(path, |refusal| matches!(refusal, Refusal::OtherKind { .. }));
    }
}

proptest! {
    #[test]
    fn what_is_found_is_what_was_asked_for(path in PATHS) {
        thread_local!(static APP: Arc<App> = Arc::clone(&server().app));
        APP.with(|app| {
            if let Ok((_, resource)) = found(app, None, &path) {
                let path = normalize(&path);
                let add = resource.contains("Add");
                prop_assert!(add || path.ends_with(&resource), "{path} gave {resource}");
            }
            Ok(())
        })?;
    }
}

/// Paths that are nearly right, and some that are nothing of the kind.
const PATHS: &str = concat!(
    r"(/{1,2}(api|v2|log|logs|new|tile|entries|batch|[0-9]{1,3}|x[0-9]{3}|[0-9]{3}\.p|checkpoint",
    r"|%2F|\.\.|\PC{0,3})){0,7}/?",
);

#[tokio::test]
async fn a_server_of_raw_logs_has_no_root_log() {
    let server = TestServer::raw();
    server
        .get("/checkpoint")
        .await
        .check_refused(404, 5, "Not Found: no log answers at the root");
    assert_eq!(server.get("/logs/log/checkpoint").await.status, 200);
}

#[test]
fn the_host_is_what_the_client_named() {
    let check = |uri: &str, header: Option<&str>, wanted: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(HOST, header.parse().unwrap());
        }
        assert_eq!(
            host(&uri.parse().unwrap(), &headers).as_deref(),
            wanted,
            "{uri} {header:?}"
        );
    };
    check("/", None, None);
    check("/", Some("log.example.org"), Some("log.example.org"));
    check("/", Some("LOG.example.org:3000"), Some("log.example.org"));
    check("/", Some("log.example.org."), Some("log.example.org"));
    check("/", Some("[::1]:3000"), Some("[::1]"));
    check("/", Some("[::1]"), Some("[::1]"));
    check("/", Some(":"), Some(""));
    check(
        "http://a.example.org:80/",
        Some("b.example.org"),
        Some("a.example.org"),
    );
}
