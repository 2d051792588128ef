"""Conditions: each field of the list has a type, each value is read as that type."""

from datetime import datetime

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.query.where import FIELDS, OPERATORS, parse_condition

VALUES = {
    "text": ("PBE", "PBE"),
    "whole number": ("12", 12),
    "number": ("1.5e-1", 0.15),
    "yes or no": ("yes", True),
    "k-mesh": ("3x3x2", (3, 3, 2)),
    "date": ("2026-11-21", datetime.fromisoformat("2026-11-21")),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_read_as_its_type(name):
    text, value = VALUES[FIELDS[name].kind]
    condition = parse_condition(f" {name}  = {text} ")
    assert (condition.name, condition.operator, condition.value) == (name, "=", value)
    assert type(condition.value) is type(value)


def test_every_field_is_one_of_the_documents(make_frame, make_label):
    frame = make_frame()
    stored = {"frames": frame.model_dump(), "labels": make_label(frame).model_dump()}
    for name, asked in FIELDS.items():
        assert asked.frames or asked.labels or asked.recipe, name
        for collection in ("frames", "labels"):
            value = stored[collection]
            path = getattr(asked, collection) or "id"
            for part in ("id" if path == "_id" else path).split("."):
                value = value[part]  # KeyError if there is no such field
        if asked.recipe:
            assert asked.recipe in Recipe.model_fields, name
    assert {Frame.__name__, Label.__name__} == {"Frame", "Label"}


ORDERED = {"number", "whole number", "date"}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("sign", OPERATORS)
def test_only_what_has_an_order_is_compared_by_it(name, sign):
    kind = FIELDS[name].kind
    text = f"{name}{sign}{VALUES[kind][0]}"
    if sign in ("=", "!=") or kind in ORDERED:
        assert parse_condition(text).operator == sign
    else:
        with pytest.raises(InputError, match="= and != only"):
            parse_condition(text)


@pytest.mark.parametrize(
    ("sign", "fits"),
    [
        ("=", {5}), ("!=", {4, 6}), ("<", {4}), ("<=", {4, 5}), (">", {6}), (">=", {5, 6}),
    ],
)  # fmt: skip
def test_operators_mean_what_they_say_in_the_database_and_here(archive, make_frame, sign, fits):
    archive.put(*(make_frame(seed, step=step) for seed, step in enumerate([4, 5, 6, None])))
    found = archive.frames(where=f"step{sign}5")
    assert {one.step for one in found} == fits
    recipes = [Recipe(engine="emt", cutoff_eV=cutoff) for cutoff in (4, 5, 6, None)]
    condition = parse_condition(f"recipe.cutoff_eV {sign} 5")
    assert {one.cutoff_eV for one in recipes if condition.fits(one)} == fits


def test_a_condition_on_something_else_leaves_recipes_alone():
    assert parse_condition("step=5").fits(Recipe(engine="emt"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("step", "no condition"),
        ("", "no condition"),
        ("=5", "no condition"),
        ("step=", "'' is none"),
        ("step==5", "whole number"),
        ("step=<5", "whole number"),
        ("step=5.0", "whole number"),
        ("step=5; drop", "whole number"),
        ("step=٣", "whole number"),
        ("temperature_K>nan", "number"),
        ("temperature_K>inf", "number"),
        ("forces=1", "know no field 'forces'"),
        ("$where=1", "no condition"),
        ("step.$gt=1", "no condition"),
        ("recipe.xc=$ne", "no value"),
        ("recipe.xc={}", "no value"),
        ("recipe.xc=a\nb", "no condition|no value"),
        ("recipe.kmesh=3x3", "no k-mesh"),
        ("recipe.spin_polarized=2", "yes or no"),
        ("provenance.created>soon", "no date"),
        ("provenance.created>2026-13-01", "no date"),
    ],
)
def test_what_is_no_condition_is_one_clear_sentence(text, why):
    with pytest.raises(InputError, match=why) as caught:
        parse_condition(text)
    assert "\n" not in str(caught.value)
