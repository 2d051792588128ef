"""Lets tests and workers import the jobs and the plant of this folder, and checks the invariants."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engines/vasp"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ops"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ops/recovery"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from plant import open_plant

from tm23flows.ops.audit.invariants import audit
from tm23flows.testing.invariants import assert_all_invariants

DAMAGED = {"test_f3_6_a_segment_with_a_missing_piece_is_refused": {"I2"}}
"""Tests that leave an archive damaged on purpose, with what must be found in it."""


@pytest.fixture
def plant(tmp_path):
    with open_plant(tmp_path) as plant:
        yield plant


@pytest.fixture(autouse=True)
def _invariants_hold_after(request):
    """Check all invariants when a test of a fault is over, whatever it has broken."""
    used = {
        name: request.getfixturevalue(name)
        for name in ("archive", "plant")
        if name in request.fixturenames
    }
    yield
    if expected := DAMAGED.get(request.node.name):
        found = audit(used["archive"])
        assert {one.invariant for one in found.violations} == expected
    elif "archive" in used:
        assert_all_invariants(used["archive"])
    if "plant" in used:
        assert_all_invariants(used["plant"].archive())
