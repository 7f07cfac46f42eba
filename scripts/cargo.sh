#!/usr/bin/env bash
# Runs cargo in the shared build environment. While RocksDB's C++ is compiled for the first time, it
# says once a minute how far that is, because cargo itself shows one silent line for up to half an
# hour.
#
#     scripts/cargo.sh build --release -p cairn-api
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
source scripts/env.sh

ROCKSDB_OBJECTS=340 # about as many as it has source files
NEWS_SECONDS=60

objects() {
  find "$CARGO_TARGET_DIR/$profile/build" -path '*/librocksdb-sys-*/out/*' -name '*.o' \
    -newer "$started" 2> /dev/null | wc -l
}

profile=debug
for argument in "$@"; do
  [[ $argument == --release ]] && profile=release
done

library="$CARGO_TARGET_DIR/$profile/build/librocksdb-sys-*/out/librocksdb.a"
if ! compgen -G "$library" > /dev/null; then
  cat << END
No RocksDB in $CARGO_TARGET_DIR/$profile yet, so its C++ is compiled
now: about 35 minutes of one processor ($(nproc) here) if ccache does not have it already. That
folder and ccache keep it for later builds and checkouts.
END
fi

started=$(mktemp)
(
  # The sleep outlives a kill of this loop: it must not hold the caller's pipe open.
  while sleep "$NEWS_SECONDS" > /dev/null 2>&1; do
    count=$(objects)
    if ((count > 0 && count < ROCKSDB_OBJECTS - 2)); then
      printf 'still compiling RocksDB: %s of about %s files\n' "$count" "$ROCKSDB_OBJECTS"
    fi
  done
) >&2 &
news=$!
trap 'kill "$news" 2> /dev/null || true; rm -f "$started"' EXIT

cargo "$@"
