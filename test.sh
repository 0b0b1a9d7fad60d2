#!/usr/bin/env bash
# Runs the tests: `./test.sh` the quick ones, `./test.sh --all` every one; other arguments go to pytest.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=deploy/setup.sh
source deploy/setup.sh

all=0 result=0
if [[ ${1:-} == --all ]]; then
  all=1
  shift
fi
set_up dev || exit
pytest=(.venv/bin/python -m pytest)
if (($#)); then
  ((all)) || pytest+=(-m 'not slow')
  exec "${pytest[@]}" "$@"
fi

run() { "${pytest[@]}" "$@" || result=$?; }

# Most tests wait more than they work, so there are more of them than cores at a time; what measures
# times or sizes that others would spoil (alone) runs by itself.
cores=$(getconf _NPROCESSORS_ONLN)
run -m 'not slow' --dist worksteal -n "$((2 * cores))" --ignore=tests/system
run -m 'not slow' --dist worksteal -n "$((cores + 2))" tests/system
if ((all)); then
  run -m 'not slow' --dist worksteal -n "$((2 * cores))" --database postgresql tests/community
  run -m 'slow and not alone' --dist worksteal -n "$cores"
  run -m 'slow and alone'
fi
exit "$result"
