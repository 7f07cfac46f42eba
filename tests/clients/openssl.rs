//! OpenSSL's view of what the authorities of an instance issue: it makes the requests, curl sends
//! them, and it verifies the answers under the roots of the trusted root.

use std::fs;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::check_refused;
use crate::run::Run;
use crate::scene::{IDENTITY, PRESET, Scene, done, run};

/// Runs a line of words in the home of the scene; no word has a space in it.
fn words(scene: &Scene, line: &str) -> Output {
    let words: Vec<&str> = line.split_whitespace().collect();
    run(&mut scene.command(words[0]), &words[1..])
}

/// The same for what must succeed; gives its stdout.
fn success(scene: &Scene, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = done(&mut scene.command(words[0]), &words[1..]);
    String::from_utf8(output.stdout).unwrap()
}

fn begin(what: &str) -> Run {
    let mut run = Run::begin("openssl", what);
    let version = std::process::Command::new("openssl")
        .arg("version")
        .output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    run.is_of_version(version.split(' ').nth(1).unwrap().to_owned());
    run
}

/// Writes the chain of an authority in the trusted root as PEM files: `NAME-root.pem`, and what
/// comes before it as `NAME-rest.pem`.
fn write_chain(scene: &Scene, authorities: &str, name: &str) {
    let trusted_root = fs::read(scene.path("trust/trusted_root.json")).unwrap();
    let trusted_root: Value = serde_json::from_slice(&trusted_root).unwrap();
    let chain = &trusted_root[authorities][0]["certChain"]["certificates"];
    let chain = chain.as_array().unwrap();
    let mut pem = Vec::new();
    for certificate in chain {
        let der = STANDARD
            .decode(certificate["rawBytes"].as_str().unwrap())
            .unwrap();
        fs::write(scene.path("certificate.der"), der).unwrap();
        pem.push(success(
            scene,
            "openssl x509 -inform DER -in certificate.der",
        ));
    }
    let root = pem.pop().unwrap();
    assert!(!pem.is_empty(), "{authorities}: a root alone");
    fs::write(scene.path(&format!("{name}-root.pem")), root).unwrap();
    fs::write(scene.path(&format!("{name}-rest.pem")), pem.concat()).unwrap();
}

/// Has OpenSSL make a key and a request, and writes the certificate that this identity gets for
/// them to `leaf.pem`.
pub(crate) fn issue(scene: &Scene, preset: &str, identity: &str) {
    success(
        scene,
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \
         -subj / -out csr.pem",
    );
    let request = json!({
        "credentials": {"oidcIdentityToken": scene.token(preset, identity)},
        "certificateSigningRequest": STANDARD.encode(fs::read(scene.path("csr.pem")).unwrap()),
    });
    fs::write(scene.path("request"), request.to_string()).unwrap();
    let url = format!("{}/api/v2/signingCert", scene.url());
    success(
        scene,
        &format!(
            "curl -sS --fail -H content-type:application/json --data-binary @request -o answer \
             {url}"
        ),
    );
    let answer: Value = serde_json::from_slice(&fs::read(scene.path("answer")).unwrap()).unwrap();
    let chain = &answer["signedCertificateEmbeddedSct"]["chain"]["certificates"];
    fs::write(scene.path("leaf.pem"), chain[0].as_str().unwrap()).unwrap();
}

#[test]
fn timestamps_verify_and_only_for_what_was_stamped() {
    let _run = begin("timestamps");
    let scene = Scene::new();
    let stranger = Scene::new();
    write_chain(&scene, "timestampAuthorities", "tsa");
    write_chain(&stranger, "timestampAuthorities", "tsa");
    fs::write(scene.path("tampered"), "what was not stamped\n").unwrap();
    let url = format!("{}/api/v1/timestamp", scene.url());
    for options in [
        "-sha256 -cert",
        "-sha384",
        "-sha512 -cert",
        "-sha256 -no_nonce",
    ] {
        success(
            &scene,
            &format!("openssl ts -query -data artifact {options} -out query"),
        );
        success(
            &scene,
            &format!(
                "curl -sS --fail -H content-type:application/timestamp-query \
                 --data-binary @query -o reply {url}"
            ),
        );
        let verify = |what: &str, root: &str| {
            words(
                &scene,
                &format!(
                    "openssl ts -verify {what} -in reply -CAfile {root} -untrusted tsa-rest.pem"
                ),
            )
        };
        for what in ["-queryfile query", "-data artifact"] {
            let verified = verify(what, "tsa-root.pem");
            let text = cairn_tests::cairnd::said(&verified);
            assert!(
                text.contains("Verification: OK"),
                "{options}, {what}: {text}"
            );
        }
        let tampered = verify("-data tampered", "tsa-root.pem");
        check_refused(&tampered, "message imprint mismatch");
        let foreign = verify("-data artifact", &stranger.path("tsa-root.pem"));
        check_refused(&foreign, "certificate verify error");
    }
}

#[test]
fn certificates_verify_and_say_who_and_where() {
    let _run = begin("certificates");
    let scene = Scene::new();
    let stranger = Scene::new();
    write_chain(&scene, "certificateAuthorities", "ca");
    write_chain(&stranger, "certificateAuthorities", "ca");
    issue(&scene, PRESET, IDENTITY);

    let verify = "openssl verify -x509_strict -purpose any -ignore_critical";
    success(
        &scene,
        &format!("{verify} -CAfile ca-root.pem -untrusted ca-rest.pem leaf.pem"),
    );
    let foreign = stranger.path("ca-root.pem");
    let foreign = words(
        &scene,
        &format!("{verify} -CAfile {foreign} -untrusted ca-rest.pem leaf.pem"),
    );
    check_refused(&foreign, "unable to get");

    let text = success(&scene, "openssl x509 -in leaf.pem -noout -text");
    for wanted in [
        "Version: 3 (0x2)",
        "X509v3 Subject Alternative Name: critical",
        "email:ada@example.com",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                Code Signing\n",
        "CT Precertificate SCTs",
        "1.3.6.1.4.1.57264.1.8",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
    let public = success(&scene, "openssl x509 -in leaf.pem -noout -pubkey");
    assert_eq!(public, success(&scene, "openssl pkey -in key.pem -pubout"));
    let parsed = success(&scene, "openssl asn1parse -in leaf.pem -i");
    assert!(parsed.contains("1.3.6.1.4.1.57264.1.1"), "{parsed}");
}
