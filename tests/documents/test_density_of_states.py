"""Densities of states as documents: frame, recipe and window make the id."""

import bson
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.recipe import Recipe

RECIPE = Recipe(engine="gpaw", cutoff_eV=300)


def dos(**fields):
    given = {
        "provenance": Provenance.now(),
        "frame_id": "f" * 64,
        "recipe": RECIPE,
        "recipe_id": RECIPE.id,
        "element": "Cu",
        "regime": "melt",
        "n_atoms": 7,
        "electrons": 77.0,
        "fermi_eV": 5.1,
        "window_eV": (-15.0, 8.0),
        "window_complete": True,
        "d_band_centre_eV": -2.9,
        "d_band_width_eV": 1.1,
        "d_filling": 0.97,
        "spectrum": "a" * 64,
    }
    return DensityOfStates(**{**given, **fields})


def test_it_survives_the_database():
    made = dos()
    stored = bson.decode(bson.encode({"_id": made.id, **made.model_dump()}))
    assert DensityOfStates.from_stored(stored) == made


def test_numbers_follow_from_frame_recipe_and_window():
    made = dos()
    assert made.id == dos_id("f" * 64, RECIPE.id, (-15.0, 8.0))
    assert dos(d_band_centre_eV=None, spectrum="b" * 64).id == made.id
    wider = RECIPE.model_copy(update={"sigma_eV": 1.0})
    others = {
        dos(frame_id="e" * 64).id,
        dos(recipe=wider, recipe_id=wider.id).id,
        dos(window_eV=(-15.0, 9.0)).id,
    }
    assert len(others | {made.id}) == 4


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"recipe_id": "0" * 64}, "recipe id"),
        ({"window_eV": (1.0, 1.0)}, "window"),
        ({"electrons": 0.0}, "greater than 0"),
    ],
)
def test_nonsense_is_refused(fields, reason):
    with pytest.raises(ValidationError, match=reason):
        dos(**fields)
