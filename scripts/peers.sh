#!/usr/bin/env bash
# Fetches the programs of other projects that cairn's tests run against, into the cache folder
# (${XDG_CACHE_HOME:-~/.cache}/cairn/tools/bin), and nothing outside it:
#   tessera-fsck  the auditor of transparency-dev/tessera, for any tlog-tiles log
#   nginx         a plain file server in front of a published log (it starts no service)
#   cargo-deny    licences, banned crates and sources of our dependencies
#   cosign        the Sigstore client for blobs and images
#   chromium      a browser without a window, to log in with
# What cannot be had here is named at the end, with the way to get it; its tests then skip, loudly.
#
#     scripts/peers.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
source scripts/env.sh

TESSERA_VERSION=v1.0.4
GO_VERSION_MIN=1.21 # from here on, go fetches a newer toolchain where a module asks for it
CARGO_DENY_VERSION=0.20.2

bin=$CAIRN_TOOLS/bin
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
mkdir -p "$bin"
skipped=()

say() { printf 'peers: %s\n' "$*"; }
skip() { skipped+=("$1"); }

at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

tessera_fsck() {
  local wanted=$bin/tessera-fsck-$TESSERA_VERSION go_version
  if [[ ! -x $wanted ]]; then
    if ! go_version=$(go env GOVERSION 2> /dev/null); then
      skip "tessera-fsck: needs Go $GO_VERSION_MIN or newer, see https://go.dev/dl"
      return
    fi
    if ! at_least "$GO_VERSION_MIN" "${go_version#go}"; then
      skip "tessera-fsck: needs Go $GO_VERSION_MIN or newer, found $go_version"
      return
    fi
    say "building tessera's fsck $TESSERA_VERSION (about a minute)"
    if ! GOBIN=$scratch go install "github.com/transparency-dev/tessera/cmd/fsck@$TESSERA_VERSION"
    then
      skip "tessera-fsck: go install failed, see above"
      return
    fi
    mv "$scratch/fsck" "$wanted"
  fi
  ln -sfn "$(basename "$wanted")" "$bin/tessera-fsck"
}

nginx_server() {
  local found
  if found=$(PATH=$PATH:/usr/sbin command -v nginx); then
    ln -sfn "$found" "$bin/nginx"
    return
  fi
  if [[ -x $CAIRN_TOOLS/nginx/usr/sbin/nginx ]]; then
    return
  fi
  # Unpacked, not installed: installing it would start a web server on port 80.
  say 'unpacking nginx from its Debian package'
  if ! (cd "$scratch" && apt-get download -qq nginx && dpkg -x nginx_*.deb unpacked) 2> /dev/null ||
    ! "$scratch/unpacked/usr/sbin/nginx" -v 2> /dev/null; then
    skip 'nginx: cannot be fetched and run here; as root: apt-get install nginx-light'
    return
  fi
  rm -rf "$CAIRN_TOOLS/nginx"
  mv "$scratch/unpacked" "$CAIRN_TOOLS/nginx"
  ln -sfn ../nginx/usr/sbin/nginx "$bin/nginx"
}

cargo_deny() {
  if [[ $("$bin/cargo-deny" --version 2> /dev/null) == "cargo-deny $CARGO_DENY_VERSION" ]]; then
    return
  fi
  say "building cargo-deny $CARGO_DENY_VERSION (about four minutes of one processor)"
  CARGO_TARGET_DIR=$scratch/target cargo install cargo-deny --version "$CARGO_DENY_VERSION" \
    --locked --quiet --root "$CAIRN_TOOLS" || skip 'cargo-deny: cargo install failed, see above'
}

# From Debian's testing suite, which has the release that this needs; it runs on older systems too.
# Under an apt configuration of its own: adding that suite to the machine's changes the machine.
cosign_client() {
  local mirror own=$scratch/apt
  [[ ! -x $CAIRN_TOOLS/cosign/usr/bin/cosign || ! -s $CAIRN_TOOLS/cosign/version ]] || return 0
  if ! mirror=$(apt-cache policy 2> /dev/null | awk '$2 ~ /\/debian\/?$/ { print $2; exit }') ||
    [[ -z $mirror ]]; then
    skip 'cosign: no Debian mirror is configured here; put cosign 3 at tools/bin/cosign yourself'
    return
  fi
  say 'unpacking cosign from its Debian package'
  mkdir -p "$own/lists/partial" "$own/cache/archives/partial" "$own/parts"
  printf 'deb %s testing main\n' "$mirror" > "$own/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$own/sources.list"
    -o "Dir::Etc::sourceparts=$own/parts" -o "Dir::State::lists=$own/lists"
    -o "Dir::Cache=$own/cache" -o APT::Sandbox::User= -o APT::Update::Error-Mode=any)
  if ! apt-get "${options[@]}" update; then
    skip 'cosign: the Debian mirror does not answer, see above'
    return
  fi
  (cd "$own" && apt-get "${options[@]}" download cosign && dpkg -x cosign_*.deb unpacked)
  "$own/unpacked/usr/bin/cosign" version > /dev/null
  dpkg-deb --field "$own"/cosign_*.deb Version > "$own/unpacked/version"
  rm -rf "$CAIRN_TOOLS/cosign"
  mv "$own/unpacked" "$CAIRN_TOOLS/cosign"
  ln -sfn ../cosign/usr/bin/cosign "$bin/cosign"
}

# With all libraries that this machine lacks; unpacked, not installed, like nginx.
headless_browser() {
  local own=$scratch/chromium unpacked=$CAIRN_TOOLS/chromium
  [[ ! -x $bin/chromium ]] || return 0
  say 'unpacking chromium from its Debian packages'
  mkdir -p "$own/archives/partial" "$own/unpacked"
  if ! apt-get install -qq --yes --no-install-recommends --download-only -o Debug::NoLocking=1 \
    -o "Dir::Cache::archives=$own/archives" -o APT::Sandbox::User= \
    chromium-headless-shell > /dev/null; then
    skip 'chromium: its packages cannot be fetched here, see above'
    return
  fi
  find "$own/archives" -name '*.deb' -exec dpkg -x {} "$own/unpacked" \;
  rm -rf "$unpacked"
  mv "$own/unpacked" "$unpacked"
  cat > "$scratch/chromium.sh" << 'END'
#!/bin/sh
usr=$(dirname "$(readlink -f "$0")")/../chromium/usr
libraries=$(echo "$usr"/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$libraries:$libraries/pulseaudio"
exec "$usr/lib/chromium/chromium-headless-shell" "$@"
END
  chmod +x "$scratch/chromium.sh"
  mv "$scratch/chromium.sh" "$bin/chromium"
  "$bin/chromium" --version > /dev/null
}

tessera_fsck
nginx_server
cargo_deny
cosign_client
headless_browser

for reason in ${skipped[@]+"${skipped[@]}"}; do
  printf 'peers: SKIPPED %s\n' "$reason" >&2
done
say "in $bin: $(find "$bin" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ')"
