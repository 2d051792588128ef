"""Write the results page and the data card of TM23-mini from its archive.

python page.py [FOLDER]     default: where the repository keeps them

Every number, verdict and figure comes from the archive of the settings, through the report's own
modules. Words around them say what is shown and never what came out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from card import card
from conclusions import Conclusion, conclusions, tested

from tm23flows import Archive
from tm23flows.documents.study import Study
from tm23flows.report import convergence, learning_curves
from tm23flows.report.benchmark.arrays import Evaluated, read_benchmark
from tm23flows.report.label_noise import NOISE_NOTE, noise_of_evaluations, noise_text
from tm23flows.report.plotting import Drawing
from tm23flows.report.quantities import MEV_PER_EV, number_text
from tm23flows.report.rendering import file_name
from tm23flows.report.studies.page import section_of
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.report.tables import ErrorTableRow, cells, error_rows, noise_rows, sorted_rows
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.store.studies import list_studies

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("docs/science/tm23_mini.md")
FIGURES = Path("docs/figures/tm23_mini")
CARD = Path("examples/tm23-mini/DATA_CARD.md")
LABELLED = ("-mini-0.2eV", "-mini-2eV")
"""Datasets of the labels at both widths, as the smearing study calls them."""

HEAD = """# Results of TM23-mini

TM23-mini is a small benchmark on real DFT: GPAW, cells of 7 atoms with a vacancy, three temperatures, FLARE and
NequIP, and every frame labelled at two smearing widths. It asks which conclusions of the TM23 article (npj Comput.
Mater. 10, 92 (2024)) can already be seen at this size, and which can not. It is no substitute for TM23: its cells are four to
ten times smaller, its runs a hundred times shorter and its sets a hundred times smaller.

This page is written by `examples/tm23-mini/page.py` from the archive that is shipped beside it. How the data was made, under which settings and with which limits, is on its card,
`examples/tm23-mini/DATA_CARD.md`. To look at any number yourself:

    tm23 db start && eval "$(tm23 db env)"
    tm23 import examples/tm23-mini/tm23-mini.tm23.tar.xz
    tm23 report -o report/index.html          # all tables and figures, each with its trace
    tm23 study show smearing
    make mini-check                           # computes a random sample of the labels again
    make mini                                 # computes everything again

## Which conclusions of the article hold here

The rules were fixed before there was a model (`examples/tm23-mini/conclusions.py`): a comparison *holds* or is *contradicted*
only where its interval lies on one side; else it is *not resolved*. *(hint)* means that fewer independent frames
stand behind the interval than it needs to be wide enough.
"""

ERRORS = """## Errors of models, and the noise of their labels

Trained on 15 frames, tested on the 9 last ones, three of each temperature. Percent error is 100 MAE / MAV of the same
labels. The label noise is that of the k-mesh on those test frames that were labelled on a denser mesh too, in the same unit: no
model can be seen to be better than its labels.
"""

MESHES = """## k-meshes

The mesh of a metal is the coarsest one that is within the limits of the densest one, together with all denser ones, on one
frame of each temperature at the smallest SIGMA. Numbers are the largest differences from the densest mesh.
"""

CURVE = """## Learning curve

FLARE on frames of the melt, tested on its last three frames. The article's curves are of NequIP on 100 to 900 frames.
"""

SMEARING = """## SIGMA

The same frames under two widths, with the same mesh and bands; a model of each.
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
        ]
    )
    written = {folder / PAGE: text.encode(), folder / CARD: card(archive).encode()}
    written |= {folder / FIGURES / _picture(one): one.svg for one in drawings}
    for path, content in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(written)


def _section(archive: Archive, kind: str) -> StudySection | None:
    """Show the study of most metals; each metal has a smearing study of its own as well."""
    found: list[Study] = [one for one in list_studies(archive) if one.kind == kind]
    if not found:
        return None
    last = max(found, key=lambda one: (len(one.elements), one.provenance.created))
    return section_of(archive, last)


def _conclusions(found: Sequence[Conclusion]) -> str:
    rows = [(one.claim, one.source, f"**{one.verdict}**") for one in found]
    every = [
        (one.source, case.about, case.numbers, case.verdict) for one in found for case in one.cases
    ]
    return "\n".join(
        [
            table(("the article says", "where", "here"), rows),
            "",
            "Each comparison behind them:",
            "",
            table(("figure", "what", "numbers", "verdict"), every),
            "",
        ]
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
                f"{found.n_frames}{star}",
                bounded(force.mae, MEV_PER_EV),
                bounded(force.percent),
                noise_text(noise, (one.measured.evaluation.id, "all")),
            )
        )
    heads = (
        "metal", "SIGMA", "model", "test frames", "force MAE / (meV/Å)", "force error / %",
        "label noise / %",
    )  # fmt: skip
    level = f"{100 * evaluated[0].level:g} %" if evaluated else ""
    note = (
        f"Intervals of {level} are from blocks of test frames; they hold neither another run nor "
        "another training set or seed. * fewer independent frames than an interval needs. "
        f"{NOISE_NOTE}"
    )
    return f"{table(heads, rows)}\n\n{note}\n"


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
    return f"By temperature, with energies and stresses:\n\n{table(heads, rows)}\n"


def _width(dataset: str) -> str:
    """Return the width that is in the name of a dataset, which may have a version."""
    return dataset.partition("@")[0].rpartition("-")[2].replace("eV", " eV")


def _meshes(archive: Archive) -> str:
    parts = []
    for test in convergence.convergences(archive):
        rows = [tuple(row) for row in convergence.mesh_rows(test)]
        parts.append(f"**{test.element}**: {test.reason}\n\n{table(convergence.COLUMNS, rows)}\n")
    return "\n".join(parts)


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


def bounded(value: Estimate | None, scale: float = 1.0) -> str:
    """Write a value with its interval.

    Parameters
    ----------
    value
        The value; None where it is undefined.
    scale
        Factor to the unit that is shown.

    Returns
    -------
    Such as ``6.8 (5.9 to 7.7)``.
    """
    if value is None:
        return "undefined"
    text = number_text(scale * value.value)
    if value.low is None or value.high is None:
        return text
    return f"{text} ({number_text(scale * value.low)} to {number_text(scale * value.high)})"


def main() -> None:
    """Write where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    for path in write(Archive.open(), parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
