"""A function that runs ``tm23`` in this process, as its console script does."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tm23flows.cli.main import main
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.testing.database import local_database

# jobs that fail, for commands that look at jobs
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ops"))


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest.fixture
def tm23(monkeypatch, capsys) -> Callable[..., Ran]:
    """Run a command; return its exit code and what it printed."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tm23", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def own_server():
    """A database of its own: a launchpad always has the same name."""
    with local_database() as server:
        yield server


@pytest.fixture
def launchpad(own_server, monkeypatch):
    """An empty launchpad beside an empty archive; the commands find both by themselves."""
    monkeypatch.setenv("TM23_DB_PATH", str(own_server.path))
    monkeypatch.setenv("TM23_DATABASE", f"test-{uuid.uuid4().hex[:8]}")
    launchpad = open_launchpad(own_server.uri)
    launchpad.reset("", require_password=False)
    return launchpad
