"""Recipes to input sets and back: complete, idempotent, and the users' settings in them."""

import warnings

import pytest
from pymatgen.io.vasp import Kpoints

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.vasp.inputs import TM23MDSet, TM23StaticSet, input_files
from tm23flows.engines.vasp.recipes import RECIPE_FIELDS, complete_recipe, with_recipe
from tm23flows.errors import InputError, MissingDependencyError

RECIPE = Recipe(engine="vasp", cutoff_eV=520, kmesh=(2, 2, 2))


@pytest.fixture(autouse=True)
def _library(vasp):
    warnings.filterwarnings("ignore", message=".*POTCAR")


def incar(generator, structure):
    return dict(input_files(generator, structure)["INCAR"])


@pytest.mark.parametrize("settings", [{"NELECT": 300}, {"NSW": 3}, {"ALGO": "A\nSIGMA=9"}], ids=str)
def test_settings_that_belong_elsewhere_are_refused(settings):
    with pytest.raises(InputError):
        complete_recipe(TM23StaticSet(user_incar_settings=settings), RECIPE, ["Cu"])


def test_a_complete_recipe_names_everything_and_completing_it_changes_nothing(copper):
    complete = complete_recipe(TM23StaticSet(), RECIPE, ["Cu", "Cu"])
    assert complete.kmesh == (2, 2, 2)
    assert set(complete.pseudopotentials) == {"Cu"}
    assert complete.pseudopotentials["Cu"].startswith("PAW_PBE Cu_pv ")
    tags = {"PREC", "EDIFF", "ALGO", "NELM", "ISYM", "LREAL", "LMAXMIX"}
    assert set(complete.options["incar"]) == tags
    assert complete.options["potcar_functional"] == "PBE_54"
    assert complete_recipe(TM23StaticSet(), complete, ["Cu"]) == complete
    assert Recipe(**complete.model_dump(mode="json")).id == complete.id


CHANGES = {
    "ENCUT": (400, "cutoff_eV", 400),
    "SIGMA": (2.0, "sigma_eV", 2.0),
    "ISMEAR": (2, "smearing_order", 2),
    "ISPIN": (2, "spin_polarized", True),
}


@pytest.mark.parametrize("tag", CHANGES)
def test_users_tags_of_the_recipe_become_fields_of_the_recipe(tag, copper):
    value, name, expected = CHANGES[tag]
    generator = TM23StaticSet(user_incar_settings={tag: value})
    complete = complete_recipe(generator, RECIPE, ["Cu"])
    assert getattr(complete, name) == expected
    assert tag not in complete.options["incar"]
    assert complete_recipe(generator, complete, ["Cu"]) == complete
    # and the recipe alone, in a set without the user's tag, writes the same files
    alone = with_recipe(TM23StaticSet(), complete)
    with_user = with_recipe(generator, complete)
    assert incar(alone, copper) == incar(with_user, copper)


@pytest.mark.parametrize(
    "settings",
    [
        {"ALGO": "All", "NELM": 200},
        {"LREAL": "Auto"},
        {"NBANDS": 99},
        {"ADDGRID": True},
        {"LMAXMIX": None},
    ],
    ids=str,
)
def test_users_other_tags_are_among_the_options_and_reproduce_the_files(settings, copper):
    generator = TM23StaticSet(user_incar_settings=settings)
    complete = complete_recipe(generator, RECIPE, ["Cu"])
    assert complete.id != complete_recipe(TM23StaticSet(), RECIPE, ["Cu"]).id
    for tag, value in settings.items():
        assert complete.options["incar"].get(tag) == value
    assert complete_recipe(generator, complete, ["Cu"]) == complete
    alone = with_recipe(TM23StaticSet(), complete)
    assert incar(alone, copper) == incar(with_recipe(generator, complete), copper)
    assert complete_recipe(TM23StaticSet(), complete, ["Cu"]) == complete


@pytest.mark.parametrize(
    "settings", [{"KPAR": 4}, {"NCORE": 2}, {"LORBIT": 11}, {"SYSTEM": "x"}], ids=str
)
def test_tags_that_change_no_number_make_no_other_recipe(settings):
    generator = TM23StaticSet(user_incar_settings=settings)
    assert complete_recipe(generator, RECIPE, ["Cu"]) == complete_recipe(
        TM23StaticSet(), RECIPE, ["Cu"]
    )


def test_the_motion_is_no_part_of_the_recipe():
    made = [
        complete_recipe(TM23MDSet(n_steps=n, temperature_K=t), Recipe(engine="vasp"), ["Cu"])
        for n, t in [(5, 300), (11000, 1700)]
    ]
    assert made[0] == made[1]
    assert "MDALGO" in made[0].options["incar"]


def test_a_build_without_mdalgo_is_another_recipe(copper):
    old = TM23MDSet(user_incar_settings={"MDALGO": None})
    complete = complete_recipe(old, Recipe(engine="vasp"), ["Cu"])
    assert "MDALGO" not in complete.options["incar"]
    assert "MDALGO" not in incar(with_recipe(TM23MDSet(), complete), copper)


def test_users_meshes_become_the_mesh_of_the_recipe(copper):
    generator = TM23StaticSet(user_kpoints_settings=Kpoints.monkhorst_automatic((4, 4, 3)))
    complete = complete_recipe(generator, RECIPE, ["Cu"])
    assert (complete.kmesh, complete.kmesh_offset) == ((4, 4, 3), (0.125, 0.125, 0.0))
    alone = with_recipe(TM23StaticSet(), complete)
    assert str(input_files(alone, copper)["KPOINTS"]) == str(
        input_files(generator, copper)["KPOINTS"]
    )


def test_users_datasets_are_in_the_identity():
    plain = complete_recipe(TM23StaticSet(), RECIPE, ["Cu", "Os"])
    other = complete_recipe(TM23StaticSet(user_potcar_settings={"Cu": "Cu"}), RECIPE, ["Cu", "Os"])
    assert other.pseudopotentials["Cu"].startswith("PAW_PBE Cu ")
    assert other.pseudopotentials["Os"] == plain.pseudopotentials["Os"]
    older = complete_recipe(TM23StaticSet(user_potcar_functional="PBE"), RECIPE, ["Cu"])
    assert older.options["potcar_functional"] == "PBE"
    assert complete_recipe(TM23StaticSet(), older, ["Cu"]) == older


def test_another_dataset_than_the_recipe_names_is_refused():
    complete = complete_recipe(TM23StaticSet(), RECIPE, ["Cu"])
    other = complete.model_copy(update={"pseudopotentials": {"Cu": "PAW_PBE Cu sha256:0"}})
    with pytest.raises(InputError, match="asks for the dataset"):
        complete_recipe(TM23StaticSet(), other, ["Cu"])


@pytest.mark.parametrize(
    ("recipe", "match"),
    [
        ({"xc": "LDA"}, "PBE, not LDA"),
        ({"options": {"nbands": 3}}, "no option 'nbands'"),
        ({"options": {"incar": {"NSW": 3}}}, "n_steps"),
        ({"options": {"incar": {"ALGO": "a;b"}}}, "not safe"),
        ({"options": {"incar": {"ENCUT": None}}}, "ENCUT cannot be left"),
        ({"options": {"incar": {"ISMEAR": -5}}}, "Methfessel-Paxton"),
        ({"options": {"potcar_functional": "LDA"}}, "not PBE"),
        ({"smearing": "tetrahedron-bloechl"}, "smears with Methfessel-Paxton"),
    ],
    ids=str,
)
def test_recipes_that_vasp_does_not_do_are_refused(recipe, match):
    with pytest.raises(InputError, match=match):
        complete_recipe(TM23StaticSet(), RECIPE.model_copy(update=recipe), ["Cu"])


def test_a_field_of_the_set_that_contradicts_the_recipe_is_refused():
    with pytest.raises(InputError, match=r"sigma_eV = 1.0, the recipe 0.2"):
        with_recipe(TM23StaticSet(sigma_eV=1.0), RECIPE)
    same = RECIPE.model_copy(update={"sigma_eV": 1.0})
    assert with_recipe(TM23StaticSet(sigma_eV=1.0), same).sigma_eV == 1.0


def test_a_recipe_fills_every_field_and_the_set_itself_stays():
    values = {
        "cutoff_eV": 400.0,
        "kmesh": (3, 2, 1),
        "kmesh_offset": (0.0, 0.25, 0.0),
        "smearing_order": 2,
        "sigma_eV": 1.0,
        "spin_polarized": True,
        "electron_shift": 3.0,
    }
    assert set(values) == set(RECIPE_FIELDS)
    generator = TM23StaticSet()
    filled = with_recipe(generator, Recipe(engine="vasp", **values))
    assert {name: getattr(filled, name) for name in values} == values
    assert generator == TM23StaticSet()


def test_a_missing_dataset_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="Cu_pv"):
        complete_recipe(TM23StaticSet(), RECIPE, ["Cu"])
