"""The data card of TM23-mini: settings, convergence, counts and limits, from its archive.

Owns the text of DATA_CARD.md. Numbers are read from the archive; words say what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from protocol import ENERGY_LIMIT_EV_PER_ATOM, FORCE_LIMIT_EV_PER_A, SAMPLING, SIGMAS_EV

from tm23flows import Archive
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Rejection
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.records import read_all
from tm23flows.report.words import recipe_words, short_words
from tm23flows.store.studies import list_studies

HEAD = """# Data card: TM23-mini

Frames of ab initio molecular dynamics of transition metals with their labels (energies, forces, stress), and the datasets, models,
evaluations and studies made of them. Written by `page.py` from the archive beside it.

| | |
|---|---|
| file | `tm23-mini.tm23.tar.xz`; one command adds it to an archive: `tm23 import tm23-mini.tm23.tar.xz` |
| licence | CC-BY-4.0 |
| made with | tm23flows alone: `make mini`, from `protocol.py` |
| checked by | `tm23 audit` (nothing lost, nothing twice, nothing without a past), `make mini-check` (labels computed again) |
| energies | free energy F (its derivatives are the forces), E extrapolated to zero smearing, E without entropy; eV per cell |
| forces, stress | eV/Å; eV/Å³ positive under tension, order xx yy zz yz xz xy, without kinetic part |
"""

LIMITS = """## Limits

- **Cells of 7 atoms** in periodic images 5 Å apart: no distance beyond that is independent, the vacancy is one site of eight, and what is
  called melt is a crystal of 7 atoms at 1.25 times the melting temperature.
- **Short runs**: frames are 40 fs apart and alike. Independent frames are fewer than frames; tables say how many.
- **k-meshes** are converged to limits ten times those of the article. What is left is measured
  and stands beside every error.
- **Trajectories** were run on one k-point and 300 eV, as cheap samplers of geometries; their own forces are stored as labels of
  that recipe and are not used for training.
- **Stress** at this cutoff has GPAW's basis-set (Pulay) part.
- **No spin polarisation**, as in the article. One run for each temperature, one seed.
- Meant for learning, for tests of programs and for seeing effects of SIGMA and k-meshes at a small size. Not meant for production force
  fields.
"""


def card(archive: Archive) -> str:
    """Write the card.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Markdown.
    """
    return "\n".join(
        [HEAD, *_counts(archive), *_runs(archive), *_meshes(archive), *_recipes(archive), LIMITS]
    )


def _lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(line)} |"
    yield ""


def _counts(archive: Archive) -> Iterator[str]:
    labels: Counter[str] = Counter()
    cpu_s: Counter[str] = Counter()
    for one in archive.labels():
        labels[one.element] += 1
        cpu_s[one.element] += one.effort.cpu_s or 0.0
    frames = Counter(one.element for one in archive.frames())
    without = [one.frame_id for one in read_all(archive, Rejection)]
    rejected = Counter(one.element for one in archive.get_many(Frame, without))
    yield "## What there is\n"
    heads = ("metal", "frames", "labels, all recipes", "rejected", "CPU hours of the labels")
    yield from _lines(
        heads,
        (
            (
                metal,
                str(frames[metal]),
                str(labels[metal]),
                str(rejected[metal]),
                f"{cpu_s[metal] / 3600:.2f}",
            )
            for metal in sorted(frames)
        ),
    )


def _runs(archive: Archive) -> Iterator[str]:
    runs = sorted(
        read_all(archive, Trajectory), key=lambda one: (one.element, one.dynamics.temperature_K)
    )
    yield "## Trajectories\n"
    yield (
        f"NVT with Nose-Hoover chains; the first {SAMPLING.discard} steps are left out, then every "
        f"{SAMPLING.stride}th step is a frame, {SAMPLING.count} of each run.\n"
    )
    heads = ("metal", "temperature", "K", "steps", "step / fs", "recipe")
    yield from _lines(
        heads,
        (
            (
                one.element,
                str(one.regime),
                f"{one.dynamics.temperature_K:g}",
                str(one.n_steps),
                f"{one.dynamics.timestep_fs:g}",
                short_words(one.recipe),
            )
            for one in runs
        ),
    )


def _meshes(archive: Archive) -> Iterator[str]:
    yield "## k-meshes and what noise they leave\n"
    yield (
        f"Chosen at SIGMA {SIGMAS_EV[0]:g} eV on the last frame of each temperature, limits "
        f"{1000 * ENERGY_LIMIT_EV_PER_ATOM:g} meV/atom and {1000 * FORCE_LIMIT_EV_PER_A:g} meV/Å for the worst component. "
        "The noise is the mean absolute difference of force components from the densest mesh that the test tried.\n"
    )
    noise = {
        (metal.convergence_id, row.sigma_eV): row.noise
        for study in list_studies(archive)
        if isinstance(study.results, SmearingResults)
        for metal in study.results.metals
        for row in metal.rows
    }
    rows = []
    for test in read_all(archive, Convergence):
        found = [noise.get((test.id, sigma)) for sigma in SIGMAS_EV]
        rows.append(
            (
                test.element,
                "x".join(map(str, test.kmesh or ())),
                "yes" if test.converged else "no",
                *("-" if one is None else f"{1000 * one.mae:.1f}" for one in found),
            )
        )
    heads = (
        "metal",
        "mesh",
        "within the limits",
        *(f"noise at {sigma:g} eV / (meV/Å)" for sigma in SIGMAS_EV),
    )
    yield from _lines(heads, sorted(rows))


def _recipes(archive: Archive) -> Iterator[str]:
    counts: Counter[str] = Counter()
    software: set[str] = set()
    for one in archive.labels():
        counts[recipe_words(one.recipe)] += 1
        software |= {f"{name} {version}" for name, version in one.provenance.software.items()}
    yield "## Recipes of the labels\n"
    for words, number in sorted(counts.items()):
        yield f"- {number} labels: {words}"
    yield ""
    yield f"Computed with {', '.join(sorted(software))}.\n"
