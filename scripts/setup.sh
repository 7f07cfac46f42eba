#!/usr/bin/env bash
# Installs what building cairn and running its scripts needs and this Debian machine lacks, and
# nothing else. Says what it installs and why. Run it as root or as a user with sudo; on other
# systems it names what is missing and stops.
#
#     scripts/setup.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
source scripts/env.sh

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages=()

# want PACKAGE REASON CHECK...: notes the package unless the check succeeds.
want() {
  local package=$1 reason=$2
  shift 2
  if "$@" > /dev/null 2>&1; then return; fi
  packages+=("$package")
  say "missing: $package ($reason)"
}

# The library, and the compiler's own headers, which a runtime package of it lacks.
has_libclang() {
  [[ -n ${LIBCLANG_PATH:-} ]] ||
    { compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' &&
      compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h'; }
}

has_venv() { python3 -c 'import ensurepip, venv'; }

has_python() { [[ -n ${CAIRN_PYTHON:-} ]]; }

want gcc 'compiles the C of the cryptography and compression libraries' command -v gcc
want g++ 'compiles the C++ of RocksDB, the storage engine' command -v g++
want libc6-dev 'the C headers' test -e /usr/include/stdio.h
want make 'build scripts of C libraries' command -v make
want libclang-dev 'generates the Rust bindings of RocksDB' has_libclang
want ccache 'keeps compiled C++, so that the next build takes minutes less' command -v ccache
want ca-certificates 'lets cargo and curl trust their servers' \
  test -e /etc/ssl/certs/ca-certificates.crt
want curl 'talks to the log' command -v curl
want openssl 'makes keys and signatures' command -v openssl
want openssh-client 'makes keys and signatures' command -v ssh-keygen
want gnupg 'makes keys and signatures' command -v gpg
want minisign 'makes keys and signatures' command -v minisign
want python3 'runs the independent verifier' command -v python3
want python3-venv 'installs the Sigstore clients that are written in Python' has_venv
want python3-cryptography 'checks signatures in the independent verifier' has_python

if ((${#packages[@]} > 0)); then
  command -v apt-get > /dev/null ||
    die "this is not a Debian system; install these (or what they are called here) and run me again"
  as_root=()
  if ((EUID != 0)); then
    command -v sudo > /dev/null ||
      die "neither root nor sudo here; as root, run: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  say "installing with apt-get: ${packages[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

toolchain=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
command -v cargo > /dev/null ||
  die "no cargo: install Rust with rustup, see https://rustup.rs (cairn wants Rust $toolchain)"
# With rustup, the first call in this checkout fetches the version that rust-toolchain.toml names.
found=$(rustc --version) ||
  die "rustc does not run; with rustup, try: rustup toolchain install $toolchain"
[[ $found == "rustc $toolchain "* ]] ||
  die "found $found, but cairn is built with Rust $toolchain: install rustup (https://rustup.rs)"

say "everything needed is there; builds go to $CARGO_TARGET_DIR"
