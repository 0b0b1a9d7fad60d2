# shellcheck shell=bash
# Sets up .venv, once per change of the requirements. Sourced by NEVER_DOWN.sh and test.sh.

find_python() { # prints the first Python that is new enough
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    command -v "$name"
    return
  done
  echo "Python 3.11 or newer is needed and none was found; see https://www.python.org/downloads/" >&2
  return 1
}

stamp() { # LEVEL: prints what .venv must have been made from; a moved or upgraded one differs
  (cd -P .venv && pwd) && .venv/bin/python -V && cat "requirements/$1.txt"
}

is_set_up() { # LEVEL…: whether .venv holds one of them
  local level
  for level in "$@"; do
    stamp "$level" 2>/dev/null | cmp -s - ".venv/.set-up-$level" && return
  done
  return 1
}

make_venv() {
  local python
  python=$(find_python) || return
  echo "Setting up .venv with $("$python" -V), once; this takes about half a minute."
  "$python" -m venv --clear .venv && return
  echo "$python can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2
  return 1
}

set_up() { # LEVEL: runtime, demo or dev, each with all of the one before
  case $1 in
    runtime) is_set_up runtime demo dev && return ;;
    demo) is_set_up demo dev && return ;;
    dev) is_set_up dev && return ;;
  esac
  .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    make_venv || return
  rm -f .venv/.set-up-* # an install that is interrupted is not believed
  echo "Installing requirements/$1.txt, every file checked against its hash."
  if ! PIP_USER=0 .venv/bin/python -m pip install -qq --no-input --disable-pip-version-check \
    --require-hashes --no-compile --requirement "requirements/$1.txt"; then
    echo "The packages could not be installed; the lines above say why. Nothing was started." >&2
    return 1
  fi
  # On all cores, which pip would not use; a file that can't be compiled costs time only.
  .venv/bin/python -m compileall -qq -j 0 .venv/lib bot watchdog simulator || true
  stamp "$1" >".venv/.set-up-$1"
}
