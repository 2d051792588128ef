"""The data card of TM23-mini: settings, convergence, counts and limits, from its archive.

Owns the text of DATA_CARD.md. Numbers are read from the archive; words say what they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from protocol import ENERGY_LIMIT_EV_PER_ATOM, FORCE_LIMIT_EV_PER_A, SAMPLING, SIGMAS_EV

from tm23flows import Archive
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Rejection
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.trajectory import Trajectory
from tm23flows.ops.cost.spending import spending
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
| not in it | the files of the models; `tm23 train flare --dataset Cu-mini-0.2eV --seed 1` trains one to use (seed 0 is the one whose files are not here) |
| checked by | `tm23 audit` (nothing lost, nothing twice, nothing without a past), `make mini-check` (labels computed again) |
| energies | free energy F (its derivatives are the forces), E extrapolated to zero smearing, E without entropy; eV per cell |
| forces, stress | eV/Å; eV/Å³ positive under tension, order xx yy zz yz xz xy, without kinetic part |
"""

STAGES = {
    "aimd": "CPU hours of the runs",
    "label": "of the labels",
    "train-gpu": "of the models",
}
"""Work that costs hours, by its stage in 'tm23 cost'."""

CHANGED = """## Changed on the way

The protocol was written before anything was computed. Three numbers were changed after the k-meshes of the first metal had been
tested, and before there was a model: the limit of the energy (5 to 10 meV/atom, which a constant had missed), the
number of frames (36 to 24 a metal) and the number of bands, for time. The rules of the conclusions were changed before there
was a model of these labels. The learning curve was along the melt, as in the article, until the one of the first metal was
there: its three test frames give no interval. It was left out, and all temperatures were taken instead.

When the first metal had its models, a review changed words of the conclusions, and no bound of what *holds*: an exponent without
an interval is *not resolved*, and no longer *not measured*; only what is resolved can be a *hint*, and ranges of three frames
are always one; forces that turn less than by chance are said to do so, and no longer *not resolved*.

What led to these changes was seen in a first computation, of Cu, Ti, Au and a part of Os, which was lost before it was published.
What is here was computed after the last of them, by the protocol as it stands.

When all of it was there, errors, exponents, noise, responses and d states were computed again by other code. Intervals of the
exponents were then made wider for few blocks, as all other intervals are; exponents without the smallest set were put beside them, and the share of the worst frame beside
the errors; and *less than by chance* was explained anew. Up to then the change by angle was judged against the radial
change as if that were exact; now it is by the interval of angular less twice radial. For Os this made *not resolved* of *less than by
chance*. No other verdict changed.

After that the page came to say what it had left out of its rules: in Fig. 9a the root mean square error has to change with the mean absolute
one. The smearing study had judged so since before there was a label; the change of the root mean square error stands beside now.
"""

LIMITS = """## Limits

- **Cells of 7 atoms** in periodic images 4.3 to 5.9 Å apart: every atom sees images of itself and of its neighbours, the vacancy is one
  site of eight, and the volume is that of the perfect crystal at all temperatures.
- **Short runs** from the crystal: what is called melt is 0.4 ps at 1.25 times the melting temperature, and no liquid. Frames are 40 fs
  apart and alike, and the test frames of a run come next after its training frames.
- **k-meshes** are converged to limits ten times those of the article, on three frames, against a mesh that is one step denser and
  has an error of its own. What is left is measured and stands beside every error.
- **Cutoff** (350 eV for labels) was not tested for convergence; the article has 520 eV.
- **Nine test frames** a metal. The results page says how far each error moves when one of them is left out.
- **Models** were not tuned, and each was trained once.
- **Trajectories** were run on one k-point and 300 eV, as cheap samplers of geometries; their own forces are stored as labels of
  that recipe and are not used for training.
- **Stress** at this cutoff has GPAW's basis-set (Pulay) part: 0.037 eV/Å³ for bulk copper, nearly the same for all frames. For copper
  that is more than the mean absolute stress component of its labels. So percent errors of stress say little, and the models have no sound
  pressure.
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
        [
            HEAD,
            *_counts(archive),
            *_runs(archive),
            *_meshes(archive),
            *_recipes(archive),
            CHANGED,
            LIMITS,
        ]
    )


def _lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(line)} |"
    yield ""


def _counts(archive: Archive) -> Iterator[str]:
    labels = Counter(one.element for one in archive.labels())
    frames = Counter(one.element for one in archive.frames())
    without = [one.frame_id for one in read_all(archive, Rejection)]
    rejected = Counter(one.element for one in archive.get_many(Frame, without))
    hours: Counter[tuple[str, str]] = Counter()
    for row in spending(archive, []):
        hours[row.metal, row.stage] += (row.core_s + row.rejected_core_s) / 3600
    yield "## What there is\n"
    heads = ("metal", "frames", "labels, all recipes", "rejected", *STAGES.values())
    yield from _lines(
        heads,
        (
            (
                metal,
                str(frames[metal]),
                str(labels[metal]),
                str(rejected[metal]),
                *(f"{hours[metal, stage]:.2f}" for stage in STAGES),
            )
            for metal in sorted(frames)
        ),
    )
    total = sum(hours.values())
    yield (
        f"In all {total:.1f} CPU hours, so `make mini` takes at least {total / 2:.1f} hours on "
        "two cores as fast as those that made this.\n"
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
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    datasets: set[str] = set()
    software: set[str] = set()
    for one in archive.labels():
        datasets |= set(one.recipe.pseudopotentials.values())
        alike = one.recipe.model_copy(update={"pseudopotentials": {}})
        counts[recipe_words(alike)][one.element] += 1
        software |= {f"{name} {version}" for name, version in one.provenance.software.items()}
    yield "## Recipes of the labels\n"
    for words, metals in sorted(counts.items()):
        numbers = ", ".join(f"{metal} {number}" for metal, number in sorted(metals.items()))
        yield f"- {numbers}: {words}"
    yield ""
    yield f"Computed with {', '.join(sorted(software))}; datasets {', '.join(sorted(datasets))}.\n"
