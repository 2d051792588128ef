#!/usr/bin/env bash
# Build the released FLARE (mir-flare) into a wheel, without any download at build time but the
# released source itself: Eigen, nlohmann-json and googletest come from the system, pybind11 from pip.
#
# Usage: scripts/build_flare.sh PYTHON WHEEL_DIR
#   PYTHON     interpreter whose environment holds "setuptools<80", wheel and pybind11
#   WHEEL_DIR  folder for the wheel; a wheel that is already there is kept
# Install the wheel with "pip install --no-deps": FLARE declares pins that no current environment meets.
set -euo pipefail

VERSION=1.4.0
GOOGLETEST=/usr/src/googletest

say() { printf 'flare: %s\n' "$*"; }
die() { printf 'flare: error: %s\n' "$*" >&2; exit 1; }

[ $# -eq 2 ] || die "usage: $0 PYTHON WHEEL_DIR"
python=$1
mkdir -p "$2"
wheels=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")/build/flare" && pwd)

tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])') || die "cannot run $python"
if compgen -G "$wheels/mir_flare-$VERSION-$tag-*.whl" >/dev/null; then
  say "wheel is already in $wheels"
  exit 0
fi

case $here in *[[:space:]]*) die "the path of this repository contains a space, which FLARE's build cannot read" ;; esac
for program in cmake g++; do
  command -v "$program" >/dev/null || die "$program is missing: install the packages of scripts/debian-packages.txt"
done
[ -f "$GOOGLETEST/CMakeLists.txt" ] || die "$GOOGLETEST is missing: install the package googletest"
"$python" - <<'EOF' || die "run: $python -m pip install 'setuptools<80' wheel pybind11"
import pybind11, setuptools, wheel
raise SystemExit(int(setuptools.__version__.split(".")[0]) >= 80)
EOF

export FLARE_CMAKE_FLAGS="-DCMAKE_MODULE_PATH=$here/cmake -DFETCHCONTENT_FULLY_DISCONNECTED=ON \
-DFETCHCONTENT_SOURCE_DIR_GOOGLETEST=$GOOGLETEST -DFETCHCONTENT_SOURCE_DIR_JSON=$here/json \
-DFETCHCONTENT_SOURCE_DIR_PYBIND11=$here/pybind11 -Dpybind11_DIR=$("$python" -m pybind11 --cmakedir)"

log=$wheels/build_flare.log
say "building mir-flare $VERSION (a few minutes; log: $log)"
if ! "$python" -m pip wheel --no-deps --no-build-isolation --no-binary mir-flare \
  --wheel-dir "$wheels" "mir-flare==$VERSION" >"$log" 2>&1; then
  tail -n 25 "$log" >&2
  die "the build failed; its whole log is $log"
fi
say "wheel is in $wheels"
