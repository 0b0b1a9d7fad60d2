# shellcheck shell=bash
# The simulated Discord of `./NEVER_DOWN.sh --demo`; sourced there.

simulator=''

prepare_demo() { # a port that somebody else holds is replaced by a free one
  local ports
  ports=$(.venv/bin/python deploy/free_ports.py "${SIMULATOR_PORT:-8765}" "${HTTP_PORT:-5001}") || exit
  read -r SIMULATOR_PORT HTTP_PORT <<<"$ports"
  export HTTP_PORT DISCORD_API_URL="http://127.0.0.1:$SIMULATOR_PORT/api/v10"
  export PRIVILEGED_INTENTS=${PRIVILEGED_INTENTS:-members,message_content}
}

start_simulator() { # keeps it up as long as this shell lives
  (
    child=''
    trap 'kill "$child" 2>/dev/null; wait; exit' TERM
    while kill -0 "$$" 2>/dev/null; do
      .venv/bin/python -m watchdog.process.takeover exec simulator \
        .venv/bin/python -m simulator --port "$SIMULATOR_PORT" >>logs/simulator.stdout.log 2>&1 &
      child=$!
      wait "$child" 2>/dev/null
      sleep 0.5
    done
  ) 9>&- &
  simulator=$!
  local url=http://127.0.0.1:$SIMULATOR_PORT where=''
  [[ $SIMULATOR_PORT == 8765 ]] || where="--url $url " # its usual port need not be said
  say "This is a demo: a bot, and a Discord that exists on this machine only. Try:" \
    "  chat with it      $url/" \
    "  in a terminal     .venv/bin/python -m simulator say $where'!ping hello'" \
    "  its health        http://127.0.0.1:$HTTP_PORT/" \
    "  its processes     .venv/bin/supervisorctl status" \
    "  kill it           .venv/bin/supervisorctl signal KILL bot"
}

stop_simulator() {
  [[ -z $simulator ]] || kill "$simulator" 2>/dev/null
}
