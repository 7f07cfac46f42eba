#!/usr/bin/env bash
# Sets up and runs every check and test of cairn, one named step after the other, and stops at the
# first that fails. Up to an hour with warm caches.
#
#     scripts/test.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# step NAME COMMAND...: one step, its time, and its name once more if it fails.
step() {
  local name=$1 began=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if ! "$@"; then
    printf '\n== FAILED after %s s: %s\n' "$((SECONDS - began))" "$name" >&2
    exit 1
  fi
  printf '== ok after %s s: %s\n' "$((SECONDS - began))" "$name"
}

step 'set-up' scripts/setup.sh
step 'programs to test against' scripts/peers.sh
# shellcheck source=scripts/env.sh
source scripts/env.sh

step 'formatting' cargo fmt --all --check
step 'independent verifier, its self test' "$CAIRN_PYTHON" tests/independent/test_verify.py
step 'lints' scripts/cargo.sh clippy --workspace --all-targets --features cairn-bench/rocks \
  -- -D warnings
step 'lints of the slow and client suites' scripts/cargo.sh clippy -p cairn-tests --all-targets \
  --features slow,clients -- -D warnings
step 'documentation' env RUSTDOCFLAGS='-D warnings' scripts/cargo.sh doc --workspace --no-deps
step 'licences, bans and sources of dependencies' \
  "$CAIRN_TOOLS/bin/cargo-deny" --all-features check licenses bans sources
step 'tests' scripts/cargo.sh test --workspace
step 'slow and client suites' scripts/cargo.sh test -p cairn-tests --features slow,clients

printf '\n== all steps passed in %s minutes\n' "$((SECONDS / 60))"
