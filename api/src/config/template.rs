//! The cairn.toml that `init` writes, and the section that `log add` appends: every key is there,
//! with a comment; those whose default will do are commented out.

use std::fmt::Write as _;

use crate::app::LogKind;
use crate::instance::files;

/// What `init` puts into a new file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopLevel<'a> {
    pub(crate) listen: &'a str,
    pub(crate) url: Option<&'a str>,
    pub(crate) metrics_listen: Option<&'a str>,
    pub(crate) profile: Option<&'a str>,
    pub(crate) passphrase_file: Option<&'a str>,
    pub(crate) trusted_proxies: Option<&'a [&'a str]>,
}

/// What `init` and `log add` put into a new `[[log]]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSection<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: LogKind,
    pub(crate) origin: &'a str,
    /// Only for a v2 log beside another.
    pub(crate) host: Option<&'a str>,
}

/// The text before the first `[[log]]`.
pub(crate) fn top_level(values: TopLevel<'_>) -> String {
    TOP_LEVEL
        .replace("@LISTEN@", &quote(values.listen))
        .replace(
            "@URL@",
            &line_or("url", values.url, "https://log.example.org"),
        )
        .replace(
            "@METRICS@",
            &line_or("metrics_listen", values.metrics_listen, "127.0.0.1:9464"),
        )
        .replace(
            "@PROFILE@",
            &line_or("profile", values.profile, "production"),
        )
        .replace(
            "@PASSPHRASE@",
            &line_or(
                "passphrase_file",
                values.passphrase_file,
                "/run/credentials/cairnd.service/passphrase",
            ),
        )
        .replace("@PROXIES@", &proxies(values.trusted_proxies))
}

fn proxies(networks: Option<&[&str]>) -> String {
    match networks {
        Some(networks) => {
            let quoted: Vec<String> = networks.iter().map(|text| quote(text)).collect();
            format!("trusted_proxies = [{}]", quoted.join(", "))
        }
        None => r#"#trusted_proxies = ["10.0.0.0/8"]"#.to_owned(),
    }
}

/// The sections of the services beside the logs, of which certificates go into `log`.
pub(crate) fn services(log: &str) -> String {
    SERVICES
        .replace("@LOG@", &quote(log))
        .replace("@CA_KEY@", &quote(files::CA_KEY))
        .replace("@CA_CHAIN@", &quote(files::CA_CHAIN))
        .replace("@TSA_KEY@", &quote(files::TSA_KEY))
        .replace("@TSA_CHAIN@", &quote(files::TSA_CHAIN))
        .replace("@TRUST_DIR@", &quote(files::TRUST_DIR))
        .replace("@TRUST_KEY@", &quote(files::TRUST_KEY))
}

/// `[[issuer]]` explained, with examples that are all commented out.
pub(crate) fn issuer_examples() -> &'static str {
    ISSUERS
}

/// One `[[issuer]]`: its settings, and the claims of its one allow rule if there are any.
pub(crate) fn issuer_section(settings: &[(String, String)], claims: &[(String, String)]) -> String {
    let lines = |pairs: &[(String, String)]| {
        let line = |(key, value): &(String, String)| format!("{key} = {}\n", quote(value));
        pairs.iter().map(line).collect::<String>()
    };
    let mut text = format!("\n[[issuer]]\n{}", lines(settings));
    if !claims.is_empty() {
        text.push_str("[[issuer.allow]]\n");
        text.push_str(&lines(claims));
    }
    text
}

/// One `[[log]]` section, beginning with an empty line.
pub(crate) fn log_section(values: LogSection<'_>) -> String {
    let mut text = LOG_HEAD
        .replace("@NAME@", &quote(values.name))
        .replace("@KIND@", &quote(values.kind.as_str()))
        .replace("@ORIGIN@", &quote(values.origin))
        .replace(
            "@KEY@",
            &quote(&crate::keys::relative_path(values.name).to_string_lossy()),
        );
    match values.kind {
        LogKind::RekorV2 => {
            let line = match values.host {
                Some(host) => format!("hosts = [{}]\n", quote(host)),
                None => "#hosts = [\"log.example.org\"]\n".to_owned(),
            };
            text.push_str(&LOG_REKOR.replace("@HOSTS@\n", &line));
        }
        LogKind::Raw => text.push_str(LOG_RAW),
        LogKind::Ct => text.push_str(LOG_CT),
    }
    let _infallible = write!(text, "{}", LOG_TAIL.replace("@NAME@", values.name));
    text
}

/// The section of the certificate log of a new instance, which takes what its CA issues.
pub(crate) fn certificate_log_section(values: LogSection<'_>) -> String {
    let roots = format!("\nroots_file = {}\n", quote(files::CA_ROOT));
    log_section(values).replace("\n#roots_file = \"ct-roots.pem\"\n", &roots)
}

/// `key = "value"`, or the commented-out example.
fn line_or(key: &str, value: Option<&str>, example: &str) -> String {
    match value {
        Some(value) => format!("{key} = {}", quote(value)),
        None => format!("#{key} = {}", quote(example)),
    }
}

/// A TOML string.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

const TOP_LEVEL: &str = r#"# The configuration of cairnd. A line that begins with `#key`
# shows a default or an example: remove the `#` to change it. Relative paths
# start at this file's directory. Restart `cairnd serve` after a change; a mistake is refused with
# its line and the fix.

# Where the server listens: an IP address and a port (0: any free one, printed at start).
listen = @LISTEN@

# The public base URL, without a path, if it is not http:// and the address above.
@URL@

# Prometheus metrics have a listener of their own, or "off". Not for the public.
@METRICS@

# Proxies whose `x-forwarded-for` says who the client is: networks or addresses.
@PROXIES@

# What this is for: "production", or "dev", which has OIDC issuers of its own that give anybody any
# identity. On loopback only, and never where others trust what is signed: see `cairnd up --help`.
@PROFILE@

# The passphrase of the private keys, in a file outside of this directory that the server alone may
# read: a service manager's credential, say. Without the line: the environment variable
# CAIRND_PASSPHRASE. New keys are encrypted if there is one of the two.
@PASSPHRASE@

# A certificate (with its chain) and its key, in PEM, and the public listener speaks TLS. Both files
# are read again when they change. Without them: plain HTTP, for loopback or behind a proxy.
[tls]
#certificate = "tls/certificate.pem"
#key = "tls/key.pem"

# What the outside may make the server hold or do.
[limits]
# Open connections; further ones wait.
#connections_max = 4096
# How long a client may take to send its headers, or keep an idle connection.
#header_timeout_ms = 15000
# How long a client may take to send a body.
#body_timeout_ms = 20000
# How long a request may take once its body is here. Two thirds of it are for
# waiting for a checkpoint.
#request_timeout_ms = 30000
# How long a shutdown waits for running requests, and then for the logs.
#shutdown_timeout_ms = 20000
# Bytes of one v2 request.
#rekor_body_len_bytes_max = 4194304
# Bytes of one batch request.
#batch_body_len_bytes_max = 16777216
# Entries in one batch request.
#batch_count_max = 1024
# Signature checks waiting for a core; beyond it clients are told to come back.
#verify_queue_count_max = 4096
# Certificates that an identity gets in a minute, and requests for certificates and for timestamps
# that an address may make; beyond it clients get 429. 0: any number. Loopback is not counted.
#certificates_per_minute_by_identity = 600
#certificates_per_minute_by_address = 3000
#timestamps_per_minute_by_address = 6000
# Age of a checkpoint at which /healthz turns to 503. By default three times the log's
# checkpoint_resign_interval_ms.
#checkpoint_age_max_ms = 1800000
"#;

const LOG_HEAD: &str = r#"
# A log, served at /logs/<name>/. Name, kind, origin and key are fixed when a log is made: the
# store refuses any other. Add a log with `cairnd log add`, not by hand.
[[log]]
name = @NAME@
# "rekor-v2" takes signatures from Sigstore clients, "raw" takes any bytes, "ct" takes
# certificates.
kind = @KIND@
# The log's name in its checkpoints. For rekor-v2 the bare host name that clients see, for ct the
# log's URL without https://.
origin = @ORIGIN@
# The private key, PKCS#8 PEM, readable by the server alone. Back it up.
key = @KEY@
"#;

const LOG_REKOR: &str = r#"# The hosts at whose root this log answers, besides
# /logs/<name>/. Without the line: at every host that no other log names; at most one v2
# log can be so.
@HOSTS@
# An entry the log holds already: "existing" answers 201 with that entry and a
# proof, "conflict" 409.
#duplicates = "existing"
"#;

const LOG_RAW: &str = r#"# Who may add: a file with one bearer token a line. Without it: anybody.
#tokens_file = "tokens.txt"
"#;

const LOG_CT: &str = r#"# The roots of the certificates that the log takes, in PEM. Without it the
# log takes none.
#roots_file = "ct-roots.pem"
"#;

const LOG_TAIL: &str = r#"# Serve reads only, for the time being.
#read_only = false
# Since when the log is frozen for good, which its last checkpoint says: see `cairnd log freeze`.
#frozen = 2026-01-31T12:00:00Z
# Keep a plain copy of the log in this directory, for nginx, a CDN or a bucket to serve.
#publish_dir = "public/@NAME@"
#publish_dir_interval_ms = 1000
# Places outside this directory that remember the last checkpoint, so that an old copy of the log
# is never continued: files, which are written, and URLs of public copies, which are read at start.
#anchors = ["/mnt/elsewhere/@NAME@.checkpoint", "https://mirror.example.net/@NAME@"]
# How long the first entry of a batch waits for others.
#batch_age_ms = 50
# The shortest time between two checkpoints of a growing log, and how often an idle one is
# re-signed.
#checkpoint_interval_ms = 100
#checkpoint_resign_interval_ms = 600000
# Entries and bytes that may wait for an index, beyond which clients are told to come back.
#pool_count_max = 65536
#pool_bytes_max = 268435456
# Entries written in one piece.
#batch_entries_max = 16384
"#;

const SERVICES: &str = r#"
# The certificate authority: short-lived certificates for whoever has a token of an [[issuer]].
[ca]
# The private key and its certificates, the issuing one first, the root last.
key = @CA_KEY@
chain = @CA_CHAIN@
# The log that every certificate goes into before it is issued.
log = @LOG@

# The timestamp authority (RFC 3161).
[tsa]
key = @TSA_KEY@
chain = @TSA_CHAIN@
# Servers that are asked for the time every minute. No timestamp is given before more than half of
# them agree with the clock to within a second, while they do not, or an hour after they last did.
# Without the line: the clock is taken to be right unless somebody sets it.
#ntp = ["time.example.org", "192.0.2.123", "[2001:db8::123]:123"]

# What clients are to trust, as a TUF repository, and the key that keeps it current.
[trust]
dir = @TRUST_DIR@
online_key = @TRUST_KEY@
"#;

const ISSUERS: &str = r#"
# Whose tokens are good for certificates, and which of them: a token is let in by any rule that it
# fits in all its claims. Whoever gives tokens to everybody needs a rule that names the tenant.
# What a token would get: `cairnd issuer test-token`.
#
# [[issuer]]                          # GitHub Actions
# preset = "github"
# [[issuer.allow]]
# owner = "acme"
# ref = ["refs/heads/main", "refs/tags/v*"]
#
# [[issuer]]                          # GitLab CI, on a server of one's own
# preset = "gitlab"
# url = "https://gitlab.example.org"
# ca_file = "gitlab-ca.pem"           # if its certificate is not of a public authority
#
# [[issuer]]                          # Google accounts
# preset = "google"
# [[issuer.allow]]
# email_domain = "example.org"
#
# [[issuer]]                          # any other issuer of email addresses
# preset = "email"
# url = "https://login.example.org/realms/people"
#
# [[issuer]]                          # service accounts of a Kubernetes cluster
# preset = "kubernetes"
# url = "https://kubernetes.default.svc"
# ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
# private_addresses = true            # its documents name an address of the cluster
"#;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::limits::Limits;

    const TABLES: [&str; 7] = ["limits", "log", "issuer", "tls", "ca", "tsa", "trust"];

    fn text(kind: LogKind) -> String {
        let top = TopLevel {
            listen: "127.0.0.1:3000",
            url: None,
            metrics_listen: None,
            profile: None,
            passphrase_file: None,
            trusted_proxies: None,
        };
        let log = LogSection {
            name: "first",
            kind,
            origin: "log.example.org",
            host: None,
        };
        top_level(top) + &log_section(log)
    }

    /// Every `#key = value` line made real.
    fn uncommented(text: &str) -> String {
        let real = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        text.lines().map(|line| real(line) + "\n").collect()
    }

    #[test]
    fn a_generated_file_is_accepted_and_means_the_defaults() {
        for kind in LogKind::ALL {
            let config = Config::parse(Path::new("d"), &text(kind)).unwrap();
            assert_eq!(config.limits, Limits::default());
            assert_eq!(config.logs[0].engine_limits, engine::Limits::default());
            assert_eq!(config.logs[0].kind, kind);
            assert_eq!(config.logs[0].key.path(), Path::new("d/keys/first.pem"));
            assert!(config.logs[0].hosts.is_empty());
        }
    }

    #[test]
    fn the_commented_lines_are_accepted_and_show_the_defaults() {
        for kind in LogKind::ALL {
            let config = Config::parse(Path::new("d"), &uncommented(&text(kind))).unwrap();
            let mut limits = config.limits.clone();
            assert_eq!(limits.checkpoint_age_max.take().unwrap().as_secs(), 3 * 600);
            assert_eq!(limits, Limits::default());
            assert_eq!(config.logs[0].engine_limits, engine::Limits::default());
        }
    }

    #[test]
    fn every_key_that_is_read_is_in_the_generated_file() {
        // An unknown key is refused with the list of the known ones.
        let text: String = LogKind::ALL.map(text).concat();
        for (wrong, prefix) in [
            ("zzz = 1\n", "in the top level: "),
            (
                "[limits]\nzzz = 1\n[[log]]\nname='a'\nkind='raw'\norigin='a'",
                "in limits: ",
            ),
            (
                "[tls]\nzzz = 1\n[[log]]\nname='a'\nkind='raw'\norigin='a'",
                "in tls: ",
            ),
            (
                "[[log]]\nname='a'\nkind='raw'\norigin='a'\nzzz = 1",
                "in log: ",
            ),
        ] {
            let wrong = if wrong.starts_with('z') {
                format!("{wrong}[[log]]\nname='a'\nkind='raw'\norigin='a'\n")
            } else {
                wrong.to_owned()
            };
            let error = Config::parse(Path::new("d"), &wrong).unwrap_err();
            let known = error.allowed.strip_prefix(prefix).unwrap();
            for key in known.split(", ").filter(|key| !TABLES.contains(key)) {
                assert!(
                    text.contains(&format!("{key} = ")),
                    "{key} is not in the template"
                );
            }
        }
    }

    #[test]
    fn the_examples_of_issuers_are_accepted() {
        let examples: String = issuer_examples()
            .lines()
            .skip(5)
            .filter_map(|line| Some(line.strip_prefix('#')?.to_owned() + "\n"))
            .collect();
        let sections = examples.matches("[[issuer]]").count();
        let config = Config::parse(Path::new("d"), &(text(LogKind::Raw) + &examples)).unwrap();
        assert_eq!(config.instance.issuers.issuers().len(), sections);
        assert!(sections >= 5);
    }

    #[test]
    fn odd_values_are_quoted() {
        let log = LogSection {
            name: "a",
            kind: LogKind::Raw,
            origin: "a\"b\\c",
            host: None,
        };
        let config = Config::parse(Path::new("d"), &log_section(log)).unwrap();
        assert_eq!(config.logs[0].origin.to_string(), "a\"b\\c");
    }
}
