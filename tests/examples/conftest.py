"""The programs of examples/tm23-mini as modules, and their road on EMT."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tm23flows import Archive

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "tm23-mini"
PROGRAMS = ("protocol", "workflow", "conclusions", "card", "page", "check")


@pytest.fixture(scope="session")
def mini():
    """All programs of the example by name; they import each other as scripts of one folder do."""
    sys.path.insert(0, str(FOLDER))
    try:
        modules = {name: importlib.import_module(name) for name in PROGRAMS}
        yield SimpleNamespace(folder=FOLDER, **modules)
    finally:
        sys.path.remove(str(FOLDER))
        for name in PROGRAMS:
            sys.modules.pop(name, None)


def _use(patch, server):
    patch.setenv("TM23_DB_PATH", str(server.path))
    patch.setenv("TM23_DATABASE", "tm23-mini-emt")


@pytest.fixture(scope="session")
def _emt_mini_road(mini, database_server, run_flow):
    with pytest.MonkeyPatch.context() as patch:
        _use(patch, database_server)
        run_flow(mini.workflow.labels_flow(["Cu"], "emt"))


@pytest.fixture
def emt_mini(_emt_mini_road, database_server, monkeypatch):
    """The archive after the road to the labels of copper on EMT, which is not DFT."""
    _use(monkeypatch, database_server)
    return Archive.open()
