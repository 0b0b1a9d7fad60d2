#!/usr/bin/env bash
# Runs the tests: `./test.sh` the quick ones, `./test.sh --all` every one; other arguments go to pytest.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=deploy/setup.sh
source deploy/setup.sh

# Else each of hundreds of processes would compile again whatever changed since the set-up.
unset PYTHONDONTWRITEBYTECODE
# Most tests wait more than they work, so there are more of them than cores at a time; what measures
# times or sizes that others would spoil (alone) runs by itself.
cores=$(getconf _NPROCESSORS_ONLN)
many=(--dist worksteal -n "$((2 * cores))")

all=0 result=0
if [[ ${1:-} == --all ]]; then
  all=1
  shift
fi
set_up dev || exit
pytest=(.venv/bin/python -m pytest)
if (($#)); then
  ((all)) || pytest+=(-m 'not slow')
  for argument; do # a folder holds enough tests to pay for the start of workers
    ((all)) || [[ ! -d $argument ]] || pytest+=("${many[@]}")
  done
  exec "${pytest[@]}" "$@"
fi

run() { "${pytest[@]}" "$@" || result=$?; }

deep=()
((all)) && deep=(--hypothesis-profile deep)
run -m 'not slow' "${many[@]}" ${deep[@]+"${deep[@]}"} --ignore=tests/system
run -m 'not slow' --dist worksteal -n "$((cores + 2))" tests/system
if ((all)); then
  run -m 'not slow' "${many[@]}" --database postgresql tests/community
  run -m 'slow and not alone' --dist worksteal -n "$cores"
  run -m 'slow and alone'
fi
exit "$result"
