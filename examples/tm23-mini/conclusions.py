"""Which conclusions of the article hold in TM23-mini: the rules, and what they say of the data.

The rules were fixed before there was a model; what was mended later is on the data card. A comparison
counts only where the interval of the difference says so:

- *holds*: it lies on the article's side of zero;
- *contradicted*: it lies on the other side;
- *not resolved*: it holds zero, or there is none; for SIGMA also where the change of the root mean
  square error does not lie on the same side.

Two comparisons have a word more. Where the noise of the labels could make the change of an error, it
*may be label noise*. The angular response of forces is never below the radial one, so a difference
of the two says nothing; that of small changes in random directions is twice the radial one, so the
difference from twice the radial one is judged. More than that *holds*; less is *less than by
chance*: more of the change lies along the force than it would by chance, which need not be most of
it. That is no contradiction, for the article has no limit.

Where fewer independent frames stand behind an interval than it needs to be wide enough, it is too
narrow, and what it seems to resolve is followed by *(hint)*. Ranges of a few frames are always that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from tm23flows import Archive
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.learning_curve import CurveFit, LearningCurve
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.studies.transfer import TransferResults
from tm23flows.documents.study import Study
from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.benchmark.significance import Paired, compare_evaluations
from tm23flows.report.records import read_all
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.model_comparison import independent_difference
from tm23flows.science.power_law import LEAST_SIZES, fit_power_law
from tm23flows.store.datasets.names import list_datasets
from tm23flows.store.studies import list_studies

HARD = ("Ti", "Os")
"""Of groups IV to VIII, which have the larger percent errors in the article."""

EASY = ("Cu", "Au")
"""Coinage metals, which have the smallest."""
HOLDS, CONTRADICTED, UNRESOLVED = "holds", "contradicted", "not resolved"
NOISE, CHANCE = "may be label noise", "less than by chance"
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


def marked(word: str, trusted: bool) -> str:
    """Mark what an interval that may be too narrow seems to resolve.

    Parameters
    ----------
    word
        The verdict.
    trusted
        Whether enough independent frames stand behind it.

    Returns
    -------
    The verdict; a hint where they do not. What is not even resolved by too narrow an interval stays.
    """
    return word if trusted or word in (UNRESOLVED, NOISE) else word + HINT


def scaled(value: Estimate | Bounded) -> Estimate:
    """Bring a value with its interval from eV to meV."""
    ends = [None if one is None else 1000 * one for one in (value.low, value.high)]
    return Estimate(1000 * value.value, *ends)


def said_of(difference: Estimate | Bounded, unit: str) -> str:
    """Write the difference that a verdict is made from.

    Parameters
    ----------
    difference
        With its interval, if there is one.
    unit
        Its unit, with a space before it; empty for a number.

    Returns
    -------
    Such as ``difference +1.40 points (-0.20 to +3.00)``.
    """
    text = f"difference {difference.value:+.2f}{unit}"
    if difference.low is None or difference.high is None:
        return f"{text} (no interval)"
    return f"{text} ({difference.low:+.2f} to {difference.high:+.2f})"


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
    smearing, transfer = (_metals(archive, kind) for kind in ("smearing", "transfer"))
    curves = [one for one in read_all(archive, LearningCurve) if one.fits]
    curves.sort(key=lambda one: one.provenance.created)
    return [
        Conclusion(
            "Force errors in percent of metals of groups IV to VIII (here Ti, Os) are larger than those "
            "of coinage metals (Cu, Au).",
            "Fig. 2",
            tuple(_hard_and_easy(main)),
        ),
        Conclusion("NequIP has smaller force errors than FLARE.", "Fig. 2", tuple(_trainers(main))),
        Conclusion(
            "A model of cold frames has a larger percent error of forces in the melt than in the warm "
            "crystal.",
            "Fig. 4",
            tuple(_transfers(transfer)),
        ),
        Conclusion(
            "The force error falls faster with more data for Cu and Au than for Ti and Os (there of "
            "NequIP, here of FLARE).",
            "Fig. 6",
            tuple(_slopes(curves)),
        ),
        Conclusion(
            "The percent error of forces falls when SIGMA rises from 0.2 to 2 eV (FLARE).",
            "Fig. 9a",
            tuple(_falls(smearing)),
        ),
        Conclusion(
            "The d states of Cu and Au are below the Fermi level, those of Ti and Os on both "
            "sides of it (here: a larger share of them is occupied in Cu and Au).",
            "Fig. 9b, SI Fig. 5",
            tuple(_fillings(read_all(archive, DensityOfStates))),
        ),
        Conclusion(
            "SIGMA turns the forces more than it changes their lengths (here: the angular response "
            "is more than twice the radial one).",
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


def widest_study(archive: Archive, kind: str) -> Study | None:
    """Return the newest study of the most metals; each metal has a smearing study of its own, too.

    Parameters
    ----------
    archive
        The archive.
    kind
        Such as ``smearing``.

    Returns
    -------
    The study; None where there is none.
    """
    found = [one for one in list_studies(archive) if one.kind == kind]
    return max(found, key=lambda one: (len(one.elements), one.provenance.created), default=None)


def _metals(archive: Archive, kind: str) -> list:
    study = widest_study(archive, kind)
    if study is None:
        return []
    assert isinstance(study.results, SmearingResults | TransferResults)
    return list(study.results.metals)


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
                difference = independent_difference(first, second)
                yield Case(
                    f"{trainer}: {hard} against {easy}",
                    marked(said_by(difference), trusted),
                    f"{first.value:.1f} % against {second.value:.1f} %, "
                    f"{said_of(difference, ' points')}",
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
    return marked(word, difference.is_trusted)


def _paired_numbers(pair: Paired) -> str:
    errors = [one.errors["all"].errors["force"].mae.value for one in (pair.first, pair.second)]
    names = [one.measured.model.trainer for one in (pair.first, pair.second)]
    texts = [f"{name} {1000 * mae:.1f} meV/Å" for name, mae in zip(names, errors, strict=True)]
    return f"{', '.join(texts)}, {said_of(scaled(pair.judged.difference.mae), ' meV/Å')}"


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
            if row.rise.percent:
                numbers += f", {said_of(row.rise.percent, ' points')}"
            word = marked(words[row.rise.verdict], trusted)
            yield Case(f"{metal.element}, {row.trainer}", word, numbers)


def _slopes(curves: Sequence[LearningCurve]) -> Iterator[Case]:
    fits: dict[str, CurveFit] = {one.element: one.fits[0] for one in curves}
    for easy in EASY:
        for hard in HARD:
            if not {easy, hard} <= set(fits):
                continue
            steep, flat = fits[easy], fits[hard]
            difference = independent_difference(_fall(steep), _fall(flat))
            trusted = all(one.interval and one.interval.trusted for one in (steep, flat))
            yield Case(
                f"{easy} against {hard}",
                marked(said_by(difference), trusted),
                f"exponents {_exponents(steep)} and {_exponents(flat)}, "
                f"{said_of(difference, '')} of -b",
            )


def _exponents(fit: CurveFit) -> str:
    """Write the exponent, and the one without the smallest set, which decides nothing."""
    text = f"{fit.exponent:.2f}"
    if len(fit.sizes) <= LEAST_SIZES:
        return text
    rest = fit_power_law(fit.sizes[1:], fit.force_mae[1:])
    return f"{text} ({rest.exponent:.2f} without N = {fit.sizes[0]})"


def _fall(fit: CurveFit) -> Estimate:
    """Return -b of error = a N^b, which is the larger the faster the error falls."""
    if fit.interval is None:
        return Estimate(-fit.exponent)
    return Estimate(-fit.exponent, -fit.interval.high, -fit.interval.low)


def _falls(metals: Iterable) -> Iterator[Case]:
    words = {"falls": HOLDS, "rises": CONTRADICTED, "noise": NOISE}
    for metal in metals:
        word = words.get(metal.verdict, UNRESOLVED)
        numbers = " to ".join(f"{row.force.percent.value:.1f} %" for row in metal.rows)
        if change := metal.rows[-1].force.change:
            rms = said_of(change.percent_rms, " points").partition(" ")[2]
            numbers += f", {said_of(change.percent, ' points')}, of root mean squares {rms}"
        yield Case(metal.element, marked(word, metal.trusted), numbers)


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
                yield Case(f"{easy} against {hard}", marked(word, trusted=False), numbers)


def _turns(metals: Iterable) -> Iterator[Case]:
    for metal in metals:
        row = metal.rows[-1].response
        if row is None or row.excess is None:
            continue
        # Small changes in random directions, such as noise, have none.
        excess = scaled(row.excess)
        word = {1: HOLDS, -1: CHANCE, 0: UNRESOLVED}[excess.sign]
        numbers = (
            f"angular {1000 * row.angular.value:.0f}, radial {1000 * row.radial.value:.0f} meV/Å"
        )
        if row.radial.value > 0:
            numbers += f", ratio {row.angular.value / row.radial.value:.2f}"
        numbers += f", angular - 2 radial {said_of(excess, ' meV/Å').partition(' ')[2]}"
        yield Case(metal.element, marked(word, row.trusted), numbers)
