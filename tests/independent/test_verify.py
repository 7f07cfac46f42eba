#!/usr/bin/env python3
"""The self test of verify.py: honest logs pass, and each planted corruption is named.

Logs are built here by the recursive definitions of RFC 6962, not by the code under test.

    python3 tests/independent/test_verify.py
"""

import base64
import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import json
import pathlib
import shutil
import tempfile
import threading
import time
import unittest
from unittest import mock

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import verify

ORIGIN = "log.example.org"
SIZES = [0, 1, 2, 255, 256, 257, 513]


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# ---- A naive log writer -------------------------------------------------------------------------


class Tree:
    """RFC 6962 section 2.1, word for word, with a memory."""

    def __init__(self, entries):
        self.leaves = [sha256(b"\0" + entry) for entry in entries]
        self.root = functools.lru_cache(None)(self.root)

    def root(self, begin, end):
        if begin == end:
            return sha256(b"")
        if end - begin == 1:
            return self.leaves[begin]
        k = self.split(end - begin)
        return sha256(b"\1" + self.root(begin, begin + k) + self.root(begin + k, end))

    @staticmethod
    def split(count):
        k = 1
        while k * 2 < count:
            k *= 2
        return k

    def path(self, m, begin, end):
        if end - begin == 1:
            return []
        k = self.split(end - begin)
        if m < k:
            return self.path(m, begin, begin + k) + [self.root(begin + k, end)]
        return self.path(m - k, begin + k, end) + [self.root(begin, begin + k)]

    def proof(self, m, begin, end, whole=True):
        if m == end - begin:
            return [] if whole else [self.root(begin, end)]
        k = self.split(end - begin)
        if m <= k:
            return self.proof(m, begin, begin + k, whole) + [self.root(begin + k, end)]
        return self.proof(m - k, begin + k, end, False) + [self.root(begin, begin + k)]


class Signer:
    def __init__(self, name=ORIGIN, seed=1):
        self.name = name
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        material = b"\1" + self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.log_id = sha256(name.encode() + b"\n" + material)
        self.vkey = f"{name}+{self.log_id[:4].hex()}+{b64(material)}"

    def line(self, text):
        payload = self.log_id[:4] + self.key.sign(text.encode())
        return f"\u2014 {self.name} {b64(payload)}\n"


class EcdsaSigner(Signer):
    def __init__(self, name=ORIGIN):
        super().__init__(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        spki = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.log_id = sha256(spki)
        self.vkey = f"{name}+{self.log_id[:4].hex()}+{b64(chr(2).encode() + spki)}"

    def line(self, text):
        payload = self.log_id[:4] + self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        return f"\u2014 {self.name} {b64(payload)}\n"


def number_path(number):
    groups = []
    while True:
        groups.insert(0, f"{number % 1000:03}")
        number //= 1000
        if not number:
            return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def framed(entries):
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


class NaiveLog:
    """A log of `size` entries, written to a directory."""

    def __init__(self, root, size, signer=None):
        self.dir = pathlib.Path(root)
        self.size = size
        self.signer = signer or Signer()
        self.entries = [rekor_leaf(i) for i in range(size)]
        self.tree = Tree(self.entries)
        self.write_tiles()
        self.write("checkpoint", self.note(size).encode())

    def write(self, name, data):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def write_tiles(self):
        for begin in range(0, self.size, 256):
            entries = self.entries[begin:begin + 256]
            self.write(self.name("entries", begin // 256, len(entries)), framed(entries))
        level = 0
        while self.size >> (8 * level):
            count, span = self.size >> (8 * level), 256**level
            for first in range(0, count, 256):
                row = range(first, min(first + 256, count))
                data = b"".join(self.tree.root(i * span, (i + 1) * span) for i in row)
                self.write(self.name(level, first // 256, len(row)), data)
            level += 1

    @staticmethod
    def name(kind, index, width):
        return f"tile/{kind}/{number_path(index)}" + ("" if width == 256 else f".p/{width}")

    def text(self, size):
        return f"{self.signer.name}\n{size}\n{b64(self.tree.root(0, size))}\n"

    def note(self, size):
        return f"{self.text(size)}\n{self.signer.line(self.text(size))}"

    def answer(self, index, size):
        """The 201 answer for entry `index`, published with the checkpoint of `size`."""
        return {
            "logIndex": str(index), "logId": {"keyId": b64(self.signer.log_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0", "inclusionPromise": None,
            "inclusionProof": {
                "logIndex": str(index), "rootHash": b64(self.tree.root(0, size)),
                "treeSize": str(size),
                "hashes": [b64(h) for h in self.tree.path(index, 0, size)],
                "checkpoint": {"envelope": self.note(size)}},
            "canonicalizedBody": b64(self.entries[index])}

    def flip(self, name, byte):
        data = bytearray((self.dir / name).read_bytes())
        data[byte] ^= 1
        (self.dir / name).write_bytes(data)


def rekor_leaf(number):
    return json.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"n": str(number)}},
                      sort_keys=True, separators=(",", ":")).encode()


# ---- Running the verifier -----------------------------------------------------------------------


def run(*arguments):
    """Exit code and everything printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = verify.main([str(argument) for argument in arguments])
    return code, out.getvalue()


class LogTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.tmp = pathlib.Path(directory.name)

    def log(self, size, signer=None, name="log"):
        return NaiveLog(self.tmp / name, size, signer)

    def file(self, name, content):
        path = self.tmp / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def passes(self, log, *arguments, at=None):
        code, printed = run("--vkey", log.signer.vkey, at or log.dir, *arguments)
        self.assertEqual(code, 0, printed)
        self.assertIn("all of it holds", printed)
        return printed

    def fails(self, wanted, log, *arguments, at=None):
        code, printed = run("--vkey", log.signer.vkey, at or log.dir, *arguments)
        self.assertEqual(code, 1, printed)
        self.assertIn("FAILED", printed)
        self.assertNotIn("all of it holds", printed)
        for part in [wanted] if isinstance(wanted, str) else wanted:
            self.assertIn(part, printed)


class HonestLogs(LogTest):
    def test_every_size(self):
        for size in SIZES:
            with self.subTest(size=size):
                log = self.log(size, name=f"log{size}")
                earlier = self.file("earlier", log.note(size // 2))
                self.passes(log, "--earlier", earlier)

    def test_three_levels(self):
        log = self.log(65_536 + 300)
        printed = self.passes(log, "--earlier", self.file("earlier", log.note(65_537)),
                              "--entry-response", self.file("answer", log.answer(65_535, 65_600)))
        self.assertIn("261 equal byte for byte, 3 of them partial", printed)

    def test_every_earlier_size(self):
        log = self.log(70)
        files = [self.file(f"earlier{size}", log.note(size)) for size in range(71)]
        self.passes(log, *[part for file in files for part in ("--earlier", file)])

    def test_every_answer(self):
        log = self.log(20)
        places = [(index, size) for size in range(1, 21) for index in range(size)]
        files = [self.file(f"answer{i}-{n}", log.answer(i, n)) for i, n in places]
        self.passes(log, *[part for file in files for part in ("--entry-response", file)])

    def test_ecdsa_log_key(self):
        log = self.log(3, EcdsaSigner())
        self.passes(log, "--entry-response", self.file("answer", log.answer(2, 3)))

    def test_origin_other_than_the_key_name(self):
        log = self.log(3)
        text = log.text(3).replace(ORIGIN, "another origin")
        log.write("checkpoint", f"{text}\n{log.signer.line(text)}".encode())
        self.passes(log, "--origin", "another origin")
        self.fails("origin 'another origin'", log)

    def test_unknown_signatures_are_ignored(self):
        log = self.log(3)
        other = Signer("witness.example", 9)
        note = log.note(3) + other.line("something else")
        log.write("checkpoint", note.encode())
        self.passes(log)

    def test_entries_of_every_legal_length(self):
        log = self.log(3)
        log.entries = [b"", b"x" * 65_535, b"y"]
        log.tree = Tree(log.entries)
        log.write_tiles()
        log.write("checkpoint", log.note(3).encode())
        self.passes(log)

    def test_partials_that_gave_way_to_full_resources(self):
        grown, pinned = self.log(600, name="grown"), self.log(400)
        shutil.rmtree(pinned.dir / "tile")
        shutil.copytree(grown.dir / "tile", pinned.dir / "tile")
        for partial in (grown.dir / "tile").rglob("*.p"):
            self.assertTrue(partial.is_dir())
        (pinned.dir / "tile/1/000.p/1").write_bytes(
            (grown.dir / "tile/1/000.p/2").read_bytes()[:32])
        self.passes(pinned)

    def test_saved_checkpoint_serves_as_earlier(self):
        log = self.log(300)
        saved = self.tmp / "saved"
        self.passes(log, "--save-checkpoint", saved)
        self.assertEqual(saved.read_bytes(), (log.dir / "checkpoint").read_bytes())
        self.passes(self.log(301, name="grown"), "--earlier", saved)


class PlantedCorruptions(LogTest):
    def test_flipped_entry_byte(self):
        log = self.log(300)
        log.flip("tile/entries/001.p/44", 10)
        self.fails(["tile/0/001.p/44", "element 0", "entry 256", "tile/entries/001"], log)

    def test_flipped_leaf_tile_byte(self):
        log = self.log(300)
        log.flip("tile/0/000", 32 * 7 + 3)
        self.fails(["tile/0/000: byte 227", "element 7", "entry 7 "], log)

    def test_flipped_upper_tile_byte(self):
        log = self.log(600)
        log.flip("tile/1/000.p/2", 63)
        self.fails(["tile/1/000.p/2: byte 63", "element 1", "tile/0/001"], log)

    def test_entry_and_tile_changed_together(self):
        log = self.log(3)
        log.entries[1] = b"another"
        log.tree = Tree(log.entries)
        log.write_tiles()
        self.fails("checkpoint: root hash", log)

    def test_wrong_root_signed(self):
        log = self.log(5)
        text = f"{ORIGIN}\n5\n{b64(log.tree.root(0, 4))}\n"
        log.write("checkpoint", f"{text}\n{log.signer.line(text)}".encode())
        self.fails(["checkpoint: root hash", "5 entries"], log)

    def test_wrong_signature(self):
        log = self.log(5)
        note = f"{log.text(5)}\n{log.signer.line(log.text(4))}"
        log.write("checkpoint", note.encode())
        self.fails("checkpoint: signature line 1: wrong signature", log)

    def test_signature_by_another_key(self):
        log = self.log(5)
        log.write("checkpoint", f"{log.text(5)}\n{Signer(seed=2).line(log.text(5))}".encode())
        self.fails("checkpoint: no signature by log.example.org+", log)

    def test_truncated_bundle(self):
        log = self.log(257)
        path = log.dir / "tile/entries/000"
        path.write_bytes(path.read_bytes()[:-1])
        self.fails(["tile/entries/000", "entry 255 of 256"], log)

    def test_bundle_with_a_tail(self):
        log = self.log(257)
        log.write("tile/entries/001.p/1", framed([log.entries[256], b"more"]))
        self.fails(["tile/entries/001.p/1", "6 bytes after the last entry"], log)

    def test_tile_of_another_length(self):
        log = self.log(257)
        log.write("tile/1/000.p/1", b"\0" * 64)
        self.fails("tile/1/000.p/1: 64 bytes, wanted 32", log)

    def test_missing_resources(self):
        for name in ("tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/001.p/1", "tile/entries/000",
                     "tile/0/000", "checkpoint"):
            with self.subTest(name=name):
                log = self.log(257, name=name.replace("/", "-"))
                (log.dir / name).unlink()
                self.fails(f"{name}: missing", log)

    def test_forked_earlier_checkpoint(self):
        log = self.log(9)
        fork = self.log(9, name="fork")
        fork.entries[4] = b"another history"
        fork.tree = Tree(fork.entries)
        self.passes(log, "--earlier", self.file("common", fork.note(4)))
        self.fails("forked: FORK: it says that the first 5 entries", log,
                   "--earlier", self.file("forked", fork.note(5)))
        self.fails("first 9 entries", log, "--earlier", self.file("same", fork.note(9)))

    def test_earlier_checkpoint_that_nobody_signed(self):
        log = self.log(9)
        forged = self.file("forged", log.note(4).replace("\n4\n", "\n5\n"))
        self.fails("forged: signature line 1: wrong signature", log, "--earlier", forged)

    def test_log_that_went_back(self):
        log = self.log(9)
        later = self.file("later", self.log(10, name="grown").note(10))
        self.fails("size 10, but the log now shows the smaller size 9", log, "--earlier", later)

    def test_tampered_answers(self):
        log = self.log(9)
        other = b64(b"\7" * 32)

        def proof(**changes):
            return {"inclusionProof": {**log.answer(2, 7)["inclusionProof"], **changes}}

        steps = log.answer(2, 7)["inclusionProof"]["hashes"]
        cases = [
            (proof(hashes=[other] + steps[1:]), "inclusion proof of entry 2: leads to root"),
            (proof(hashes=steps[:-1]), "inclusion proof of entry 2: too short"),
            (proof(hashes=steps + [other]), "inclusion proof of entry 2: 4 hashes, of which only"),
            (proof(hashes=None), "hashes: not a list"),
            (proof(rootHash=other), "its checkpoint has size 7"),
            (proof(treeSize="8"), "its checkpoint has size 7"),
            (proof(treeSize=7), "inclusionProof.treeSize: not a plain decimal number: 7"),
            (proof(logIndex="3"), "inclusionProof.logIndex is not logIndex 2"),
            (proof(checkpoint={}), "envelope: not a string"),
            (proof(checkpoint={"envelope": log.note(7).replace("\n7\n", "\n8\n")}),
             "checkpoint in the answer: signature line 1: wrong signature"),
            ({"logIndex": "02"}, "logIndex: not a plain decimal number"),
            ({"logId": {"keyId": other}}, "logId.keyId"),
            ({"canonicalizedBody": b64(log.entries[3])}, "inclusion proof of entry 2: leads"),
            ({"canonicalizedBody": b64(log.entries[2] + b" ")}, "not in canonical JSON form"),
            ({"canonicalizedBody": None}, "canonicalizedBody: not a string"),
            ({"kindVersion": {"kind": "dsse", "version": "0.0.2"}}, "kindVersion"),
            ({"extra": 1}, "unknown fields ['extra']"),
        ]
        self.passes(log, "--entry-response", self.file("answer", log.answer(2, 7)))
        for changes, wanted in cases:
            with self.subTest(wanted=wanted):
                answer = self.file("answer", {**log.answer(2, 7), **changes})
                self.fails(["answer: ", wanted], log, "--entry-response", answer)

    def test_answer_of_a_fork(self):
        log, fork = self.log(9), self.log(9, name="fork")
        fork.entries[8] = rekor_leaf("another")
        fork.tree = Tree(fork.entries)
        self.fails("FORK", log, "--entry-response", self.file("answer", fork.answer(2, 9)))

    def test_answer_with_a_field_twice(self):
        log = self.log(9)
        twice = '{"logIndex":"1",' + json.dumps(log.answer(2, 7))[1:]
        self.fails("a field twice", log, "--entry-response", self.file("answer", twice))


class MalformedNotes(LogTest):
    def test_checkpoints(self):
        log = self.log(3)
        root = b64(log.tree.root(0, 3))
        texts = [
            (f"{ORIGIN}\n03\n{root}\n", "size: not a plain decimal"),
            (f"{ORIGIN}\n+3\n{root}\n", "size: not a plain decimal"),
            (f"{ORIGIN}\n{1 << 64}\n{root}\n", "more than 64 bits"),
            (f"{ORIGIN}\n3\n{root[:-1]}\n", "not base64"),
            (f"{ORIGIN}\n3\n{b64(bytes(31))}\n", "31 bytes, wanted 32"),
            (f"{ORIGIN}\n3\n", "not three or more"),
            (f"{ORIGIN}\n3\n{root}\n\nextension\n", "not three or more non-empty lines"),
            (f"{ORIGIN}\r\n3\n{root}\n", "control character"),
            (f"{ORIGIN}\n0\n{root}\n", "size 0 with a root hash"),
        ]
        for text, wanted in texts:
            with self.subTest(text=text):
                log.write("checkpoint", f"{text}\n{log.signer.line(text)}".encode())
                self.fails(["checkpoint: ", wanted], log)

    def test_notes(self):
        log = self.log(3)
        text, line = log.text(3), log.signer.line(log.text(3))
        notes = [
            (text.encode(), "not a signed note"),
            (f"{text}\n".encode(), "signature line 1: not a signature: ''"),
            (f"{text}\n{line}"[:-1].encode(), "not a signed note"),
            (f"{text}\n{line}\n".encode(), "signature line 1: not a signature"),
            (f"{text}\n{line}hello\n".encode(), "signature line 2: not a signature"),
            (f"{text}\n{line.replace(ORIGIN, 'a+b')}".encode(), "a key name"),
            (f"{text}\n{line}\u2014 other AAAA\n".encode(), "signature line 2: too short"),
            (f"{text}\n{line * 101}".encode(), "more than 100 signatures"),
            (b"\xff" + f"{text}\n{line}".encode(), "not UTF-8 at byte 0"),
        ]
        for note, wanted in notes:
            with self.subTest(wanted=wanted):
                log.write("checkpoint", note)
                self.fails(["checkpoint: ", wanted], log)

    def test_specification_example(self):
        """The example of C2SP signed-note.md."""
        note = ("This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnag"
                "v1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n")
        key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
        text, _ = verify.open_note(note.encode(), [verify.VerifierKey(key)], "note")
        self.assertEqual(text, "This is an example message.\n")

    def test_ecdsa_known_answer(self):
        """From transparency-dev/formats note/note_verifier_test.go: a Rekor v1 checkpoint."""
        note = ("Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n\u2014 rekor.si"
                "gstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKV"
                "Clgqq20uDLet7MCoTURUCRdxwWBHHufk=\n")
        key = ("rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1e"
               "QXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=")
        text, _ = verify.open_note(note.encode(), [verify.VerifierKey(key)], "note")
        self.assertTrue(text.startswith("Rekor\n798034\n"))

    def test_vkeys(self):
        good = Signer().vkey
        verify.VerifierKey(good)
        name, key_id, material = good.split("+", 2)
        for bad, wanted in [
                (f"{name}+{key_id}", "not of the form"),
                (f"{name}+{key_id.upper()}x+{material}", "8 lower case hex"),
                (f"{name}+00000000+{material}", "the key id of this key is"),
                (f" +{key_id}+{material}", "a key name"),
                (f"{name}+{key_id}+{material[:-4]}", "an Ed25519 key has 32 bytes"),
                (f"{name}+{key_id}+{material}=", "not base64|not canonical"),
                (f"{name}+{key_id}+{b64(bytes([4]) * 33)}", "key type 0x04"),
                (f"{name}+{key_id}+{b64(bytes([2]) * 33)}", "not a SubjectPublicKeyInfo")]:
            with self.subTest(bad=bad), self.assertRaisesRegex(verify.VerifyError, wanted):
                verify.VerifierKey(bad)


class Proofs(unittest.TestCase):
    tree = Tree([bytes([i]) for i in range(34)])

    def test_inclusion(self):
        for size in range(1, 35):
            for index in range(size):
                proof, root = self.tree.path(index, 0, size), self.tree.root(0, size)
                self.check(proof, lambda p: verify.check_inclusion(
                    index, size, self.tree.leaves[index], p, root, "proof"))

    def test_consistency(self):
        for new in range(2, 35):
            for old in range(1, new):
                proof = self.tree.proof(old, 0, new)
                self.check(proof, lambda p: verify.check_consistency(
                    old, new, p, self.tree.root(0, old), self.tree.root(0, new), "proof"))

    def check(self, proof, accept):
        """The proof holds, and nothing one step away from it does."""
        accept(proof)
        worse = [proof + [bytes(32)], proof[:-1], proof[1:]] if proof else [[bytes(32)]]
        worse += [proof[:i] + [bytes(32)] + proof[i + 1:] for i in range(len(proof))]
        for other in worse:
            with self.assertRaises(verify.VerifyError):
                accept(other)


class OverHttp(LogTest):
    def serve(self, log, gzipped=(), failures=0):
        """Serves the directory on a free port; `failures` answers of 503 come first."""
        left = [failures]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = log.dir / self.path.removeprefix("/prefix/")
                if left[0]:
                    left[0] -= 1
                    return self.send_error(503)
                if not path.is_file():
                    return self.send_error(404)
                data = path.read_bytes()
                self.send_response(200)
                if any(part in self.path for part in gzipped):
                    assert "gzip" in self.headers["Accept-Encoding"]
                    self.send_header("Content-Encoding", "gzip")
                    data = gzip.compress(data)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                return self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/prefix/"

    def test_plain_and_gzip(self):
        log = self.log(600)
        self.passes(log, at=self.serve(log))
        self.passes(log, at=self.serve(log, gzipped=["entries"]))
        self.passes(log, at=self.serve(log, gzipped=["tile", "checkpoint"]))

    def test_missing_partial(self):
        log = self.log(257)
        (log.dir / "tile/0/001.p/1").unlink()
        self.fails("tile/0/001.p/1: missing, and so is tile/0/001", log, at=self.serve(log))

    def test_pushback_is_waited_for(self):
        log = self.log(2)
        with mock.patch.object(verify.time, "sleep"):
            self.passes(log, at=self.serve(log, failures=3))
            self.fails("checkpoint: HTTP status 503", log, at=self.serve(log, failures=99))

    def test_unpacking_is_bounded(self):
        log = self.log(2)
        log.write("tile/0/000.p/2", bytes(1 << 20))
        self.fails("longer than the 8192 bytes", log, at=self.serve(log, gzipped=["tile/0"]))

    def test_nobody_listens(self):
        with mock.patch.object(verify.time, "sleep"):
            self.fails("checkpoint: cannot be read", self.log(1), at="http://127.0.0.1:1")


if __name__ == "__main__":
    unittest.main()
