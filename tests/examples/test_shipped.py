"""The shipped archive of TM23-mini: whole, small, free to use, and what the protocol asks for.

And what is written from it: results page, data card and figures are those of this archive.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tm23flows import Archive
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import LearningCurve
from tm23flows.documents.model import Model
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.gpaw import GpawEngine
from tm23flows.report.records import read_all
from tm23flows.store.exchange.dump_file import blob_of
from tm23flows.store.exchange.dump_intake import import_dumps
from tm23flows.store.exchange.dump_members import iterate_members
from tm23flows.trainers.base import get_trainer

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "examples" / "tm23-mini" / "tm23-mini.tm23.tar.xz"
NAME = "tm23-mini-shipped"
METALS = ("Cu", "Ti", "Au", "Os")

COMPUTED = (
    "trajectories", "frames", "labels", "convergences", "densities_of_states",
    "datasets", "models", "evaluations", "learning_curves", "studies",
)  # fmt: skip
LARGEST_BYTES = 20_000_000
WORD = re.compile(r"[0-9a-f]{64}|cold|warm|melt")
PLACES = re.compile(rb"(?:/home|/root|/work|/tmp|/scratch)/\S*")


@pytest.fixture(scope="module")
def imported(database_server):
    with pytest.MonkeyPatch.context() as patch:
        _use(patch, database_server)
        return import_dumps(Archive.open(), [ARCHIVE])[0]


@pytest.fixture
def shipped(imported, database_server, monkeypatch):
    """The archive with nothing in it but what is shipped."""
    _use(monkeypatch, database_server)
    return Archive.open()


def _use(patch, server):
    patch.setenv("TM23_DB_PATH", str(server.path))
    patch.setenv("TM23_DATABASE", NAME)


def tm23(*words):
    program = Path(sys.executable).with_name("tm23")
    return subprocess.run(
        [program, *map(str, words)], env=os.environ, capture_output=True, text=True, check=False
    )


def test_it_is_small_and_free_to_use(imported):
    assert ARCHIVE.stat().st_size < LARGEST_BYTES
    assert imported.manifest.licence == "CC-BY-4.0"


def test_it_says_nothing_about_the_machine_that_made_it():
    for member in iterate_members(ARCHIVE):
        content = member.read(member.size)
        assert not PLACES.search(content), member.name
        if blob_of(member.name):  # compressed: numbers, ids and names of temperatures only
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                texts = [one for one in arrays.values() if one.dtype.kind not in "biuf"]
            assert all(WORD.fullmatch(str(word)) for one in texts for word in one.flat), member.name
    with tarfile.open(ARCHIVE) as tar:
        owners = {(one.uname, one.gname, one.uid, one.gid) for one in tar}
    assert owners <= {("", "", 0, 0)}


def test_one_command_takes_it_in_and_it_is_sound(shipped):
    taken = tm23("import", ARCHIVE)
    assert taken.returncode == 0, taken.stderr
    assert "nothing new" in taken.stdout
    audited = tm23("audit")
    assert audited.returncode == 0, audited.stdout


@pytest.mark.parametrize("metal", METALS)
def test_it_has_what_the_protocol_asks_for(mini, shipped, metal):
    sampling = mini.protocol.SAMPLING
    runs = [one for one in read_all(shipped, Trajectory) if one.element == metal]
    assert {one.regime for one in runs} == {"cold", "warm", "melt"}
    sampled = {
        one.frame_id for one in shipped.labels(metal=metal, sigma_eV=mini.protocol.SIGMAS_EV[1])
    }
    assert len(sampled) == 3 * sampling.count
    (test,) = [one for one in read_all(shipped, Convergence) if one.element == metal]
    mesh = test.kmesh if test.converged else mini.protocol.UNCONVERGED_MESH
    words = {"metal": metal, "kmesh": "x".join(map(str, mesh)), "engine": "gpaw"}
    for sigma in mini.protocol.SIGMAS_EV:
        labels = list(shipped.labels(sigma_eV=sigma, **words))
        assert {one.frame_id for one in labels} == sampled
        bands = mini.protocol.BANDS.get(metal, mini.protocol.OTHER_BANDS)
        assert {one.recipe.options["nbands"] for one in labels} == {bands}


@pytest.mark.parametrize("metal", METALS)
def test_models_of_both_trainers_and_a_curve_are_there(shipped, metal):
    data = shipped.dataset(f"{metal}-mini-0.2eV")
    models = [one for one in read_all(shipped, Model) if one.dataset_id == data.id]
    assert {one.trainer for one in models} == {"flare", "nequip"}
    assert len([one for one in read_all(shipped, LearningCurve) if one.element == metal]) == 1


def test_the_same_workflows_find_everything_and_compute_nothing(
    mini, shipped, run_flow, monkeypatch
):
    def refuse(*_, **__):
        raise AssertionError("something is computed again")

    for name in ("label", "run_md"):
        monkeypatch.setattr(GpawEngine, name, refuse)
    for name in ("flare", "nequip"):
        monkeypatch.setattr(type(get_trainer(name)), "train", refuse)
    before = {name: shipped.database[name].count_documents({}) for name in COMPUTED}
    assert all(before.values()), before
    run_flow(mini.workflow.labels_flow(METALS[:1]))
    run_flow(mini.workflow.models_flow(METALS))
    assert {name: shipped.database[name].count_documents({}) for name in COMPUTED} == before


def test_page_card_and_figures_are_those_of_the_archive(mini, shipped, tmp_path):
    written = mini.page.write(shipped, tmp_path)
    for path in written:
        committed = ROOT / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), f"write it again: {committed.name}"
    figures = {path.name for path in written if path.suffix == ".svg"}
    assert {path.name for path in (ROOT / mini.page.FIGURES).iterdir()} == figures


@pytest.mark.gpaw
@pytest.mark.slow
def test_a_label_computed_again_is_the_same(mini, shipped):
    (label,) = mini.check.choose(shipped, 1, 0, {"kmesh": "2x2x2"})
    assert isinstance(label, Label)
    found = mini.check.recompute(shipped, label)
    assert found.agrees, str(found)
