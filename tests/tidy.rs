//! The rules of this repository that no other tool checks: sizes, form, which crate may use which,
//! and documents that name only what exists.
//!
//! Each rule is a function that lists its offences, each with its place, and has one test that
//! wants none in the repository. The tests at the end show that each rule about text finds what it
//! is there to find. How long a function may be is clippy's rule, not one of these.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is tests, the functions between them too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Production lines of a file; beyond this it is split.
const PRODUCTION_LINES_MAX: usize = 800;
/// Lines of a test module inside a file; beyond this it gets a file of its own.
const INNER_TEST_LINES_MAX: usize = 300;
const COLUMNS_MAX: usize = 100;

/// Each crate with the crates it may use. A new arrow is a design change.
const ARROWS: [(&str, &[&str]); 9] = [
    ("tiles", &[]),
    ("engine", &["tiles"]),
    ("sigstore", &["tiles"]),
    ("ca", &["sigstore", "tiles"]),
    ("api", &["engine", "ca", "sigstore", "tiles"]),
    ("client", &["sigstore", "tiles"]),
    (
        "bench",
        &[
            "api", "ca", "client", "engine", "sigstore", "tests", "tiles",
        ],
    ),
    (
        "fuzz",
        &["api", "ca", "client", "engine", "sigstore", "tiles"],
    ),
    (
        "tests",
        &["api", "ca", "client", "engine", "sigstore", "tiles"],
    ),
];

/// Crates whose top-level modules ARCHITECTURE.md names.
const MAPPED_CRATES: [&str; 6] = ["tiles", "engine", "sigstore", "ca", "api", "client"];

/// Every file with a parser of outside bytes, and the fuzz targets that feed it.
const PARSERS: [(&str, &[&str]); 69] = [
    ("tiles/src/note.rs", &["note"]),
    ("tiles/src/note_key/verifier.rs", &["vkey"]),
    ("tiles/src/checkpoint.rs", &["checkpoint"]),
    ("tiles/src/path.rs", &["tile_path"]),
    ("tiles/src/entry_bundle.rs", &["entry_bundle"]),
    ("tiles/src/tile/content.rs", &["tile"]),
    ("tiles/src/verify.rs", &["proofs"]),
    ("tiles/src/rebuild.rs", &["rebuild"]),
    ("sigstore/src/entry/hashedrekord.rs", &["hashedrekord_leaf"]),
    (
        "sigstore/src/entry/hashedrekord/request.rs",
        &["hashedrekord_request"],
    ),
    (
        "sigstore/src/entry/hashedrekord/dsse_request.rs",
        &["hashedrekord_request", "rekor_call"],
    ),
    (
        "sigstore/src/entry/hashedrekord/protobuf_request.rs",
        &["rekor_call"],
    ),
    ("sigstore/src/entry/log_entry.rs", &["log_entry"]),
    ("sigstore/src/ct_entry.rs", &["tile_leaf"]),
    ("sigstore/src/canonical_json.rs", &["canonical_json"]),
    ("sigstore/src/public_key.rs", &["certificate", "spki"]),
    ("sigstore/src/key_file.rs", &["key_file"]),
    (
        "sigstore/src/pki.rs",
        &[
            "pki_minisign",
            "pki_pgp",
            "pki_pkcs7",
            "pki_ssh",
            "pki_x509",
        ],
    ),
    ("sigstore/src/signing_config.rs", &["signing_config"]),
    ("sigstore/src/entry/body.rs", &["entry_body"]),
    ("sigstore/src/statement.rs", &["statement"]),
    ("sigstore/src/bundle/cosign.rs", &["cosign_bundle"]),
    ("sigstore/src/identity.rs", &["identity_pattern"]),
    ("sigstore/src/verify.rs", &["verify_bundle"]),
    ("sigstore/src/bundle.rs", &["sigstore_bundle"]),
    ("sigstore/src/image.rs", &["image_manifest"]),
    ("sigstore/src/image/challenge.rs", &["registry_challenge"]),
    ("sigstore/src/image/manifest.rs", &["image_manifest"]),
    ("sigstore/src/image/older.rs", &["image_signature"]),
    ("sigstore/src/image/reference.rs", &["image_reference"]),
    ("sigstore/src/trusted_root.rs", &["trusted_root"]),
    ("sigstore/src/tuf/envelope.rs", &["tuf_metadata"]),
    ("sigstore/src/tuf/key.rs", &["tuf_metadata"]),
    ("ca/src/trust_root/update.rs", &["trust_update"]),
    (
        "sigstore/src/timestamp_token/request.rs",
        &["timestamp_json_request", "timestamp_request"],
    ),
    (
        "sigstore/src/timestamp_token/response.rs",
        &["timestamp_response"],
    ),
    (
        "sigstore/src/timestamp_token/token.rs",
        &["timestamp_response"],
    ),
    (
        "sigstore/src/timestamp_token/tst_info.rs",
        &["timestamp_response"],
    ),
    (
        "sigstore/src/timestamp_token/verify.rs",
        &["timestamp_certificate"],
    ),
    ("engine/src/anchor.rs", &["kept_checkpoint"]),
    ("engine/src/recover.rs", &["kept_checkpoint"]),
    ("engine/src/catch_up.rs", &["public_copy"]),
    ("api/src/config.rs", &["config"]),
    ("api/src/raw.rs", &["raw_batch"]),
    ("api/src/rekor/batch.rs", &["rekor_batch"]),
    ("api/src/grpc.rs", &["rekor_call", "signing_call"]),
    ("api/src/ntp.rs", &["time_answer"]),
    ("api/src/fulcio/messages.rs", &["signing_call"]),
    ("api/src/admin.rs", &["admin_answer"]),
    ("api/src/ct/request.rs", &["add_chain"]),
    ("api/src/dev/form.rs", &["oauth_form"]),
    ("api/src/fulcio/request.rs", &["signing_request"]),
    ("api/src/command/backup/mark.rs", &["backup_mark"]),
    ("api/src/content_coding.rs", &["header_value"]),
    ("api/src/client_address.rs", &["header_value"]),
    ("api/src/route/locate.rs", &["header_value"]),
    ("ca/src/oidc/token.rs", &["id_token"]),
    ("ca/src/oidc/claims.rs", &["id_token"]),
    ("ca/src/oidc/key_set.rs", &["key_set"]),
    ("ca/src/oidc/discovery.rs", &["discovery"]),
    ("ca/src/identity/template.rs", &["claim_template"]),
    ("sigstore/src/cert/san.rs", &["subject_alt_name"]),
    ("sigstore/src/cert/extensions.rs", &["certificate_view"]),
    ("sigstore/src/cert/view.rs", &["certificate_view"]),
    ("sigstore/src/pem.rs", &["pem", "certificate_chain"]),
    ("sigstore/src/sct.rs", &["sct_list"]),
    ("ca/src/chain.rs", &["certificate_chain"]),
    ("ca/src/challenge.rs", &["challenge_key"]),
    ("ca/src/challenge/csr.rs", &["csr"]),
];

/// Files that look as if they parsed outside bytes, but read the operator's own.
const OWN_BYTES: [&str; 1] = ["tiles/src/note_key/signer.rs"];

/// The one module that may be unsafe.
const UNSAFE_MODULE: &str = "tiles/src/hash/lanes.rs";

#[test]
fn files_are_small_enough() {
    none(in_each(&rust_files(), too_long));
}

#[test]
fn lines_fit_the_width() {
    none(in_each(&sources(), too_wide));
}

#[test]
fn sources_are_ascii() {
    none(in_each(&sources(), not_ascii));
}

#[test]
fn every_file_says_what_it_is() {
    none(in_each(&rust_files(), without_header));
}

#[test]
fn nothing_is_left_for_later() {
    none(in_each(&sources(), left_for_later));
}

#[test]
fn unsafe_code_is_in_its_one_module() {
    none(in_each(&rust_files(), unsafe_outside));
}

#[test]
fn one_file_names_the_hot_stores_library() {
    none(in_each(&rust_files(), library_outside_its_store));
}

#[test]
fn crates_use_only_the_crates_they_may() {
    let manifests = members().into_iter().map(|name| {
        let path = format!("{name}/Cargo.toml");
        let text = read(&path);
        (name, File { path, text })
    });
    none(manifests.flat_map(|(name, file)| forbidden_arrows(&name, &file)));
}

#[test]
fn every_parser_of_outside_bytes_is_fuzzed() {
    none(missing_targets());
    let parsing = rust_files()
        .into_iter()
        .filter(|file| file.path.starts_with("tiles/src") || file.path.starts_with("sigstore/src"));
    none(in_each(&parsing.collect::<Vec<_>>(), parser_not_listed));
}

#[test]
fn architecture_names_each_crate_and_module() {
    let architecture = read("ARCHITECTURE.md");
    for name in members() {
        assert!(architecture.contains(&format!("`{name}/`")), "{name}");
    }
    none(
        MAPPED_CRATES
            .iter()
            .flat_map(|name| unmapped_modules(name, &modules(name), &architecture)),
    );
}

#[test]
fn documents_name_only_what_exists() {
    let documents = ["README.md", "ARCHITECTURE.md"].map(|path| File {
        path: path.to_owned(),
        text: read(path),
    });
    none(in_each(&documents, |file| missing_paths(file, &exists)));
}

#[test]
fn the_version_heads_the_changelog() {
    let version = workspace_version(&read("Cargo.toml")).expect("the workspace has a version");
    assert_eq!(heading(&read("CHANGELOG.md")), Some(version));
}

// The rules.

/// A file of the repository by its path from the root.
#[derive(Clone, Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    /// Lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// An offence in each line that `is_bad`.
    fn each_line(&self, what: &str, is_bad: impl Fn(&str) -> bool) -> Vec<String> {
        let bad = self.lines().filter(|(_, line)| is_bad(line));
        bad.map(|(number, _)| format!("{}:{number}: {what}", self.path))
            .collect()
    }

    /// How many lines come before the test module at the end, and how many it has.
    fn line_counts(&self) -> (usize, usize) {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        });
        let production = tests.unwrap_or(lines.len());
        (production, lines.len() - production)
    }
}

fn too_long(file: &File) -> Vec<String> {
    let (production, tests) = file.line_counts();
    let mut offences = Vec::new();
    if production > PRODUCTION_LINES_MAX {
        offences.push(format!("{}: {production} lines, split it", file.path));
    }
    if tests > INNER_TEST_LINES_MAX {
        let path = &file.path;
        offences.push(format!("{path}: {tests} lines of tests, give them a file"));
    }
    offences
}

fn too_wide(file: &File) -> Vec<String> {
    file.each_line("more than 100 columns", |line| {
        line.chars().count() > COLUMNS_MAX
    })
}

fn not_ascii(file: &File) -> Vec<String> {
    file.each_line("not ASCII", |line| !line.is_ascii())
}

fn without_header(file: &File) -> Vec<String> {
    let has_header = file.text.starts_with("//! ");
    let offence = format!("{}:1: no `//!` header", file.path);
    (!has_header).then_some(offence).into_iter().collect()
}

fn left_for_later(file: &File) -> Vec<String> {
    // In pieces, so that this file keeps the rule.
    let words = [["FIX", "ME"], ["TO", "DO"], ["XX", "X"]].map(|parts| parts.concat());
    file.each_line("left for later", |line| {
        words.iter().any(|word| has_word(line, word))
    })
}

fn unsafe_outside(file: &File) -> Vec<String> {
    if file.path == UNSAFE_MODULE {
        return Vec::new();
    }
    let word = ["un", "safe"].concat();
    file.each_line("only lanes.rs may do this", |line| {
        has_word(code_of(line), &word)
    })
}

fn library_outside_its_store(file: &File) -> Vec<String> {
    let allowed = [
        "engine/src/store/rocks",
        "engine/benches/",
        "bench/benches/",
    ];
    if allowed.iter().any(|path| file.path.starts_with(path)) {
        return Vec::new();
    }
    let name = ["rocks", "db::"].concat();
    file.each_line("the hot store's library", |line| line.contains(&name))
}

fn forbidden_arrows(name: &str, manifest: &File) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
        return vec![format!("{}: the crate has no arrows here", manifest.path)];
    };
    let mut in_dependencies = false;
    let mut offences = Vec::new();
    for (number, line) in manifest.lines() {
        let mut key = line.split(['=', '.']).next().unwrap_or_default().trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            // A section for one dependency: `[dependencies.tiles]`.
            let Some((_, named)) = section.split_once("dependencies.") else {
                continue;
            };
            key = named;
        } else if !in_dependencies {
            continue;
        }
        let to = key.strip_prefix("cairn-").unwrap_or(key);
        let is_ours = ARROWS.iter().any(|(ours, _)| *ours == to);
        // A crate may name itself, to switch on features for its own tests.
        if is_ours && to != name && !allowed.contains(&to) {
            let place = format!("{}:{number}", manifest.path);
            offences.push(format!("{place}: {name} may not use {to}"));
        }
    }
    offences
}

fn missing_targets() -> Vec<String> {
    let mut wanted = Vec::new();
    for (parser, targets) in PARSERS {
        wanted.push(parser.to_owned());
        for target in targets {
            wanted.push(format!("fuzz/fuzz_targets/{target}.rs"));
            wanted.push(format!("fuzz/corpus/{target}"));
        }
    }
    wanted.retain(|path| !exists(path));
    wanted
        .iter()
        .map(|path| format!("{path}: not there, but tests/tidy.rs lists it"))
        .collect()
}

fn parser_not_listed(file: &File) -> Vec<String> {
    let listed = PARSERS.iter().map(|(path, _)| *path).chain(OWN_BYTES);
    if listed.into_iter().any(|path| path == file.path) {
        return Vec::new();
    }
    file.each_line("a parser without a fuzz target in tests/tidy.rs", |line| {
        let name = line.trim_start().strip_prefix("pub fn ");
        name.is_some_and(|name| {
            let name = name.split(['(', '<']).next().unwrap_or_default();
            let from_encoded = name.ends_with("_der") || name.ends_with("_spki");
            name.starts_with("parse")
                || name.starts_with("open")
                || (name.starts_with("from_") && from_encoded)
        })
    })
}

/// The modules of a crate that are not in its section of the code map.
fn unmapped_modules(name: &str, modules: &[String], architecture: &str) -> Vec<String> {
    let begin = format!("### `{name}/`\n");
    let Some((_, section)) = architecture.split_once(&begin) else {
        return vec![format!("ARCHITECTURE.md: no section for `{name}/`")];
    };
    let section = section.split("\n#").next().unwrap_or_default();
    let unmapped = modules
        .iter()
        .filter(|module| !section.contains(&format!("`{module}`")));
    unmapped
        .map(|module| format!("ARCHITECTURE.md: `{name}/` does not name its module `{module}`"))
        .collect()
}

/// Words that look like paths of this repository and are none.
fn missing_paths(file: &File, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for (number, line) in file.lines() {
        let words = line.split(|c: char| c.is_whitespace() || "`()[]|,;\"'<>".contains(c));
        for word in words.map(|word| word.trim_end_matches(['.', ':', '*'])) {
            if is_repository_path(word) && !exists_somewhere(word, exists) {
                offences.push(format!("{}:{number}: no {word}", file.path));
            }
        }
    }
    offences
}

fn is_repository_path(word: &str) -> bool {
    let first = word.split_once('/').map(|(first, _)| first);
    let below_a_part = first.is_some_and(|first| {
        let is_crate = ARROWS.iter().any(|(name, _)| *name == first);
        is_crate || ["scripts", ".ci", ".cargo"].contains(&first)
    });
    let is_file = |end| word.len() > 3 && word.ends_with(end) && !word.starts_with("http");
    below_a_part || is_file(".rs") || is_file(".md")
}

/// Sources may be named from their crate's `src` on.
fn exists_somewhere(word: &str, exists: &dyn Fn(&str) -> bool) -> bool {
    let in_crates = ARROWS.iter().map(|(name, _)| format!("{name}/src/{word}"));
    exists(word) || (is_rust(word) && in_crates.into_iter().any(|path| exists(&path)))
}

/// The first heading for a version, without what may stand behind the version.
fn heading(changelog: &str) -> Option<String> {
    let heading = changelog
        .lines()
        .find_map(|line| line.strip_prefix("## "))?;
    heading.split_whitespace().next().map(str::to_owned)
}

fn workspace_version(manifest: &str) -> Option<String> {
    let (_, package) = manifest.split_once("[workspace.package]")?;
    let mut lines = package.lines();
    let version = lines.find_map(|line| line.strip_prefix("version = "))?;
    Some(version.trim_matches('"').to_owned())
}

// Reading the repository.

fn none(offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

fn in_each(files: &[File], rule: impl Fn(&File) -> Vec<String>) -> Vec<String> {
    assert!(!files.is_empty(), "there is something to look at");
    files.iter().flat_map(rule).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

fn read(path: &str) -> String {
    let read = fs::read_to_string(root().join(path));
    read.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The crates of the workspace.
fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let (_, list) = manifest.split_once("\nmembers = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let names = list.split(',').map(|name| name.trim().trim_matches('"'));
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// All Rust files.
fn rust_files() -> Vec<File> {
    let mut files = sources();
    files.retain(|file| is_rust(&file.path));
    files
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
}

/// All that is written in a programming language.
fn sources() -> Vec<File> {
    let mut paths = BTreeMap::new();
    let parts = members();
    for part in parts.iter().map(String::as_str).chain(["scripts", ".ci"]) {
        walk(part, &mut paths);
    }
    paths
        .into_iter()
        .map(|(path, text)| File { path, text })
        .collect()
}

fn walk(directory: &str, found: &mut BTreeMap<String, String>) {
    let listed = fs::read_dir(root().join(directory));
    let listed = listed.unwrap_or_else(|error| panic!("{directory}: {error}"));
    for entry in listed.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{directory}/{name}");
        if entry.path().is_dir() {
            if !["target", "corpus", "golden", "__pycache__"].contains(&name.as_str()) {
                walk(&path, found);
            }
        } else if [".rs", ".sh", ".py"].iter().any(|end| name.ends_with(end)) {
            let text = read(&path);
            found.insert(path, text);
        }
    }
}

/// The top-level modules of a crate, those for its own tests apart.
fn modules(name: &str) -> Vec<String> {
    let paths = ["lib.rs", "main.rs"].map(|file| format!("{name}/src/{file}"));
    let text: String = paths
        .iter()
        .filter(|path| exists(path))
        .map(|path| read(path))
        .collect();
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.iter().enumerate().filter_map(|(at, line)| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let module = line.strip_prefix("mod ")?.strip_suffix(';')?;
        let for_tests = at > 0 && lines[at - 1] == "#[cfg(test)]";
        (!for_tests).then(|| module.to_owned())
    });
    declared.collect()
}

/// A line without the comment at its end.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether a line has a word, and not only as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

// That the rules find what they are there to find.

fn check(rule: impl Fn(&File) -> Vec<String>, good: &str, bad: &str) {
    let file = |text: &str| File {
        path: "tiles/src/made_up.rs".to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(rule(&file(good)), Vec::<String>::new());
    assert_eq!(rule(&file(bad)).len(), 1, "{bad}");
}

#[test]
fn rules_about_form_find_their_offences() {
    let wide = "x".repeat(100);
    check(too_wide, &wide, &format!("{wide}x"));
    check(not_ascii, "\\u{2014}", "\u{2014}");
    check(without_header, "//! It.\n", "// It.\n");
    check(left_for_later, "\\uXXXX", &["// XX", "X: it"].concat());
    let unsafe_block = ["let x = un", "safe { y };"].concat();
    check(unsafe_outside, "#![deny(unsafe_code)]", &unsafe_block);
    let import = ["use rocks", "db::DB;"].concat();
    check(library_outside_its_store, "use rocks::DB;", &import);
    check(
        parser_not_listed,
        "fn parse(a: &[u8]) {",
        "    pub fn parse(a: &[u8]) {",
    );
}

#[test]
fn sizes_are_counted_apart() {
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(250));
    let file = format!("{}{tests}", "x\n".repeat(PRODUCTION_LINES_MAX));
    check(too_long, &file, &format!("x\n{file}"));
    let more = format!("{file}{}", "x\n".repeat(50));
    check(too_long, &file, &more);
}

#[test]
fn arrows_are_found_in_every_form() {
    let arrows = |file: &File| forbidden_arrows("tiles", file);
    let own = "[dev-dependencies]\ncairn-tiles = { path = \".\" }\n[features]\nengine = []\n";
    check(
        arrows,
        own,
        "[dependencies]\nengine = { workspace = true }\n",
    );
    check(arrows, own, "[dev-dependencies]\nengine.workspace = true\n");
    check(
        arrows,
        own,
        "[target.'cfg(unix)'.dependencies]\ncairn-api = \"1\"\n",
    );
    check(
        arrows,
        own,
        "[build-dependencies.fuzz]\npath = \"../fuzz\"\n",
    );
    let unknown = forbidden_arrows("other", &rust_files()[0]);
    assert_eq!(unknown.len(), 1);
}

#[test]
fn documents_are_read_closely() {
    let exists = |path: &str| ["tiles/src/path.rs", "scripts/a.sh"].contains(&path);
    let missing = |file: &File| missing_paths(file, &exists);
    let good = "`path.rs`, [a](scripts/a.sh) and https://example.org/x.md; `/api/v2/x`, `cold/`.";
    check(missing, good, "see `tiles/src/gone.rs`");
    check(missing, good, "run scripts/gone.sh.");
    check(missing, good, "[notes](NOTES.md)");

    let map = "### `tiles/`\n`a`, `b`\n### `engine/`\n`c`\n";
    let modules = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert!(unmapped_modules("tiles", &modules(&["a", "b"]), map).is_empty());
    assert_eq!(
        unmapped_modules("tiles", &modules(&["a", "c"]), map).len(),
        1
    );
    assert_eq!(unmapped_modules("api", &[], map).len(), 1);

    assert_eq!(
        heading("# Changelog\n\n## 1.2.3 (soon)\n## 1.2.2\n").as_deref(),
        Some("1.2.3")
    );
    let manifest = "[workspace]\n[workspace.package]\nedition = \"2024\"\nversion = \"1.2.3\"\n";
    assert_eq!(workspace_version(manifest).as_deref(), Some("1.2.3"));
}
