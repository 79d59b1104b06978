#!/bin/bash
# Mirrors the simulator by `sync` and by a worker over a Valkey, and compares the results. Run it
# after `npm run build`, with VALKEY_SERVER set to a valkey-server (else the one on PATH).
# It is not part of `npm test`. Exit code 0: both snapshots have the pool's users.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
CM="node $ROOT/bin/cognito-mirror.mjs"
VALKEY=${VALKEY_SERVER:-valkey-server}
POOL=us-east-1_Simulated
USERS=300
W=$(mktemp -d)
chmod 711 "$W"
cd "$W" || exit 1
export MIRROR_HOME=$W/home AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_REGION=us-east-1
export MIRROR_USER_LIST_RPS=6000 ARCHIVE_URL=file://$W/archive COGNITO_POOLS=$POOL PORT=0
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$W"' EXIT

until_found() { # PATTERN FILE: waits up to 60 s
  for _ in {1..600}; do grep -q "$1" "$2" && return; sleep 0.1; done
  echo "FAILED: no '$1' in:"; cat "$2"; exit 1
}
count() { $CM query "SELECT count(*) FROM directory.users" | grep -oE '[0-9]+' | head -1; }

$CM simulator --port 0 --rps 0 --users $USERS --groups 5 >simulator.log 2>&1 &
$CM db >db.log 2>&1 &
until_found 'http:' simulator.log
until_found 'postgres:' db.log
AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=$(grep -o 'http://[^ ]*' simulator.log)
DATABASE_URL=$(grep -o 'postgres://[^ ]*' db.log)
PORT_OF_VALKEY=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
"$VALKEY" --port "$PORT_OF_VALKEY" --bind 127.0.0.1 --save '' --dir "$W" >valkey.log 2>&1 &
until_found 'Ready to accept' valkey.log
export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER DATABASE_URL REDIS_URL=redis://127.0.0.1:$PORT_OF_VALKEY

$CM sync $POOL >sync.log 2>&1 || { echo 'FAILED: sync'; cat sync.log; exit 1; }
[ "$(count)" = $USERS ] || { echo "FAILED: sync left $(count) users"; exit 1; }
$CM worker >worker.log 2>&1 &
until_found listening worker.log
$CM trigger $POOL >/dev/null
until_found 'snapshot archived' worker.log
grep -q '"level":"warn"' worker.log && { echo 'FAILED: the worker warns'; cat worker.log; exit 1; }
[ "$(count)" = $USERS ] || { echo "FAILED: the worker left $(count) users"; exit 1; }
echo "OK: sync and worker over $("$VALKEY" --version)"
