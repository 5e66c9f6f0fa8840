#!/bin/sh
# Makes the certificates that the tests of TLS use: an authority that nobody trusts but they, and a server of it. They last so
# long that no test ends with them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days 36500"
$new -x509 -subj "/CN=Authority for tests" -keyout "$work/ca.key" -out "$work/ca.pem" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
$new -x509 -CA "$work/ca.pem" -CAkey "$work/ca.key" -subj "/CN=Server for tests" -keyout "$work/server.key" \
    -out "$work/server.pem" -addext "basicConstraints=critical,CA:FALSE" -addext "subjectAltName=DNS:tls.example"
openssl x509 -in "$work/ca.pem" -outform DER -out authority.der
openssl x509 -in "$work/server.pem" -outform DER -out server.der
openssl pkcs8 -topk8 -nocrypt -in "$work/server.key" -outform DER -out server-key.der
