#!/bin/sh
# Makes the certificates of the tests anew. They protect nothing: their keys lie beside them. Needs OpenSSL 3.4.
set -e
cd "$(dirname "$0")"
valid="-not_before 20200101000000Z -not_after 21200101000000Z"
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $key -keyout authority.key -out authority.pem $valid -subj '/CN=Headwater test authority'
for name in server client; do
  openssl req $key -keyout $name.key -out $name.csr -subj "/CN=$name"
  openssl x509 -req -in $name.csr -CA authority.pem -CAkey authority.key -out $name.pem $valid -extfile - <<EOF
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = ${name}Auth
EOF
done
# Known to no authority.
openssl req -x509 $key -keyout stranger.key -out stranger.pem $valid -subj '/CN=client'
rm authority.key server.csr client.csr
