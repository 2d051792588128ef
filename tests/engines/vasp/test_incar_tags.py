"""Tags of users: what has another place, and what is not safe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.io.vasp import Incar

from tm23flows.engines.vasp.incar_tags import (
    FREE_TAGS,
    FROZEN_TAGS,
    MOTION_TAGS,
    OUTPUT_TAGS,
    RECIPE_TAGS,
    check_user_incar,
)
from tm23flows.errors import InputError


@pytest.mark.parametrize(
    ("tag", "place"),
    [
        ("NSW", "n_steps"),
        ("TEBEG", "temperature_K"),
        ("TEEND", "temperature_K"),
        ("POTIM", "timestep_fs"),
        ("NELECT", "electron_shift"),
        ("KSPACING", "kmesh"),
        ("GGA", "PBE"),
        ("IBRION", "Maker"),
        ("ISIF", "Maker"),
        ("SMASS", "Nose"),
    ],
)
@pytest.mark.parametrize("value", [1, None])
def test_tags_with_another_place_are_refused_with_its_name(tag, place, value):
    with pytest.raises(InputError, match=f"{tag} .*{place}"):
        check_user_incar({tag: value})


def test_ordinary_settings_pass():
    check_user_incar(
        {"ENCUT": 400, "ALGO": "Very Fast", "LWAVE": False, "MDALGO": None, "DIPOL": [0.5, 0.5, 0]}
    )


@pytest.mark.parametrize("value", [1, 3, "Langevin"])
def test_another_thermostat_is_refused(value):
    with pytest.raises(InputError, match="MDALGO"):
        check_user_incar({"MDALGO": value})


@pytest.mark.parametrize(
    "value",
    [
        "Normal; SIGMA = 2",
        "a\nSIGMA = 2",
        "a\rb",
        "a # b",
        "a ! b",
        "A SIGMA=2",
        'a"',
        "\\",
        " ",
        {},
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1, x]], ids=["alone", "in a list"])
def test_values_that_vasp_would_read_as_something_else_are_refused(value, wrap):
    with pytest.raises(InputError, match="not safe"):
        check_user_incar({"ALGO": wrap(value)})


@pytest.mark.parametrize("tag", ["SIGMA = 2\nALGO", "A B", "encut", "", "É"])
def test_names_that_are_no_tags_are_refused(tag):
    with pytest.raises(InputError, match="no INCAR tag"):
        check_user_incar({tag: 1})


@given(st.text(max_size=30))
def test_what_passes_is_one_tag_in_the_file(value):
    settings = {"ALGO": value}
    try:
        check_user_incar(settings)
    except InputError:
        return
    assert list(Incar.from_str(str(Incar({**settings, "SIGMA": 0.2})))) == ["ALGO", "SIGMA"]


def test_the_lists_agree_with_each_other():
    assert set(RECIPE_TAGS) | set(MOTION_TAGS) <= FROZEN_TAGS
    assert FREE_TAGS > OUTPUT_TAGS
    assert not FREE_TAGS & FROZEN_TAGS
    assert {"ENCUT", "ISMEAR", "SIGMA", "NELECT", "POTIM", "SMASS", "ISYM", "PREC"} <= FROZEN_TAGS
