# Sourced by the scripts beside it: gives the checkout a Python environment in .venv that holds exactly
# what a lock says. Needs Python 3.11 and any pip >= 22.3 (or ensurepip, which Debian leaves out).
#
# .venv/.stamp names the Python, the checkout and the locks that were installed completely. It is
# written last, so an interrupted install has none and is built again.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STAMP="$ROOT/.venv/.stamp"
child=

# Never answers: prints the reason to stderr and ends.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a command or function as a child with a process group of its own, so that stopping this script
# ends the child and all it started. Plain foreground children would outlive a SIGTERM sent to the
# script alone.
run_child() {
    local status=0
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
    return "$status"
}

# Passes the signal on to the running child, waits for it, and leaves with the given status.
stop() {
    trap '' INT TERM
    if [ -n "$child" ]; then
        kill "-$1" -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    exit "$2"
}
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM

# Prints the Python 3.11 to build with: HUIYING_PYTHON, else python3.11, else python3.
find_python() {
    local candidate
    for candidate in ${HUIYING_PYTHON:+"$HUIYING_PYTHON"} python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 is needed and was not found (Debian: apt-get install python3 python3-pip)."
}

# Prints what a complete environment of the given kinds (runtime, dev) has in its stamp.
expected_stamp() {
    local kind
    printf 'environment 1 %s %s\n' "$("$python" -V)" "$ROOT"
    printf 'project %s\n' "$(hash_of pyproject.toml)"
    for kind in "$@"; do
        printf '%s %s\n' "$kind" "$(hash_of "$(lock_of "$kind")")"
    done
}

hash_of() {
    sha256sum <"$ROOT/$1" | cut -d' ' -f1
}

lock_of() {
    case $1 in
        runtime) echo requirements.lock ;;
        dev) echo requirements-dev.lock ;;
    esac
}

# Runs pip on the environment. Debian's Python lacks ensurepip, so the environment has no pip of its
# own and the system's works on it from outside; where there is no system pip, ensurepip serves.
# -qq hides warnings about this machine's pip configuration, errors are shown.
pip_install() {
    local pip=("$ROOT/.venv/bin/python" -m pip)
    if [ ! -e "$ROOT/.venv/bin/pip" ]; then
        system_pip_serves || refuse_without_pip
        pip=("$python" -m pip --python "$ROOT/.venv/bin/python")
    fi
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
        run_child "${pip[@]}" install -qq --no-input --progress-bar off --no-compile "$@"
}

# True when the pip beside the chosen Python can work on another environment (--python: 22.3).
system_pip_serves() {
    "$python" -m pip --version 2>/dev/null |
        awk '{ split($2, v, "."); exit !(v[1] > 22 || (v[1] == 22 && v[2] >= 3)) }'
}

refuse_without_pip() {
    fail "pip 22.3 or later is needed and was not found (Debian: apt-get install python3-pip)."
}

create_environment() {
    local options=(--without-pip)
    if ! system_pip_serves; then
        "$python" -c 'import ensurepip' 2>/dev/null || refuse_without_pip
        options=()
    fi
    rm -rf "$ROOT/.venv"
    run_child "$python" -m venv "${options[@]}" "$ROOT/.venv"
}

# ensure_environment runtime|dev: the checkout has a complete environment of that kind when this
# returns; two starts at once build it once. Also exports what every script wants of Python.
ensure_environment() {
    local kinds=(runtime) python present=''
    [ "$1" = runtime ] || kinds+=("$1")
    cd "$ROOT" || exit
    python=$(find_python)
    exec 9<"$ROOT/pyproject.toml"
    flock 9
    present=$(cat "$STAMP" 2>/dev/null) || true
    if ! stamp_holds "$present" "${kinds[@]}"; then
        build_environment "$present" "${kinds[@]}"
    fi
    exec 9<&-
    unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
    export VIRTUAL_ENV="$ROOT/.venv" PATH="$ROOT/.venv/bin:$PATH" PYTHONUNBUFFERED=1
}

# True when every line expected for the kinds is in the stamp, and the interpreter is still there.
stamp_holds() {
    local present=$1 line
    shift
    [ -x "$ROOT/.venv/bin/python" ] || return 1
    while IFS= read -r line; do
        grep -qxF -- "$line" <<<"$present" || return 1
    done < <(expected_stamp "$@")
}

# Makes the environment hold the kinds. What is there is kept if it fits: a runtime environment grows
# into a dev one; anything else is built from nothing, so that no package of an older lock stays.
build_environment() {
    local present=$1 wanted started=$SECONDS
    shift
    wanted=("$@")
    if ! fits "$present"; then
        present=
        create_environment
    fi
    rm -f "$STAMP"
    local last=${wanted[-1]}
    if ! grep -q "^$last " <<<"$present"; then
        local lock
        lock=$(lock_of "$last")
        printf 'Installing %s packages into .venv ...\n' "$(grep -c == "$lock")" >&2
        pip_install --require-hashes --only-binary :all: -r "$lock" ||
            fail "the packages of $lock could not be installed."
    fi
    # The build backend came with the lock, so this downloads nothing.
    pip_install --no-deps --no-build-isolation --no-index -e "$ROOT" ||
        fail "the checkout could not be installed into .venv."
    [ -z "$present" ] || ! grep -q '^dev ' <<<"$present" || wanted=(runtime dev)
    expected_stamp "${wanted[@]}" >"$STAMP.new"
    mv "$STAMP.new" "$STAMP"
    printf 'Environment ready in %d s.\n' $((SECONDS - started)) >&2
}

# True when nothing in the stamp contradicts this Python, this checkout and the present locks (the
# project's own line may differ: the editable install is repeated).
fits() {
    local present=$1 line
    [ -n "$present" ] && [ -x "$ROOT/.venv/bin/python" ] || return 1
    while IFS= read -r line; do
        case $line in
            project\ *) ;;
            *) grep -qxF -- "$line" < <(expected_stamp runtime dev) || return 1 ;;
        esac
    done <<<"$present"
}
