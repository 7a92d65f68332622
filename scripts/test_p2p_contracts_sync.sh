#!/usr/bin/env bash
# Shows that contracts travel between two nodes, in eight steps over their REST APIs.
#
#   scripts/test_p2p_contracts_sync.sh [api-port-1 p2p-port-1 api-port-2 p2p-port-2]
#
# Works with two nodes that are already running when all four ports answer (8080 5000 8081 5001 when not given), and
# disconnects them first; else it starts two nodes in temporary folders and ends them again. Ends with 0 when every
# step holds, and with 1 at the first that does not. Needs bash, curl and node.
set -euo pipefail

API_1="${1:-8080}" P2P_1="${2:-5000}" API_2="${3:-8081}" P2P_2="${4:-5001}"
HOST=127.0.0.1
NODE_1="http://$HOST:$API_1/api/v1"
NODE_2="http://$HOST:$API_2/api/v1"
AMOUNT=1000
SYNC_SECONDS=30
STEP="preparation"
# shellcheck source=scripts/nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"

bold="" red="" green="" plain=""
if [[ -t 1 ]]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; fi

step() { STEP="step $1/8: $2"; printf '%s[%s/8]%s %s\n' "$bold" "$1" "$plain" "$2"; }
ok() { printf '      %s✓%s %s\n' "$green" "$plain" "$1"; }
fail() {
  printf '%sFAILED%s at %s\n       %s\n' "$red" "$plain" "$STEP" "$1" >&2
  show_logs
  exit 1
}

# request METHOD URL [JSON]: sets STATUS (000 when nothing answered) and BODY.
request() {
  local arguments=(--silent --noproxy '*' --max-time 90 --output "$WORK/body" --write-out '%{http_code}' --request "$1")
  [[ $# -gt 2 ]] && arguments+=(--header 'content-type: application/json' --data "$3")
  : >"$WORK/body"
  STATUS="$(curl "${arguments[@]}" "$2" || true)"
  BODY="$(cat "$WORK/body")"
}

# expect WHAT STATUS…: the last answer has one of these statuses.
expect() {
  local what="$1" wanted
  shift
  for wanted in "$@"; do [[ "$STATUS" == "$wanted" ]] && return; done
  [[ "$STATUS" == 000 ]] && fail "$what: no answer"
  fail "$what: expected HTTP $*, got $STATUS: ${BODY:0:500}"
}

# fields PATH…: sets FIELDS to these members of the last answer, with a space between them and - for an absent one.
fields() {
  FIELDS="$(node -e '
    const answer = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const member = (path) => path.split(".").reduce((value, key) => value?.[key], answer);
    console.log(process.argv.slice(1).map((path) => member(path) ?? "-").join(" "));
  ' "$@" <<<"$BODY" 2>/dev/null)" || fail "the answer is not the JSON expected: ${BODY:0:500}"
}

answers() { (exec 3<>"/dev/tcp/$HOST/$1") 2>/dev/null; }

prepare() {
  local tool port answering=()
  for tool in curl node; do command -v "$tool" >/dev/null || fail "$tool is not installed"; done
  for port in "$API_1" "$P2P_1" "$API_2" "$P2P_2"; do
    if answers "$port"; then answering+=("$port"); fi
  done
  case ${#answering[@]} in
    4) use_running_nodes ;;
    0) start_nodes ;;
    *) fail "only ${answering[*]} of the ports $API_1 $P2P_1 $API_2 $P2P_2 answer: run both nodes, or none" ;;
  esac
}

use_running_nodes() {
  local node
  echo "Using the nodes that run on ports $API_1/$P2P_1 and $API_2/$P2P_2."
  for node in "$NODE_1" "$NODE_2"; do
    request GET "$node/version"
    expect "$node is no Counterpart node" 200
    fields name
    [[ "$FIELDS" == counterpart ]] || fail "$node is no Counterpart node"
  done
  for node in "$NODE_1" "$NODE_2"; do
    request POST "$node/network/disconnect" '{}'
    expect "disconnecting $node" 200
  done
}

start_nodes() {
  echo "Starting two nodes on ports $API_1/$P2P_1 and $API_2/$P2P_2."
  run_node "$ROOT" 1 --api-port "$API_1" --p2p-port "$P2P_1"
  run_node "$ROOT" 2 --api-port "$API_2" --p2p-port "$P2P_2"
  wait_ready 1 "$NODE_1" "${STARTED[0]}"
  wait_ready 2 "$NODE_2" "${STARTED[1]}"
}

wait_ready() {
  local deadline=$((SECONDS + START_SECONDS))
  until request GET "$2/ready" && [[ "$STATUS" == 200 ]]; do
    kill -0 "$3" 2>/dev/null || fail "node $1 ended before it was ready"
    ((SECONDS < deadline)) || fail "node $1 was not ready within $START_SECONDS s"
    sleep 0.1
  done
}

deploy() {
  step 1 "deploy a token on node 1"
  request POST "$NODE_1/contracts" \
    '{"contract_type": "token", "name": "TestToken", "symbol": "TEST", "decimals": 18, "cap": "1000000"}'
  expect "deploying" 201
  fields address
  ADDRESS="$FIELDS"
  [[ "$ADDRESS" =~ ^0x[0-9a-fA-F]{40}$ ]] || fail "no contract address in the answer: ${BODY:0:500}"
  ok "TestToken at $ADDRESS"
}

check_absent() {
  step 2 "it is absent on node 2"
  request GET "$NODE_2/contracts/$ADDRESS"
  expect "reading the contract on node 2 before the nodes are connected" 404
  fields code
  [[ "$FIELDS" == CONTRACT_NOT_FOUND ]] || fail "node 2 answers $FIELDS instead of CONTRACT_NOT_FOUND"
  ok "node 2 answers $FIELDS"
}

connect() {
  step 3 "connect node 2 to node 1"
  request POST "$NODE_2/network/connect" "{\"address\": \"$HOST:$P2P_1\"}"
  expect "connecting" 200 202
  local status blocks contracts milliseconds
  fields status blocks_synced contracts_synced duration_ms
  read -r status blocks contracts milliseconds <<<"$FIELDS"
  ok "$status in ${milliseconds%.*} ms: $blocks blocks and $contracts contracts were new to node 2"
  CONNECTED="$STATUS"
}

IDENTITY=(address owner contract_type name symbol decimals code_hash artifact_hash)

check_present() {
  step 4 "it is present on node 2"
  local deadline=$((SECONDS + SYNC_SECONDS)) got
  request GET "$NODE_2/contracts/$ADDRESS"
  while [[ "$STATUS" == 404 && "$CONNECTED" == 202 ]] && ((SECONDS < deadline)); do
    sleep 0.1
    request GET "$NODE_2/contracts/$ADDRESS"
  done
  expect "reading the contract on node 2" 200
  fields "${IDENTITY[@]}"
  got="$FIELDS"
  request GET "$NODE_1/contracts/$ADDRESS"
  expect "reading the contract on node 1" 200
  fields "${IDENTITY[@]}"
  [[ "$got" == "$FIELDS" ]] || fail "node 2 has another contract there: $got, not $FIELDS"
  ok "the same address, owner, name, code and artifact on both"
}

mint() {
  step 5 "mint $AMOUNT on node 1"
  WALLET="0x$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')"
  request POST "$NODE_1/contracts/$ADDRESS/execute" \
    "{\"function\": \"mint\", \"params\": {\"to\": \"$WALLET\", \"amount\": $AMOUNT}}"
  expect "minting" 200
  local status hash block
  fields status transaction_hash block_number
  read -r status hash block <<<"$FIELDS"
  [[ "$status" == success ]] || fail "the transaction has the status $status"
  ok "transaction $hash in block $block"
}

STATE=(update_sequence integrity_hash total_supply)

check_updated() {
  step 6 "the update arrives on node 2"
  local deadline=$((SECONDS + SYNC_SECONDS)) expected
  request GET "$NODE_1/contracts/$ADDRESS"
  expect "reading the contract on node 1" 200
  fields "${STATE[@]}"
  expected="$FIELDS"
  while true; do
    request GET "$NODE_2/contracts/$ADDRESS"
    expect "reading the contract on node 2" 200
    fields "${STATE[@]}"
    [[ "$FIELDS" == "$expected" ]] && break
    ((SECONDS < deadline)) || fail "node 2 has $FIELDS after $SYNC_SECONDS s, node 1 $expected (${STATE[*]})"
    sleep 0.1
  done
  read -r SEQUENCE INTEGRITY SUPPLY <<<"$expected"
  ok "update $SEQUENCE, integrity hash $INTEGRITY on both"
}

check_balances() {
  step 7 "the balances are equal"
  local first second
  request GET "$NODE_1/contracts/$ADDRESS/balance/$WALLET"
  expect "the balance on node 1" 200
  fields balance
  first="$FIELDS"
  request GET "$NODE_2/contracts/$ADDRESS/balance/$WALLET"
  expect "the balance on node 2" 200
  fields balance
  second="$FIELDS"
  [[ "$first" == "$AMOUNT" ]] || fail "node 1 says $first, not $AMOUNT"
  [[ "$second" == "$AMOUNT" ]] || fail "node 2 says $second, not $AMOUNT"
  ok "$first on node 1, $second on node 2"
}

summary() {
  step 8 "summary"
  local url number=0
  printf '      contract        %s\n' "$ADDRESS"
  printf '      total supply    %s\n' "$SUPPLY"
  printf '      balance         %s on both nodes\n' "$AMOUNT"
  printf '      updates         %s on both nodes\n' "$SEQUENCE"
  for url in "$NODE_1" "$NODE_2"; do
    number=$((number + 1))
    request GET "$url/network"
    expect "the state of node $number" 200
    fields head.number peers_synced
    printf '      node %s          block %s, %s peers in sync\n' "$number" "${FIELDS% *}" "${FIELDS#* }"
  done
  printf '      %s8 of 8 steps hold%s, in %s s\n' "$green" "$plain" "$SECONDS"
}

prepare
deploy
check_absent
connect
check_present
mint
check_updated
check_balances
summary
