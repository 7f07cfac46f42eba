//! Every refusal of a cairn.toml, each with the line and the key it must name.

use std::path::Path;

use super::*;
use crate::app::Duplicates;

/// A log that is right, from line 1 to 4.
const LOG: &str = "[[log]]\nname = \"a\"\nkind = \"rekor-v2\"\norigin = \"log.example.org\"\n";

/// The same, of kind raw, with another name and origin.
const RAW: &str = "[[log]]\nname = \"b\"\nkind = \"raw\"\norigin = \"example.org/b\"\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("d"), text)
}

#[track_caller]
fn check_refused(text: &str, line: usize, key: &str, words: &[&str]) {
    let error = parse(text).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (line, key), "{error}");
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("d/cairn.toml:{line}: key `{key}`: found ")),
        "{shown}"
    );
    for word in words {
        assert!(shown.contains(word), "{shown} does not say {word}");
    }
    assert!(
        !error.fix.is_empty() && !error.allowed.is_empty(),
        "{shown}"
    );
}

#[test]
fn a_minimal_file_means_the_defaults() {
    let config = parse(LOG).unwrap();
    assert_eq!(config.listen.to_string(), LISTEN_DEFAULT);
    assert_eq!(config.metrics, MetricsListen::Default);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.logs[0].key.path(), Path::new("d/keys/a.pem"));
    assert_eq!(config.logs[0].engine_limits, engine::Limits::default());
    assert_eq!(config.logs[0].store_dir(&config.dir), Path::new("d/logs/a"));
    assert_eq!(config.logs[0].duplicates, Duplicates::Existing);
}

#[test]
fn every_setting_is_read() {
    let text = "listen = \"[::1]:80\"\nurl = \"https://log.example.org/\"\n\
        metrics_listen = \"off\"\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]\n[limits]\n\
        connections_max = 1_000\n\
        header_timeout_ms = 0x3e8\ncheckpoint_age_max_ms = 1200000\n[[log]]\nname = \"a\"\n\
        kind = \"rekor-v2\"\norigin = \"log.example.org\"\nkey = \"/k/a.pem\"\n\
        hosts = [\"one.example.org\"]\nduplicates = \"conflict\"\npublish_dir = \"p\"\n\
        read_only = true\nbatch_age_ms = 7\npool_count_max = 9\n[[log]]\nname = \"b\"\n\
        kind = \"raw\"\norigin = \"b\"\ntokens_file = \"t\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.url.as_deref(), Some("https://log.example.org"));
    assert_eq!(config.metrics, MetricsListen::Off);
    assert_eq!(config.limits.connections_max, 1000);
    assert_eq!(config.limits.header_timeout.as_millis(), 1000);
    assert_eq!(config.limits.checkpoint_age_max.unwrap().as_secs(), 1200);
    let [log, raw] = config.logs.as_slice() else {
        panic!("two logs")
    };
    assert_eq!(log.key.path(), Path::new("/k/a.pem"));
    assert_eq!(log.hosts, ["one.example.org"]);
    assert_eq!(log.duplicates, Duplicates::Conflict);
    assert_eq!(log.publish_dir.as_deref(), Some(Path::new("d/p")));
    assert!(log.read_only);
    assert_eq!(log.engine_limits.batch_age.as_millis(), 7);
    assert_eq!(log.engine_limits.pool_count_max, 9);
    assert_eq!(raw.tokens_file.as_deref(), Some(Path::new("d/t")));
}

#[test]
fn what_is_not_toml_is_refused() {
    check_refused(
        &format!("{LOG}duplicates = existing\n"),
        5,
        "duplicates",
        &["double quotes"],
    );
    check_refused("listen\n", 1, "listen", &["key = value"]);
    check_refused(
        &format!("{LOG}name = \"b\"\n"),
        5,
        "name",
        &["each key once"],
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    check_refused(
        &format!("lisen = 1\n{LOG}"),
        1,
        "lisen",
        &["listen, url", "spelling"],
    );
    check_refused(
        &format!("{LOG}[limits]\nx = 1\n"),
        6,
        "limits.x",
        &["connections_max"],
    );
    check_refused(&format!("{LOG}nam = 1\n"), 5, "log.nam", &["name, kind"]);
}

#[test]
fn the_first_of_several_unknown_keys_is_named() {
    check_refused(&format!("zz = 1\naa = 1\n{LOG}"), 1, "zz", &[]);
}

#[test]
fn a_missing_key_is_refused() {
    check_refused("", 1, "log", &["[[log]]"]);
    let nameless = "\n[[log]]\nkind = \"raw\"\norigin = \"x\"\n";
    check_refused(nameless, 2, "log.name", &["nothing", "name = "]);
    check_refused(
        "[[log]]\nname = \"a\"\norigin = \"x\"\n",
        1,
        "log.kind",
        &["rekor-v2"],
    );
    check_refused(
        "[[log]]\nname = \"a\"\nkind = \"raw\"\n",
        1,
        "log.origin",
        &["host name"],
    );
}

#[test]
fn a_value_of_another_type_is_refused() {
    check_refused(
        &format!("listen = 3000\n{LOG}"),
        1,
        "listen",
        &["3000", "double quotes"],
    );
    check_refused(&format!("url = [\"a\"]\n{LOG}"), 1, "url", &["a list of 1"]);
    check_refused(
        &format!("trusted_proxies = \"x\"\n{LOG}"),
        1,
        "trusted_proxies",
        &["a list"],
    );
    check_refused(&format!("limits = 1\n{LOG}"), 1, "limits", &["[limits]"]);
    check_refused("log = 1\n", 1, "log", &["[[log]]"]);
    check_refused(
        &format!("{LOG}read_only = \"yes\"\n"),
        5,
        "log.read_only",
        &["true or false"],
    );
    check_refused(
        &format!("{LOG}batch_age_ms = 1.5\n"),
        5,
        "log.batch_age_ms",
        &["1.5"],
    );
}

#[test]
fn an_address_that_is_none_is_refused() {
    check_refused(
        &format!("listen = \"localhost:3000\"\n{LOG}"),
        1,
        "listen",
        &["127.0.0.1:3000"],
    );
    check_refused(
        &format!("metrics_listen = \"no\"\n{LOG}"),
        1,
        "metrics_listen",
        &["off"],
    );
}

#[test]
fn a_url_with_more_than_scheme_host_and_port_is_refused() {
    for url in [
        "log.example.org",
        "ftp://a",
        "https://a/b",
        "https://a?b",
        "https://u@a",
        "",
        "/",
    ] {
        check_refused(
            &format!("url = \"{url}\"\n{LOG}"),
            1,
            "url",
            &["https://log.example.org"],
        );
    }
    for url in ["http://a", "https://a:8443", "https://a/"] {
        parse(&format!("url = \"{url}\"\n{LOG}")).unwrap();
    }
}

#[test]
fn a_proxy_that_is_no_network_is_refused() {
    let text = format!("trusted_proxies = [\"10.0.0.0/8\", \"proxy\"]\n{LOG}");
    check_refused(&text, 1, "trusted_proxies", &["\"proxy\"", "10.0.0.0/8"]);
    let text = format!("trusted_proxies = [\"10.0.0.0/33\"]\n{LOG}");
    check_refused(&text, 1, "trusted_proxies", &["10.0.0.0/33"]);
}

#[test]
fn a_limit_out_of_its_bounds_is_refused() {
    let limits = [
        ("connections_max", "0"),
        ("connections_max", "-1"),
        ("connections_max", "99999999999999999999999"),
        ("header_timeout_ms", "99"),
        ("batch_count_max", "65537"),
        ("checkpoint_age_max_ms", "999"),
    ];
    for (key, value) in limits {
        let text = format!("{LOG}[limits]\n{key} = {value}\n");
        check_refused(
            &text,
            6,
            &format!("limits.{key}"),
            &[value, "an integer from"],
        );
    }
    let text = format!("{LOG}checkpoint_resign_interval_ms = 1\n");
    check_refused(&text, 5, "log.checkpoint_resign_interval_ms", &["1000"]);
    check_refused(
        &format!("{LOG}pool_bytes_max = 5\n"),
        5,
        "log.pool_bytes_max",
        &["1048576"],
    );
}

#[test]
fn a_checkpoint_age_that_idle_logs_reach_is_refused() {
    let age = |age: &str, log: &str| {
        format!("[limits]\nconnections_max = 1\ncheckpoint_age_max_ms = {age}\n{log}")
    };
    let key = "limits.checkpoint_age_max_ms";
    check_refused(
        &age("1199999", LOG),
        3,
        key,
        &["1199999", "1200000 or more"],
    );
    parse(&age("1200000", LOG)).unwrap();
    let slow = format!("{LOG}{RAW}checkpoint_resign_interval_ms = 3600000\n");
    check_refused(&age("1200000", &slow), 3, key, &["7200000", "resign"]);
    let fast = format!("{LOG}checkpoint_resign_interval_ms = 1000\n");
    parse(&age("2000", &fast)).unwrap();
}

#[test]
fn a_checkpoint_that_comes_after_adds_gave_up_is_refused() {
    let key = "log.checkpoint_interval_ms";
    let interval = |ms: u64| format!("{LOG}checkpoint_interval_ms = {ms}\n");
    check_refused(&interval(19_950), 5, key, &["20000", "request_timeout_ms"]);
    check_refused(&interval(3_600_000), 5, key, &["3600000"]);
    parse(&interval(19_949)).unwrap();
    let longer = format!("{}[limits]\nrequest_timeout_ms = 60000\n", interval(30_000));
    parse(&longer).unwrap();
    let shorter = format!("{LOG}[limits]\nrequest_timeout_ms = 150\n");
    check_refused(
        &shorter,
        1,
        key,
        &["found 100", "batch_age_ms less than 100"],
    );
}

#[test]
fn a_publish_dir_over_what_logs_need_is_refused() {
    for path in [
        ".",
        "..",
        "/",
        "logs",
        "logs/a",
        "logs/b",
        "logs/new",
        "x/../keys",
        "keys/x",
    ] {
        let text = format!("{LOG}publish_dir = \"{path}\"\n{RAW}");
        check_refused(&text, 5, "log.publish_dir", &["name another directory"]);
    }
    let text = format!("{LOG}key = \"secret/a.pem\"\n{RAW}publish_dir = \"secret\"\n");
    check_refused(&text, 10, "log.publish_dir", &["secret/a.pem", "public"]);
    parse(&format!("{LOG}publish_dir = \"public/a\"\n")).unwrap();
}

#[test]
fn a_publish_dir_inside_another_is_refused() {
    for (first, second) in [("p", "p/b"), ("p/a", "p"), ("p/a", "q/../p/a")] {
        let text = format!("{LOG}publish_dir = \"{first}\"\n{RAW}publish_dir = \"{second}\"\n");
        check_refused(&text, 10, "log.publish_dir", &["publish_dir of log \"a\""]);
    }
    parse(&format!(
        "{LOG}publish_dir = \"p/a\"\n{RAW}publish_dir = \"p/b\"\n"
    ))
    .unwrap();
}

#[test]
fn a_key_by_another_path_is_another_logs_key_still() {
    let text = format!("{LOG}{RAW}key = \"keys/../keys/a.pem\"\n");
    check_refused(&text, 5, "log.key", &["a key of its own"]);
}

#[test]
fn a_name_that_fits_no_path_is_refused() {
    for name in ["", "A", "a/b", "..", "a b", "-a", &"a".repeat(64)] {
        let text = format!("[[log]]\nname = \"{name}\"\nkind = \"raw\"\norigin = \"x\"\n");
        check_refused(&text, 2, "log.name", &["a-z"]);
    }
}

#[test]
fn a_kind_that_there_is_not_is_refused() {
    let text = "[[log]]\nname = \"a\"\nkind = \"rekor\"\norigin = \"x\"\n";
    check_refused(
        text,
        3,
        "log.kind",
        &["\"rekor\"", "\"rekor-v2\" or \"raw\""],
    );
}

#[test]
fn an_origin_that_clients_would_not_take_is_refused() {
    for (origin, word) in [
        ("log.example.org:3000", "port"),
        ("log.example.org/x", "path"),
        ("my log", "space"),
        ("a+b", "`+`"),
    ] {
        let text = format!("[[log]]\nname = \"a\"\nkind = \"rekor-v2\"\norigin = \"{origin}\"\n");
        check_refused(&text, 4, "log.origin", &[word, "instead"]);
    }
}

#[test]
fn what_two_logs_may_not_share_is_refused() {
    let second = |line: &str| format!("{LOG}{RAW}{line}\n");
    let same_name = LOG.to_owned() + "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"x\"\n";
    check_refused(&same_name, 6, "log.name", &["no other log has"]);
    let same_origin =
        LOG.to_owned() + "[[log]]\nname = \"b\"\nkind = \"raw\"\norigin = \"log.example.org\"\n";
    check_refused(&same_origin, 8, "log.origin", &["each origin once"]);
    check_refused(
        &second("key = \"keys/a.pem\""),
        5,
        "log.key",
        &["a key of its own"],
    );
    let dirs = format!("{LOG}publish_dir = \"p\"\n{RAW}publish_dir = \"p\"\n");
    check_refused(&dirs, 10, "log.publish_dir", &["another directory"]);
}

#[test]
fn two_v2_logs_at_one_root_are_refused() {
    let other = "[[log]]\nname = \"b\"\nkind = \"rekor-v2\"\norigin = \"b.example.org\"\n";
    check_refused(&format!("{LOG}{other}"), 5, "log.hosts", &["hosts = ["]);
    parse(&format!("{LOG}{other}hosts = [\"b.example.org\"]\n")).unwrap();
    let twice = format!("{LOG}hosts = [\"x.org\"]\n{other}hosts = [\"x.org\"]\n");
    check_refused(&twice, 10, "log.hosts", &["\"x.org\" twice"]);
}

#[test]
fn hosts_that_are_no_host_names_are_refused() {
    check_refused(
        &format!("{LOG}hosts = [\"a.org:80\"]\n"),
        5,
        "log.hosts",
        &["port", "\"a.org\""],
    );
    check_refused(
        &format!("{LOG}hosts = []\n"),
        5,
        "log.hosts",
        &["one host or more"],
    );
    check_refused(
        &format!("{LOG}hosts = [1]\n"),
        5,
        "log.hosts",
        &["a list of texts"],
    );
}

#[test]
fn settings_of_the_other_kind_are_refused() {
    check_refused(
        &format!("{RAW}hosts = [\"a\"]\n"),
        5,
        "log.hosts",
        &["rekor-v2"],
    );
    check_refused(
        &format!("{RAW}duplicates = \"existing\"\n"),
        5,
        "log.duplicates",
        &["rekor-v2"],
    );
    check_refused(
        &format!("{RAW}roots_file = \"r\"\n"),
        5,
        "log.roots_file",
        &["ct"],
    );
    check_refused(
        &format!("{LOG}tokens_file = \"t\"\n"),
        5,
        "log.tokens_file",
        &["raw"],
    );
    check_refused(
        &format!("{LOG}duplicates = \"no\"\n"),
        5,
        "log.duplicates",
        &["conflict"],
    );
}

#[test]
fn a_file_that_is_not_there_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let error = Config::load(dir.path()).unwrap_err();
    assert!(error.to_string().contains("cairnd init"), "{error}");
}

#[test]
fn a_log_is_selected_by_name() {
    let config = parse(&format!("{LOG}{RAW}")).unwrap();
    assert_eq!(config.select(None).unwrap().len(), 2);
    assert_eq!(config.select(Some("b")).unwrap()[0].name, "b");
    assert!(
        config
            .select(Some("c"))
            .unwrap_err()
            .to_string()
            .contains("a, b")
    );
}

#[test]
fn the_public_url_is_derived_from_the_address_and_the_origin() {
    let config = parse(LOG).unwrap();
    let url = |address: &str| config.public_url(address.parse().unwrap());
    assert_eq!(url("127.0.0.1:3000"), "http://127.0.0.1:3000");
    assert_eq!(url("0.0.0.0:3000"), "http://log.example.org:3000");
    assert_eq!(url("[::1]:80"), "http://[::1]:80");
    let config = parse(&format!("url = \"https://a.org\"\n{LOG}")).unwrap();
    assert_eq!(
        config.public_url("0.0.0.0:1".parse().unwrap()),
        "https://a.org"
    );
}

#[test]
fn metrics_follow_the_public_port_unless_told() {
    let listen = |text: &str| text.parse::<SocketAddr>().unwrap();
    let default = MetricsListen::Default;
    assert_eq!(
        default.address(listen("0.0.0.0:80")),
        Some(listen("127.0.0.1:9464"))
    );
    assert_eq!(
        default.address(listen("127.0.0.1:0")),
        Some(listen("127.0.0.1:0"))
    );
    assert_eq!(MetricsListen::Off.address(listen("127.0.0.1:0")), None);
    let at = MetricsListen::parse("127.0.0.1:1").unwrap();
    assert_eq!(
        at.address(listen("127.0.0.1:0")),
        Some(listen("127.0.0.1:1"))
    );
}
