"""What a flow looks like from outside."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    """Jobs write into the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def jobs_of():
    """A function that lists all jobs of a flow, those of inner flows included."""
    return _jobs_of


def _jobs_of(flow):
    if hasattr(flow, "jobs"):
        return [job for inner in flow.jobs for job in _jobs_of(inner)]
    return [flow]
