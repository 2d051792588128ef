"""Recipes: what makes two labels of one frame different."""

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tm23flows.documents.recipe import Recipe, format_kmesh, parse_kmesh
from tm23flows.errors import InputError

GPAW = {"engine": "gpaw", "cutoff_eV": 350, "kmesh": (3, 3, 3), "sigma_eV": 0.2}
CHANGES = [
    {"engine": "vasp"},
    {"xc": "LDA"},
    {"cutoff_eV": 351},
    {"kmesh": (3, 3, 2)},
    {"kmesh_offset": (0.25, 0.25, 0.25)},
    {"smearing_order": 2},
    {"sigma_eV": 0.2000001},
    {"electron_shift": 1.0},
    {"spin_polarized": True},
    {"pseudopotentials": {"Cu": "Cu.PBE:1"}},
    {"options": {"nbands": "150%"}},
]


def test_every_setting_makes_another_recipe():
    ids = {Recipe(**{**GPAW, **change}).id for change in [{}, *CHANGES]}
    assert len(ids) == len(CHANGES) + 1
    assert {name for change in CHANGES for name in change} | {"smearing"} == set(
        Recipe.model_fields
    )


def test_a_run_with_a_model_names_it():
    assert Recipe(engine="model", xc="none", options={"model": "d" * 64}).model_id == "d" * 64
    assert Recipe(**GPAW).model_id is None
    for options in ({}, {"model": 3}):
        with pytest.raises(ValidationError, match="names it in its options"):
            Recipe(engine="model", xc="none", options=options)


def test_only_runs_of_vasp_have_other_smearings():
    imported = {"engine": "vasp", "smearing": "tetrahedron-bloechl", "smearing_order": 0}
    other = Recipe(**{**imported, "smearing": "fermi-dirac"})
    assert Recipe(**imported).id != other.id
    for engine in ("gpaw", "emt"):
        with pytest.raises(ValidationError, match=f"{engine} smears with Methfessel-Paxton"):
            Recipe(**{**imported, "engine": engine})


@pytest.mark.parametrize(
    "same", [{"cutoff_eV": 350.0}, {"electron_shift": -0.0}, {"kmesh": [3, 3, 3]}]
)
def test_the_same_problem_written_otherwise_is_the_same_recipe(same):
    assert Recipe(**{**GPAW, **same}).id == Recipe(**GPAW).id


def test_a_recipe_survives_json_and_the_database():
    recipe = Recipe(**GPAW, options={"convergence": {"energy": 1e-5}}, electron_shift=-0.5)
    assert Recipe(**recipe.model_dump(mode="json")).id == recipe.id
    assert Recipe(**bson.decode(bson.encode(recipe.model_dump()))).id == recipe.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"sigma_eV": 0},
        {"sigma_eV": -0.2},
        {"cutoff_eV": -1},
        {"kmesh": (0, 1, 1)},
        {"kmesh": (2, 2)},
        {"smearing": "fermi"},
        {"smearing_order": -1},
        {"encut": 350},
        {"sigma_eV": float("nan")},
        {"electron_shift": float("nan")},
        {"cutoff_eV": float("inf")},
    ],
    ids=str,
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Recipe(**{**GPAW, **wrong})


@given(st.tuples(*[st.integers(1, 99)] * 3))
def test_a_mesh_reads_as_it_is_written(kmesh):
    assert parse_kmesh(format_kmesh(kmesh)) == kmesh
    assert Recipe(**{**GPAW, "kmesh": kmesh}).kmesh_text == format_kmesh(kmesh)


def test_capitals_are_read_too():
    assert parse_kmesh("3X2x1") == (3, 2, 1)


@given(st.text() | st.from_regex(r"[0-9²-]*x[0-9²]*x[0-9²]*", fullmatch=True))
def test_anything_else_is_one_clear_sentence(text):
    parts = text.lower().split("x")
    if len(parts) == 3 and all(p.isdecimal() and int(p) > 0 for p in parts):
        assert len(parse_kmesh(text)) == 3
    else:
        with pytest.raises(InputError, match="3x3x3"):
            parse_kmesh(text)


@pytest.mark.parametrize(
    "name", ["kmesh", "kmesh_offset", "smearing", "sigma_eV", "spin_polarized"]
)
def test_what_nobody_knows_is_said_to_be_unknown(name):
    recipe = Recipe(engine="imported", options={"source": "a set of labels"}, **{name: None})
    assert recipe.unknown == (name,)
    with pytest.raises(InputError, match=name):
        recipe.require_known()
    with pytest.raises(ValidationError, match="imported labels only"):
        Recipe(engine="imported", **{name: None})
    with pytest.raises(ValidationError, match="imported labels only"):
        Recipe(engine="gpaw", options={"source": "a set of labels"}, **{name: None})


def test_a_mesh_that_is_not_known_has_no_numbers():
    recipe = Recipe(engine="imported", options={"source": "a set"}, kmesh=None)
    assert recipe.kmesh_text == "unknown"
    other = Recipe(engine="imported", options={"source": "another set"}, kmesh=None)
    assert recipe.id != other.id


def test_a_copy_that_says_something_else_has_another_id():
    recipe = Recipe(engine="emt", options={"a": 1})
    first = recipe.id
    other = recipe.model_copy(update={"sigma_eV": 1.0})
    assert other.id != first
    assert other.id == Recipe(engine="emt", options={"a": 1}, sigma_eV=1.0).id
    assert recipe.model_copy().id == recipe.model_copy(deep=True).id == first
    assert recipe == Recipe(engine="emt", options={"a": 1})
