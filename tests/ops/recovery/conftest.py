"""A launchpad of its own, with holes as workers leave them who die."""

import sys
import uuid
from pathlib import Path

import pytest
from fireworks.core.fworker import FWorker

sys.path.insert(0, str(Path(__file__).resolve().parent))

from dying import Killed

from tm23flows.ops.launchpad import job_states, open_launchpad
from tm23flows.ops.recovery.record import Work


@pytest.fixture
def launchpad(archive, database, tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    launchpad = open_launchpad(database.uri, f"recovery-{uuid.uuid4().hex[:8]}")
    yield launchpad
    launchpad.connection.drop_database(launchpad.name)


@pytest.fixture
def work(archive, launchpad):
    """A recovery that does not wait; 0 s after its last ping a worker is lost."""
    return Work(archive, launchpad, silent_s=0.0, sleep=lambda _seconds: None)


@pytest.fixture
def states(launchpad):
    """A function that says which job is in which state."""
    return lambda: {one.name: one.state for one in job_states(launchpad)}


@pytest.fixture
def begin(launchpad, tmp_path):
    """A function by which a worker begins a job; returns the job and the number of the launch."""
    return lambda **more: launchpad.checkout_fw(FWorker(), str(tmp_path), **more)


@pytest.fixture
def dies(launchpad, monkeypatch):
    """A function: from now on this method kills whoever calls it, until the test revives it."""

    def at(owner, method):
        patch = pytest.MonkeyPatch()

        def die(*_arguments, **_more):
            raise Killed

        patch.setattr(owner, method, die)
        return patch

    return at
