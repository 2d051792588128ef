#!/usr/bin/env bash
# Compute some labels of the shipped benchmark again and compare: examples/tm23-mini/check.sh [FOLDER [ARGUMENT...]]
# The arguments are those of check.py. 'make mini-check' does this.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-work/mini-check}
shift || true
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

mkdir -p "$folder"
tm23 db start --path "$folder/db" --port 0
eval "$(tm23 db env --path "$folder/db")"
trap 'tm23 db stop --path "$folder/db"' EXIT
tm23 import "$here/tm23-mini.tm23.tar.xz"
python "$here/check.py" "$@"
