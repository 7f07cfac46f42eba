#!/usr/bin/env bash
# From a fresh checkout to a file that is signed without a key: installs what is missing, builds
# cairnd, starts a private Sigstore for development with it, and has sigstore-python, a client that
# nobody here wrote, sign a file and verify it. Leaves the server running.
#
#     scripts/quickstart.sh [DIR]
#
# DIR is made if it is not there; a later run with the same one uses what it finds, the server too
# if it still runs. Without DIR a new directory under ${TMPDIR:-/tmp} is made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SIGSTORE_VERSION=4.5.1
IDENTITY=you@example.com
START_SECONDS_MAX=30

step() { printf '\n== %s\n' "$*"; }
die() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

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
built=$SECONDS

if (($# > 0)); then
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
else
  dir=$(mktemp -d "${TMPDIR:-/tmp}/cairn-XXXXXX")
fi
data=$dir/data

# ---- The client ---------------------------------------------------------------------------------

# As the tests install it, so that either finds what the other left.
client=$CAIRN_TOOLS/sigstore-python-$SIGSTORE_VERSION
if [[ ! -e $client/complete ]]; then
  step "Installing sigstore-python $SIGSTORE_VERSION in $client"
  rm -rf "$client"
  python3 -m venv "$client"
  "$client/bin/pip" install --quiet --disable-pip-version-check "sigstore==$SIGSTORE_VERSION"
  touch "$client/complete"
fi

# ---- The server ---------------------------------------------------------------------------------

finished=
stop_unless_finished() {
  [[ -z $finished ]] || return 0
  [[ -z ${started:-} ]] || kill "$started" 2> /dev/null || true
  tail -n 20 "$dir/serve.log" >&2 || true
}
trap stop_unless_finished EXIT

if [[ -s $dir/pid ]] && server=$(cat "$dir/pid") &&
  [[ $(readlink "/proc/$server/exe") == "$cairnd" ]]; then
  step "A private Sigstore runs in $data already"
else
  step "Starting a private Sigstore in $data"
  printf '\n$ %q up --dir %q &\n' "$cairnd" "$data"
  setsid nohup "$cairnd" up --dir "$data" < /dev/null > "$dir/serve.out" 2> "$dir/serve.log" &
  server=$! started=$!
  printf '%s\n' "$server" > "$dir/pid"
fi

trust_root=
for ((tenths = 0; tenths < START_SECONDS_MAX * 10; tenths++)); do
  trust_root=$(sed -n 's/^trust root //p' "$dir/serve.out")
  [[ -z $trust_root ]] || break
  kill -0 "$server" 2> /dev/null || die 'the server stopped; the end of its log follows'
  sleep 0.1
done
[[ -n $trust_root ]] || die "the server is not ready after $START_SECONDS_MAX seconds"
cat "$dir/serve.out"
url=$(sed -n 's/^url //p' "$dir/serve.out")

# ---- Signing and verifying ----------------------------------------------------------------------

sigstore=("$client/bin/sigstore" --trust-config "$dir/trust/trust_config.json")
verify=("${sigstore[@]}" verify identity --cert-identity "$IDENTITY"
  --cert-oidc-issuer "$url/dev/oidc/email" --bundle "$dir/artifact.sigstore.json")

step 'Whom to trust and where to sign, and who signs'
run "$cairnd" trust export --dir "$data" --to "$dir/trust"
printf "\n\$ token=\$(%q dev-token --dir %q --identity %q)\n" "$cairnd" "$data" "$IDENTITY"
token=$("$cairnd" dev-token --dir "$data" --identity "$IDENTITY")

step 'Signing a file, with a key that is forgotten at once'
printf 'signed on %s\n' "$(date --utc)" > "$dir/artifact"
run "${sigstore[@]}" sign --identity-token "$token" --overwrite \
  --bundle "$dir/artifact.sigstore.json" "$dir/artifact"

step "Verifying that $IDENTITY signed it"
run "${verify[@]}" "$dir/artifact"

step 'The same for a file that was changed'
sed 's/signed/changed/' "$dir/artifact" > "$dir/changed"
if run "${verify[@]}" "$dir/changed"; then
  die "$dir/changed was not refused"
fi
printf 'refused, as it must be\n'

finished=yes
cat << END

== Verified, $((SECONDS - built)) s after the build

The server is left running, for development only: it gives anybody any identity.

server       $url
trust files  $dir/trust, or by TUF from $trust_root
signature    $dir/artifact.sigstore.json
its messages $dir/serve.log

stop it      kill $server
start it     $cairnd up --dir $data
END
