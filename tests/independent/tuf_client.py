"""Walks a python-tuf client through the years of a trust repository.

    tuf_client.py FOLDER

FOLDER is what `cargo run -p cairn-ca --example trust_years` wrote. Each state is served over HTTP
to one client that keeps its cache, as the client of a user who comes back now and then, and to one
that begins with the first root alone. An expired repository, one with a byte changed and one that
is older than what the client has seen must be refused. Needs the packages `tuf` and `sigstore`.
"""

import functools
import http.server
import pathlib
import shutil
import sys
import tempfile
import threading

from sigstore.models import ClientTrustConfig, SigningConfig, TrustedRoot
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater, UpdaterConfig

NAMES = ["trusted_root.json", "signing_config.v0.2.json"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


def serve(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}/"


def refresh(state, cache, bootstrap=None):
    """The target files that a client with this cache gets from a state."""
    server, url = serve(state)
    try:
        updater = Updater(
            metadata_dir=str(cache),
            metadata_base_url=url,
            target_dir=str(cache),
            target_base_url=url + "targets/",
            config=UpdaterConfig(prefix_targets_with_hash=True),
            bootstrap=bootstrap,
        )
        updater.refresh()
        files = []
        for name in NAMES:
            info = updater.get_targetinfo(name)
            assert info is not None, f"{name} is not listed"
            files.append(pathlib.Path(updater.download_target(info)).read_bytes())
        return files
    finally:
        server.shutdown()
        server.server_close()


def refused(what, state, cache, bootstrap):
    try:
        refresh(state, cache, bootstrap)
    except (RepositoryError, DownloadError) as error:
        print(f"ok: {what} is refused: {type(error).__name__}: {error}")
        return
    sys.exit(f"{what} was not refused")


def main(folder):
    first_root = (folder / "0" / "1.root.json").read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        old_friend = scratch / "old_friend"
        old_friend.mkdir()
        for state in ["0", "1", "2", "3", "4"]:
            files = refresh(folder / state, old_friend, first_root)
            newcomer = scratch / state
            newcomer.mkdir()
            assert refresh(folder / state, newcomer, first_root) == files
            (newcomer / "tr.json").write_bytes(files[0])
            TrustedRoot.from_file(str(newcomer / "tr.json"))
            (newcomer / "sc.json").write_bytes(files[1])
            config = SigningConfig.from_file(str(newcomer / "sc.json"))
            assert config.get_tlogs(), "no log to sign with"
            print(f"ok: state {state}")
            if state == "2":
                refused("what is older than seen", folder / "1", old_friend, first_root)
        expired = folder / "expired"
        own_root = (expired / "1.root.json").read_bytes()
        fresh = scratch / "expired"
        fresh.mkdir()
        refused("what has expired", expired, fresh, own_root)
        for path in sorted((folder / "4").rglob("*.*")):
            if path.name.startswith("1.") or not path.is_file():
                continue
            changed = scratch / "changed"
            shutil.copytree(folder / "4", changed)
            target = changed / path.relative_to(folder / "4")
            data = target.read_bytes()
            target.write_bytes(data.replace(b'"expires": "2', b'"expires": "3'))
            cache = scratch / "cache"
            cache.mkdir()
            is_old = path.name[:1] in "23" and path.name[2:] != "root.json"
            if not is_old and "targets" not in path.parts[-2:-1]:
                refused(f"a changed {path.name}", changed, cache, first_root)
            shutil.rmtree(changed)
            shutil.rmtree(cache)
    ClientTrustConfig.from_json((folder / "trust_config.json").read_text())
    print("ok: client trust config")
    print("all of it holds")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
