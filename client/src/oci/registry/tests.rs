//! A registry in this process that does what no registry should.

use super::*;
use crate::oci::test_registry::TestRegistry;

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn check<T: std::fmt::Debug>(result: Result<T, Failure>, wanted: &str) {
    let said = result.unwrap_err().to_string();
    assert!(said.contains(wanted), "no {wanted:?} in {said}");
}

#[test]
fn a_tag_is_the_digest_of_the_bytes_that_came() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let digest = registry.put_manifest("v1", b"{}");
    assert_eq!(registry.repository(":v1", &http).resolve(), Ok(digest));
    check(
        registry.repository(":v2", &http).resolve(),
        "is not in the registry",
    );
    let named = registry.repository(&format!("@{DIGEST}"), &http);
    assert_eq!(named.resolve().unwrap().to_string(), DIGEST);
    assert!(named.name(digest).ends_with(&format!("/app@{digest}")));
}

#[test]
fn other_bytes_than_asked_for_are_refused() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let repository = registry.repository("", &http);
    let digest = ImageDigest::of(b"what was asked for");
    registry.answer(&format!("/v2/app/manifests/{digest}"), 200, "", b"{}");
    check(repository.manifest_by_digest(digest), "other bytes");
    let blob = registry.put_blob("a/b", b"blob");
    assert_eq!(repository.blob(&blob, 4).unwrap(), b"blob");
    check(repository.blob(&blob, 3), "at most 3 bytes");
    let mut shorter = blob.clone();
    shorter.len_bytes = 3;
    check(repository.blob(&shorter, 4), "other bytes");
    registry.answer(&format!("/v2/app/blobs/{}", blob.digest), 200, "", b"bolb");
    check(repository.blob(&blob, 4), "other bytes");
    let long = vec![b'x'; MESSAGE_LEN_BYTES_MAX + 1];
    registry.answer(&format!("/v2/app/blobs/{}", blob.digest), 200, "", &long);
    check(repository.blob(&blob, 4), "answered with more than");
}

#[test]
fn a_blob_may_be_elsewhere_where_nobody_is_told_who_asks() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let elsewhere = TestRegistry::start();
    let blob = registry.put_blob("a/b", b"blob");
    let path = format!("/v2/app/blobs/{}", blob.digest);
    let location = format!("location: http://{}/there\r\n", elsewhere.address);
    registry.answer(&path, 307, &location, b"");
    elsewhere.answer("/there", 200, "", b"blob");
    let repository = registry.repository("", &http);
    let token = Zeroizing::new("Bearer secret".to_owned());
    repository.authorization.set(token).unwrap();
    assert_eq!(repository.blob(&blob, 4).unwrap(), b"blob");
    assert_eq!(registry.seen()[0].2.as_deref(), Some("Bearer secret"));
    assert_eq!(elsewhere.seen()[0].2, None);

    registry.answer(&path, 302, &format!("location: {path}\r\n"), b"");
    check(repository.blob(&blob, 4), "does not give the blob");
    assert_eq!(registry.seen().len(), 1 + 1 + REDIRECT_COUNT_MAX);
    registry.answer(&path, 302, "location: file:///etc/passwd\r\n", b"");
    check(repository.blob(&blob, 4), "where nobody should be sent");
    registry.answer(&path, 302, "", b"");
    check(repository.blob(&blob, 4), "redirects to nowhere");
}

#[test]
fn a_token_is_asked_for_once_and_for_no_more_than_is_done() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    registry.put_manifest("v1", b"{}");
    let realm = format!("http://{}/token", registry.address);
    let wants = |challenge: String| {
        let wanted = "Bearer abc".to_owned();
        registry.state.lock().unwrap().challenge = Some((challenge, wanted));
    };
    wants(format!(
        "Bearer realm=\"{realm}\",service=\"a b\",scope=\"repository:other:*\""
    ));
    let path = "/token?service=a+b&scope=repository%3Aapp%3Apull%2Cpush";
    registry.answer(path, 200, "", br#"{"token":"abc"}"#);
    let repository = registry.repository(":v1", &http);
    repository.resolve().unwrap();
    repository.resolve().unwrap();
    let paths: Vec<String> = registry.seen().into_iter().map(|seen| seen.1).collect();
    let manifest = "/v2/app/manifests/v1";
    assert_eq!(paths, [manifest, path, manifest, manifest]);

    let refused = |challenge: &str, wanted: &str| {
        wants(challenge.to_owned());
        check(registry.repository(":v1", &http).resolve(), wanted);
    };
    refused("Bearer realm=\"file:///x\"", "nobody should be sent");
    refused(
        "Bearer realm=\"http://a@127.0.0.1/\"",
        "nobody should be sent",
    );
    refused("Bearer realm=\"x\"", "no URL");
    refused("Bearer service=\"x\"", "has no realm");
    refused("Negotiate", "wanted Basic or Bearer");
    refused("Basic realm=\"x\"", "docker login first");
    refused(&format!("Bearer realm=\"{realm}/none\""), "gives no token");
    registry.answer(path, 200, "", br#"{"token":"a\nb"}"#);
    refused(
        &format!("Bearer realm=\"{realm}\",service=\"a b\""),
        "without a token",
    );
}

#[test]
fn lists_of_referrers_have_pages_and_an_end() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let repository = registry.repository("", &http);
    let image = ImageDigest::of(b"image");
    assert_eq!(repository.referrers(image), Ok(None), "there is no list");
    let path = format!("/v2/app/referrers/{image}");
    let index = |text: &[u8]| {
        Index {
            manifests: vec![Descriptor::of("a/b", text)],
            annotations: std::collections::BTreeMap::new(),
        }
        .encode()
    };
    let next = format!("link: <{path}?page=2>; rel=\"next\"\r\n");
    registry.answer(&path, 200, &next, &index(b"1"));
    registry.answer(&format!("{path}?page=2"), 200, "", &index(b"2"));
    let listed = repository.referrers(image).unwrap().unwrap();
    assert_eq!(
        listed,
        ["1", "2"].map(|text| Descriptor::of("a/b", text.as_bytes()))
    );

    let again = format!("link: <{path}>; rel=\"next\"\r\n");
    registry.answer(&path, 200, &again, &index(b"1"));
    check(repository.referrers(image), "lists more");
    let other = "link: <https://other.example/>; rel=\"next\"\r\n";
    registry.answer(&path, 200, other, &index(b"1"));
    check(repository.referrers(image), "not of the same registry");
    registry.answer(&path, 200, "", b"[]");
    check(repository.referrers(image), "no list");
    registry.answer(&path, 500, "", b"down");
    check(repository.referrers(image), "status 500: down");
}

#[test]
fn only_this_machine_is_reached_without_tls() {
    let http = Http::online();
    let origin = |name: &str, plain_http| {
        let image = ImageReference::parse(name).unwrap();
        let registry = Registry::of(&image, Access::Pull, plain_http, &http);
        registry.unwrap().origin
    };
    assert_eq!(origin("a.example:5000/b", false), "https://a.example:5000");
    assert_eq!(origin("a.example:5000/b", true), "http://a.example:5000");
    assert_eq!(origin("localhost:5000/b", false), "http://localhost:5000");
    assert_eq!(origin("[::1]:5000/b", false), "http://[::1]:5000");
    assert_eq!(
        origin("docker.io/library/b", false),
        "https://registry-1.docker.io"
    );
}
