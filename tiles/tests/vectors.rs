//! Vectors of other implementations and specifications, read from the folder that is shared with
//! the project: `../shared/vectors` beside the workspace. Its README names the origin of each.
//!
//! The folder is not part of the project. Where it is missing these tests say so and pass; the
//! most telling values are also in the tests beside the code.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests, the functions between them too"
)]

use std::cell::Cell;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tiles::{
    BundleRef, Checkpoint, CompactRange, EMPTY_ROOT_HASH, Ed25519NoteSigner, EntryBundle, Hash,
    KeyName, LeafIndex, LogBytes, NodeId, NodeLevel, NoteError, NoteKeyError, NoteSignature,
    NoteSigner as _, Origin, ResourcePath, Subtree, TileId, TileLevel, TileRef, TileWidth,
    TreeSize, VerifierKey, entries_path, leaf_hash, locate, node_hash, open, open_checkpoint,
    rebuild, reference, sign_note, tile_path, tiles_at, tlog_tiles_leaves, verify_consistency,
    verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};

/// A folder or file among the vectors; `None`, said aloud, where there are none.
fn vectors(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    if folder.is_dir() {
        return Some(folder.join(name));
    }
    // Not by `eprintln`, which the test harness keeps to itself when a test passes.
    let folder = folder.display();
    let message = format!("\nSKIPPED {name}, NOTHING WAS TESTED: there is no folder {folder}\n");
    io::stderr().write_all(message.as_bytes()).unwrap();
    None
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Every JSON file below a folder.
fn json_files(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let value = json(&path);
            found.push((path, value));
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn index(value: &Value) -> LeafIndex {
    LeafIndex::new(number(value))
}

fn size(value: &Value) -> TreeSize {
    TreeSize::new(number(value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A hash in base64; `None` if it is of another length, which some failing cases plant.
///
/// Where any hash will do, upstream writes `don't care` and a number, which no verifier with
/// hashes of one length can take: the hash of that text stands in for it.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = STANDARD.decode(value.as_str()?).unwrap();
    if bytes.starts_with(b"don't care") {
        return Some(leaf_hash(&bytes));
    }
    Hash::try_from(&bytes[..]).ok()
}

fn proof(value: &Value) -> Option<Vec<Hash>> {
    list(value).iter().map(hash).collect()
}

fn hex_hash(value: &Value) -> Hash {
    Hash::try_from(&hex_bytes(value)[..]).unwrap()
}

fn hex_bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

/// Runs one family of proof cases; each has to be accepted or refused as it says.
fn check_proofs(folder: &str, count: usize, verify: impl Fn(&Value) -> Option<()>) {
    let Some(folder) = vectors("transparency-dev-merkle").map(|path| path.join(folder)) else {
        return;
    };
    let cases = json_files(&folder);
    assert_eq!(cases.len(), count);
    for (path, case) in cases {
        let accepted = verify(&case).is_some();
        assert_eq!(accepted, case["wantErr"] == false, "{}", path.display());
    }
}

fn subtree(case: &Value) -> Option<Subtree> {
    Subtree::new(index(&case["start"]), size(&case["end"]))
}

#[test]
fn merkle_inclusion() {
    check_proofs("inclusion", 98, |case| {
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        let proof = proof(&case["proof"])?;
        let (index, size) = (index(&case["leafIdx"]), size(&case["treeSize"]));
        verify_inclusion(index, size, &leaf, &proof, &root).ok()
    });
}

#[test]
fn merkle_consistency() {
    check_proofs("consistency", 98, |case| {
        let (old_root, new_root) = (hash(&case["root1"])?, hash(&case["root2"])?);
        let proof = proof(&case["proof"])?;
        let (old, new) = (size(&case["size1"]), size(&case["size2"]));
        verify_consistency(old, new, &proof, &old_root, &new_root).ok()
    });
}

#[test]
fn merkle_subtree_inclusion() {
    check_proofs("subtreeinclusion", 204, |case| {
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        let (proof, index) = (proof(&case["proof"])?, index(&case["leafIdx"]));
        verify_subtree_inclusion(index, subtree(case)?, &leaf, &proof, &root).ok()
    });
}

#[test]
fn merkle_subtree_consistency() {
    check_proofs("subtreeconsistency", 118, |case| {
        let (subtree_root, root) = (hash(&case["root1"])?, hash(&case["root2"])?);
        let (proof, size) = (proof(&case["proof"])?, size(&case["size"]));
        verify_subtree_consistency(subtree(case)?, size, &proof, &subtree_root, &root).ok()
    });
}

#[test]
fn rfc6962_tree() {
    let Some(path) = vectors("transcribed/rfc6962-tree.json") else {
        return;
    };
    let tree = json(&path);
    let entries: Vec<Vec<u8>> = list(&tree["leaf_inputs_hex"])
        .iter()
        .map(hex_bytes)
        .collect();
    let roots: Vec<Hash> = list(&tree["root_hashes_by_size_hex"])
        .iter()
        .map(hex_hash)
        .collect();
    let mut nodes: Vec<(NodeId, Hash)> = Vec::new();
    let mut range = CompactRange::empty(LeafIndex::ZERO);
    for count in 0..=entries.len() {
        assert_eq!(range.root_hash(), Some(roots[count]));
        assert_eq!(reference::root_hash(&entries[..count]), roots[count]);
        if let Some(entry) = entries.get(count) {
            range.append_visit(leaf_hash(entry), &mut |node, hash| {
                nodes.push((node, *hash));
            });
        }
    }
    let mut checked = 0;
    for (level, hashes) in (0..).zip(list(&tree["node_hashes_by_level_hex"])) {
        for (index, wanted) in (0..).zip(list(hashes)) {
            let node = NodeId::new(NodeLevel::new(level).unwrap(), index).unwrap();
            assert!(nodes.contains(&(node, hex_hash(wanted))));
            checked += 1;
        }
    }
    assert_eq!(checked, nodes.len());
    for case in list(&tree["hash_cases"]) {
        let found = match text(&case["op"]) {
            "empty_root" => EMPTY_ROOT_HASH,
            "leaf" => leaf_hash(&hex_bytes(&case["data_hex"])),
            // Upstream hashes a node of children that are no hashes, which the types forbid here.
            _ => continue,
        };
        assert_eq!(found, hex_hash(&case["want"]));
    }
}

/// All subtrees of trees of up to 130 leaves: their hashes, and the inclusion proofs in them.
#[test]
fn subtree_digests() {
    let Some(path) = vectors("transcribed/mtc-subtree-digests.json") else {
        return;
    };
    let leaves: Vec<Hash> = (0..130_u8).map(|byte| leaf_hash(&[byte])).collect();
    let (mut hashes, mut proofs) = (Sha256::new(), Sha256::new());
    for end in 0..=130_usize {
        for begin in 0..=end {
            let (first, size) = (u64::try_from(begin).unwrap(), u64::try_from(end).unwrap());
            let range = Subtree::new(LeafIndex::new(first), TreeSize::new(size));
            let Some(range) = range else { continue };
            let below = &leaves[begin..end];
            let root = reference::root_of_leaves(below);
            hashes.update(format!("[{begin}, {end}) {root:?}\n"));
            for (index, leaf) in (begin..).zip(below) {
                let proof = reference::path_of_leaves(below, index - begin).unwrap();
                proofs.update(format!("{index} [{begin}, {end})"));
                for hash in &proof {
                    proofs.update(format!(" {hash:?}"));
                }
                proofs.update("\n");
                let place = LeafIndex::new(u64::try_from(index).unwrap());
                verify_subtree_inclusion(place, range, leaf, &proof, &root).unwrap();
            }
        }
    }
    let digests = &json(&path)["digests"];
    assert_eq!(
        hex::encode(hashes.finalize()),
        text(&digests[0]["sha256_of_all_lines"])
    );
    assert_eq!(
        hex::encode(proofs.finalize()),
        text(&digests[1]["sha256_of_all_lines"])
    );
}

const TESSERA_VKEY: &str =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
/// The published test key that signed it: `build_log.sh` of the same project.
const TESSERA_SKEY: &str =
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";

/// The signer for a private key as Go's `sumdb/note` writes it.
fn signer(skey: &str) -> Ed25519NoteSigner {
    let parts: Vec<&str> = skey.splitn(5, '+').collect();
    let seed = STANDARD.decode(parts[4]).unwrap()[1..].try_into().unwrap();
    Ed25519NoteSigner::from_seed(KeyName::new(parts[2]).unwrap(), seed).unwrap()
}

/// Tessera's log on disk.
struct Files(PathBuf);

impl LogBytes for Files {
    type Error = io::Error;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, io::Error> {
        fs::read(self.0.join(tile_path(tile)))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, io::Error> {
        fs::read(self.0.join(entries_path(bundle)))
    }
}

#[test]
fn tessera_log_at_every_size() {
    let Some(folder) = vectors("transparency-dev-tessera/log") else {
        return;
    };
    let key = VerifierKey::parse(TESSERA_VKEY).unwrap();
    let log = Files(folder.clone());
    for count in 0..=15 {
        let note = fs::read(folder.join(format!("checkpoint.{count}"))).unwrap();
        let (checkpoint, _) = open_checkpoint(&note, std::slice::from_ref(&key)).unwrap();
        assert_eq!(checkpoint.size(), TreeSize::new(count));
        assert_eq!(checkpoint.origin().as_str(), "example.com/log/testdata");
        let head = (checkpoint.size(), checkpoint.root_hash());
        let done = Cell::new(0);
        let mut progress = |entries_done| done.set(entries_done);
        let report = rebuild(&log, head, &tlog_tiles_leaves, &mut progress).unwrap();
        assert_eq!(
            (report.size, report.root_hash, done.get()),
            (head.0, head.1, count)
        );
    }
    let newest = fs::read(folder.join("checkpoint")).unwrap();
    assert_eq!(newest, fs::read(folder.join("checkpoint.15")).unwrap());
}

#[test]
fn tessera_entries() {
    let Some(folder) = vectors("transparency-dev-tessera/log") else {
        return;
    };
    let bytes = fs::read(folder.join("tile/entries/000.p/15")).unwrap();
    let bundle = EntryBundle::parse(&bytes, TileWidth::new(15).unwrap()).unwrap();
    let wanted = "one two three four five six seven eit nain ten ileven twelf threeten fourten \
        fivten";
    let wanted: Vec<&[u8]> = wanted.split(' ').map(str::as_bytes).collect();
    assert_eq!(bundle.entries(), wanted);
}

/// Ed25519 is deterministic: signing again has to give the very same bytes.
#[test]
fn tessera_checkpoints_signed_again() {
    let Some(folder) = vectors("transparency-dev-tessera/log") else {
        return;
    };
    let signer = signer(TESSERA_SKEY);
    assert_eq!(signer.verifier().to_string(), TESSERA_VKEY);
    for count in 0..=15 {
        let wanted = fs::read_to_string(folder.join(format!("checkpoint.{count}"))).unwrap();
        let keys = [signer.verifier().clone()];
        let (found, _) = open_checkpoint(wanted.as_bytes(), &keys).unwrap();
        let origin = Origin::from(signer.verifier().name().clone());
        let again = Checkpoint::new(origin, found.size(), found.root_hash());
        let note = sign_note(&again.encode(), &[&signer]).unwrap();
        assert_eq!(note.encode(), wanted);
    }
}

/// The proofs of a log with 961,984,011 entries, over its RFC 6962 interface.
#[test]
fn azul_proofs_of_a_large_log() {
    let Some(folder) = vectors("cloudflare-azul/http_get") else {
        return;
    };
    let file = |start: &str| {
        let names = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let starts = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start) && (start != "get-sth" || name == start)
        };
        json(&names.into_iter().find(starts).unwrap())
    };
    let head = file("get-sth");
    let (new, root) = (
        size(&head["tree_size"]),
        hash(&head["sha256_root_hash"]).unwrap(),
    );

    let entry = STANDARD
        .decode(text(&file("get-entries")["entries"][0]["leaf_input"]))
        .unwrap();
    let answer = file("get-proof-by-hash");
    let path = proof(&answer["audit_path"]).unwrap();
    assert_eq!(path.len(), 30);
    let index = index(&answer["leaf_index"]);
    verify_inclusion(index, new, &leaf_hash(&entry), &path, &root).unwrap();

    let hashes = proof(&file("get-sth-consistency")["consistency"]).unwrap();
    let old_root = hash(&"AuIZ5V6sDUj1vn3Y1K85oOaQ7y+FJJKtyRTl1edIKBQ=".into()).unwrap();
    verify_consistency(TreeSize::new(3_654_490), new, &hashes, &old_root, &root).unwrap();
}

fn tile_id(level: &Value, index: &Value) -> TileId {
    let level = u8::try_from(number(level)).unwrap();
    TileId::new(TileLevel::new(level).unwrap(), number(index))
}

/// The vectors write 0 for the width of a full tile.
fn tile_ref(case: &Value) -> TileRef {
    let width = u16::try_from(number(&case["partial"])).unwrap();
    let width = TileWidth::new(width).unwrap_or(TileWidth::FULL);
    TileRef::new(tile_id(&case["level"], &case["index"]), width)
}

#[test]
fn tile_paths() {
    let Some(path) = vectors("transcribed/tile-paths.json") else {
        return;
    };
    let vectors = json(&path);
    for case in list(&vectors["tile_path"]) {
        let (tile, path) = (tile_ref(case), text(&case["path"]));
        assert_eq!(tile_path(tile), path);
        assert_eq!(ResourcePath::parse(path), Ok(ResourcePath::Tile(tile)));
    }
    for case in list(&vectors["entries_path_for_index"]) {
        let bundle = BundleRef::at(number(&case["index"]) / 256, size(&case["size"])).unwrap();
        assert_eq!(entries_path(bundle), text(&case["path"]));
        let parsed = ResourcePath::parse(text(&case["path"]));
        assert_eq!(parsed, Ok(ResourcePath::Entries(bundle)));
    }
    let required = list(&vectors["not_in_upstream_but_required"]);
    for case in list(&vectors["parse"]).iter().chain(required) {
        let path = format!("tile/{}/{}", text(&case["level"]), text(&case["n"]));
        let wanted = match &case["want"] {
            Value::Null => None,
            want => Some(ResourcePath::Tile(tile_ref(want))),
        };
        assert_eq!(ResourcePath::parse(&path).ok(), wanted, "{path}");
    }
}

#[test]
fn tile_arithmetic() {
    let Some(path) = vectors("transcribed/tile-paths.json") else {
        return;
    };
    let vectors = json(&path);
    for case in list(&vectors["node_to_tile"]) {
        let level = NodeLevel::new(u8::try_from(number(&case["tree_level"])).unwrap()).unwrap();
        let place = locate(NodeId::new(level, number(&case["tree_index"])).unwrap());
        assert_eq!(
            place.tile,
            tile_id(&case["tile_level"], &case["tile_index"])
        );
        assert_eq!(u64::from(place.level_in_tile), number(&case["node_level"]));
        assert_eq!(u64::from(place.index_in_tile), number(&case["node_index"]));
    }
    for case in list(&vectors["spec_extra"]) {
        for level in 0..3 {
            let tiles: Vec<TileRef> = tiles_at(size(&case["size"]))
                .filter(|tile| tile.id.level.get() == level)
                .collect();
            let full = tiles.iter().filter(|tile| tile.is_full()).count();
            let partial = tiles.iter().find(|tile| !tile.is_full());
            let partial = partial.map_or(0, |tile| u64::from(tile.width.get()));
            if let Some(wanted) = case[format!("level{level}_full")].as_u64() {
                assert_eq!(u64::try_from(full).unwrap(), wanted);
            }
            if let Some(wanted) = case[format!("level{level}_partial")].as_u64() {
                assert_eq!(partial, wanted);
            }
        }
    }
}

#[test]
fn checkpoint_texts() {
    let Some(path) = vectors("transcribed/checkpoint-text.json") else {
        return;
    };
    let vectors = json(&path);
    for case in list(&vectors["cases"]) {
        let body = text(&case["text"]);
        let parsed = Checkpoint::parse(body);
        assert_eq!(parsed.is_ok(), case["valid"] == true, "{body:?}");
        let Ok(checkpoint) = parsed else { continue };
        assert_eq!(checkpoint.encode(), body);
        assert_eq!(checkpoint.origin().as_str(), text(&case["origin"]));
        assert_eq!(checkpoint.size(), size(&case["size"]));
        let extensions: Vec<&str> = list(&case["extensions"]).iter().map(text).collect();
        assert_eq!(checkpoint.extensions(), extensions);
        assert_eq!(checkpoint.root_hash(), leaf_hash(b"hello world"));
    }
}

#[test]
fn verifier_keys() {
    let Some(path) = vectors("transcribed/vkeys.json") else {
        return;
    };
    let vectors = json(&path);
    for case in list(&vectors["vkeys"]) {
        let vkey = text(&case["vkey"]);
        match VerifierKey::parse(vkey) {
            Ok(key) => {
                assert_eq!(case["valid"], true, "{vkey}");
                assert_eq!(key.to_string(), vkey);
            }
            // Keys of types 0x04 and 0x06, of which the vectors have right and wrong ones.
            Err(NoteKeyError::UnsupportedAlgorithm { type_byte: 4 | 6 }) => (),
            Err(_) => assert_eq!(case["valid"], false, "{vkey}"),
        }
    }
    for case in list(&vectors["skeys"]) {
        let signer = signer(text(&case["skey"]));
        assert_eq!(signer.verifier().to_string(), text(&case["vkey"]));
    }
}

/// The outcome in the words of the vectors, with what was verified and what was not.
fn outcome(note: &[u8], keys: &[VerifierKey]) -> (&'static str, Vec<String>, Vec<String>) {
    let names = |lines: &[NoteSignature]| {
        let name = |line: &NoteSignature| format!("{}+{}", line.name(), line.key_id());
        lines.iter().map(name).collect()
    };
    match open(note, keys) {
        Ok(opened) => ("ok", names(&opened.verified), names(&opened.unverified)),
        Err(NoteError::NoVerifiedSignature { unverified, .. }) => {
            ("no-verified-signature", vec![], names(&unverified))
        }
        Err(NoteError::AmbiguousKey { .. }) => ("ambiguous-key", vec![], vec![]),
        Err(NoteError::SignatureInvalid { .. }) => ("invalid-signature", vec![], vec![]),
        Err(_) => ("malformed", vec![], vec![]),
    }
}

#[test]
fn notes() {
    let Some(path) = vectors("transcribed/notes.json") else {
        return;
    };
    let vectors = json(&path);
    for case in list(&vectors["notes"]) {
        let keys = list(&case["vkeys"])
            .iter()
            .map(|vkey| VerifierKey::parse(text(vkey)));
        let keys: Result<Vec<VerifierKey>, NoteKeyError> = keys.collect();
        let keys = keys.unwrap_or_else(|error| panic!("{}: {error}", case["id"]));
        let note = match case["note"].as_str() {
            Some(note) => note.as_bytes().to_vec(),
            None => hex_bytes(&case["note_hex"]),
        };
        let (found, verified, unverified) = outcome(&note, &keys);
        assert_eq!(found, text(&case["outcome"]), "{}", case["id"]);
        let wanted: Vec<&str> = list(&case["verified"]).iter().map(text).collect();
        assert_eq!(verified, wanted, "{}", case["id"]);
        let wanted: Vec<&str> = list(&case["unverified"]).iter().map(text).collect();
        assert_eq!(unverified, wanted, "{}", case["id"]);
    }
}

/// Source: FiloSottile/sunlight `cmd/skylight/testdata`, with the key from the log's `log.v3.json`.
#[test]
fn the_checkpoint_of_a_certificate_log() {
    let Some(path) = vectors("FiloSottile-sunlight/skylight/tree/checkpoint") else {
        return;
    };
    let note = fs::read(path).unwrap();
    let vkey = "rome2026h1.example.org+91507526+BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDyHHq+0Qd9o7eG\
        0xG4YFCiyrznLRQ/iNoaAyLRcVAZSYhhb37QbkZN3zu3tU+4AtnpMny+16DtqDfzm3GcnOBA=";
    let key = VerifierKey::parse(vkey).unwrap();
    let keys = [key];
    let (checkpoint, _) = open_checkpoint(&note, &keys).unwrap();
    assert_eq!(checkpoint.size().get(), 300);
    // The size is signed; the origin is not, and must be the name of the key.
    for (from, to) in [("300", "301"), ("rome2026h1", "rome2026h2")] {
        let changed = String::from_utf8(note.clone())
            .unwrap()
            .replacen(from, to, 1);
        assert!(open_checkpoint(changed.as_bytes(), &keys).is_err());
    }
}

/// Nodes as children of nodes: the one hash case that needs real hashes, from the tree above.
#[test]
fn node_over_nodes() {
    let Some(path) = vectors("transcribed/rfc6962-tree.json") else {
        return;
    };
    let levels = &json(&path)["node_hashes_by_level_hex"];
    let (left, right) = (hex_hash(&levels[2][0]), hex_hash(&levels[2][1]));
    assert_eq!(node_hash(&left, &right), hex_hash(&levels[3][0]));
}

/// A checkpoint with a cosignature, made for this project by another implementation.
#[test]
fn the_generated_cosignature_verifies() {
    let Some(path) = vectors("generated/cosignatures.json") else {
        return;
    };
    let vectors = json(&path);
    let note = vectors["checkpoint_note"].as_str().unwrap();
    let vkeys = vectors["vkeys"].as_array().unwrap().iter();
    let keys = vkeys.filter_map(|vkey| VerifierKey::parse(vkey.as_str().unwrap()).ok());
    let keys: Vec<VerifierKey> = keys.collect();
    // The third is of ML-DSA.
    assert_eq!(keys.len(), 2);
    let opened = open(note.as_bytes(), &keys).unwrap();
    assert_eq!((opened.verified.len(), opened.unverified.len()), (2, 1));
    let text = opened.note.text().as_bytes();
    let (seconds, _) = tiles::split_cosignature(opened.verified[1].signature()).unwrap();
    let signed = tiles::cosigned_bytes(text, seconds);
    assert_eq!(hex_bytes(&vectors["signed_message_0x04_hex"]), signed);
}
