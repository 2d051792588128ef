"""The perfect crystal of a road, and labels of it under the recipe of the road."""

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.perfect_crystal import perfect_crystal, with_spacing
from tm23flows.flows.structure import StructureMaker


def test_the_conventional_cell_of_a_road_is_taken_as_its_primitive_one():
    cube = perfect_crystal("Cu", StructureMaker())
    assert len(cube.positions) == 1
    assert cube == perfect_crystal("Cu", StructureMaker(basis="primitive"))
    assert cube.phase == "fcc"
    assert len(perfect_crystal("Ti", StructureMaker(phase="omega")).positions) == 3


def test_only_the_mesh_and_the_named_options_differ_from_the_recipe_of_the_road():
    recipe = Recipe(engine="gpaw", cutoff_eV=350, kmesh=(2, 2, 2), kmesh_offset=(0.25,) * 3)
    recipe = recipe.model_copy(update={"options": {"a": 1, "symmetry": "off"}})
    label = LabelMaker(recipe=recipe, sigma_variants_eV=(1.0,), spectra=True)
    cell = perfect_crystal("Ti", StructureMaker()).cell
    made = with_spacing(label, cell, 0.5, {"symmetry": {}}, 7)
    assert made.recipe.kmesh == (5, 5, 3)
    assert made.recipe.options == {"a": 1, "symmetry": {}}
    kept = {"kmesh", "kmesh_offset", "options"}
    assert made.recipe.model_dump(exclude=kept) == recipe.model_dump(exclude=kept)
    assert (made.batch_size, made.sigma_variants_eV, made.spectra) == (7, (), False)
    with pytest.raises(InputError, match="spacing must be positive"):
        with_spacing(label, cell, 0.0, {}, 7)
