"""Bad input: each one clear sentence, exit code 2, nothing half-written."""

import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.embedded.process import start, stop


def _refused(ran, *words: str) -> None:
    assert ran.code == 2
    assert ran.err.startswith("tm23: ")
    assert ran.err.count("\n") == 1, ran.err
    assert ran.out == ""
    for word in words:
        assert word in ran.err


def _counts(archive) -> Counter:
    return Counter({name: archive.database[name].count_documents({}) for name in COLLECTIONS})


def test_unknown_element(tm23, tmp_path):
    _refused(tm23("build", "Xx", "-o", tmp_path / "x.yaml"), "Xx")
    assert not (tmp_path / "x.yaml").exists()


def test_unknown_scale(tm23, tmp_path):
    _refused(tm23("build", "Cu", "--scale", "big", "-o", tmp_path / "x.yaml"), "big", "demo")


def test_negative_temperature(tm23, emt_archive):
    _refused(tm23("query", "--temperature", "-300"), "temperature_K", "greater than 0")


def test_unknown_metal_in_a_query(tm23, emt_archive):
    _refused(tm23("query", "--metal", "Xx"), "Xx")


def test_empty_query(tm23, emt_archive):
    _refused(tm23("query", "--metal", "Os"), "finds no labels")
    _refused(tm23("dataset", "create", "x", "--from", "metal=Os"), "finds no labels")


def test_dataset_with_too_few_frames(tm23, emt_copy):
    before = _counts(emt_copy)
    query = "kmesh=3x3x3,sigma_eV=0.2"
    _refused(tm23("dataset", "create", "x", "--from", query, "--split", "full"), "1000", "8")
    assert _counts(emt_copy) == before


def test_database_down(tm23, monkeypatch):
    monkeypatch.setattr("tm23flows.store.connect.SELECTION_TIMEOUT_MS", 200)
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://user:hidden@127.0.0.1:9/")
    ran = tm23("status")
    _refused(ran, "does not answer")
    assert "hidden" not in ran.err


def test_no_database_at_all(tm23):
    _refused(tm23("status"), "tm23 db start")


def test_port_taken(tm23, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _refused(tm23("db", "start", "--path", tmp_path / "db", "--port", port), str(port))


def test_journal_of_another_version(tm23, tmp_path):
    folder = tmp_path / "db"
    start(folder, 0)
    stop(folder)
    journal = max(folder.iterdir(), key=lambda p: ("journal" in p.name, p.stat().st_size))
    from tm23flows.store.embedded.journal_format import HEADER

    data = journal.read_bytes()
    assert data.startswith(HEADER)
    data = HEADER[:-6] + b"99999\n" + data[len(HEADER) :]
    journal.write_bytes(data)
    _refused(tm23("db", "start", "--path", folder, "--port", "0"), "version")
    assert journal.read_bytes() == data, "a journal that is not understood is not touched"


@pytest.fixture
def exported(tm23, emt_archive, tmp_path):
    path = tmp_path / "cu.xyz"
    tm23("export", "Cu-demo", "--part", "test", "-o", path)
    return path


def test_extxyz_with_missing_forces(tm23, exported, archive):
    lines = exported.read_text().splitlines()
    cut = [
        " ".join(line.split()[:4]) if len(line.split()) == 7 else
        line.replace(":forces:R:3", "") for line in lines
    ]  # fmt: skip
    exported.write_text("\n".join(cut) + "\n")
    _refused(tm23("import", exported, "--name", "x"), "not the file that its manifest describes")
    exported.with_name("cu.xyz.manifest.json").unlink()
    _refused(tm23("import", exported, "--name", "x"), "has no forces")
    assert _counts(archive).total() == 0


def test_nan_in_a_label(tm23, exported, archive):
    lines = exported.read_text().splitlines()
    last = lines[-1].split()
    lines[-1] = " ".join([*last[:-1], "nan"])  # in the last frame: the ones before are fine
    exported.write_text("\n".join(lines) + "\n")
    exported.with_name("cu.xyz.manifest.json").unlink()
    _refused(tm23("import", exported, "--name", "x"), "NaN", "forces")
    assert _counts(archive).total() == 0


def test_missing_gpaw(database, tmp_path):
    """Where GPAW cannot be imported, 'run' says so before it starts anything."""
    blocked = tmp_path / "blocked" / "gpaw"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('no gpaw here')\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("tm23"), "run", "Cu", "--workdir", tmp_path / "run"],
        env={**os.environ, "PYTHONPATH": str(blocked.parent)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-2000:]
    assert "tm23: GPAW is not installed; run 'make setup'" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()
