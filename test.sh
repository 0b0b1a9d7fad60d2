#!/usr/bin/env bash
# Runs the tests: `./test.sh` the quick ones, `./test.sh --all` every one; other arguments go to pytest.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=deploy/setup.sh
source deploy/setup.sh

# Else each of hundreds of processes would compile again whatever changed since the set-up.
unset PYTHONDONTWRITEBYTECODE
cores=$(getconf _NPROCESSORS_ONLN)
all=0 result=0
if [[ ${1:-} == --all ]]; then
  all=1
  shift
fi
set_up dev || exit

run() { # WORKERS ARGUMENT…
  .venv/bin/python -m pytest --dist worksteal -n "$@" || result=$?
}

if (($#)); then
  workers=0
  for argument; do
    [[ ! -d $argument ]] || ((all)) || workers=$cores # a folder's tests pay for the workers' start
  done
  ((all)) || set -- -m 'not slow' "$@"
  run "$workers" "$@"
  exit "$result"
fi

# Most tests wait more than they work, so there are more of them than cores at a time; what measures
# times or sizes that others would spoil (alone) runs by itself.
if ((!all)); then
  run "$((2 * cores))" -m 'not slow'
else
  run "$((2 * cores))" -m 'not slow' --hypothesis-profile deep
  run "$((2 * cores))" -m 'not slow' --database postgresql tests/community
  run "$((cores + 1))" -m 'slow and not alone'
  run 0 -m 'slow and alone'
fi
exit "$result"
