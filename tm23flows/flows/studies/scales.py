"""The studies by name, and the roads that they go at the two scales.

Owns which Maker a study is, its metals where none are named, and the numbers of its small scale,
fixed before any data: they are those of docs/howto/studies.md. At the scale of the paper, roads are
those of :mod:`tm23flows.flows.scales`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.elastic_constants import ElasticConstantsMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.scales import PAPER_FLARE, make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.correlations import CorrelationStudyMaker
from tm23flows.flows.studies.crystal import CrystalStudyMaker
from tm23flows.flows.studies.dos import DosStudyMaker
from tm23flows.flows.studies.electrons import ElectronStudyMaker
from tm23flows.flows.studies.finite_size import FiniteSizeStudyMaker
from tm23flows.flows.studies.molecular_dynamics import MolecularDynamicsStudyMaker
from tm23flows.flows.studies.phonons import PhononStudyMaker
from tm23flows.flows.studies.rare_events import RareEventStudyMaker
from tm23flows.flows.studies.settings import read_settings
from tm23flows.flows.studies.smearing import SmearingStudyMaker
from tm23flows.flows.studies.transfer import TransferStudyMaker
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.flows.trajectory import Sampling
from tm23flows.science import protocol
from tm23flows.science.kpoints import GAMMA_CENTRED
from tm23flows.science.metals import METALS
from tm23flows.science.sampling import steps_needed

if TYPE_CHECKING:
    from jobflow import Flow, Maker

SMALL_SAMPLING = Sampling(discard=24, stride=8, count=8)
"""Frames of a study at the small scale, 40 fs apart: 24 of a metal."""

SMALL_TRAIN_FRACTION = 0.625
"""15 frames train and 9 test: the test frames say how well a difference is seen."""

SMALL_MESHES = ((2, 2, 2), (3, 3, 3), (4, 4, 4))
SMALL_ENERGY_LIMIT_EV_PER_ATOM = 0.005
SMALL_FORCE_LIMIT_EV_PER_A = 0.025
"""Limits of the small scale, five times the article's: in cells of 7 atoms its own would want
meshes that are beyond two cores. They are well below the errors of models at this scale."""

SWEEP_BANDS = {"gpaw": {"nbands": "200%"}}
"""Bands for every width of a sweep, by engine: those that the largest one needs, so that one
calculator can go through all of them. VASP fills up a smaller set by itself."""

ENGINE_SETTINGS: dict[tuple[str, str | None], dict[str, Any]] = {
    # Strained perfect crystals have the symmetry that sampled frames lack.
    ("correlations", "gpaw"): {"elastic": ElasticConstantsMaker(options={"symmetry": {}})},
    ("crystal", "gpaw"): {"options": {"symmetry": {}}},
    ("phonons", "gpaw"): {"options": {"symmetry": {}}},
}
"""Fields of a study's Maker that an engine needs, by study and engine."""

SMALL_CELL = {
    "n_sites": None,
    "n_train": 12,
    "n_test": 8,
    "grid": {"cutoff_A": [3.0, 4.0, 5.0], "nmax": [6], "lmax": [3]},
}
"""The large cell of the small scale is that of the article's own frames, 7 angstrom wide: it shows
the way, not the answer."""

_PAPER_MODEL = {"model": ModelMaker(trainer="flare", hyperparameters=PAPER_FLARE)}

SCALE_SETTINGS: dict[tuple[str, str | None], dict[str, Any]] = {
    ("finite-size", "demo"): SMALL_CELL,
    ("smearing", "paper"): _PAPER_MODEL,
    ("electrons", "paper"): _PAPER_MODEL,
    # 8 atoms of copper: the way, not converged frequencies.
    ("phonons", "demo"): {"supercell": (2, 2, 2)},
    # Lattice, curve and elastic constants; a vacancy cell is beyond two cores.
    ("crystal", "demo"): {"vacancy": False, "phases": ()},
    # The article's correlations are with the errors of NequIP.
    ("correlations", "paper"): {"trainer": "nequip"},
}
"""Fields of a study's Maker that differ from its defaults, by study and scale."""


@dataclass(frozen=True)
class Kind:
    """A study as users call it.

    Parameters
    ----------
    maker
        Its Maker.
    metals
        Its metals where none are named: those of the article.
    bands
        Whether all recipes of a frame get the same bands.
    models
        Whether all models of the road are trained; others train their own, or those of one
        trainer.
    is_large
        Whether its cell is too large to test k-meshes in: labels are on Gamma alone unless a mesh
        is given, and the study says so.
    """

    maker: Callable[..., Maker]
    metals: tuple[str, ...]
    bands: bool = False
    models: bool = False
    is_large: bool = False


KINDS: dict[str, Kind] = {
    "smearing": Kind(SmearingStudyMaker, protocol.SIGMA_METALS, bands=True),
    "electrons": Kind(ElectronStudyMaker, protocol.NELECT_METALS, bands=True),
    "dos": Kind(DosStudyMaker, METALS),
    "correlations": Kind(CorrelationStudyMaker, METALS),
    "finite-size": Kind(FiniteSizeStudyMaker, protocol.FINITE_SIZE_METALS, is_large=True),
    "transfer": Kind(TransferStudyMaker, METALS, models=True),
    "molecular-dynamics": Kind(MolecularDynamicsStudyMaker, METALS, models=True),
    "crystal": Kind(CrystalStudyMaker, METALS, models=True),
    "phonons": Kind(PhononStudyMaker, protocol.PHONON_METALS, models=True),
    "rare-events": Kind(RareEventStudyMaker, METALS, models=True),
}
"""All studies by the word on the command line."""


def find_kind(name: str) -> Kind:
    """Return the study of a name.

    Parameters
    ----------
    name
        One of :data:`KINDS`.

    Returns
    -------
    The study.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in KINDS:
        raise InputError(f"There is no study '{name}'; choose one of: {', '.join(KINDS)}.")
    return KINDS[name]


def make_study(
    name: str,
    structures: Mapping[str, StructureMaker],
    scale: str,
    engine: str,
    settings: Mapping[str, Any],
    kmesh: tuple[int, int, int] | None = None,
) -> Flow:
    """Wire a study.

    Parameters
    ----------
    name
        One of :data:`KINDS`.
    structures
        Where phase and cell of each metal come from.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.
    settings
        Fields of the Maker of the study that differ from its defaults.
    kmesh
        k-mesh to go on with where the convergence test shows none to be converged, which a
        study does only with ``allow_unconverged``; None for the densest of the test.

    Returns
    -------
    The flow.

    Raises
    ------
    InputError
        With one sentence about what cannot be made.
    """
    kind = find_kind(name)
    told = dict(settings)
    # Studies of models leave the labels to the road: what is allowed is said of its mesh.
    allowed = kind.models and _is_true(told.pop("allow_unconverged", False))
    maker = study_maker(name, engine, told, scale)
    allowed = allowed or getattr(maker, "allow_unconverged", False)
    if kmesh is not None and not (kind.is_large or allowed):
        raise InputError(
            "A mesh to go on with where none is converged needs allow_unconverged=True "
            "(--allow-unconverged), which the report then says."
        )
    roads = {}
    for element, structure in structures.items():
        road = study_road(element, name, scale, engine, structure, kmesh)
        trainer = getattr(maker, "trainer", None)
        models = [one for one in road.models if kind.models or one.trainer == trainer]
        roads[element] = replace(road, models=tuple(models))
        if kind.models and road.convergence is not None:
            going_on = road.convergence.going_on(allowed)
            roads[element] = replace(roads[element], convergence=going_on)
    return maker.make(roads)


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() in {"true", "1", "yes"}


def study_maker(
    name: str, engine: str | None, settings: Mapping[str, Any], scale: str | None = None
) -> Any:
    """Make the Maker of a study.

    Parameters
    ----------
    name
        One of :data:`KINDS`.
    engine
        Name of the engine of the labels; None where none is computed.
    settings
        Fields that differ from the defaults, as values or as text.
    scale
        ``demo`` or ``paper``; None for neither.

    Returns
    -------
    The Maker.

    Raises
    ------
    InputError
        If there is no such study, or it has no such setting.
    """
    kind = find_kind(name)
    fixed = {**SCALE_SETTINGS.get((name, scale), {}), **ENGINE_SETTINGS.get((name, engine), {})}
    return kind.maker(**{**fixed, **read_settings(kind.maker, settings)})


def study_road(
    element: str,
    name: str,
    scale: str,
    engine: str,
    structure: StructureMaker | None = None,
    kmesh: tuple[int, int, int] | None = None,
) -> TM23Maker:
    """Return the road of one metal in a study.

    Parameters
    ----------
    element
        Chemical symbol.
    name
        One of :data:`KINDS`.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.
    structure
        Where phase and cell come from; None for the defaults of the metal.
    kmesh
        k-mesh to go on with where none is shown to be converged.

    Returns
    -------
    The road.

    Raises
    ------
    InputError
        If the metal, the scale or the engine is unknown.
    """
    kind = find_kind(name)
    road = replace(make_tm23(element, scale, engine, structure), extra_labels=())
    if scale == "demo":
        road = _small(road)
    if kind.bands:
        options = {**SWEEP_BANDS.get(engine, {}), **road.label.recipe.options}
        road = _with_recipe(road, options=options)
    if kind.is_large:
        road = replace(road, structure=structure or StructureMaker())
        return _without_test(road, name, kmesh or (1, 1, 1))
    if kmesh is not None and road.convergence is not None:
        road = replace(road, convergence=replace(road.convergence, fallback=kmesh))
    return replace(road, name=f"{road.name}-{name}")


def _small(road: TM23Maker) -> TM23Maker:
    sampling = SMALL_SAMPLING
    steps = steps_needed(sampling.discard, sampling.stride, sampling.count)
    return replace(
        road,
        trajectory=replace(road.trajectory, sampling=sampling, n_steps=steps),
        label=replace(road.label, batch_size=sampling.count),
        convergence=KpointConvergenceMaker(
            meshes=SMALL_MESHES,
            energy_limit_eV_per_atom=SMALL_ENERGY_LIMIT_EV_PER_ATOM,
            force_limit_eV_per_A=SMALL_FORCE_LIMIT_EV_PER_A,
        ),
        split="fraction",
        split_options={"train_fraction": SMALL_TRAIN_FRACTION},
    )


def _without_test(road: TM23Maker, name: str, kmesh: tuple[int, int, int]) -> TM23Maker:
    road = _with_recipe(road, kmesh=kmesh, kmesh_offset=GAMMA_CENTRED)
    return replace(road, name=f"{road.name}-{name}", convergence=None)


def _with_recipe(road: TM23Maker, **changes: Any) -> TM23Maker:
    recipe = road.label.recipe.model_copy(update=changes)
    return replace(road, label=replace(road.label, recipe=recipe))
