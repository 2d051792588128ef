"""The document of elastic constants: what it holds, refuses and is named by."""

import numpy as np
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.elastic_constants import ElasticConstants, elastic_id
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal

CRYSTAL = Crystal(
    element="Cu",
    phase="fcc",
    source="a table",
    cell=((0, 1.8, 1.8), (1.8, 0, 1.8), (1.8, 1.8, 0)),
    positions=((0, 0, 0),),
)
CUBIC = np.diag([1.1, 1.1, 1.1, 0.5, 0.5, 0.5])
CUBIC[:3, :3] += 0.7 * (1 - np.eye(3))


def constants(**fields):
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "crystal": CRYSTAL,
        "recipe": Recipe(engine="emt", xc="none"),
        "strain": 0.005,
        "displacement_A": 0.01,
        "label_ids": ("a" * 64,),
        "clamped_eV_per_A3": CUBIC,
        "constants_eV_per_A3": CUBIC,
        "residual_stress_eV_per_A3": 0.001,
    }
    return ElasticConstants(**{**given, **fields})


GIVEN = {
    "crystal": None, "recipe": None, "source": "a book", "strain": None, "displacement_A": None,
    "label_ids": (), "clamped_eV_per_A3": None, "residual_stress_eV_per_A3": None,
}  # fmt: skip


def test_the_cauchy_pressure_is_c12_minus_c44():
    assert constants().cauchy_pressure_eV_per_A3 == pytest.approx(0.2)


def test_the_id_is_what_was_strained_how_and_by_how_much():
    one = constants()
    assert one.id == elastic_id(CRYSTAL, one.recipe.id, 0.005, 0.01)
    assert one.id == constants(constants_eV_per_A3=2 * CUBIC).id
    for change in (
        {"strain": 0.01},
        {"displacement_A": 0.02},
        {"recipe": Recipe(engine="emt", xc="none", kmesh=(2, 2, 2))},
        {"crystal": CRYSTAL.model_copy(update={"positions": ((0.1, 0, 0),)})},
    ):
        assert constants(**change).id != one.id
    given = constants(**GIVEN)
    assert given.id != constants(**{**GIVEN, "source": "another book"}).id
    assert given.id != constants(**GIVEN, constants_eV_per_A3=2 * CUBIC).id


def test_it_survives_the_archive(archive):
    for one in (constants(), constants(**GIVEN)):
        archive.put(one)
        back = archive.get(ElasticConstants, one.id)
        assert np.array_equal(back.constants_eV_per_A3, CUBIC)
        assert back.label_ids == one.label_ids


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"constants_eV_per_A3": np.eye(3)}, "has shape"),
        ({"clamped_eV_per_A3": np.eye(3)}, "has shape"),
        ({"source": "a book"}, "recipe or from a named source"),
        ({"recipe": None}, "recipe or from a named source"),
    ],
    ids=str,
)
def test_what_is_not_consistent_is_refused(fields, why):
    with pytest.raises(ValidationError, match=why):
        constants(**fields)
