#!/usr/bin/env python3
"""Verify a tlog-tiles log from the outside, sharing no code with the log.

Written from the C2SP specifications tlog-tiles, tlog-checkpoint and signed-note and from RFC 6962
and RFC 9162. Needs Python 3.9 and the package `cryptography`; this one file can be copied away.

    verify.py --vkey VKEY LOG

LOG is the base URL of a log (the one that `checkpoint` and `tile/...` hang under) or a directory
that holds the same tree. One checkpoint is fetched and pinned; everything else is judged by it:

  1. the checkpoint is a well-formed signed note with a valid signature by the given key;
  2. every entry is read and hashed again;
  3. every full tile and every partial tile that follows from the entries is compared, byte by byte;
  4. the root hash of the entries is the signed one;
  5. with --earlier FILE, a checkpoint seen before is signed by the same key and is a prefix of the
     log: by the log's own entries, and by a consistency proof built from its tiles;
  6. with --entry-response FILE, the stored answer to a Rekor v2 submission holds: the entry is in
     the log at its index, the inclusion proof leads to its checkpoint, that one is signed by the
     log and is a prefix of the pinned one, and the log id is the one of the key.

A key of type 0x05 makes it a certificate log (C2SP static-ct-api, RFC 6962), where besides

  7. every leaf of a data tile states its own index, its issuers are served under their fingerprints
     and the first of them issued it, and a precertificate is logged without its poison;
  8. with --sct FILE, the stored answer to add-chain or add-pre-chain is the log's promise about the
     entry at the index it states.

The first thing that does not hold ends the run: exit code 1, and a line naming the resource and
the position. Exit code 0 means that all of it holds. Exit code 2 is a wrong command line.
"""

import argparse
import base64
import binascii
import concurrent.futures
import gzip
import hashlib
import http.client
import io
import itertools
import json
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

HASH_LEN = 32
TILE_WIDTH = 256
NOTE_LEN_MAX = 1 << 20
SIGNATURES_MAX = 100
BUNDLE_LEN_MAX = TILE_WIDTH * (2 + 0xFFFF)
ISSUER_LEN_MAX = 1 << 20
READ_AHEAD = 8
HTTP_TRIES = 5
HTTP_TIMEOUT_SECONDS = 30


class VerifyError(Exception):
    """Something that should hold does not; the message names the resource and the position."""


class NotFound(Exception):
    """The log does not hold the resource (404, or no such file)."""


# ---- Hashing and tree arithmetic (RFC 6962 section 2.1) -----------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


EMPTY_ROOT = hashlib.sha256(b"").digest()


def split_point(count):
    """The largest power of two smaller than `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


class TreeBuilder:
    """Appends leaf hashes and hands out each tile as it becomes full, lowest level first.

    `stack` holds the perfect subtrees of the tree so far, biggest first; `rows[l]` the elements of
    the last, still incomplete tile of level l. Memory is logarithmic in the size of the tree.
    """

    def __init__(self, on_tile):
        self.size = 0
        self.stack = []
        self.rows = []
        self.on_tile = on_tile

    def append(self, leaf):
        self._element(0, leaf)
        node, level, rest = leaf, 0, self.size
        while rest & 1:
            node = node_hash(self.stack.pop(), node)
            level += 1
            rest >>= 1
            if level % 8 == 0:
                self._element(level // 8, node)
        self.stack.append(node)
        self.size += 1

    def _element(self, level, node):
        if level == len(self.rows):
            self.rows.append(bytearray())
        row = self.rows[level]
        row += node
        if len(row) == TILE_WIDTH * HASH_LEN:
            index = self.size >> (8 * (level + 1))
            self.on_tile(level, index, TILE_WIDTH, bytes(row))
            row.clear()

    def finish(self):
        """Hands out the partial tiles of the right edge."""
        for level, row in enumerate(self.rows):
            if row:
                index = self.size >> (8 * (level + 1))
                self.on_tile(level, index, len(row) // HASH_LEN, bytes(row))

    def root(self):
        if not self.stack:
            return EMPTY_ROOT
        root = self.stack[-1]
        for left in reversed(self.stack[:-1]):
            root = node_hash(left, root)
        return root


# ---- Proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2; RFC 6962 section 2.1.2 for building) --------


def check_inclusion(index, size, leaf, proof, root, what):
    if index >= size:
        raise VerifyError(f"{what}: index {index} is not within tree size {size}")
    fn, sn, node = index, size - 1, leaf
    for position, step in enumerate(proof):
        if sn == 0:
            raise VerifyError(f"{what}: {len(proof)} hashes, of which only {position} are used")
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, step)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise VerifyError(f"{what}: too short with {len(proof)} hashes")
    if node != root:
        raise VerifyError(f"{what}: leads to root {b64(node)}, not to {b64(root)}")


def check_consistency(old, new, proof, old_root, new_root, what):
    if not 0 < old < new:
        raise VerifyError(f"{what}: no proof exists from size {old} to size {new}")
    if not proof:
        raise VerifyError(f"{what}: empty, but the sizes {old} and {new} differ")
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            raise VerifyError(f"{what}: too long with {len(proof)} hashes")
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise VerifyError(f"{what}: too short with {len(proof)} hashes")
    if first != old_root:
        raise VerifyError(f"{what}: leads to old root {b64(first)}, not to {b64(old_root)}")
    if second != new_root:
        raise VerifyError(f"{what}: leads to new root {b64(second)}, not to {b64(new_root)}")


class TileReader:
    """Computes hashes of the tree of one size from the tiles that the log serves."""

    def __init__(self, source, size):
        self.source = source
        self.size = size
        self.tiles = {}

    def range_hash(self, begin, end):
        count = end - begin
        if count & (count - 1) == 0 and begin % count == 0:
            return self._perfect(count.bit_length() - 1, begin // count)
        middle = begin + split_point(count)
        return node_hash(self.range_hash(begin, middle), self.range_hash(middle, end))

    def _perfect(self, level, index):
        inner = level % 8
        tile = self._tile(level // 8, (index << inner) // TILE_WIDTH)
        first = (index << inner) % TILE_WIDTH
        row = [tile[i * HASH_LEN:(i + 1) * HASH_LEN] for i in range(first, first + (1 << inner))]
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    def _tile(self, level, index):
        if (level, index) not in self.tiles:
            width = min((self.size >> (8 * level)) - index * TILE_WIDTH, TILE_WIDTH)
            self.tiles[level, index] = read_tile(self.source, level, index, width)
        return self.tiles[level, index]

    def consistency_proof(self, old):
        return self._subproof(old, 0, self.size, True)

    def _subproof(self, old, begin, end, whole):
        count = end - begin
        if old == count:
            return [] if whole else [self.range_hash(begin, end)]
        k = split_point(count)
        if old <= k:
            return self._subproof(old, begin, begin + k, whole) + [
                self.range_hash(begin + k, end)]
        return self._subproof(old - k, begin + k, end, False) + [
            self.range_hash(begin, begin + k)]


# ---- Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint) ---------------------------


def b64(data):
    return base64.b64encode(data).decode("ascii")


def unb64(text, what):
    """Standard base64 with padding, in its only canonical spelling."""
    if not isinstance(text, str):
        raise VerifyError(f"{what}: not a string: {text!r}")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise VerifyError(f"{what}: not base64: {text!r}") from error
    if b64(data) != text:
        raise VerifyError(f"{what}: not canonical base64: {text!r}")
    return data


def check_key_name(name, what):
    if not name or "+" in name or any(c.isspace() for c in name):
        raise VerifyError(f"{what}: a key name is not empty and has no space and no '+': {name!r}")


class VerifierKey:
    """A vkey: `<name>+<key id, 8 hex digits>+<base64 of type byte and key>`."""

    def __init__(self, vkey):
        what = f"vkey {vkey!r}"
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise VerifyError(f"{what}: not of the form name+id+key")
        self.name, id_text, key_text = parts
        check_key_name(self.name, what)
        if not re.fullmatch("[0-9a-f]{8}", id_text):
            raise VerifyError(f"{what}: the key id is not 8 lower case hex digits")
        material = unb64(key_text, what)
        kind, key = material[:1], material[1:]
        if kind == b"\x01":
            if len(key) != 32:
                raise VerifyError(f"{what}: an Ed25519 key has 32 bytes, not {len(key)}")
            self.algorithm = "Ed25519"
            self.key = ed25519.Ed25519PublicKey.from_public_bytes(key)
            self.log_id = hashlib.sha256(self.name.encode() + b"\n" + material).digest()
        elif kind == b"\x02":
            self.algorithm = "ECDSA"
            self.key = self._ecdsa_key(key, what)
            self.log_id = hashlib.sha256(key).digest()
        elif kind == b"\x05":
            self.algorithm = "RFC 6962"
            self.key = self._ecdsa_key(key, what)
            if not isinstance(self.key.curve, ec.SECP256R1):
                raise VerifyError(f"{what}: not a key on P-256")
            self.log_id = hashlib.sha256(key).digest()
        else:
            raise VerifyError(f"{what}: key type 0x{kind.hex()} is none of 0x01, 0x02 and 0x05")
        self.key_id = self.log_id[:4]
        if self.algorithm == "RFC 6962":
            named = self.name.encode() + b"\n\x05" + self.log_id
            self.key_id = hashlib.sha256(named).digest()[:4]
        if self.key_id.hex() != id_text:
            raise VerifyError(f"{what}: the key id of this key is {self.key_id.hex()}")

    @staticmethod
    def _ecdsa_key(der, what):
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise VerifyError(f"{what}: not a SubjectPublicKeyInfo: {error}") from error
        curves = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, curves):
            raise VerifyError(f"{what}: not a key on P-256, P-384 or P-521")
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        if key.public_bytes(serialization.Encoding.DER, spki) != der:
            raise VerifyError(f"{what}: not the canonical SubjectPublicKeyInfo of its key")
        return key

    def __str__(self):
        return f"{self.name}+{self.key_id.hex()} ({self.algorithm})"

    def signed(self, message, signature):
        try:
            if self.algorithm == "RFC 6962":
                return self._signed_tree_head(message, signature)
            if self.algorithm == "Ed25519":
                self.key.verify(signature, message)
            else:
                self.key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


    def signed_digitally(self, message, signature):
        """A `DigitallySigned` (RFC 5246 section 4.7) by SHA-256 and ECDSA over the message."""
        head, der = signature[:4], signature[4:]
        if head[:2] != b"\x04\x03" or int.from_bytes(head[2:], "big") != len(der):
            return False
        try:
            self.key.verify(der, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def _signed_tree_head(self, message, signature):
        """The text has three lines: nothing signs others, and a tree head has no origin."""
        lines = message.decode("utf-8").split("\n")
        if len(lines) != 4 or lines[0] != self.name or len(signature) < 8:
            return False
        size = parse_decimal(lines[1], "tree head").to_bytes(8, "big")
        signed = b"\x00\x01" + signature[:8] + size + parse_hash(lines[2], "tree head")
        return self.signed_digitally(signed, signature[8:])


def open_note(note, keys, what):
    """The text of a signed note and the keys that signed it: at least one, and no forgery."""
    if len(note) > NOTE_LEN_MAX:
        raise VerifyError(f"{what}: longer than {NOTE_LEN_MAX} bytes")
    try:
        decoded = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise VerifyError(f"{what}: not UTF-8 at byte {error.start}") from error
    for position, char in enumerate(decoded):
        if char < " " and char != "\n":
            raise VerifyError(f"{what}: control character at character {position}")
    end = decoded.rfind("\n\n")
    if end < 0 or not decoded.endswith("\n"):
        raise VerifyError(f"{what}: not a signed note: no empty line before signature lines")
    text, lines = decoded[:end + 1], decoded[end + 2:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise VerifyError(f"{what}: more than {SIGNATURES_MAX} signatures")
    signers, seen = [], set()
    for number, line in enumerate(lines, 1):
        name, key_id, signature = parse_signature(line, f"{what}: signature line {number}")
        known = [key for key in keys if (key.name, key.key_id) == (name, key_id)]
        if len(known) > 1:
            raise VerifyError(f"{what}: two of the given keys are {known[0]}")
        if not known or (name, key_id) in seen:
            continue
        seen.add((name, key_id))
        if not known[0].signed(text.encode("utf-8"), signature):
            raise VerifyError(f"{what}: signature line {number}: wrong signature by {known[0]}")
        signers.append(known[0])
    if not signers:
        raise VerifyError(f"{what}: no signature by {' or '.join(map(str, keys))}")
    return text, signers


def parse_signature(line, what):
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        raise VerifyError(f"{what}: not a signature: {line!r}")
    check_key_name(parts[1], what)
    payload = unb64(parts[2], what)
    if len(payload) < 5:
        raise VerifyError(f"{what}: too short for a key id and a signature")
    return parts[1], payload[:4], payload[4:]


class Checkpoint:
    """A verified checkpoint: its signature and its form have been checked."""

    def __init__(self, note, keys, origin, what):
        self.note, self.what = note, what
        text, self.signers = open_note(note, keys, what)
        lines = text[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise VerifyError(f"{what}: not three or more non-empty lines")
        if lines[0] != origin:
            raise VerifyError(f"{what}: origin {lines[0]!r}, wanted {origin!r}")
        self.origin = lines[0]
        self.size = parse_decimal(lines[1], f"{what}: size")
        self.root = parse_hash(lines[2], f"{what}: root hash")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise VerifyError(f"{what}: size 0 with a root hash that is not the empty one")


def parse_decimal(text, what):
    if not isinstance(text, str) or not re.fullmatch("0|[1-9][0-9]{0,19}", text):
        raise VerifyError(f"{what}: not a plain decimal number: {text!r}")
    if int(text) >= 1 << 64:
        raise VerifyError(f"{what}: more than 64 bits: {text}")
    return int(text)


def parse_hash(text, what):
    data = unb64(text, what)
    if len(data) != HASH_LEN:
        raise VerifyError(f"{what}: {len(data)} bytes, wanted {HASH_LEN}")
    return data


# ---- Where the bytes come from ------------------------------------------------------------------


class DirectorySource:
    def __init__(self, path):
        self.path = path

    def read(self, name, len_max):
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                data = file.read(len_max + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(name) from error
        except OSError as error:
            raise VerifyError(f"{name}: cannot be read: {error.strerror}") from error
        if len(data) > len_max:
            raise VerifyError(f"{name}: longer than the {len_max} bytes it may have")
        return data


class HttpSource:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def read(self, name, len_max):
        for attempt in range(1, HTTP_TRIES + 1):
            try:
                return self._read_once(name, len_max)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == 404:
                    raise NotFound(name) from error
                if error.code not in (429, 500, 502, 503, 504) or attempt == HTTP_TRIES:
                    raise VerifyError(f"{name}: HTTP status {error.code}") from error
            except (OSError, EOFError, http.client.HTTPException, zlib.error) as error:
                if attempt == HTTP_TRIES:
                    raise VerifyError(f"{name}: cannot be read: {error}") from error
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _read_once(self, name, len_max):
        request = urllib.request.Request(
            f"{self.url}/{name}", headers={"Accept-Encoding": "gzip", "User-Agent": "verify.py"})
        with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_SECONDS) as response:
            coding = response.headers.get("Content-Encoding", "identity").lower()
            if coding not in ("identity", "gzip"):
                raise VerifyError(f"{name}: content coding {coding!r}, which was not asked for")
            data = response.read(len_max + (1 << 16))
            if response.length and len(data) < len_max + (1 << 16):
                raise EOFError(f"the answer broke off {response.length} bytes before its end")
        if coding == "gzip":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacker:
                data = unpacker.read(len_max + 1)
        if len(data) > len_max:
            raise VerifyError(f"{name}: longer than the {len_max} bytes it may have")
        return data


def open_source(log):
    if log.startswith(("http://", "https://")):
        return HttpSource(log)
    if not os.path.isdir(log):
        raise VerifyError(f"{log}: neither an http(s) URL nor a directory")
    return DirectorySource(log)


def index_path(index):
    """1234067 becomes x001/x234/067."""
    path = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        path = f"x{index % 1000:03}/{path}"
    return path


def resource_name(kind, index, width):
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{kind}/{index_path(index)}{suffix}"


def read_resource(source, kind, index, width, len_max, truncate):
    """A tile or bundle. A partial may be gone once the full one is there: then its beginning."""
    name = resource_name(kind, index, width)
    try:
        return source.read(name, len_max)
    except NotFound:
        if width == TILE_WIDTH:
            raise VerifyError(f"{name}: missing") from None
    full = resource_name(kind, index, TILE_WIDTH)
    try:
        data = source.read(full, BUNDLE_LEN_MAX)
    except NotFound:
        raise VerifyError(f"{name}: missing, and so is {full}") from None
    return truncate(data, full)


def read_tile(source, level, index, width):
    length = width * HASH_LEN

    def truncate(data, full):
        if len(data) != TILE_WIDTH * HASH_LEN:
            raise VerifyError(f"{full}: {len(data)} bytes, wanted {TILE_WIDTH * HASH_LEN}")
        return data[:length]

    data = read_resource(source, str(level), index, width, TILE_WIDTH * HASH_LEN, truncate)
    if len(data) != length:
        raise VerifyError(
            f"{resource_name(level, index, width)}: {len(data)} bytes, wanted {length}")
    return data


def read_bundle(source, index, width, static_ct=False):
    """The entries of a bundle, exactly `width` of them."""
    if static_ct:
        def begin(data, full):
            leaves = parse_data_tile(data, TILE_WIDTH, full)
            return data[:sum(len(leaf.bytes) for leaf in leaves[:width])]

        data = read_resource(source, "data", index, width, BUNDLE_LEN_MAX, begin)
        return parse_data_tile(data, width, resource_name("data", index, width))

    def truncate(data, full):
        entries = parse_bundle(data, TILE_WIDTH, full)
        return data[:sum(2 + len(entry) for entry in entries[:width])]

    data = read_resource(source, "entries", index, width, BUNDLE_LEN_MAX, truncate)
    return parse_bundle(data, width, resource_name("entries", index, width))


def parse_bundle(data, count, name):
    entries, offset = [], 0
    for number in range(count):
        begin = offset + 2
        if begin > len(data):
            raise VerifyError(f"{name}: ends at byte {len(data)}, in the length of its entry "
                              f"{number} of {count}")
        offset = begin + int.from_bytes(data[offset:begin], "big")
        if offset > len(data):
            raise VerifyError(f"{name}: ends at byte {len(data)}, but its entry {number} of "
                              f"{count} goes on to byte {offset}")
        entries.append(data[begin:offset])
    if offset != len(data):
        raise VerifyError(f"{name}: {len(data) - offset} bytes after the last entry, "
                          f"at byte {offset}")
    return entries


class TileLeaf:
    """One leaf of a data tile, read from `data` at `offset`."""

    def __init__(self, data, offset, what):
        self.data, self.end, self.what = data, offset, what
        timestamp = self._take(8)
        self.timestamp = int.from_bytes(timestamp, "big")
        kind = self._take(2)
        self.precertificate = None
        if kind == b"\x00\x00":
            entry = self._vector(3)
            self.certificate = entry[3:]
        elif kind == b"\x00\x01":
            self.issuer_key_hash = self._take(HASH_LEN)
            tbs = self._vector(3)
            self.tbs = tbs[3:]
            entry = self.issuer_key_hash + tbs
        else:
            raise VerifyError(f"{what}: entry type {kind.hex()} is neither 0000 nor 0001")
        extensions = self._vector(2)
        if len(extensions) != 10 or extensions[2:5] != b"\x00\x00\x05":
            raise VerifyError(f"{what}: the extensions are not a leaf index: {extensions.hex()}")
        self.index = int.from_bytes(extensions[5:], "big")
        self.signed = b"\x00\x00" + timestamp + kind + entry + extensions
        if kind == b"\x00\x01":
            self.precertificate = self._vector(3)[3:]
        chain = self._vector(2)[2:]
        if len(chain) % HASH_LEN:
            raise VerifyError(f"{what}: {len(chain)} bytes of fingerprints")
        self.issuers = [chain[i:i + HASH_LEN] for i in range(0, len(chain), HASH_LEN)]
        self.bytes = data[offset:self.end]

    def _take(self, count):
        taken = self.data[self.end:self.end + count]
        if len(taken) != count:
            raise VerifyError(f"{self.what}: the tile ends at byte {len(self.data)}, within it")
        self.end += count
        return taken

    def _vector(self, len_size):
        """Bytes behind a length, with it."""
        length = self._take(len_size)
        return length + self._take(int.from_bytes(length, "big"))

    def check(self, issuers):
        """What the leaf says is what was submitted; `issuers` are its certificates, in order."""
        try:
            parsed = [x509.load_der_x509_certificate(der) for der in issuers]
            logged = x509.load_der_x509_certificate(self.precertificate or self.certificate)
            for certificate, issuer in zip([logged] + parsed, parsed):
                certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise VerifyError(f"{self.what}: the chain does not hold: {error!r}") from error
        if self.precertificate is None:
            return
        if without_poison(logged.tbs_certificate_bytes) != self.tbs:
            raise VerifyError(f"{self.what}: not the precertificate without its poison")
        key = parsed[0].public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if hashlib.sha256(key).digest() != self.issuer_key_hash:
            raise VerifyError(f"{self.what}: the issuer key hash is not that of its issuer")


POISON = bytes.fromhex("060a2b06010401d679020403")


def der_values(data):
    """The tag, the content and all bytes of each value of some DER that a library has read."""
    values, offset = [], 0
    while offset < len(data):
        begin, length, offset = offset, data[offset + 1], offset + 2
        if length & 0x80:
            end = offset + (length & 0x7F)
            length, offset = int.from_bytes(data[offset:end], "big"), end
        values.append((data[begin], data[offset:offset + length], data[begin:offset + length]))
        offset += length
    return values


def der_value(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes(-(-length.bit_length() // 8), "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def without_poison(tbs):
    """The to-be-signed part of a certificate without the poison among its extensions."""
    def kept(tag, content, whole):
        if tag != 0xA3:
            return whole
        extensions = b"".join(e for _, inside, e in der_values(der_values(content)[0][1])
                              if not inside.startswith(POISON))
        return der_value(0xA3, der_value(0x30, extensions))

    return der_value(0x30, b"".join(kept(*value) for value in der_values(der_values(tbs)[0][1])))


def parse_data_tile(data, count, name):
    leaves, offset = [], 0
    for number in range(count):
        leaves.append(TileLeaf(data, offset, f"{name}: leaf {number}"))
        offset = leaves[-1].end
    if offset != len(data):
        raise VerifyError(f"{name}: {len(data) - offset} bytes after the last leaf, "
                          f"at byte {offset}")
    return leaves


def ahead(function, arguments):
    """Like map(), a few calls ahead of the consumer, in order."""
    arguments = iter(arguments)
    with concurrent.futures.ThreadPoolExecutor(READ_AHEAD) as pool:
        queue = [pool.submit(function, *a) for a in itertools.islice(arguments, READ_AHEAD)]
        try:
            while queue:
                yield queue.pop(0).result()
                queue += [pool.submit(function, *a) for a in itertools.islice(arguments, 1)]
        finally:
            for future in queue:
                future.cancel()


# ---- The checks ---------------------------------------------------------------------------------


class LogCheck:
    """Re-hashes one log at one checkpoint. `roots` are its root hashes at the sizes asked for."""

    def __init__(self, source, checkpoint, sizes, entries_wanted):
        self.source = source
        self.checkpoint = checkpoint
        self.roots = {size: None for size in sizes}
        self.entries = {index: None for index in entries_wanted}
        self.bundles = self.tiles = self.partials = 0
        self.static_ct = any(key.algorithm == "RFC 6962" for key in checkpoint.signers)
        self.issuers = {}

    def run(self):
        size = self.checkpoint.size
        places = [(index, min(size - index * TILE_WIDTH, TILE_WIDTH))
                  for index in range(-(-size // TILE_WIDTH))]
        bundles = ahead(lambda i, w: read_bundle(self.source, i, w, self.static_ct), places)
        self.leaf_tiles = ahead(lambda i, w: read_tile(self.source, 0, i, w), places)
        builder = TreeBuilder(self._compare)
        self._note_root(builder)
        for index, entries in enumerate(bundles):
            self.bundles += 1
            for number, entry in enumerate(entries, index * TILE_WIDTH):
                if self.static_ct:
                    self._check_leaf(entry, number)
                builder.append(leaf_hash(entry.signed if self.static_ct else entry))
                if number in self.entries:
                    self.entries[number] = entry
                if builder.size in self.roots:
                    self._note_root(builder)
        builder.finish()
        if builder.root() != self.checkpoint.root:
            raise VerifyError(
                f"{self.checkpoint.what}: root hash {b64(self.checkpoint.root)} is signed, but the "
                f"{size} entries hash to {b64(builder.root())}")

    def _check_leaf(self, leaf, number):
        if leaf.index != number:
            raise VerifyError(f"{leaf.what}: it says index {leaf.index}, but it is at {number}")
        for fingerprint in leaf.issuers:
            if fingerprint not in self.issuers:
                self.issuers[fingerprint] = self._read_issuer(fingerprint)
        leaf.check([self.issuers[fingerprint] for fingerprint in leaf.issuers])

    def _read_issuer(self, fingerprint):
        name = f"issuer/{fingerprint.hex()}"
        try:
            der = self.source.read(name, ISSUER_LEN_MAX)
        except NotFound:
            raise VerifyError(f"{name}: missing") from None
        if hashlib.sha256(der).digest() != fingerprint:
            raise VerifyError(f"{name}: has the fingerprint {hashlib.sha256(der).hexdigest()}")
        return der

    def _note_root(self, builder):
        if builder.size in self.roots:
            self.roots[builder.size] = builder.root()

    def _compare(self, level, index, width, wanted):
        if level == 0:
            found = next(self.leaf_tiles)
        else:
            found = read_tile(self.source, level, index, width)
        self.tiles += 1
        self.partials += width < TILE_WIDTH
        if found == wanted:
            return
        byte = next(i for i, (f, w) in enumerate(zip(found, wanted)) if f != w)
        element = byte // HASH_LEN
        where = slice(element * HASH_LEN, (element + 1) * HASH_LEN)
        number = index * TILE_WIDTH + element
        below = (f"entry {number} (number {element} of tile/entries/{index_path(index)})"
                 if level == 0 else f"full tile {resource_name(level - 1, number, TILE_WIDTH)}")
        raise VerifyError(
            f"{resource_name(level, index, width)}: byte {byte} differs: element {element} is "
            f"{found[where].hex()}, but {below} hashes to {wanted[where].hex()}")


def check_prefix(earlier, log):
    """`earlier` is a prefix of the log: by its entries, and by a proof from its tiles."""
    now = log.checkpoint
    if log.roots[earlier.size] != earlier.root:
        raise VerifyError(
            f"{earlier.what}: FORK: it says that the first {earlier.size} entries hash to "
            f"{b64(earlier.root)}, but the log's first {earlier.size} entries hash to "
            f"{b64(log.roots[earlier.size])}")
    if earlier.size in (0, now.size):
        return 0
    proof = TileReader(log.source, now.size).consistency_proof(earlier.size)
    check_consistency(earlier.size, now.size, proof, earlier.root, now.root,
                      f"{earlier.what}: consistency proof from the log's tiles")
    return len(proof)


class EntryResponse:
    """A stored answer of `POST /api/v2/log/entries`: a TransparencyLogEntry in protobuf JSON."""

    FIELDS = {"logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise",
              "inclusionProof", "canonicalizedBody"}
    PROOF_FIELDS = {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"}

    def __init__(self, data, keys, origin, what):
        self.what = what
        answer = self._object(self._parse(data), "the answer", self.FIELDS)
        self.index = parse_decimal(answer.get("logIndex"), f"{what}: logIndex")
        self.body = unb64(answer.get("canonicalizedBody"), f"{what}: canonicalizedBody")
        self._check_body(answer.get("kindVersion"))
        log_id = self._object(answer.get("logId"), "logId", {"keyId"})
        self.key_id = parse_hash(log_id.get("keyId"), f"{what}: logId.keyId")
        proof = self._object(answer.get("inclusionProof"), "inclusionProof", self.PROOF_FIELDS)
        if parse_decimal(proof.get("logIndex"), f"{what}: inclusionProof.logIndex") != self.index:
            raise VerifyError(f"{what}: inclusionProof.logIndex is not logIndex {self.index}")
        self.size = parse_decimal(proof.get("treeSize"), f"{what}: inclusionProof.treeSize")
        self.root = parse_hash(proof.get("rootHash"), f"{what}: inclusionProof.rootHash")
        steps = proof.get("hashes")
        if not isinstance(steps, list):
            raise VerifyError(f"{what}: inclusionProof.hashes: not a list: {steps!r}")
        self.proof = [parse_hash(step, f"{what}: inclusionProof.hashes[{i}]")
                      for i, step in enumerate(steps)]
        envelope = self._object(proof.get("checkpoint"), "inclusionProof.checkpoint", {"envelope"})
        note = envelope.get("envelope")
        if not isinstance(note, str):
            raise VerifyError(f"{what}: inclusionProof.checkpoint.envelope: not a string: {note!r}")
        self.checkpoint = Checkpoint(note.encode("utf-8", "surrogatepass"), keys, origin,
                                     f"{what}: checkpoint in the answer")

    def _parse(self, data):
        def unique(pairs):
            if len(dict(pairs)) != len(pairs):
                raise ValueError(f"a field twice among {[name for name, _ in pairs]}")
            return dict(pairs)

        try:
            return json.loads(data, object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise VerifyError(f"{self.what}: not JSON: {error}") from error

    def _object(self, value, name, fields):
        if not isinstance(value, dict):
            raise VerifyError(f"{self.what}: {name}: not an object: {value!r}")
        if not set(value) <= fields:
            raise VerifyError(f"{self.what}: {name}: unknown fields {sorted(set(value) - fields)}")
        return value

    def _check_body(self, kind_version):
        body = self._parse(self.body)
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if canonical.encode("utf-8", "surrogatepass") != self.body:
            raise VerifyError(f"{self.what}: canonicalizedBody: not in canonical JSON form")
        said = self._object(kind_version, "kindVersion", {"kind", "version"})
        is_object = isinstance(body, dict)
        if not is_object or (body.get("kind"), body.get("apiVersion")) != (
                said.get("kind"), said.get("version")):
            raise VerifyError(f"{self.what}: kindVersion {said} is not that of canonicalizedBody")

    def check(self, log):
        what, signed = self.what, self.checkpoint
        if self.key_id not in [key.log_id for key in signed.signers]:
            raise VerifyError(f"{what}: logId.keyId {b64(self.key_id)} is not that of "
                              f"{signed.signers[0]}: {b64(signed.signers[0].log_id)}")
        if (self.size, self.root) != (signed.size, signed.root):
            raise VerifyError(
                f"{what}: inclusionProof has size {self.size} and root {b64(self.root)}, its "
                f"checkpoint has size {signed.size} and root {b64(signed.root)}")
        check_inclusion(self.index, self.size, leaf_hash(self.body), self.proof, self.root,
                        f"{what}: inclusion proof of entry {self.index}")
        hashes_used = check_prefix(signed, log)
        if log.entries[self.index] != self.body:
            raise VerifyError(f"{what}: canonicalizedBody is not entry {self.index} of the log")
        return hashes_used


class SctResponse:
    """A stored answer of `add-chain` or `add-pre-chain` (RFC 6962 section 4.1)."""

    def __init__(self, data, what):
        self.what = what
        try:
            answer = json.loads(data)
            self.timestamp = answer["timestamp"]
            version = answer["sct_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise VerifyError(f"{what}: not a promise: {error!r}") from error
        if version != 0:
            raise VerifyError(f"{what}: sct_version {version!r}, wanted 0")
        self.log_id = parse_hash(answer.get("id"), f"{what}: id")
        self.signature = unb64(answer.get("signature"), f"{what}: signature")
        extensions = unb64(answer.get("extensions"), f"{what}: extensions")
        if len(extensions) != 8 or extensions[:3] != b"\x00\x00\x05":
            raise VerifyError(f"{what}: the extensions are not a leaf index: {extensions.hex()}")
        self.index = int.from_bytes(extensions[3:], "big")

    def check(self, log, keys):
        keys = [key for key in keys if key.log_id == self.log_id]
        if not keys:
            raise VerifyError(f"{self.what}: by another log: {b64(self.log_id)}")
        leaf = log.entries[self.index]
        if leaf is None or leaf.timestamp != self.timestamp:
            raise VerifyError(f"{self.what}: there is no entry {self.index} of that time")
        if not keys[0].signed_digitally(leaf.signed, self.signature):
            raise VerifyError(f"{self.what}: wrong signature over entry {self.index}")


def pin(source, keys, origin, size_min):
    """The log's checkpoint; when it is older than what was seen, waits a little for a newer one."""
    for attempt in range(1, HTTP_TRIES + 1):
        try:
            note = source.read("checkpoint", NOTE_LEN_MAX)
        except NotFound:
            raise VerifyError("checkpoint: missing") from None
        checkpoint = Checkpoint(note, keys, origin, "checkpoint")
        if checkpoint.size >= size_min or attempt == HTTP_TRIES:
            return checkpoint
        if isinstance(source, HttpSource):
            time.sleep(1)
    raise AssertionError("the last attempt returns or raises")


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise VerifyError(f"{path}: cannot be read: {error.strerror}") from error


def save(path, data):
    """Replaces the file in one step, so that a crash never leaves half a checkpoint."""
    directory = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile(dir=directory, delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def verify(options, report):
    keys = [VerifierKey(vkey) for vkey in options.vkey]
    origin = options.origin or keys[0].name
    source = open_source(options.log)
    earlier = [Checkpoint(read_file(path), keys, origin, path) for path in options.earlier]
    answers = [EntryResponse(read_file(path), keys, origin, path)
               for path in options.entry_response]
    scts = [SctResponse(read_file(path), path) for path in options.sct]
    seen = earlier + [answer.checkpoint for answer in answers]

    size_min = max([c.size for c in seen] + [sct.index + 1 for sct in scts], default=0)
    pinned = pin(source, keys, origin, size_min)
    report(f"checkpoint  {pinned.origin}, size {pinned.size}, root {b64(pinned.root)}, "
           f"signed by {', '.join(map(str, pinned.signers))}")
    for checkpoint in seen:
        if checkpoint.size > pinned.size:
            raise VerifyError(f"{checkpoint.what}: size {checkpoint.size}, but the log now shows "
                              f"the smaller size {pinned.size}")
    log = LogCheck(source, pinned, [c.size for c in seen],
                   [answer.index for answer in answers + scts])
    log.run()
    report(f"entries     {pinned.size} hashed again, from {log.bundles} bundles")
    report(f"tiles       {log.tiles} equal byte for byte, {log.partials} of them partial")
    report("root        of the entries is the signed one")
    for checkpoint in earlier:
        count = check_prefix(checkpoint, log)
        report(f"earlier     {checkpoint.what}: size {checkpoint.size} is a prefix "
               f"(by the entries, and by a consistency proof of length {count})")
    for answer in answers:
        count = answer.check(log)
        report(f"answer      {answer.what}: entry {answer.index} is in the tree of size "
               f"{answer.size} (inclusion proof of length {len(answer.proof)}), which is a prefix "
               f"(consistency proof of length {count})")
    for sct in scts:
        sct.check(log, keys)
        report(f"promise     {sct.what}: about entry {sct.index}, signed by the log")
    if log.static_ct:
        report(f"issuers     {len(log.issuers)} served, and each entry issued by its own")
    if options.save_checkpoint:
        save(options.save_checkpoint, pinned.note)
        report(f"saved       {options.save_checkpoint}")
    report("all of it holds")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", metavar="LOG", help="base URL or directory of the log")
    parser.add_argument("--vkey", action="append", required=True,
                        help="a key of the log: name+id+base64; more than one may be given")
    parser.add_argument("--origin", help="first line of the checkpoint (else: the key's name)")
    parser.add_argument("--earlier", action="append", default=[], metavar="FILE",
                        help="a checkpoint seen before, which the log must extend")
    parser.add_argument("--entry-response", action="append", default=[], metavar="FILE",
                        help="a stored answer to a Rekor v2 submission")
    parser.add_argument("--sct", action="append", default=[], metavar="FILE",
                        help="a stored answer to add-chain or add-pre-chain")
    parser.add_argument("--save-checkpoint", metavar="FILE",
                        help="where to keep the checkpoint once everything holds")
    options = parser.parse_args(arguments)
    try:
        verify(options, lambda line: print(line, flush=True))
    except VerifyError as error:
        print(f"FAILED      {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
