"""Declarations: complete or refused; what changes numbers changes the recipe."""

import json

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.declaration import (
    declare,
    declared_beside,
    order_of,
    parse_declared,
)

WHOLE = {"energy": "free", "energy-unit": "eV", "force-unit": "eV/A"}


def test_a_declaration_says_at_least_energy_and_units():
    assert not declare(WHOLE).has_stress
    for word in WHOLE:
        less = {key: value for key, value in WHOLE.items() if key != word}
        with pytest.raises(InputError, match=f"does not say .* --declare WORD=VALUE: {word} "):
            declare(less)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"colour": "red"}, "no word 'colour'; it knows energy, energy-unit"),
        ({"energy": "total"}, "energy: Input should be 'free', 'sigma0'"),
        ({"energy_unit": "kcal"}, "energy-unit: .*'eV'"),
        ({"stress-unit": "kbar"}, "both its stress-unit and its stress-sign"),
        ({"stress-sign": "tension"}, "both its stress-unit"),
        ({"stress": "none", "stress-unit": "kbar"}, "leaves the stress out"),
        ({"stress": "yes"}, "Input should be 'none'"),
        ({"stress-order": "xx yy zz"}, "does not name xx yy zz yz xz xy"),
        ({"stress-order": "xx yy zz xy xy xz"}, "does not name"),
        ({"kmesh": "dense"}, "no k-mesh"),
        ({"temperature_K": "-5"}, "temperature-K: .*greater than 0"),
        ({"sigma_eV": "nan"}, "sigma-eV: "),
    ],
)
def test_wrong_declarations_are_one_sentence(words, why):
    with pytest.raises(InputError, match=why) as caught:
        declare({**WHOLE, **words})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("xx yy zz yz xz xy", (0, 1, 2, 3, 4, 5)),
        ("xx yy zz xy yz zx", (0, 1, 2, 4, 5, 3)),
        ("xx,yy,zz,xy,xz,yz", (0, 1, 2, 5, 4, 3)),
        ("xx xy xz yy yz zz", (0, 3, 5, 4, 2, 1)),
    ],
)
def test_orders_of_six_components(text, places):
    assert order_of(text) == places


def test_what_is_not_declared_is_unknown_in_the_recipe():
    recipe = declare(WHOLE).recipe("a set")
    assert recipe.engine == "imported"
    assert recipe.xc == "unknown"
    assert set(recipe.unknown) >= {"kmesh", "smearing", "sigma_eV", "spin_polarized"}
    known = declare({**WHOLE, "kmesh": "3x3x3", "sigma_eV": "0.2", "xc": "PBE"}).recipe("a set")
    assert (known.kmesh, known.sigma_eV, known.xc) == ((3, 3, 3), 0.2, "PBE")


def test_another_declaration_or_source_is_another_recipe():
    tension = {"stress-unit": "kbar", "stress-sign": "tension"}
    compression = {**tension, "stress-sign": "compression"}
    recipes = [
        declare(WHOLE).recipe("a"),
        declare(WHOLE).recipe("b"),
        declare({**WHOLE, "source": "c"}).recipe("a"),
        declare({**WHOLE, **tension}).recipe("a"),
        declare({**WHOLE, **compression}).recipe("a"),
        declare({**WHOLE, "energy": "unspecified"}).recipe("a"),
    ]
    assert len({one.id for one in recipes}) == len(recipes)
    same = declare({**WHOLE, "licence": "CC0-1.0", "url": "https://example.org"}).recipe("a")
    assert same.id == recipes[0].id


def test_an_unknown_licence_is_said_to_be_unknown():
    assert declare(WHOLE).origin(file="a") == {"file": "a", "licence": "not stated"}
    said = declare({**WHOLE, "licence": "CC0-1.0", "citation": "X"}).origin()
    assert said == {"licence": "CC0-1.0", "citation": "X"}


def test_words_of_the_command_line():
    assert parse_declared(["energy = free", "stress-order=xx yy"]) == {
        "energy": "free",
        "stress_order": "xx yy",
    }
    for wrong in ("energy", "=free", "energy="):
        with pytest.raises(InputError, match="declares nothing"):
            parse_declared([wrong])


def test_a_declaration_in_a_manifest(tmp_path):
    path = tmp_path / "a.xyz"
    assert declared_beside(path) == {}
    beside = tmp_path / "a.xyz.manifest.json"
    beside.write_text(json.dumps({"declaration": {"energy-unit": "eV"}, "else": 1}))
    assert declared_beside(path) == {"energy_unit": "eV"}
    for wrong in ("{", "[]", '{"else": 1}', '{"declaration": 1}', "[" * 100_000):
        beside.write_text(wrong)
        with pytest.raises(InputError, match="declaration"):
            declared_beside(path)
