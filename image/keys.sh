#!/usr/bin/env bash
# Keys that sign update bundles. A release is given its own (OUTBOX_KEYRING, OUTBOX_CERT, OUTBOX_KEY: PEM files); otherwise development
# keys are made once in build/image/keys. A box takes only bundles signed under the keyring in its image.
set -euo pipefail
KEYS=$BUILD/keys
mkdir -p "$KEYS"
chmod 700 "$KEYS"
if [ -n "${OUTBOX_KEYRING:-}" ]; then
    cp "$OUTBOX_KEYRING" "$KEYS/keyring.pem"
    cp "${OUTBOX_CERT:?}" "$KEYS/bundle.pem"
    cp "${OUTBOX_KEY:?}" "$KEYS/bundle.key"
    rm -f "$KEYS/development" "$KEYS/keyring.key"
    exit 0
fi
[ -e "$KEYS/development" ] && exit 0
image/in-tools.sh sh -euc '
cd /build/keys
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 7300 -subj "/CN=Outbox development keyring" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout keyring.key -out keyring.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=Outbox development bundle" -keyout bundle.key -out bundle.csr 2>/dev/null
printf "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n" > bundle.ext
openssl x509 -req -in bundle.csr -CA keyring.pem -CAkey keyring.key -days 7300 -extfile bundle.ext -out bundle.pem 2>/dev/null
rm bundle.csr bundle.ext
'
touch "$KEYS/development"
