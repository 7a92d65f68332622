#!/usr/bin/env bash
# Times the way of a newcomer: a clone, its packages, three nodes, a contract that is deployed on one and read on the others.
#
#   scripts/first_contract.sh [--here]
#
# Clones this checkout into a temporary folder and installs its packages there; with --here both are left out and the
# nodes are those of this checkout. Prints the seconds of each step. Everything is taken away at the end. Needs Linux,
# bash, curl, git, node and npm; ends with 1 at the first step that fails.
set -euo pipefail

SYNC_SECONDS=60
# shellcheck source=scripts/nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"
API=() P2P=()

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  show_logs
  exit 1
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# timed WHAT COMMAND…: runs a step and prints how long it took.
timed() {
  local what="$1" began
  shift
  began="$(milliseconds)"
  "$@"
  printf '%7s s  %s\n' "$(seconds $(($(milliseconds) - began)))" "$what"
}

clone() { git clone --quiet "$ROOT" "$WORK/clone" || fail "git clone"; }
install() { (cd "$WORK/clone" && npm ci >"$WORK/npm.log" 2>&1) || fail "npm ci"; }

# value NAME LOG: waits for the log's line that says the node is ready, and prints a member of it.
value() {
  node -e '
    const lines = require("fs").readFileSync(process.argv[2], "utf8").split("\n").filter((line) => line.startsWith("{"));
    const ready = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "ready");
    if (ready !== undefined) console.log([ready[process.argv[1]]].flat()[0]);
  ' "$1" "$2"
}

# start_node NUMBER FLAGS…: on free ports; returns when it is ready.
start_node() {
  local log="$WORK/node-$1.log" number="$1" pid deadline=$((SECONDS + START_SECONDS))
  run_node "$CHECKOUT" "$number" --api-port 0 --p2p-port 0 --log-format json "${@:2}"
  pid="${STARTED[-1]}"
  until grep -q '"msg":"ready"' "$log" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || fail "node $number ended before it was ready"
    ((SECONDS < deadline)) || fail "node $number was not ready within $START_SECONDS s"
    sleep 0.05
  done
  API+=("$(value api "$log")")
  P2P+=("$(value p2p "$log")")
}

start_nodes() {
  start_node 1
  start_node 2 --peer "${P2P[0]}"
  start_node 3 --peer "${P2P[0]}" --peer "${P2P[1]}"
}

deploy() {
  local body='{"contract_type": "token", "name": "First", "symbol": "FST", "decimals": 18}'
  ADDRESS="$(curl --silent --noproxy '*' --header 'content-type: application/json' --data "$body" \
    "${API[0]}/api/v1/contracts" | grep -oE '"address":"0x[0-9a-fA-F]{40}"' | head -n 1 | cut -d '"' -f 4)" ||
    fail "node 1 did not deploy"
}

await_others() {
  local at deadline=$((SECONDS + SYNC_SECONDS))
  for at in 1 2; do
    until curl --silent --fail --noproxy '*' --output /dev/null "${API[$at]}/api/v1/contracts/$ADDRESS"; do
      ((SECONDS < deadline)) || fail "node $((at + 1)) had no contract within $SYNC_SECONDS s"
      sleep 0.02
    done
  done
}

all() {
  if [[ "$CHECKOUT" != "$ROOT" ]]; then
    timed "git clone" clone
    timed "npm ci" install
  fi
  timed "start of three nodes" start_nodes
  timed "deployment on node 1" deploy
  timed "until nodes 2 and 3 have it" await_others
}

case "${1:-}" in
  "") CHECKOUT="$WORK/clone" ;;
  --here) CHECKOUT="$ROOT" ;;
  *) fail "unknown argument $1: only --here" ;;
esac
timed "all of it" all
echo "contract $ADDRESS is on three nodes"
