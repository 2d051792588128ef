"""Write the results page and the data card of TM23-mini from its archive.

python page.py [FOLDER]     default: where the repository keeps them

Every number, verdict and figure comes from the archive of the settings, through the report's own
modules. Words around them say what is shown and never what came out.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from card import card
from conclusions import CONTRADICTED, HINT, HOLDS, Conclusion, conclusions, tested, widest_study

from tm23flows import Archive
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.report import convergence, learning_curves
from tm23flows.report.benchmark.arrays import Evaluated, read_benchmark
from tm23flows.report.benchmark.errors import bounded_text
from tm23flows.report.label_noise import NOISE_NOTE, noise_of_evaluations, noise_text
from tm23flows.report.plotting import Drawing
from tm23flows.report.quantities import MEV_PER_EV, number_text
from tm23flows.report.records import read_all
from tm23flows.report.rendering import file_name
from tm23flows.report.studies.page import section_of
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.report.tables import ErrorTableRow, cells, error_rows, noise_rows, sorted_rows
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.density_of_states import D_WINDOW_EV

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("docs/science/tm23_mini.md")
FIGURES = Path("docs/figures/tm23_mini")
CARD = Path("examples/tm23-mini/DATA_CARD.md")
LABELLED = ("-mini-0.2eV", "-mini-2eV")
"""Datasets of the labels at both widths, as the smearing study calls them."""

HEAD = """# Results of TM23-mini

TM23-mini is a small benchmark on real DFT: GPAW, cells of 7 atoms with a vacancy, three temperatures (cold, warm and melt:
0.25, 0.75 and 1.25 times the melting temperature), FLARE and NequIP, and every frame labelled at two smearing widths, SIGMA.
It asks which conclusions of the TM23 article (npj Comput. Mater. 10, 92 (2024)) can already be seen at this size, and which
cannot. It is no substitute for TM23: its cells are five to eleven times smaller, its runs and its sets more than a hundred times.
There is one run for each temperature, and one training set and one seed for each model: what others would change is in no
interval of this page.

This page is written by `examples/tm23-mini/page.py` from the archive that is shipped beside it. How the data was made, under
which settings and with which limits, is on its card, `examples/tm23-mini/DATA_CARD.md`.

## Which conclusions of the article hold here
"""

RULES = """The rules (`examples/tm23-mini/conclusions.py`) were fixed before there was a model; what was mended later is on the card.
A verdict is about the interval of a difference:

- *holds* or *contradicted*: the interval lies on the side of zero that the article says, or on the other;
- *not resolved*: it holds zero, or there is none; for Fig. 9a also where the change of the root mean square error does not lie
  on the same side. That does not mean that there is no difference;
- *may be label noise*: the noise of the labels, which SIGMA changes, could make the change of the error;
- *less than by chance* (Fig. 9c alone): changes of the forces in random directions have an angular response of twice the radial
  one, and this is less, so more of the change lies along the force than it would by chance. That need not be most of it, and the
  article gives no limit, so it is not contradicted;
- *(hint)*: there are too few independent frames, so the interval is too narrow. Of nine frames in three runs, with a
  correlation of one half between neighbours, two equal models seem to differ in one study of four or five, not of twenty. Hints are not
  adjusted for the number of comparisons, and those of one row share metals.

Exponents (Fig. 6) are of all five sizes, and those decide. The smallest is one frame of each temperature; the exponents without
it stand in brackets, and where they tell another story, the curve is no power law yet.
"""

YOURSELF = """## To look at any number yourself

    tm23 db start && eval "$(tm23 db env)"
    tm23 import examples/tm23-mini/tm23-mini.tm23.tar.xz
    tm23 report -o report/index.html          # all tables and figures, each with its trace
    tm23 study show smearing
    make mini-check                           # computes a random sample of the labels again
    make mini                                 # computes everything again, in work/tm23-mini
"""

ERRORS = """## Errors of models, and the noise of their labels

Trained on the first 15 frames, five of each temperature (NequIP holds two of them back for validation), and tested on the
last 9, three of each. Nothing was tuned; the article tunes both models for each metal. Force errors are of components. Percent
error is 100 MAE / MAV, where MAV is the mean absolute value of the labels of the same frames. The label noise is that of the
k-mesh, on those test frames that were labelled on a denser mesh too, in percent of their own MAV: no model can be seen to be better
than its labels. How stable an error of nine frames is, the last columns say: between which values it is when any one
of them is left out, and the share of one frame in the sum of squared errors of forces. Where that is most of it, a root mean
square error is about that frame.
"""

MESHES = """## k-meshes

The mesh of a metal is the coarsest one that is within the limits of the densest one, together with all denser ones, on one
frame of each temperature at the smallest SIGMA. Numbers are the largest differences from the densest mesh.
"""

CURVE = """## Learning curve

FLARE on the first one to five frames of each temperature, tested on the last three of each. The article's curves are of NequIP
on 100 to 900 frames of the melt alone.

The largest set has the same 15 frames as the models above, in another order, so FLARE drew other sparse environments from them.
How far the two errors are apart is what that draw alone does, and no interval on this page holds it.
"""

SMEARING = """## SIGMA

The same frames under two widths, with the same mesh and bands; a model of each.
"""

STATES = """## d states

Of the test frames of the melt: mean, and in brackets the least and the greatest of the frames, which is no interval. Moments of
the d-projected states between {low:g} and {high:g} eV of the Fermi level; * the bands end before that, so the occupied share is
too large. Occupations are those of the labels; with Methfessel-Paxton they can be above 1 below the Fermi level, so shares
at different SIGMA are not to be compared closely.
"""

TRANSFER = """## Transfer

All cold frames train; all warm and all melt frames test.
"""


def write(archive: Archive, folder: Path) -> list[Path]:
    """Write page, figures and card.

    Parameters
    ----------
    archive
        The archive.
    folder
        Root of the repository, or of what is to look like it.

    Returns
    -------
    The files.
    """
    evaluated = read_benchmark(archive)
    chosen = tested(archive, evaluated, LABELLED)
    smearing, transfer = (_section(archive, kind) for kind in ("smearing", "transfer"))
    curves = learning_curves.section(archive)
    drawings = [one for part in (smearing, transfer, curves) if part for one in part.drawings]
    text = "\n".join(
        [
            HEAD,
            _conclusions(conclusions(archive, evaluated)),
            YOURSELF,
            ERRORS,
            _errors(archive, chosen),
            _by_temperature(archive, chosen),
            MESHES,
            _meshes(archive),
            TRANSFER,
            _shown(transfer),
            CURVE,
            _shown(curves),
            SMEARING,
            _shown(smearing),
            STATES.format(low=D_WINDOW_EV[0], high=D_WINDOW_EV[1]),
            _states(archive),
        ]
    )
    written = {folder / PAGE: text.encode(), folder / CARD: card(archive).encode()}
    written |= {folder / FIGURES / _picture(one): one.svg for one in drawings}
    for path, content in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(written)


def _section(archive: Archive, kind: str) -> StudySection | None:
    study = widest_study(archive, kind)
    return None if study is None else section_of(archive, study)


def _conclusions(found: Sequence[Conclusion]) -> str:
    rows = [(one.claim, one.source, str(len(one.cases)), f"**{one.verdict}**") for one in found]
    every = [
        (one.source, case.about, case.numbers, case.verdict) for one in found for case in one.cases
    ]
    return "\n".join(
        [
            _in_short(found),
            "",
            table(("the article says", "where", "comparisons", "here"), rows),
            "",
            RULES,
            "Each comparison behind them, and the interval that decides:",
            "",
            table(("figure", "what", "numbers", "verdict"), every),
            "",
        ]
    )


def _in_short(found: Sequence[Conclusion]) -> str:
    """Count what came out, in the order of the verdicts, for a reader of one line."""
    counts = Counter(case.verdict for one in found for case in one.cases)
    if not counts:
        return "In short: nothing was measured."
    words = ", ".join(f"{number} *{word}*" for word, number in counts.most_common())
    through = sum(
        bool(one.cases) and all(case.verdict.removesuffix(HINT) == HOLDS for case in one.cases)
        for one in found
    )
    against = sum(any(case.verdict.startswith(CONTRADICTED) for case in one.cases) for one in found)
    return (
        f"In short, hints included: {through} of {len(found)} conclusions in line with every "
        f"comparison that was made; contradicted in at least one: {against}. All "
        f"{sum(counts.values())} comparisons: {words}."
    )


def _errors(archive: Archive, evaluated: Sequence[Evaluated]) -> str:
    noise = noise_of_evaluations(archive, [one.measured.evaluation.id for one in evaluated])
    rows = []
    for one in evaluated:
        found = one.errors["all"]
        force = found.errors["force"]
        star = "" if found.is_trusted else "*"
        rows.append(
            (
                one.measured.dataset.element,
                _width(one.measured.named.name),
                one.title,
                f"{found.n_frames} ({found.effective_frames:.1f}){star}",
                bounded_text(force.mae, MEV_PER_EV),
                bounded_text(force.percent),
                noise_text(noise, (one.measured.evaluation.id, "all")),
                _without_one(one),
                f"{100 * _worst_share(one):.0f}",
            )
        )
    heads = (
        "metal", "SIGMA", "model", "test frames (independent at most)", "force MAE / (meV/Å)",
        "force error / %", "label noise / %", "without one frame / %",
        "worst frame / %",
    )  # fmt: skip
    level = f"{100 * evaluated[0].level:g} %" if evaluated else ""
    note = (
        f"Intervals of {level} are from blocks of test frames; they hold neither another run nor "
        "another training set or seed. * fewer independent frames than an interval needs; runs of "
        "three test frames can hardly tell how alike they are. "
        f"{NOISE_NOTE}"
    )
    return f"{table(heads, rows)}\n\n{note}\n"


def _without_one(one: Evaluated) -> str:
    error, _, label, _ = one.sums.of("force")
    if len(error) < 2:
        return "undefined"
    rest = 100 * (error.sum() - error) / (label.sum() - label)
    return f"{number_text(rest.min())} to {number_text(rest.max())}"


def _worst_share(one: Evaluated) -> float:
    squares = one.sums.of("force")[1]
    return float(squares.max() / squares.sum()) if squares.any() else 0.0


def _by_temperature(archive: Archive, evaluated: Sequence[Evaluated]) -> str:
    parts = {one.part for one in evaluated}
    models = [one for one in error_rows(archive) if one.frames in parts]
    rows = []
    for block in sorted_rows(models, noise_rows(archive)):
        for row in block:
            words = cells(row)
            if isinstance(row, ErrorTableRow) or row.n_frames:
                rows.append((words[0], _width(row.dataset), *words[1:]))
    heads = (
        "metal", "SIGMA", "at", "model", "n", "force / (meV/Å)", "%", "energy / (meV/atom)", "%",
        "stress / (meV/Å³)", "%",
    )  # fmt: skip
    words = (
        "By temperature, MAE of forces, energies per atom and stresses. The MAV of energies is of their "
        "distance from the mean of the same frames, so it is small, and the percent error large, "
        "at one temperature. Stresses have a basis-set part that can be as large as the rest (see "
        "the card), and NequIP's loss, with the article's weights, hardly counts them; so their "
        "percent errors say little."
    )
    return f"{words}\n\n{table(heads, rows)}\n"


def _width(dataset: str) -> str:
    """Return the width that is in the name of a dataset, which may have a version."""
    return dataset.partition("@")[0].rpartition("-")[2].replace("eV", " eV")


def _meshes(archive: Archive) -> str:
    parts = []
    for test in convergence.convergences(archive):
        rows = [tuple(row) for row in convergence.mesh_rows(test)]
        parts.append(f"**{test.element}**: {test.reason}\n\n{table(convergence.COLUMNS, rows)}\n")
    return "\n".join(parts)


def _states(archive: Archive) -> str:
    groups: dict[tuple[str, float], list[DensityOfStates]] = defaultdict(list)
    for one in read_all(archive, DensityOfStates):
        groups[one.element, one.recipe.sigma_eV or 0.0].append(one)
    if not groups:
        return "Not measured.\n"
    rows = [
        (
            metal,
            f"{sigma:g} eV",
            str(len(found)) + ("" if all(one.window_complete for one in found) else "*"),
            _spread([one.d_band_centre_eV for one in found]),
            _spread([one.d_band_width_eV for one in found]),
            _spread([one.d_filling for one in found], 100.0),
        )
        for (metal, sigma), found in sorted(groups.items())
    ]
    heads = ("metal", "SIGMA", "frames", "centre / eV", "width / eV", "occupied / %")
    return f"{table(heads, rows)}\n"


def _spread(values: Sequence[float | None], scale: float = 1.0) -> str:
    known = [scale * one for one in values if one is not None]
    if not known:
        return "undefined"
    return bounded_text(Estimate(fmean(known), min(known), max(known)))


def _shown(section: StudySection | None) -> str:
    if section is None:
        return "Not measured.\n"
    parts = [f"- {one}" for one in (*section.warnings, *section.answer)]
    parts += [f"\n{_table(one)}" for one in section.tables if one.title != "Label sets"]
    parts += [
        f"\n![{one.title}](../figures/tm23_mini/{_picture(one)})\n\n{one.caption}"
        for one in section.drawings
    ]
    return "\n".join(parts) + "\n"


def _table(one: StudyTable) -> str:
    return f"**{one.title}**\n\n{table(one.columns, one.rows)}\n\n{one.note}"


def _picture(one: Drawing) -> str:
    return f"{file_name(one.title)}.svg"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown.

    Parameters
    ----------
    heads
        Heads of the columns.
    rows
        Texts.

    Returns
    -------
    Lines.
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    for path in write(Archive.open(), parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
