#!/usr/bin/env bash
# Makes the keys and signatures of this directory anew, with the tools that people sign with:
# OpenSSL, OpenSSH, minisign and jarsigner. Nearly all are of the file `message`. The private keys
# are thrown away.
# Tests name files, not values, but for fingerprints and key ids.
#
#     sigstore/testdata/pki/make.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
secret=$(mktemp -d)
trap 'rm -rf "$secret"' EXIT
printf 'hello\n' >message

# x509 KIND GENPKEY-OPTIONS...: a key, and a signature of the message for each hash.
x509() {
  local kind=$1 hash
  shift
  openssl genpkey "$@" -out "$secret/$kind"
  openssl pkey -in "$secret/$kind" -pubout -out "x509-$kind.pub"
  if [ "$kind" = ed25519 ]; then
    openssl pkeyutl -sign -rawin -inkey "$secret/$kind" -in message -out "x509-$kind.sig"
    return
  fi
  for hash in sha256 sha384 sha512; do
    openssl dgst "-$hash" -sign "$secret/$kind" -out "x509-$kind.$hash.sig" message
  done
}
x509 p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
x509 p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
x509 p521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
x509 rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
x509 ed25519 -algorithm ED25519
openssl rsa -in "$secret/rsa" -RSAPublicKey_out -out x509-rsa.pkcs1.pub

# A chain of three: root, intermediate and a signer with two names.
certificate() { # NAME ISSUER EXTENSIONS
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$secret/$1" \
    -subj "/CN=$1" -out "$secret/$1.csr"
  local signer=(-CA "$secret/$2.pem" -CAkey "$secret/$2")
  [ "$1" != "$2" ] || signer=(-signkey "$secret/$1")
  openssl x509 -req -in "$secret/$1.csr" "${signer[@]}" -set_serial "0x$(openssl rand -hex 8)" \
    -days 365 -extfile <(printf '%b' "$3") -out "$secret/$1.pem"
}
certificate root root 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
certificate between root 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
certificate signer between 'keyUsage=critical,digitalSignature
subjectAltName=email:jane@example.org,URI:https://example.org/w\n'
cat "$secret"/{signer,between,root}.pem >x509-chain.pem
openssl dgst -sha256 -sign "$secret/signer" -out x509-chain.sig message

# ssh KIND KEYGEN-OPTIONS...: a key, and a signature of the message for each hash.
ssh() {
  local kind=$1 hash
  shift
  ssh-keygen -q -t "$@" -N '' -C jane@example.org -f "$secret/ssh-$kind"
  cp "$secret/ssh-$kind.pub" .
  for hash in sha256 sha512; do
    ssh-keygen -q -Y sign -f "$secret/ssh-$kind" -n file -O "hashalg=$hash" <message \
      >"ssh-$kind.$hash.sig"
  done
}
ssh ed25519 ed25519
ssh p256 ecdsa -b 256
ssh p384 ecdsa -b 384
ssh p521 ecdsa -b 521
ssh rsa rsa -b 2048
ssh-keygen -q -Y sign -f "$secret/ssh-ed25519" -n git <message >ssh-ed25519.git.sig
ssh-keygen -q -t dsa -N '' -C jane@example.org -f "$secret/ssh-dsa" && cp "$secret/ssh-dsa.pub" .

minisign -G -f -W -p minisign.pub -s "$secret/minisign" >/dev/null
minisign -S -W -s "$secret/minisign" -m message -x minisign.prehashed.sig -t 'said by jane'
minisign -S -l -W -s "$secret/minisign" -m message -x minisign.legacy.sig -t 'said by jane'

# cms KIND OPTIONS...: a certificate of its own for a key, and a signature of the message with it.
cms() {
  local kind=$1
  shift
  openssl req -x509 -new -key "$secret/$kind" -days 365 -out "$secret/$kind.pem" \
    -subj '/CN=jane/emailAddress=jane@example.org' -addext subjectAltName=DNS:example.org
  openssl cms -sign -binary -in message -signer "$secret/$kind.pem" -inkey "$secret/$kind" "$@"
}
cms rsa -md sha256 -outform PEM -out pkcs7-rsa.sig
cms rsa -md sha512 -noattr -outform DER -out pkcs7-rsa.plain.sig
cms rsa -md sha256 -nodetach -outform DER -out pkcs7-rsa.attached.sig
cms rsa -md sha256 -stream -indef -outform DER -out pkcs7-rsa.ber.sig
cms p256 -md sha256 -outform DER -out pkcs7-p256.sig
cms p256 -md sha256 -nocerts -outform DER -out pkcs7-p256.bare.sig
cp "$secret/p256.pem" pkcs7-p256.pem
cms p384 -md sha384 -keyid -outform PEM -out pkcs7-p384.sig
cms p521 -md sha512 -certfile "$secret/rsa.pem" -outform PEM -out pkcs7-p521.sig

# What jarsigner puts into a JAR: it signs its list of files, which is kept beside it.
jar=$secret/signed
mkdir -p "$jar/content" && cp message "$jar/content/"
(cd "$jar/content" && zip -q -X ../signed.jar message)
keytool -genkeypair -keystore "$jar/store" -storepass secret -keyalg EC -groupname secp256r1 \
  -alias jane -dname CN=jane -validity 365
jarsigner -keystore "$jar/store" -storepass secret "$jar/signed.jar" jane >/dev/null
unzip -p "$jar/signed.jar" META-INF/JANE.SF >pkcs7-jar.sf
unzip -p "$jar/signed.jar" META-INF/JANE.EC >pkcs7-jar.sig

# OpenPGP keys with their signatures, at times of their own: 2020 is a year in which all are valid
# that are ever valid.
export GNUPGHOME=$secret/gnupg
mkdir -m 700 "$GNUPGHOME"
pgp() { # DATE ARGUMENTS...
  local date=$1
  shift
  gpg --quiet --batch --yes --no-tty --pinentry-mode loopback --passphrase '' \
    --faked-system-time "$date!" "$@"
}
fingerprint() { # NAME: of its primary key
  gpg --batch --with-colons --list-keys "$1@example.org" 2>/dev/null |
    awk -F: '/^fpr/ {print $10; exit}'
}
sign_pgp() { # NAME DATE ARGUMENTS...: a signature in pgp-NAME.sig
  local name=$1 date=$2
  shift 2
  pgp "$date" --local-user "$name@example.org" "$@" --output "pgp-$name.sig" --detach-sign message
}
export_pgp() { # NAME ARGUMENTS...
  local name=$1
  shift
  pgp 20200701T000000 "$@" --output "pgp-$name.key" --export "$name@example.org"
}
pgp_key() { # NAME ALGORITHM EXPIRY
  pgp 20200101T000000 --quick-generate-key "Jane Doe <$1@example.org>" "$2" sign "$3"
}
pgp_key rsa rsa2048 never && sign_pgp rsa 20200601T000000 --armor && export_pgp rsa --armor
pgp_key p256 nistp256 never && sign_pgp p256 20200601T000000 && export_pgp p256
pgp_key ed25519 ed25519 never && sign_pgp ed25519 20200601T000000 --armor
export_pgp ed25519 --armor
pgp_key p384 nistp384 never && sign_pgp p384 20200601T000000 --digest-algo sha384 && export_pgp p384
printf 'one\r\ntwo\n\nthree' >message.text
pgp 20200601T000000 --local-user rsa@example.org --armor --textmode --output pgp-text.sig \
  --detach-sign message.text
pgp 20200601T000000 --local-user rsa@example.org --digest-algo sha1 --output pgp-sha1.sig \
  --detach-sign message
pgp 20200601T000000 --local-user p256@example.org --local-user rsa@example.org --armor \
  --output pgp-two.sig --detach-sign message
pgp 20200601T000000 --local-user rsa@example.org --default-sig-expire 30d --output pgp-short.sig \
  --detach-sign message

# A subkey that signs for a key which only certifies.
pgp 20200101T000000 --quick-generate-key 'Jane Doe <subkey@example.org>' ed25519 cert never
pgp 20200101T000000 --quick-add-key "$(fingerprint subkey)" rsa2048 sign never
sign_pgp subkey 20200601T000000 --armor && export_pgp subkey --armor

# One that has expired, one whose end was moved to before its signature, and those revoked.
pgp_key expired ed25519 2021-01-01 && sign_pgp expired 20200601T000000 && export_pgp expired
pgp_key shortened ed25519 never && sign_pgp shortened 20200601T000000
pgp 20200201T000000 --quick-set-expire "$(fingerprint shortened)" 2020-03-01
export_pgp shortened
for revoked in compromised retired; do
  reason=1
  [ "$revoked" = compromised ] || reason=3
  pgp_key "$revoked" ed25519 never && sign_pgp "$revoked" 20200601T000000
  printf 'y\n%s\n\ny\n' "$reason" | gpg --quiet --no-tty --command-fd 0 --pinentry-mode loopback \
    --passphrase '' --faked-system-time '20200615T000000!' --output "$secret/revocation" \
    --gen-revoke "$(fingerprint "$revoked")" 2>/dev/null
  pgp 20200616T000000 --import "$secret/revocation" && rm "$secret/revocation"
  export_pgp "$revoked"
done
pgp_key dsa dsa2048 never && sign_pgp dsa 20200601T000000 && export_pgp dsa
pgp_key weak rsa1024 never && sign_pgp weak 20200601T000000 && export_pgp weak
gpgconf --kill gpg-agent
