#!/usr/bin/env bash
# Writes the workflows of this folder again, after a change of what is built. Each is what one line makes;
# the paper's own size is too large to ship, and made by the last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
tm23 build Cu --scale demo --engine gpaw --output Cu_demo_gpaw.yaml
tm23 build Cu --scale demo --engine vasp --output Cu_demo_vasp.yaml
# tm23 build Cu --scale paper --engine vasp --output Cu_paper_vasp.yaml
