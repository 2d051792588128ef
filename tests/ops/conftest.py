"""Lets tests of this folder write outputs of VASP and damage archives."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engines" / "vasp"))
