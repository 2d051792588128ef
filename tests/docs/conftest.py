"""Lets the tests of the manual import what runs its pages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
