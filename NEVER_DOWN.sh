#!/usr/bin/env bash
# Sets up, checks and starts everything in this folder, and keeps it up until it is told to stop.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=deploy/setup.sh
source deploy/setup.sh
# shellcheck source=deploy/demo.sh
source deploy/demo.sh

DEATHS_ALLOWED=5 DEATHS_WINDOW_S=600 STOP_LIMIT_S=16
stopping=0 code=0 supervisord='' told=0

usage() {
  cat <<'END'
usage: ./NEVER_DOWN.sh [--demo | --check | --help]

  (nothing)  run the bot with the settings of .env, until Ctrl-C or SIGTERM
  --demo     run it against a simulated Discord on this machine: no account, no token
  --check    say what is wrong with this installation and how to mend it, then end

It ends with 0 when it was asked to stop, with 78 when the settings must be mended first,
and with 1 when another copy runs here or supervisord died 5 times in 10 minutes.
END
}

say() { printf '%s\n' "$@"; }
fail() { say "$1" >&2; exit "${2:-1}"; }
takeover() { .venv/bin/python -m watchdog.process.takeover "$@"; }

start_supervisord() {
  # Not by the function: a function in the background is one shell more, with a pid of its own.
  .venv/bin/python -m watchdog.process.takeover exec supervisord \
    .venv/bin/python -m deploy.supervisord -c supervisord.conf 9>&- >logs/supervisord.stdout.log 2>&1 &
  supervisord=$!
  takeover wake 9>&- & # it starts the programs up to a second sooner when somebody calls
}

tell_once() { # what came of the start, as soon as the watchdog has judged
  local verdict='"verdict": ?"([a-z_]+)"'
  [[ -e state/supervisord.pid && state/status.json -nt state/supervisord.pid ]] || return
  [[ $(<state/status.json) =~ $verdict ]] || return
  case ${BASH_REMATCH[1]} in
    healthy | degraded) say "The bot is ready. Ctrl-C stops everything." ;;
    failed | held | backing_off) .venv/bin/python -m watchdog status 9>&- ;;
    *) return ;;
  esac
  told=1
}

wait_for_supervisord() { # sets $code
  local tenths=0
  while kill -0 "$supervisord" 2>/dev/null; do
    if ((stopping)); then
      ((tenths > 0)) || kill -TERM "$supervisord" 2>/dev/null
      ((++tenths <= STOP_LIMIT_S * 10)) || kill -KILL "$supervisord" 2>/dev/null
    elif ((told)); then
      wait "$supervisord" 2>/dev/null # or until a signal comes
    else
      tell_once
    fi
    sleep 0.1 9>&- # who kills this shell frees its lock
  done
  wait "$supervisord" 2>/dev/null
  code=$?
}

keep_up() { # until a stop is asked for, here or by supervisorctl, or it died too often
  local deaths=() recent at
  while ((!stopping)); do
    start_supervisord
    wait_for_supervisord
    ((!stopping && code != 0)) || return 0
    recent=("$SECONDS")
    for at in ${deaths[@]+"${deaths[@]}"}; do
      ((SECONDS - at >= DEATHS_WINDOW_S)) || recent+=("$at")
    done
    deaths=("${recent[@]}")
    say "supervisord ended with code $code, death ${#deaths[@]} of $DEATHS_ALLOWED allowed in 10 minutes."
    ((${#deaths[@]} < DEATHS_ALLOWED)) || { tail -n 5 logs/supervisord*.log; return 1; }
    mkdir -p logs && takeover clean "$$" || return
    sleep "$((${#deaths[@]} - 1))" 9>&-
  done
}

main() {
  local mode=${1:-run} level=runtime python=.venv/bin/python result
  case $mode in
    run | --check) ;;
    --demo) level=demo ;;
    --help | -h) usage; exit ;;
    *) usage >&2; exit 64 ;;
  esac
  [[ $PWD != *%* && ${#PWD} -lt 80 ]] ||
    fail "supervisord can't run in $PWD: the path must be shorter than 80 characters and hold no %."
  if [[ $mode != --check ]]; then
    umask 077
    unset SUPERVISOR_SERVER_URL # whoever has ours in its environment is an orphan
    mkdir -p state logs && chmod 700 state && exec 9>>state/never_down.pid || exit
    "$python" -c '' 2>/dev/null || python=$(find_python) || exit
    "$python" -m watchdog.process.takeover lock "$$" || exit # it names the copy that runs
  fi
  set_up "$level" || exit
  [[ -z ${REPL_ID:-} ]] || export HTTP_HOST=0.0.0.0 HTTP_PORT="${PORT:-5001}"
  [[ $mode != --demo ]] || export DISCORD_TOKEN=simulator-token
  .venv/bin/python -m deploy.check_settings || exit # before a run of before is ended for this one
  [[ $mode != --check ]] || exec .venv/bin/python -m bot check
  takeover clean "$$" || exit
  [[ $mode != --demo ]] || prepare_demo
  trap 'stopping=1' TERM INT HUP
  [[ $mode != --demo ]] || start_simulator
  say "Starting the bot and its watchdog; their logs are in logs/."
  keep_up
  result=$?
  stop_simulator
  wait
  takeover over "$$"
  exit "$result"
}
main "$@"
