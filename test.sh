#!/usr/bin/env bash
# Runs the tests: `./test.sh` the quick ones, `./test.sh --all` every one; other arguments go to pytest.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
# shellcheck source=deploy/setup.sh
source deploy/setup.sh

which=(-m 'not slow')
if [[ ${1:-} == --all ]]; then
  which=()
  shift
fi
set_up dev || exit
pytest=(.venv/bin/python -m pytest ${which[@]+"${which[@]}"})
(($# == 0)) || exec "${pytest[@]}" "$@"

# First what needs no time of its own, on all cores; then real processes, one test after the other,
# so that what is measured is the system and not the tests beside it.
result=0
"${pytest[@]}" -n auto --ignore=tests/system || result=$?
"${pytest[@]}" tests/system || result=$?
exit "$result"
