"""Label noise beside errors: the better mesh is found, and the numbers are those of plain numpy."""

import numpy as np
import pytest

from tm23flows.report.comparisons import pairs_by_recipe
from tm23flows.report.label_noise import (
    best_pairs,
    noise_of_evaluations,
    noise_rows,
    noise_text,
)
from tm23flows.report.records import measured

GROUPS = ["all", "cold", "warm", "melt"]


def differences(world, group):
    """Return coarse minus base: forces (f, 7, 3), energies per atom (f,), and base forces."""
    base = [world.labels[i] for i in world.of_regime(group)]
    pairs = [(world.coarse[one.frame_id], one) for one in base if one.frame_id in world.coarse]
    forces = np.array([one.forces - label.forces for one, label in pairs])
    energies = np.array([(o.energies.free - b.energies.free) / 7 for o, b in pairs])
    return forces, energies, np.array([label.forces for _, label in pairs])


@pytest.mark.parametrize("group", GROUPS)
def test_noise_is_the_difference_to_the_next_coarser_mesh(world, group):
    (row,) = [row for row in noise_rows(world.archive) if row.group == group]
    forces, energies, reference = differences(world, group)
    assert row.n_frames == len(forces) == {"all": 5, "melt": 1}.get(group, 2)
    assert row.what == "2x2x3 against 3x3x3"
    assert row.force.mae == pytest.approx(1000 * np.abs(forces).mean())
    assert row.force.percent == pytest.approx(
        100 * np.abs(forces).mean() / np.abs(reference).mean()
    )
    if group == "melt":
        assert row.energy is None
    else:
        spread = np.abs(energies - energies.mean()).mean()
        assert spread > 0
        assert row.energy.mae == pytest.approx(1000 * spread)
    assert row.stress.mae > 0


def test_no_noise_without_an_evaluation(road):
    assert noise_rows(road) == []


def on_mesh(label, kmesh, **fields):
    recipe = label.recipe.model_copy(update={"kmesh": kmesh, **fields})
    return label.model_copy(update={"recipe": recipe, "recipe_id": recipe.id})


def test_a_denser_mesh_judges_the_labels_and_the_densest_of_them(world):
    base = world.labels[0]
    others = [
        [(on_mesh(base, mesh), base)] for mesh in [(2, 2, 2), (4, 4, 4), (5, 5, 5), (1, 1, 1)]
    ]
    ((judged, better),) = best_pairs(others)
    assert judged is base
    assert better.recipe.kmesh == (5, 5, 5)


def test_without_a_denser_mesh_the_next_coarser_one_is_judged(world):
    base = world.labels[0]
    ((judged, better),) = best_pairs([[(on_mesh(base, (n, n, n)), base)] for n in (1, 2)])
    assert (judged.recipe.kmesh, better) == ((2, 2, 2), base)


def test_what_differs_in_more_than_the_mesh_is_no_noise(world):
    base = world.labels[0]
    assert best_pairs([[(on_mesh(base, (5, 5, 5), sigma_eV=2.0), base)]]) == []
    shifted = on_mesh(base, base.recipe.kmesh, kmesh_offset=(0.1, 0.1, 0.1))
    assert best_pairs([[(shifted, base)]]) == []  # neither is the better one
    assert best_pairs([]) == []


def test_every_evaluation_has_the_noise_of_its_frames(world):
    ids = [one.evaluation.id for one in measured(world.archive)]
    found = noise_of_evaluations(world.archive, ids)
    assert {one for one, _ in found} == set(ids)
    rows = {row.group: row for row in noise_rows(world.archive)}
    assert {group: found[ids[0], group] for group in GROUPS} == rows
    assert noise_text(found, (ids[0], "all")) == f"{rows['all'].force.percent:.3g} (n = 5)"
    in_units = noise_text(found, (ids[0], "all"), in_percent=False)
    assert in_units == f"{rows['all'].force.mae:.1f} (n = 5)"
    assert noise_text(found, ("not there", "all")) == "-"


def test_evaluations_that_nobody_asked_for_are_not_read(world):
    made = measured(world.archive)[0].evaluation
    other = made.model_copy(update={"model_id": "0" * 64})  # there is no such model
    world.archive.put(other)
    try:
        assert (made.id, "all") in noise_of_evaluations(world.archive, [made.id])
    finally:
        world.archive.database["evaluations"].delete_one({"_id": other.id})


def test_unknown_evaluations_have_none(world):
    assert noise_of_evaluations(world.archive, []) == {}
    assert noise_of_evaluations(world.archive, ["0" * 64]) == {}
    pairs = pairs_by_recipe(world.archive, [one.id for one in world.labels])
    assert best_pairs(pairs)  # and yet there is noise
