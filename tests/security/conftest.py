"""What the tests of the security list share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ase.build import bulk

from tm23flows.cli.main import main

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def copper():
    """Seven copper atoms around a vacancy, moved from their sites."""
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = bulk("Cu") * (2, 2, 2)
    del atoms[3]
    atoms.rattle(0.08, seed=1)
    return AseAtomsAdaptor.get_structure(atoms)


@pytest.fixture
def tm23(monkeypatch, capsys) -> Callable[..., SimpleNamespace]:
    """Run a command in this process; return its exit code and what it printed."""

    def run(*words: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["tm23", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def modules_with() -> Callable[..., dict[str, str]]:
    """A function that reads the modules of the package that have one of some words in them."""
    package = Path(__file__).resolve().parents[2] / "tm23flows"

    def find(*words: str) -> dict[str, str]:
        texts = {str(one.relative_to(package)): one.read_text() for one in package.rglob("*.py")}
        assert len(texts) > 300
        return {path: text for path, text in texts.items() if any(one in text for one in words)}

    return find
