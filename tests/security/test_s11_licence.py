"""S11: nothing of a POTCAR but its title and checksum leaves the run folder.

The datasets of the simulator get a marker into their body and into their header. After labels and
molecular dynamics no database, no pack, no log and no report has it.
"""

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import gridfs
import numpy as np
import pytest

from tm23flows.documents.frame import Frame
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.packing import is_packed
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import run_trajectory

MARKS = ("LICENSED-BODY-4711", "LICENSED-HEADER-4712")
RECIPE = {"engine": "vasp", "cutoff_eV": 300.0}
DYNAMICS = {"ensemble": "nvt-nose-hoover", "temperature_K": 600.0, "seed": 3}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def licensed(vasp, tmp_path, monkeypatch):
    """Datasets with the markers."""
    library = tmp_path / "potcars"
    shutil.copytree(vasp["PMG_VASP_PSP_DIR"], library)
    for path in library.rglob("POTCAR.Cu*"):
        text = path.read_text()
        text = text.replace(" strengths of", f" {MARKS[0]} strengths of")
        text = text.replace("text of the tm23flows", f"{MARKS[1]} text of the tm23flows")
        assert all(mark in text for mark in MARKS)
        path.write_text(text)
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(library))
    return library


def quick(maker):
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05, "monitor_freq": 2}
    return maker


def contents(path):
    """Yield what is in a file, and in what it packs."""
    data = path.read_bytes()
    yield str(path), data
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
        yield f"{path} unpacked", data
        if tarfile.is_tarfile(io.BytesIO(data)):
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar:
                    if member.isfile():
                        yield from ((f"{path}:{member.name}", tar.extractfile(member).read()),)


def marked(things):
    return [name for name, data in things if any(mark.encode() in data for mark in MARKS)]


def in_the_database(archive):
    """Yield every document, and every blob unpacked as far as it goes."""
    database = archive.database
    for name in database.list_collection_names():
        for stored in database[name].find():
            yield f"{name} {stored.get('_id')}", repr(stored).encode()
            for value in stored.values():
                if isinstance(value, bytes):
                    yield name, value
    for bucket in ("blobs", "checkpoints"):
        for file in gridfs.GridFS(database, bucket).find():
            data = file.read()
            yield f"blob {file._id}", data
            if data[:2] in (b"\x1f\x8b", b"PK"):
                yield from _unpacked(data)


def _unpacked(data):
    if data[:2] == b"PK":
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for name in arrays.files:
                yield name, arrays[name].tobytes()
    else:
        yield "gzip", gzip.decompress(data)


def test_nothing_of_a_dataset_is_kept(licensed, archive, tmp_path, monkeypatch, tm23):
    structure = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    frame = Frame.model_validate(
        {
            "provenance": structure.provenance, "element": "Cu", "regime": None,
            "temperature_K": None, "trajectory_id": None, "origin": "a test", "step": None,
            "time_fs": None, "numbers": structure.numbers, "cell": structure.cell,
            "positions": structure.positions + 0.01 * np.arange(21).reshape(7, 3) / 21,
        }
    )  # fmt: skip
    archive.put(structure, frame)
    for name in ("labels", "md"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "labels")
    done = label_frames([frame.id], [RECIPE], 0, 0, None, quick(TM23StaticMaker()))
    assert done["accepted"] == 1
    monkeypatch.chdir(tmp_path / "md")
    run_trajectory(structure.id, RECIPE, DYNAMICS, 2, 2, "warm", quick(TM23MDMaker()))

    packs = list(tmp_path.rglob("*.tar.gz"))
    assert len(packs) == 2
    for path in tmp_path.rglob("*"):
        if path.is_file() and licensed not in path.parents:
            assert marked(contents(path)) == []
    assert marked(in_the_database(archive)) == []
    (label,) = archive.labels()
    assert label.recipe.pseudopotentials["Cu"].startswith("PAW_PBE Cu_pv 01Jan2000 sha256:")

    report = tmp_path / "report.html"
    for words in (["report", "-o", report], ["trace", frame.id], ["audit"], ["status"]):
        ran = tm23(*words)
        assert not marked([("said", (ran.out + ran.err).encode())])
    assert marked(contents(report)) == []


def test_the_search_finds_what_is_packed(tmp_path):
    inside = tmp_path / "POTCAR"
    inside.write_text(f"x {MARKS[0]}")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(inside, arcname="label-0001/POTCAR")
    inside.unlink()
    assert len(marked(contents(tmp_path / "x.tar.gz"))) == 2


@pytest.mark.parametrize(
    "name", ["POTCAR", "POTCAR.gz", "POTCAR.orig", "POTCAR.orig.gz", "POTCAR.1", "POTCAR.bak"]
)
def test_no_copy_of_a_dataset_is_packed(name):
    assert not is_packed(name)
    assert is_packed("POTCAR.spec")
    assert is_packed(Path("INCAR.orig").name)
