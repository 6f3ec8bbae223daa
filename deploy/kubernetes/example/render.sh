#!/bin/sh
# Writes gateway/ from gateway.env, with the image's own renderer: PARLEY_IMAGE=registry.example/parley:0.1.0 ./render.sh
# In a checkout, without PARLEY_IMAGE, the renderer is the checkout's, and the Node that is installed there (else one from 24 on).
set -eu
cd "$(dirname "$0")"
if [ -n "${PARLEY_IMAGE:-}" ]; then
  mkdir -p gateway
  exec docker run --rm --env-file gateway.env --user "$(id -u):$(id -g)" --volume "$PWD/gateway:/out" "$PARLEY_IMAGE" gateway/main.ts /out
fi
node=../../../node_modules/.bin/node
[ -x "$node" ] || node=node
exec "$node" --env-file=gateway.env ../../../gateway/main.ts gateway
