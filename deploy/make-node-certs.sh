#!/bin/sh
# What nodes know each other by: an authority of their own, and a certificate for all of them.
#
#   deploy/make-node-certs.sh FOLDER [DAYS]     writes ca.crt, ca.key, tls.crt, tls.key; DAYS of the certificate, default 397
#
# Run again, it keeps the authority and makes a new certificate, for a rotation. Keep ca.key away from the machines that run
# nodes: who has it is a node. Only the nodes' uid (10001) may read tls.key; as root this script gives it to them.
set -eu
umask 077

folder=${1:?usage: make-node-certs.sh FOLDER [DAYS]}
days=${2:-397}
name=parley-node
mkdir -p "$folder"
cd "$folder"

if [ ! -f ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256 \
    -subj "/CN=parley nodes" -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout ca.key.new -out ca.crt.new 2>/dev/null
  mv ca.crt.new ca.crt
  mv ca.key.new ca.key
  echo "made the authority of the nodes: $folder/ca.crt, ca.key"
fi

extensions=$(mktemp)
trap 'rm -f "$extensions"' EXIT
cat >"$extensions" <<EOF
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$name
EOF
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout tls.key.new -out tls.csr 2>/dev/null
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -sha256 -extfile "$extensions" \
  -out tls.crt.new 2>/dev/null
rm -f tls.csr ca.srl
chmod 0644 ca.crt tls.crt.new
mv tls.key.new tls.key
mv tls.crt.new tls.crt

if [ "$(id -u)" = 0 ]; then
  chmod 0755 .
  chown 10001 tls.key
else
  echo "let the nodes, and nobody else, read the key: sudo chown 10001 $folder/tls.key && sudo chmod 0755 $folder"
fi
echo "made the certificate of the nodes, for $days days: $folder/tls.crt, tls.key"
