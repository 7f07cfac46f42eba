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

# The clients that ran, as they say themselves: a client with any failure has failed.
client_table() {
  printf '\n== clients\n'
  sort -u "$CAIRN_CLIENT_TABLE" | awk -F '\t' '
    !($1 in result) { names[++count] = $1; result[$1] = $4; version[$1] = $2 }
    $2 != "-" { version[$1] = $2 }
    $4 != "ok" && result[$1] != "failed" { result[$1] = $4 }
    { what[$1] = what[$1] (what[$1] == "" ? "" : ", ") $3 ($4 == "failed" ? " (failed)" : "") }
    END {
      format = "%-16s %-10s %s\n"
      printf format, "client", "version", "result"
      for (i = 1; i <= count; i++) {
        name = names[i]
        printf format, name, version[name], result[name] ": " what[name]
      }
    }'
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
CAIRN_CLIENT_TABLE=$(mktemp)
export CAIRN_CLIENT_TABLE
trap client_table EXIT
step 'slow and client suites' scripts/cargo.sh test -p cairn-tests --features slow,clients

printf '\n== all steps passed in %s minutes\n' "$((SECONDS / 60))"
