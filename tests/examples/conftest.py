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


@pytest.fixture(scope="session")
def emt_mini(mini, database_server, run_flow):
    """The archive after the road to the labels of copper on EMT, which is not DFT."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TM23_DB_PATH", str(database_server.path))
        patch.setenv("TM23_DATABASE", "tm23-mini-emt")
        run_flow(mini.workflow.labels_flow(["Cu"], "emt"))
        yield Archive.open()
