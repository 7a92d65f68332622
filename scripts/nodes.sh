# Sourced by the scripts here that start nodes: a temporary folder with their data and logs, and what takes them away again.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
WORK="$(mktemp -d)"
START_SECONDS=60
STOP_SECONDS=15
STARTED=()

# show_logs: the last lines of each log.
show_logs() {
  local log
  for log in "$WORK"/*.log; do
    [[ -s "$log" ]] && printf -- '--- last lines of %s\n%s\n' "$(basename "$log")" "$(tail -n 15 "$log")" >&2
  done
  return 0
}

# Ends the nodes that the script started, and no others.
cleanup() {
  local pid deadline=$((SECONDS + STOP_SECONDS))
  for pid in ${STARTED[@]+"${STARTED[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in ${STARTED[@]+"${STARTED[@]}"}; do
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# run_node CHECKOUT NUMBER FLAGS…: in the background, set by its flags only, whatever this shell's environment says.
run_node() {
  (
    for variable in ${!COUNTERPART_@}; do unset "$variable"; done
    exec node "$1/packages/node/bin/counterpart.mjs" start --data-dir "$WORK/node-$2" "${@:3}" \
      </dev/null >"$WORK/node-$2.log" 2>&1
  ) &
  STARTED+=("$!")
}
