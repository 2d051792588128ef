"""Lets tests and workers import the jobs and the plant of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engines/vasp"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from plant import open_plant


@pytest.fixture
def plant(tmp_path):
    with open_plant(tmp_path) as plant:
        yield plant
