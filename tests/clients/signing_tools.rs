//! The tools that people sign files with, against `sigstore::pki`: what they sign verifies, and
//! nothing else does; and what is kept of their keys and signatures is still good for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cairn_tests::cairnd::said;
use sigstore::UnixSeconds;
use sigstore::pki::{Conditions, Key, PkiError, Signature};
use tempfile::TempDir;

use crate::install::Silent;
use crate::run::Run;

const MESSAGE: &[u8] = b"the message\nof a file\n";

/// A folder in which one tool works.
struct Bench {
    folder: TempDir,
    _run: Run,
}

impl Bench {
    /// The bench of a tool, or nothing but words if it is not there.
    fn with(tool: &str, what: &str, version: &[&str]) -> Option<Bench> {
        let mut run = Run::begin(tool, what);
        let Some(output) = Command::new(version[0]).args(&version[1..]).output().ok() else {
            let why = format!("no {tool} in PATH; scripts/setup.sh installs it");
            run.skip(&Silent(why));
            return None;
        };
        let said = said(&output);
        let number = said.split([' ', ',', '\n']).find(|word| word.contains('.'));
        run.is_of_version(number.unwrap_or("-").to_owned());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("message"), MESSAGE).unwrap();
        Some(Bench { folder, _run: run })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs a line of words in the folder, with a file as its input; no word has a space in it.
    fn run(&self, line: &str, input: Option<&str>) {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(self.folder.path());
        command.env("GNUPGHOME", self.path("gnupg"));
        command.stdin(match input {
            Some(name) => Stdio::from(fs::File::open(self.path(name)).unwrap()),
            None => Stdio::null(),
        });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {}", said(&output));
    }

    fn key(&self, name: &str) -> Key {
        Key::parse(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn signature(&self, name: &str) -> Signature {
        Signature::parse(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Checks that the signature is one of the message by this key, and by nobody else, and writes
    /// what is kept of both to `kept.key` and `kept.sig`.
    fn check(&self, key: &str, signature: &str, stranger: &str) {
        let what = format!("{signature} by {key}");
        let (key, signature) = (self.key(key), self.signature(signature));
        assert_eq!(verify(&key, &signature, MESSAGE), Ok(()), "{what}");
        let tampered = [MESSAGE, b"\n"].concat();
        let refused = verify(&key, &signature, &tampered);
        assert!(
            matches!(refused, Err(PkiError::Mismatch { .. })),
            "{what}: {refused:?}"
        );
        let refused = verify(&self.key(stranger), &signature, MESSAGE);
        assert!(refused.is_err(), "{what}, checked with {stranger}");
        self.write("kept.key", &key.canonical());
        self.write("kept.sig", &signature.canonical());
    }
}

fn verify(key: &Key, signature: &Signature, message: &[u8]) -> Result<(), PkiError> {
    key.verify(signature, message, &Conditions::default())
}

#[test]
fn openssl_signs_digests_with_every_kind_of_key() {
    let version = ["openssl", "version"];
    let Some(bench) = Bench::with("openssl", "bare signatures", &version) else {
        return;
    };
    let kinds = [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
        ("ed25519", "-algorithm ED25519"),
    ];
    for (kind, options) in kinds {
        bench.run(&format!("openssl genpkey {options} -out {kind}.pem"), None);
        bench.run(
            &format!("openssl pkey -in {kind}.pem -pubout -out {kind}.pub"),
            None,
        );
    }
    for (kind, stranger) in [
        ("rsa", "p256"),
        ("p256", "p384"),
        ("p384", "p521"),
        ("p521", "rsa"),
    ] {
        for hash in ["sha256", "sha384", "sha512"] {
            let sign = format!("openssl dgst -{hash} -sign {kind}.pem -out sig message");
            bench.run(&sign, None);
            bench.check(&format!("{kind}.pub"), "sig", &format!("{stranger}.pub"));
            let verify =
                format!("openssl dgst -{hash} -verify kept.key -signature kept.sig message");
            bench.run(&verify, None);
        }
    }
    bench.run(
        "openssl pkeyutl -sign -rawin -inkey ed25519.pem -in message -out sig",
        None,
    );
    bench.check("ed25519.pub", "sig", "rsa.pub");
    let verify =
        "openssl pkeyutl -verify -rawin -pubin -inkey kept.key -sigfile kept.sig -in message";
    bench.run(verify, None);
}

#[test]
fn openssl_signs_with_certificates() {
    let version = ["openssl", "version"];
    let Some(bench) = Bench::with("openssl", "cms signatures", &version) else {
        return;
    };
    for kind in ["rsa:2048", "ec", "stranger"] {
        let (name, algorithm) = match kind {
            "rsa:2048" => ("rsa", "-newkey rsa:2048"),
            name => (name, "-newkey ec -pkeyopt ec_paramgen_curve:P-256"),
        };
        let request = format!(
            "openssl req -x509 {algorithm} -nodes -keyout {name}.pem -out {name}.crt \
             -subj /CN={name}"
        );
        bench.run(&request, None);
    }
    let now = {
        let certificate = bench.key("ec.crt");
        let der = certificate.certificate().unwrap().to_vec();
        sigstore::cert::CertificateView::parse(&der)
            .unwrap()
            .not_before()
    };
    for name in ["rsa", "ec"] {
        for options in ["", "-noattr", "-nodetach", "-md sha512 -outform PEM"] {
            let form = if options.contains("PEM") {
                ""
            } else {
                "-outform DER"
            };
            let sign = format!(
                "openssl cms -sign -binary -in message -signer {name}.crt -inkey {name}.pem {form} \
                 {options} -out sig"
            );
            bench.run(&sign, None);
            bench.check(&format!("{name}.crt"), "sig", "stranger.crt");
            let verify = format!(
                "openssl cms -verify -binary -inform PEM -in kept.sig -content message \
                 -CAfile {name}.crt -purpose any -out verified"
            );
            bench.run(&verify, None);
            // The signature is its own key, too, as in a JAR.
            let (key, signature) = (bench.key("sig"), bench.signature("sig"));
            let at = |time| key.verify(&signature, MESSAGE, &Conditions::at(time));
            assert_eq!(at(now.plus_seconds(3600)), Ok(()));
            let late = at(now.plus_seconds(100 * 365 * 86_400));
            assert!(matches!(late, Err(PkiError::NotValid { .. })), "{late:?}");
        }
    }
}

#[test]
fn openssh_signs_with_every_kind_of_key() {
    let Some(bench) = Bench::with("ssh-keygen", "ssh signatures", &["ssh", "-V"]) else {
        return;
    };
    let kinds = [
        "ed25519",
        "ecdsa -b 256",
        "ecdsa -b 384",
        "ecdsa -b 521",
        "rsa -b 3072",
    ];
    let name = |kind: &str| kind.replace(" -b ", "");
    for kind in kinds {
        // An empty passphrase is a word that a line cannot have.
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-C", "jane@example.org", "-f"]);
        command
            .arg(bench.path(&name(kind)))
            .arg("-t")
            .args(kind.split(' '));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    for (kind, stranger) in kinds.iter().zip(kinds.iter().cycle().skip(1)) {
        let (kind, stranger) = (name(kind), name(stranger));
        for hash in ["sha256", "sha512"] {
            // OpenSSH signs FILE into FILE.sig.
            bench.write("copy", MESSAGE);
            let _absent = fs::remove_file(bench.path("copy.sig"));
            let sign = format!("ssh-keygen -q -Y sign -f {kind} -n file -O hashalg={hash} copy");
            bench.run(&sign, None);
            bench.check(
                &format!("{kind}.pub"),
                "copy.sig",
                &format!("{stranger}.pub"),
            );
            let kept = String::from_utf8(bench.read("kept.key")).unwrap();
            bench.write("signers", format!("jane@example.org {kept}").as_bytes());
            let verify = "ssh-keygen -Y verify -f signers -I jane@example.org -n file -s kept.sig";
            bench.run(verify, Some("message"));
        }
        bench.run(
            &format!("ssh-keygen -q -Y sign -f {kind} -n git message"),
            None,
        );
        let (key, signature) = (
            bench.key(&format!("{kind}.pub")),
            bench.signature("message.sig"),
        );
        let refused = verify(&key, &signature, MESSAGE);
        assert!(
            matches!(refused, Err(PkiError::Namespace { .. })),
            "{refused:?}"
        );
        fs::remove_file(bench.path("message.sig")).unwrap();
    }
}

#[test]
fn minisign_signs_messages_and_digests() {
    let Some(bench) = Bench::with("minisign", "minisign signatures", &["minisign", "-v"]) else {
        return;
    };
    for name in ["jane", "stranger"] {
        bench.run(&format!("minisign -G -W -p {name}.pub -s {name}.key"), None);
    }
    for options in ["", "-l"] {
        let sign =
            format!("minisign -S -W {options} -s jane.key -m message -x sig -t said-by-jane");
        bench.run(&sign, None);
        bench.check("jane.pub", "sig", "stranger.pub");
        assert_eq!(
            bench.signature("sig").trusted_comment(),
            Some("said-by-jane")
        );
        let kept = String::from_utf8(bench.read("kept.key")).unwrap();
        bench.run(&format!("minisign -V -m message -x sig -P {kept}"), None);
        let changed = String::from_utf8(bench.read("sig")).unwrap();
        let changed = changed.replace("said-by-jane", "said-by-joe");
        let changed = Signature::parse(changed.as_bytes()).unwrap();
        let refused = verify(&bench.key("jane.pub"), &changed, MESSAGE);
        assert!(
            matches!(refused, Err(PkiError::Mismatch { .. })),
            "{refused:?}"
        );
    }
}

/// The first of January and the first of July 2020, by a clock that only gpg sees.
const JANUARY: (&str, u64) = ("20200101T000000", 1_577_836_800);
const JULY: (&str, u64) = ("20200701T000000", 1_593_561_600);

fn gpg(bench: &Bench, time: &str, arguments: &str) {
    let gpg = "gpg --quiet --batch --yes --no-tty --pinentry-mode loopback --passphrase-file empty";
    let line = format!("{gpg} --faked-system-time {time}! {arguments}");
    bench.run(&line, None);
}

fn gpg_bench(what: &str) -> Option<Bench> {
    let bench = Bench::with("gpg", what, &["gpg", "--version"])?;
    bench.write("empty", b"\n");
    private_folder(&bench.path("gnupg"));
    Some(bench)
}

fn private_folder(path: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
}

fn end_agent(bench: &Bench) {
    bench.run("gpgconf --kill all", None);
}

#[test]
fn gnupg_signs_with_every_kind_of_key_and_with_subkeys() {
    let Some(bench) = gpg_bench("openpgp signatures") else {
        return;
    };
    let names = ["rsa2048", "nistp256", "ed25519", "stranger"];
    for name in names {
        let algorithm = if name == "stranger" { "ed25519" } else { name };
        let user = format!("{name}@example.org");
        let make = format!("--quick-generate-key {user} {algorithm} sign never");
        gpg(&bench, JANUARY.0, &make);
        gpg(
            &bench,
            JANUARY.0,
            &format!("--output {name}.pub --export {user}"),
        );
    }
    gpg(
        &bench,
        JANUARY.0,
        "--quick-generate-key subkey@example.org rsa2048 cert never",
    );
    let listed = Command::new("gpg")
        .env("GNUPGHOME", bench.path("gnupg"))
        .args([
            "--batch",
            "--with-colons",
            "--list-keys",
            "subkey@example.org",
        ])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed
        .lines()
        .find_map(|line| line.strip_prefix("fpr:::::::::"));
    let fingerprint = fingerprint.unwrap().trim_end_matches(':').to_owned();
    gpg(
        &bench,
        JANUARY.0,
        &format!("--quick-add-key {fingerprint} ed25519 sign never"),
    );
    gpg(
        &bench,
        JANUARY.0,
        "--armor --output subkey.pub --export subkey@example.org",
    );

    for name in ["rsa2048", "nistp256", "ed25519", "subkey"] {
        for options in ["", "--armor", "--armor --textmode"] {
            let sign = format!("--local-user {name}@example.org {options} --output sig -b message");
            gpg(&bench, JULY.0, &sign);
            bench.check(&format!("{name}.pub"), "sig", "stranger.pub");
            // A keyring that has nothing but what was kept.
            let home = format!("kept{}{name}", options.len());
            private_folder(&bench.path(&home));
            let gpg = |arguments| gpg(&bench, JULY.0, &format!("--homedir ./{home} {arguments}"));
            gpg("--import kept.key");
            gpg("--verify kept.sig message");
        }
    }
    end_agent(&bench);
}

#[test]
fn gnupgs_keys_count_while_they_are_valid() {
    let Some(bench) = gpg_bench("keys that expire") else {
        return;
    };
    gpg(
        &bench,
        JANUARY.0,
        "--quick-generate-key jane@example.org ed25519 sign 2020-12-31",
    );
    gpg(
        &bench,
        JULY.0,
        "--output jane.pub --export jane@example.org",
    );
    gpg(&bench, JULY.0, "--output sig -b message");
    let (key, signature) = (bench.key("jane.pub"), bench.signature("sig"));
    let at = |seconds| {
        let conditions = Conditions::at(UnixSeconds::new(seconds));
        key.verify(&signature, MESSAGE, &conditions)
    };
    assert_eq!(at(JULY.1 + 60), Ok(()));
    assert_eq!(
        verify(&key, &signature, MESSAGE),
        Ok(()),
        "it was valid when it signed"
    );
    for time in [JANUARY.1, JULY.1 + 365 * 86_400] {
        let refused = at(time);
        assert!(
            matches!(refused, Err(PkiError::NotValid { .. })),
            "{time}: {refused:?}"
        );
    }
    // gpg has written a revocation for when the key is lost; a colon keeps it from being used.
    let revocations = fs::read_dir(bench.path("gnupg/openpgp-revocs.d")).unwrap();
    let revocation = revocations
        .map(|entry| entry.unwrap().path())
        .next()
        .unwrap();
    let revocation = fs::read_to_string(revocation)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    bench.write("revocation", revocation.as_bytes());
    gpg(&bench, JULY.0, "--import revocation");
    gpg(
        &bench,
        JULY.0,
        "--output revoked.pub --export jane@example.org",
    );
    let refused = verify(&bench.key("revoked.pub"), &signature, MESSAGE);
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("it was revoked at"), "{reason}");
    end_agent(&bench);
}
