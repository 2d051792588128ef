"""A real embedded database for the session, an own archive in it for each test."""

from __future__ import annotations

# One thread: these matrices are so small that threads only wait for each other.
# The libraries read the variable when they are loaded, so it comes first.
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore

sys.path.insert(0, str(Path(__file__).resolve().parent / "fixtures"))

from scaled_trainer import scaled_trainer  # noqa: F401
from walking_vacancy import walk, walking_vacancy  # noqa: F401

from tm23flows import disk
from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies, Label
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.emt import EmtEngine
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.science.spectrum import Spectrum
from tm23flows.settings import TM23Settings
from tm23flows.store.archive import Archive
from tm23flows.store.embedded.process import ServerInfo
from tm23flows.testing.database import local_database
from tm23flows.testing.vasp_simulator import install_simulator

# What a shell that is not interactive starts in the background ignores SIGINT, and so would all
# that is started from here: programs that a test interrupts would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast the machine is decides no test. The same examples each time, unless somebody searches
# for new ones with HYPOTHESIS_PROFILE=search.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, database=None, **_PATIENT)
settings.register_profile("search", **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
if settings.get_current_profile_name() == "steady":
    # Hypothesis draws numbers from the modules too that are imported by now. Which these are is up
    # to the tests that this worker had before, and so to how fast the other was.
    assert callable(providers._get_local_constants)
    providers._get_local_constants = lambda: providers._local_constants


@pytest.fixture(scope="session", autouse=True)
def _plain_settings(tmp_path_factory) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in TM23Settings.model_fields:
            patch.delenv(f"TM23_{name.upper()}", raising=False)
        nowhere = tmp_path_factory.mktemp("settings")
        patch.setenv("TM23_CONFIG_FILE", str(nowhere / "no-such-file.yaml"))
        patch.setenv("TM23_DB_PATH", str(nowhere / "no-database"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _small_probes_of_the_disk() -> Iterator[None]:
    """Let jobs in this process ask the disk with less: each asks, and full it is in no test.

    Workers in processes of their own, which also meet disks that are full, ask as ever.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "SPACE_BYTES", 1 << 14)
        yield


@pytest.fixture(scope="session")
def database_server() -> Iterator[ServerInfo]:
    """One embedded database server in a temporary folder."""
    with local_database() as server:
        yield server


@pytest.fixture
def database(database_server, monkeypatch) -> ServerInfo:
    """The running server, with a database name that nobody else uses in the settings."""
    _use_database(monkeypatch, database_server, f"test-{uuid.uuid4().hex[:8]}")
    return database_server


@pytest.fixture
def archive(database) -> Archive:
    """An empty archive."""
    return Archive.open()


@pytest.fixture(scope="session")
def run_flow() -> Callable[[Flow], dict]:
    """A function that runs a flow in this process and raises what its jobs raise."""
    return _run_flow


@pytest.fixture
def emt_maker() -> TM23Maker:
    """The Maker of the demonstration on EMT, without models."""
    return _emt_maker()


@pytest.fixture(scope="session")
def _emt_road(database_server) -> str:
    """Run the demonstration without models on EMT; return the name of its database."""
    name = "emt-road"
    with pytest.MonkeyPatch.context() as patch:
        _use_database(patch, database_server, name)
        _run_flow(_emt_maker().make("Cu"))
    return name


@pytest.fixture(scope="module")
def _emt_of_module(_emt_road, database_server) -> str:
    """Copy that archive, so that what tests of one file add to it no other file sees."""
    name = f"emt-{uuid.uuid4().hex[:8]}"
    _copy_archive(database_server, _emt_road, name)
    return name


@pytest.fixture
def emt_archive(_emt_of_module, database_server, monkeypatch) -> Archive:
    """The archive after the whole EMT road; the tests of a file share it."""
    _use_database(monkeypatch, database_server, _emt_of_module)
    return Archive.open()


@pytest.fixture
def emt_copy(_emt_road, database_server, archive) -> Archive:
    """A copy of that archive for one test, to change and to damage."""
    _copy_archive(database_server, _emt_road, archive.database.name)
    return archive


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., Frame]:
    """A function that makes frames of two copper atoms, another one for every seed."""
    return _frame


@pytest.fixture(scope="session")
def make_label() -> Callable[..., Label]:
    """A function that makes a label of a frame, with numbers that depend on its step."""
    return _label


def _copy_archive(server: ServerInfo, source: str, target: str) -> None:
    documents, copy = (Archive.open(server.uri, one).database for one in (source, target))
    for name in documents.list_collection_names():
        if stored := list(documents[name].find()):
            copy[name].insert_many(stored)


def _use_database(patch: pytest.MonkeyPatch, server: ServerInfo, name: str) -> None:
    patch.setenv("TM23_DB_PATH", str(server.path))
    patch.setenv("TM23_DATABASE", name)
    patch.delenv("TM23_MONGO_URI", raising=False)


def _emt_maker() -> TM23Maker:
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    return maker


def _run_flow(flow: Flow) -> dict:
    store = JobStore(MemoryStore())
    # jobs leave files and marks where they run, and some tests run in the repository
    with TemporaryDirectory(prefix="tm23-flow-") as folder, chdir(folder):
        return run_locally(flow, store=store, raise_immediately=True, log=False)


def _frame(seed: int = 0, **fields: Any) -> Frame:
    place = np.random.default_rng(seed).normal(0, 0.1, (2, 3))
    given = {
        "provenance": Provenance.now({"program": "1.0"}, {"seed": seed}),
        "element": "Cu",
        "regime": "cold",
        "temperature_K": 339.5,
        "trajectory_id": None,
        "origin": "a file",
        "step": seed + 1,
        "time_fs": 5.0 * seed,
        "numbers": [29, 29],
        "cell": [[5.1, 0.0, 0.0], [0.3, 2.6, 0.0], [0.1, 0.2, 2.7]],
        "positions": place + np.array([[0, 0, 0], [2.55, 0, 0]]),
    }
    return Frame(**{**given, **fields})


def _label(frame: Frame, recipe: Recipe | None = None, **fields: Any) -> Label:
    recipe = recipe or Recipe(engine="emt", xc="none")
    energy = -1.0 / (frame.step or 3)
    given = {
        "provenance": Provenance.now({"program": "1.0"}, {"k": [1, 2]}),
        "frame_id": frame.id,
        "recipe": recipe,
        "recipe_id": recipe.id,
        "element": frame.element,
        "regime": frame.regime,
        "temperature_K": frame.temperature_K,
        "trajectory_id": frame.trajectory_id,
        "step": frame.step,
        "n_atoms": len(frame.numbers),
        "energies": Energies(free=energy, sigma0=energy / 3, without_entropy=energy / 7),
        "forces": frame.positions / 3,
        "stress": np.arange(6) / 7,
    }
    return Label(**{**given, **fields})


@pytest.fixture
def emt_spectra(monkeypatch) -> Callable[[Atoms], Spectrum]:
    """Give EMT electronic states that follow the atoms; return the function that makes them."""
    monkeypatch.setattr(EmtEngine, "spectrum", lambda _engine, atoms: _states(atoms))
    return _states


def _states(atoms: Atoms) -> Spectrum:
    """Six bands per atom at two k-points, the lower five of d: eleven electrons fill them."""
    n, rng = len(atoms), np.random.default_rng(abs(int(1e6 * atoms.positions.sum())))
    places = np.sort(rng.uniform(-6, 8, (2, 6 * n)), axis=1)
    places[:, -1] = 9.0
    projections = np.zeros((*places.shape, 3))
    projections[:, : 5 * n, 2] = 0.9
    projections[:, 5 * n :, 0] = 0.5
    filled = np.zeros(places.shape)
    filled[:, : 11 * n // 2] = 1.0
    filled[:, 11 * n // 2] += 0.5 * (11 * n % 2)
    weights = np.array([0.25, 0.75])
    return Spectrum(places, weights, filled, projections, fermi_eV=1.5, electrons=11.0 * n)


@pytest.fixture(scope="session")
def _vasp_simulator(tmp_path_factory) -> dict[str, str]:
    return install_simulator(tmp_path_factory.mktemp("simulator"))


@pytest.fixture
def vasp(_vasp_simulator, monkeypatch) -> dict[str, str]:
    """The simulator and its datasets as the VASP of this test; their environment."""
    for name, value in _vasp_simulator.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("VASP_SIMULATOR_PLAN", raising=False)
    return dict(_vasp_simulator)


@pytest.fixture
def faults(vasp, tmp_path, monkeypatch) -> Callable[..., None]:
    """A function that tells the simulator what to do wrong; without arguments, nothing."""

    def plan(*told: dict[str, Any]) -> None:
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(told))
        for counter in tmp_path.glob("plan.json.*.count"):
            counter.unlink()
        monkeypatch.setenv("VASP_SIMULATOR_PLAN", str(path))

    return plan


@pytest.fixture
def road(emt_copy) -> tuple[Archive, Evaluation]:
    """The whole EMT road, with a model and an evaluation that are only documents."""
    dataset = emt_copy.dataset("Cu-demo")
    model = Model(
        provenance=Provenance.now({"trainer": "1.0"}, {"x": 1}),
        trainer="flare",
        hyperparameters={"cutoff_A": 5.0},
        seed=0,
        dataset_id=dataset.id,
        files=(ModelFile(name="model.json", blob=emt_copy.blobs.put(b"model")),),
        wall_s=1.0,
    )
    evaluation = Evaluation(
        provenance=Provenance.now({"trainer": "1.0"}),
        model_id=model.id,
        dataset_id=dataset.id,
        energy_reference="mean-per-atom",
        predictions=emt_copy.blobs.put_arrays(energy=np.zeros(12)),
        errors=(),
    )
    emt_copy.put(model, evaluation)
    return emt_copy, evaluation
