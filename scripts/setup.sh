#!/usr/bin/env bash
# Set up everything that "make demo" and "make test" need: Debian packages, .venv, GPAW, FLARE,
# NequIP, Allegro, datasets. Does nothing when it is up to date.
#
# Variables: PYTHON (interpreter, at least 3.11; default python3), VENV (default .venv),
#            TM23_WHEEL_CACHE (where built wheels are kept; default ~/.cache/tm23flows/wheels).
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
STAMP=$VENV/.tm23-setup
LOG=$VENV/setup.log
CACHE=${TM23_WHEEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tm23flows/wheels}
SECONDS=0

say() { printf 'set-up %3ds  %s\n' "$SECONDS" "$*"; }
die() { printf 'set-up: error: %s\n' "$*" >&2; exit 1; }

# Run a long step quietly; show the end of its output when it fails.
step() {
  say "$1"
  shift
  "$@" >>"$LOG" 2>&1 || { tail -n 20 "$LOG" >&2; die "this failed: $* (whole log: $LOG)"; }
}

fingerprint() {
  find scripts constraints.txt setup.cfg pyproject.toml -type f -print0 | sort -z \
    | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
  pwd
}

if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ]; then
  exit 0
fi

install_debian_packages() {
  command -v dpkg-query >/dev/null \
    || { say "no Debian packages here; make sure that these are there: $(wanted_packages)"; return 0; }
  local missing=() package
  for package in $(wanted_packages); do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] \
      || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && { say "Debian packages: all there"; return 0; }
  say "Debian packages to install: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "ask an administrator for: apt-get install ${missing[*]}"
    say "this needs root rights: sudo apt-get install (you may be asked for your password)"
    sudo -v || die "ask an administrator for: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "Debian packages: reading lists" "${as_root[@]}" apt-get update -q
  step "Debian packages: installing" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
}

wanted_packages() { grep -v '^#' scripts/debian-packages.txt | tr '\n' ' '; }

make_environment() {
  local python=${PYTHON:-python3}
  command -v "$python" >/dev/null || die "there is no $python; set PYTHON to a Python >= 3.11"
  "$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' \
    || die "$python is $("$python" -V 2>&1); set PYTHON to a Python >= 3.11"
  [ -x "$VENV/bin/python" ] || step "environment in $VENV" "$python" -m venv "$VENV"
}

pip_install() {
  "$VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
    --constraint constraints.txt --find-links "$CACHE" "$@"
}

build_gpaw() {
  compgen -G "$CACHE/gpaw-*-$(python_tag)-*.whl" >/dev/null && return 0
  step "GPAW: building a wheel (half a minute; kept in $CACHE)" \
    env GPAW_CONFIG="$PWD/scripts/build/gpaw_siteconfig.py" "$VENV/bin/python" -m pip wheel \
    --disable-pip-version-check --no-deps --wheel-dir "$CACHE" \
    "$(grep '^gpaw==' constraints.txt)"
}

python_tag() { "$VENV/bin/python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])'; }

mkdir -p "$CACHE"
LOG=$(mktemp) # until there is an environment to keep it in
install_debian_packages
make_environment
cat "$LOG" >>"$VENV/setup.log" && rm -f "$LOG" && LOG=$VENV/setup.log
step "build tools" pip_install "setuptools<80" wheel pybind11
step "PyTorch" pip_install "$(grep '^torch==' constraints.txt)"
say "FLARE: building a wheel where there is none (minutes, beside the rest; kept in $CACHE)"
bash scripts/build_flare.sh "$VENV/bin/python" "$CACHE" >"$VENV/flare.log" 2>&1 &
flare=$!
trap 'kill "$flare" 2>/dev/null || true' EXIT
build_gpaw
step "tm23flows, GPAW, NequIP, Allegro and what they need" pip_install --no-build-isolation \
  --editable ".[gpaw,nequip,allegro,flare,vaspout,exchange,diffusion,mp,docs,tests]"
say "FLARE: waiting for its wheel"
wait "$flare" || { tail -n 25 "$VENV/flare.log" >&2; die "FLARE could not be built (log: $VENV/flare.log)"; }
trap - EXIT
step "FLARE" pip_install --no-deps --no-index mir-flare
step "GPAW dataset of technetium" "$VENV/bin/python" -m tm23flows.engines.gpaw_setups
step "check" "$VENV/bin/python" -c 'import gpaw, nequip, allegro, tm23flows; from flare.bffs.sgp import _C_flare'
fingerprint >"$STAMP"
say "done"
