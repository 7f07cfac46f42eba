#!/usr/bin/env bash
# From a fresh checkout to a running Rekor v2 log, alone, without certificates: installs what is
# missing, builds cairnd, starts a log in a new directory, signs two files with a key and logs them,
# reads the log back with curl, and verifies it with a verifier that shares no code with it. Leaves
# the server running.
#
#     scripts/quickstart-log.sh [DIR]
#
# DIR must not exist yet; without it a new directory under ${TMPDIR:-/tmp} is made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PORT_WANTED=3000
START_SECONDS_MAX=30

step() { printf '\n== %s\n' "$*"; }
die() { printf 'quickstart-log: %s\n' "$*" >&2; exit 1; }

# Shows a command, then runs it.
run() {
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

step 'Setting up'
scripts/setup.sh
# shellcheck source=scripts/env.sh
source scripts/env.sh

step 'Building cairnd'
scripts/cargo.sh build --release -p cairn-api
cairnd=$CARGO_TARGET_DIR/release/cairnd

if (($# > 0)); then
  mkdir "$1"
  dir=$(cd "$1" && pwd)
else
  dir=$(mktemp -d "${TMPDIR:-/tmp}/cairn-XXXXXX")
fi
data=$dir/data

# ---- The server ---------------------------------------------------------------------------------

# The usual port if it is free, else any; the log keeps it across restarts.
port=$("$CAIRN_PYTHON" - "$PORT_WANTED" << 'END'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(listener.getsockname()[1])
        break
END
)

step "A new log in $data"
run "$cairnd" init --dir "$data" --origin localhost --kind rekor-v2 --listen "127.0.0.1:$port"

step 'Starting the server'
printf '\n$ %q serve --dir %q &\n' "$cairnd" "$data"
setsid nohup "$cairnd" serve --dir "$data" < /dev/null > "$dir/serve.out" 2> "$dir/serve.log" &
server=$!
finished=
stop_unless_finished() {
  [[ -z $finished ]] || return 0
  kill "$server" 2> /dev/null || true
  tail -n 20 "$dir/serve.log" >&2
}
trap stop_unless_finished EXIT

url=
for ((tenths = 0; tenths < START_SECONDS_MAX * 10; tenths++)); do
  url=$(sed -n 's|^listening on \(http://.*\)$|\1|p' "$dir/serve.out")
  [[ -z $url ]] || break
  kill -0 "$server" 2> /dev/null || die 'the server stopped; the end of its log follows'
  sleep 0.1
done
[[ -n $url ]] || die "the server is not listening after $START_SECONDS_MAX seconds"
cat "$dir/serve.out"

# ---- Two entries --------------------------------------------------------------------------------

# log_file FILE ANSWER: signs a file with OpenSSL and logs the signature with curl.
log_file() {
  local file=$1 answer=$2 status
  run openssl dgst -sha256 -sign "$dir/signer.pem" -out "$dir/signature" "$file"
  cat > "$dir/request.json" << END
{"hashedRekordRequestV002": {
  "digest": "$(openssl dgst -sha256 -binary "$file" | openssl base64 -A)",
  "signature": {
    "content": "$(openssl base64 -A -in "$dir/signature")",
    "verifier": {
      "publicKey": {"rawBytes": "$(openssl pkey -in "$dir/signer.pem" -pubout -outform DER |
        openssl base64 -A)"},
      "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}}}
END
  printf '\nrequest.json is:\n'
  cat "$dir/request.json"
  run curl -sS -o "$answer" -w '%{http_code} after %{time_total} s' --data-binary \
    "@$dir/request.json" "$url/api/v2/log/entries" | tee "$dir/status"
  status=$(tail -n 1 "$dir/status")
  printf '\nThe answer, with its inclusion proof, is in %s\n' "$answer"
  [[ $status == 201\ * ]] || die "wanted 201, got: $(cat "$answer")"
}

step 'Signing a file and logging the signature'
run openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/signer.pem"
log_file README.md "$dir/answer-1.json"

step 'Reading the log with curl'
run curl -sS --fail -o "$dir/checkpoint-1" "$url/checkpoint"
cat "$dir/checkpoint-1"
size=$(sed -n 2p "$dir/checkpoint-1")
# A log this young has one tile and one bundle; their names tell how many entries they hold.
run curl -sS --fail -o "$dir/tile" "$url/tile/0/000.p/$size"
od -A d -t x1 -w32 "$dir/tile"
run curl -sS --fail --compressed -o "$dir/bundle" "$url/tile/entries/000.p/$size"
printf '%s entries in %s bytes\n' "$size" "$(wc -c < "$dir/bundle")"

step 'Logging a second file'
log_file LICENSE "$dir/answer-2.json"

# ---- A stranger's view --------------------------------------------------------------------------

step 'Verifying: the whole log, both inclusion proofs, and that it extends the first checkpoint'
run "$cairnd" key --dir "$data"
vkey=$("$cairnd" key --dir "$data" | awk '$1 == "rekor" && !seen++ { print $2 }')
[[ -n $vkey ]] || die 'cairnd key printed no key for the log rekor'
run "$CAIRN_PYTHON" tests/independent/verify.py --vkey "$vkey" --earlier "$dir/checkpoint-1" \
  --entry-response "$dir/answer-1.json" --entry-response "$dir/answer-2.json" "$url"

finished=yes
cat << END

== The log is running

submit       $url/api/v2/log/entries
checkpoint   $url/checkpoint
tiles        $url/tile/...
health       $url/healthz
its data     $data   (keys in $data/keys: back them up)
its messages $dir/serve.log

stop it      kill $server
start it     $cairnd serve --dir $data
END
