"""Convergence tests as documents: what they are made of, and what makes two of them different."""

import bson
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow, gamma_recipe
from tm23flows.documents.label import label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.science.convergence import Limits

BASE = Recipe(engine="gpaw", cutoff_eV=350)
FRAMES = ("a" * 64, "b" * 64)


def row(n, energy=0.0, offset=(0.0, 0.0, 0.0), **fields):
    recipe = BASE.model_copy(update={"kmesh": (n, n, n), "kmesh_offset": offset})
    given = {
        "kmesh": (n, n, n),
        "kmesh_offset": offset,
        "spacing_per_A": 0.9 / n,
        "n_points": n,
        "recipe_id": recipe.id,
        "energy_eV_per_atom": energy,
        "force_eV_per_A": 5 * energy,
        "stress_eV_per_A3": None,
        "cpu_s": 1.5 * n,
    }
    return MeshRow(**{**given, **fields})


ROWS = (row(2, 0.1), row(4, 0.0004, (0.125,) * 3), row(5))


def convergence(**fields):
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "base_recipe": BASE,
        "frame_ids": FRAMES,
        "rows": ROWS,
        "energy_limit_eV_per_atom": 0.001,
        "force_limit_eV_per_A": 0.005,
        "converged": True,
        "kmesh": (4, 4, 4),
        "kmesh_offset": (0.125,) * 3,
        "reason": "it agrees",
    }
    return Convergence(**{**given, **fields})


NOT_CONVERGED = {"converged": False, "kmesh": None, "kmesh_offset": None}
CHANGES = [
    {"element": "Au"},
    {"base_recipe": BASE.model_copy(update={"sigma_eV": 1.0})},
    {"frame_ids": FRAMES[::-1]},
    {"rows": (row(2, 0.11), *ROWS[1:])},
    {"energy_limit_eV_per_atom": 0.002},
    {"force_limit_eV_per_A": 0.002},
    {"converged": False},
    {"kmesh": (5, 5, 5), "kmesh_offset": (0.0, 0.0, 0.0)},
    NOT_CONVERGED,
    {"reason": "it does not"},
]


def test_question_and_answer_make_the_id():
    ids = {convergence(**change).id for change in [{}, *CHANGES]}
    assert len(ids) == len(CHANGES) + 1


def test_the_cost_and_the_time_are_not_in_the_id():
    dearer = tuple(one.model_copy(update={"cpu_s": None}) for one in ROWS)
    assert convergence(rows=dearer).id == convergence().id


def test_it_survives_the_database():
    test = convergence()
    stored = bson.decode(bson.encode({**test.model_dump(), "_id": test.id}))
    back = Convergence.from_stored(stored)
    assert back.id == test.id
    assert back.rows == test.rows
    assert len(bson.encode(test.model_dump())) < 10_000


def test_its_rows_and_labels_are_found():
    test = convergence(rows=(row(1, recipe_id=None, energy_eV_per_atom=None), *ROWS))
    assert test.chosen is test.rows[2]
    assert test.reference is test.rows[3]
    assert test.limits == Limits(0.001, 0.005)
    assert test.rows[0].deviation is None
    assert test.rows[1].deviation.energy_eV_per_atom == 0.1
    expected = [label_id(frame, one.recipe_id) for one in ROWS for frame in FRAMES]
    assert list(test.label_ids) == expected
    assert convergence(**NOT_CONVERGED).chosen is None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kmesh": None}, "offset"),
        ({"kmesh": None, "kmesh_offset": None}, "names a mesh"),
        ({"kmesh": (3, 3, 3)}, "none of those"),
        ({"kmesh_offset": (0.0, 0.0, 0.0)}, "none of those"),
        ({"base_recipe": BASE.model_copy(update={"kmesh": (2, 2, 2)})}, "has a k-mesh"),
        ({"rows": ROWS[:1]}, "at least 2"),
        ({"rows": (*ROWS, row(6, force_eV_per_A=None))}, "densest mesh has no labels"),
        ({"frame_ids": ()}, "at least 1"),
        ({"energy_limit_eV_per_atom": 0}, "greater than 0"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        convergence(**wrong)


def test_recipes_are_compared_without_their_mesh():
    shifted = BASE.model_copy(update={"kmesh": (2, 2, 2), "kmesh_offset": (0.25, 0.25, 0.25)})
    assert gamma_recipe(shifted).id == BASE.id
    assert gamma_recipe(shifted.model_copy(update={"sigma_eV": 1.0})).id != BASE.id
