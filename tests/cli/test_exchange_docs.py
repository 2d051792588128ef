"""docs/howto/exchange.md says what really works: its commands run, its tables are complete."""

import re
import shlex
from pathlib import Path

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from tm23flows.store.exchange.declaration import Declaration
from tm23flows.store.exchange.formats import FORMATS
from tm23flows.store.exchange.manifest import verify_manifest
from tm23flows.store.files import IMPORTS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "exchange.md").read_text()
COMMANDS = re.findall(r"^    (tm23 (?:export|import|db dump) .+)$", TEXT, re.MULTILINE)


def test_every_command_of_the_page_works(tm23, emt_copy, tmp_path, monkeypatch):
    pytest.importorskip("nequip", reason="NequIP is not installed")
    monkeypatch.chdir(tmp_path)
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1)
    atoms.calc = EMT()
    atoms.get_stress()
    atoms.get_forces()
    write("theirs.xyz", atoms, format="extxyz")
    before = emt_copy.database["labels"].count_documents({})
    assert len(COMMANDS) == 14
    said = ""
    for command in COMMANDS:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        said += ran.out
    assert "24 frames in cu.parquet" in said
    assert "24 labels as cu-again@1" in said
    assert "24 labels as cu-all@1" in said
    assert "18 labels as cu-train@1" in said
    assert "1 labels as theirs@1" in said
    assert "all.tm23.tar.xz: nothing new" in said
    assert emt_copy.database["labels"].count_documents({}) == before + 1
    assert verify_manifest(tmp_path / "melt.h5").energy == "sigma0"
    assert verify_manifest(tmp_path / "cu.parquet").licence == "CC-BY-4.0"


def test_the_tables_are_complete():
    for name in (*FORMATS, *IMPORTS):
        assert f"`{name}`" in TEXT, name
    for one in FORMATS.values():
        for suffix in one.suffixes:
            assert f"`{suffix}`" in TEXT, suffix
    for word in set(Declaration.model_fields) - {"stress", "engine"}:
        assert f"`{word}`" in TEXT or f"`{word.replace('_', '-')}`" in TEXT, word
