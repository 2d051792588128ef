"""What is measured on label sets: frames matched by identity, and words that claim no more."""

import dataclasses

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow, gamma_recipe
from tm23flows.errors import InputError
from tm23flows.jobs.studies.label_sets import read_sets
from tm23flows.jobs.studies.measured_sets import (
    change_in_words,
    measure_sets,
    metal_fields,
    warnings_of,
)
from tm23flows.science.block_bootstrap import Bootstrap

QUICK = Bootstrap(resamples=300, level=0.9)


@pytest.fixture
def read(archive, label_sets):
    return read_sets(archive, label_sets().wired, "sigma_eV")


def convergence(recipe, **fields):
    row = {
        "kmesh_offset": (0.0, 0.0, 0.0),
        "spacing_per_A": 0.3,
        "n_points": 14,
        "recipe_id": "a" * 64,
        "energy_eV_per_atom": 0.0,
        "force_eV_per_A": 0.0,
    }
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "base_recipe": gamma_recipe(recipe),
        "frame_ids": ("b" * 64,),
        "rows": (MeshRow(kmesh=(3, 3, 3), **row), MeshRow(kmesh=(4, 4, 4), **row)),
        "energy_limit_eV_per_atom": 0.001,
        "force_limit_eV_per_A": 0.005,
        "converged": True,
        "kmesh": (3, 3, 3),
        "kmesh_offset": (0.0, 0.0, 0.0),
        "reason": "it is",
    }
    return Convergence(**{**given, **fields})


def without(one, frames):
    """The set without the labels and predictions of some frames."""
    return dataclasses.replace(
        one,
        labels={frame: label for frame, label in one.labels.items() if frame not in frames},
        predicted={frame: some for frame, some in one.predicted.items() if frame not in frames},
    )


def test_frames_are_matched_by_identity(read):
    straight = measure_sets("Cu", read, None, QUICK)
    shuffled = dataclasses.replace(
        read[1],
        labels=dict(reversed(read[1].labels.items())),
        predicted=dict(reversed(read[1].predicted.items())),
    )
    assert measure_sets("Cu", [read[0], shuffled, read[2]], None, QUICK).rows == straight.rows


def test_unmatched_sets_are_refused_unless_that_is_allowed(read):
    gone = list(read[0].predicted)[:3]
    sets = [read[0], without(read[1], gone), read[2]]
    with pytest.raises(InputError, match="3 of 60 are not in all of them"):
        measure_sets("Cu", sets, None, QUICK)
    allowed = measure_sets("Cu", sets, None, QUICK, allow_missing=True)
    assert allowed.comparison.n_frames == 57
    assert allowed.rows[2]["response"].n_frames == 67
    assert any("have 67 to 70 frames" in one for one in warnings_of(allowed, True))
    nothing = [read[0], without(read[1], list(read[1].labels)), read[2]]
    with pytest.raises(InputError, match="not of the same frames"):
        measure_sets("Cu", nothing, None, QUICK, allow_missing=True)


def test_a_training_frame_that_is_missing_is_seen_too(read):
    sets = [without(read[0], list(read[0].labels)[:1]), *read[1:]]
    with pytest.raises(InputError, match="1 of 70"):
        measure_sets("Cu", sets, None, QUICK)


def test_only_a_test_of_this_recipe_shows_the_mesh_to_be_converged(read):
    def converged(test):
        measured = measure_sets("Cu", read, test, QUICK)
        told = [one for one in warnings_of(measured, False) if "not shown to be converged" in one]
        found = metal_fields(measured, "from here to there", QUICK)
        assert bool(told) != found["converged"]
        return found["converged"]

    recipe = read[0].recipe
    assert converged(convergence(recipe))
    assert not converged(None)
    assert not converged(convergence(recipe, converged=False))
    assert not converged(convergence(recipe, kmesh=(4, 4, 4)))
    assert not converged(convergence(read[1].recipe))


def test_limits_that_are_wider_than_those_of_the_article_are_told(read):
    def told(**limits):
        test = convergence(read[0].recipe, **limits)
        return " ".join(warnings_of(measure_sets("Cu", read, test, QUICK), False))

    assert "converged to 25 meV/A in forces; the article asks for 5" in told(
        force_limit_eV_per_A=0.025
    )
    assert "meV/A" not in told()


def test_the_words_hold_the_numbers_and_the_verdict(read):
    measured = measure_sets("Cu", read, None, QUICK)
    first, last = measured.comparison.sets[0], measured.comparison.sets[-1]
    words = change_in_words(measured, "from A to B", QUICK)
    assert words.startswith("Cu, from A to B: the force error goes from")
    assert f"{first.percent.value:.2f} to {last.percent.value:.2f} %" in words
    assert (
        f"90 % interval {last.change.percent.low:+.2f} to {last.change.percent.high:+.2f}" in words
    )
    assert words.endswith("It falls, and label noise does not explain it.")
    alike = measure_sets("Cu", [read[0], read[0]], None, QUICK)
    assert "no change that is resolved" in change_in_words(alike, "from A to B", QUICK)
    other_way = dataclasses.replace(last.change, percent_rms=first.percent, verdict="unresolved")
    sets = (first, dataclasses.replace(last, change=other_way))
    comparison = dataclasses.replace(measured.comparison, sets=sets)
    torn = dataclasses.replace(measured, comparison=comparison)
    assert "square error does not follow" in change_in_words(torn, "from A to B", QUICK)


def test_few_test_frames_are_told(read):
    few = [without(one, list(one.predicted)[10:]) for one in read]
    told = warnings_of(measure_sets("Cu", few, None, QUICK), False)
    assert any("10 test frames of Cu are worth at most" in one for one in told)
    clear = [without(one, list(one.predicted)[:-10]) for one in read]
    for frame, forces in clear[2].predicted.items():
        reference = clear[2].labels[frame].forces
        clear[2].predicted[frame] = reference + 0.1 * (forces - reference)
    hint = change_in_words(measure_sets("Cu", clear, None, QUICK), "from A to B", QUICK)
    assert "It falls" in hint
    assert hint.endswith("With 10 test frames this is no more than a hint.")
    one = [without(one, list(one.predicted)[2:]) for one in read]
    words = change_in_words(measure_sets("Cu", one, None, QUICK), "from A to B", QUICK)
    assert "no interval" in words
    assert "nothing is concluded" in words
