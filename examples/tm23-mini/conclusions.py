"""Which conclusions of the article hold in TM23-mini: the rules, and what they say of the data.

The rules were fixed before there was a model. A comparison counts only where the interval of the
difference says so:

- *holds*: it lies on the article's side of zero;
- *contradicted*: it lies on the other side;
- *not resolved*: it holds zero.

Where fewer independent frames stand behind an interval than it needs to be wide enough, the word is
followed by *(hint)*: such an interval is too narrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from tm23flows import Archive
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.learning_curve import CurveFit, LearningCurve
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.studies.transfer import TransferResults
from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.benchmark.significance import Paired, compare_evaluations
from tm23flows.report.records import read_all
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.model_comparison import independent_difference
from tm23flows.store.datasets.names import list_datasets

HARD = ("Ti", "Os")
"""Of groups IV to VIII, which have the larger percent errors in the article."""

EASY = ("Cu", "Au")
"""Coinage metals, which have the smallest."""
HOLDS, CONTRADICTED, UNRESOLVED = "holds", "contradicted", "not resolved"
HINT = " (hint)"


@dataclass(frozen=True)
class Case:
    """One comparison that a conclusion is made of: what is compared, and which way it went."""

    about: str
    verdict: str
    numbers: str


@dataclass(frozen=True)
class Conclusion:
    """What the article says, where, and each comparison that tests it here."""

    claim: str
    source: str
    cases: tuple[Case, ...]

    @property
    def verdict(self) -> str:
        """What all cases have in common, else how many went which way."""
        found = Counter(one.verdict for one in self.cases)
        if not found:
            return "not measured"
        if len(found) == 1:
            return next(iter(found))
        return ", ".join(f"{word} in {n} of {len(self.cases)}" for word, n in found.most_common())


def said_by(difference: Estimate) -> str:
    """Judge a difference that the article says is positive.

    Parameters
    ----------
    difference
        With its interval; without one nothing is resolved.

    Returns
    -------
    The verdict.
    """
    return {1: HOLDS, -1: CONTRADICTED, 0: UNRESOLVED}[difference.sign]


def conclusions(archive: Archive, evaluations: Sequence[Evaluated]) -> list[Conclusion]:
    """Test every conclusion on an archive.

    Parameters
    ----------
    archive
        The archive.
    evaluations
        What ``tm23flows.report.benchmark.arrays.read_benchmark`` reads of it.

    Returns
    -------
    The conclusions, in the order of the article's figures.
    """
    main = tested(archive, evaluations, "-mini-0.2eV")
    smearing = _newest(archive, "smearing", SmearingResults)
    transfer = _newest(archive, "transfer", TransferResults)
    curves = [one for one in read_all(archive, LearningCurve) if one.fits]
    return [
        Conclusion(
            "Force errors in percent of metals of groups IV to VIII (here Ti, Os) are larger than those "
            "of coinage metals (Cu, Au).",
            "Fig. 2",
            tuple(_hard_and_easy(main)),
        ),
        Conclusion("NequIP has smaller errors than FLARE.", "Fig. 2", tuple(_trainers(main))),
        Conclusion(
            "A model of cold frames has a larger error in the melt than in the warm crystal.",
            "Fig. 4",
            tuple(_transfers(transfer)),
        ),
        Conclusion(
            "The error falls faster with more data for Cu and Au than for Ti and Os.",
            "Fig. 6",
            tuple(_slopes(curves)),
        ),
        Conclusion(
            "The percent error falls when SIGMA rises from 0.2 to 2 eV.",
            "Fig. 9a",
            tuple(_falls(smearing)),
        ),
        Conclusion(
            "The d states of Cu and Au are below the Fermi level, those of Ti and Os on both "
            "sides of it.",
            "Fig. 9b, SI Fig. 5",
            tuple(_fillings(read_all(archive, DensityOfStates))),
        ),
        Conclusion(
            "SIGMA turns the forces more than it changes their lengths.",
            "Fig. 9c",
            tuple(_turns(smearing)),
        ),
    ]


def tested(
    archive: Archive, evaluations: Sequence[Evaluated], endings: str | tuple[str, ...]
) -> list[Evaluated]:
    """Choose evaluations on the test frames of the newest datasets of some names.

    Parameters
    ----------
    archive
        The archive.
    evaluations
        All of them.
    endings
        What the names of the datasets end with, without their version.

    Returns
    -------
    Those that are on the test part of one of them.
    """
    names = {one.name for one in list_datasets(archive) if one.name.endswith(endings)}
    ids = {archive.dataset(name).id for name in names}
    made = [(one, one.measured.evaluation) for one in evaluations]
    return [one for one, on in made if on.dataset_id in ids and on.part == "test"]


def _newest(archive: Archive, kind: str, results: type) -> list:
    from tm23flows.store.studies import list_studies

    found = [one for one in list_studies(archive) if one.kind == kind]
    if not found:
        return []
    # The study of most metals; each metal has one of its own, too.
    last = max(found, key=lambda one: (len(one.elements), one.provenance.created))
    assert isinstance(last.results, results)
    return list(last.results.metals)


def _hard_and_easy(evaluations: Sequence[Evaluated]) -> Iterator[Case]:
    for trainer in sorted({one.measured.model.trainer for one in evaluations}):
        ours = {
            one.measured.dataset.element: one.errors["all"]
            for one in evaluations
            if one.measured.model.trainer == trainer
        }
        for hard in HARD:
            for easy in EASY:
                if not {hard, easy} <= set(ours):
                    continue
                first, second = (ours[metal].errors["force"].percent for metal in (hard, easy))
                if first is None or second is None:
                    continue
                trusted = ours[hard].is_trusted and ours[easy].is_trusted
                word = said_by(independent_difference(first, second))
                yield Case(
                    f"{trainer}: {hard} against {easy}",
                    word + ("" if trusted else HINT),
                    f"{first.value:.1f} % against {second.value:.1f} %",
                )


def _trainers(evaluations: Sequence[Evaluated]) -> Iterator[Case]:
    for pair in compare_evaluations(evaluations):
        names = [one.measured.model.trainer for one in (pair.first, pair.second)]
        if pair.judged.difference.quantity != "force" or set(names) != {"flare", "nequip"}:
            continue
        yield Case(
            pair.first.measured.dataset.element, _paired_verdict(pair), _paired_numbers(pair)
        )


def _paired_verdict(pair: Paired) -> str:
    difference = pair.judged.difference
    flare_first = pair.first.measured.model.trainer == "flare"
    if difference.is_trusted:
        # Of many comparisons the report judges by adjusted p values.
        better = {"first": -1, "second": 1, "unresolved": 0}[pair.judged.verdict]
    else:
        better = difference.mae.sign
    # Positive: the second model has the smaller error.
    said = better if flare_first else -better
    word = {1: HOLDS, -1: CONTRADICTED, 0: UNRESOLVED}[said]
    return word + ("" if difference.is_trusted else HINT)


def _paired_numbers(pair: Paired) -> str:
    errors = [one.errors["all"].errors["force"].mae.value for one in (pair.first, pair.second)]
    names = [one.measured.model.trainer for one in (pair.first, pair.second)]
    return ", ".join(
        f"{name} {1000 * mae:.1f} meV/Å" for name, mae in zip(names, errors, strict=True)
    )


def _transfers(metals: Iterable) -> Iterator[Case]:
    words = {"rises": HOLDS, "falls": CONTRADICTED, "unresolved": UNRESOLVED}
    for metal in metals:
        for row in metal.trainings:
            if row.rise is None:
                continue
            trusted = all(cell.trusted for cell in row.cells)
            numbers = " and ".join(
                f"{cell.force.percent.value:.1f} % ({cell.tested_on})"
                for cell in row.cells
                if cell.force and cell.force.percent
            )
            word = words[row.rise.verdict] + ("" if trusted else HINT)
            yield Case(f"{metal.element}, {row.trainer}", word, numbers)


def _slopes(curves: Sequence[LearningCurve]) -> Iterator[Case]:
    fits: dict[str, CurveFit] = {one.element: one.fits[0] for one in curves}
    for easy in EASY:
        for hard in HARD:
            if not {easy, hard} <= set(fits):
                continue
            steep, flat = fits[easy], fits[hard]
            if steep.interval is None or flat.interval is None:
                continue
            slopes = [
                Estimate(-one.exponent, -one.interval.high, -one.interval.low)
                for one in (steep, flat)
            ]
            word = said_by(independent_difference(*slopes))
            trusted = steep.interval.trusted and flat.interval.trusted
            yield Case(
                f"{easy} against {hard}",
                word + ("" if trusted else HINT),
                f"exponents {steep.exponent:.2f} and {flat.exponent:.2f}",
            )


def _falls(metals: Iterable) -> Iterator[Case]:
    words = {"falls": HOLDS, "rises": CONTRADICTED, "noise": "may be label noise"}
    for metal in metals:
        word = words.get(metal.verdict, UNRESOLVED)
        numbers = " to ".join(f"{row.force.percent.value:.1f} %" for row in metal.rows)
        yield Case(metal.element, word + ("" if metal.trusted else HINT), numbers)


def _fillings(densities: Sequence[DensityOfStates]) -> Iterator[Case]:
    """Compare occupied shares of the d states at the narrowest SIGMA: ranges of a few frames."""
    shares: dict[str, list[float]] = {}
    narrow = min((one.recipe.sigma_eV or 0 for one in densities), default=0)
    for one in densities:
        if one.recipe.sigma_eV == narrow and one.d_filling is not None:
            shares.setdefault(one.element, []).append(one.d_filling)
    for easy in EASY:
        for hard in HARD:
            if {easy, hard} <= set(shares):
                full, part = shares[easy], shares[hard]
                apart = int(min(full) > max(part)) - int(max(full) < min(part))
                word = {1: HOLDS, -1: CONTRADICTED, 0: UNRESOLVED}[apart]
                numbers = f"{100 * mean(full):.0f} % and {100 * mean(part):.0f} % occupied"
                yield Case(f"{easy} against {hard}", word, numbers)


def _turns(metals: Iterable) -> Iterator[Case]:
    for metal in metals:
        row = metal.rows[-1].response
        if row is None or row.difference.low is None:
            continue
        # Noise alone turns twice as much as it stretches.
        word = HOLDS if row.difference.low > row.radial.value else UNRESOLVED
        numbers = (
            f"angular {1000 * row.angular.value:.0f}, radial {1000 * row.radial.value:.0f} meV/Å"
        )
        yield Case(metal.element, word + ("" if row.trusted else HINT), numbers)
