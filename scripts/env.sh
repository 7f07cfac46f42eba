# shellcheck shell=bash
# The build environment that every script here shares: where build products and test tools are kept,
# outside the checkout, so that RocksDB's C++ (about 35 CPU-minutes) is compiled once for all of
# them and for later checkouts. Changes nothing that is already set.
#
#     source scripts/env.sh

export CAIRN_CACHE=${CAIRN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn}
export CAIRN_TOOLS=${CAIRN_TOOLS:-$CAIRN_CACHE/tools}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CAIRN_CACHE/target}

# rustup installs here; a shell that was open during that does not know it yet.
case ":$PATH:" in
  *":${CARGO_HOME:-$HOME/.cargo}/bin:"*) ;;
  *) export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" ;;
esac

# With ccache a new target folder, profile or version of the crate does not compile RocksDB again.
if command -v ccache > /dev/null; then
  export CC=${CC:-ccache gcc} CXX=${CXX:-ccache g++}
fi

# The Python that verify.py runs with: the first one that has its only package.
if [[ -z ${CAIRN_PYTHON:-} ]]; then
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import cryptography' 2> /dev/null; then
      export CAIRN_PYTHON=$candidate
      break
    fi
  done
  unset candidate
fi
