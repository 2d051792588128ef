"""Ids: the same everywhere and for ever, and different for different things."""

import json
import subprocess
import sys

import bson
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tm23flows.documents.ids import GEOMETRY_STEP_A, bytes_id, content_id, geometry_id
from tm23flows.documents.recipe import Recipe

CONTENT = {"b": [1, 2.5, None, True], "a": {"y": "é", "x": -0.1}}
CONTENT_ID = "fc7e2040f0f1ffe566e59f53cafa3f2de4b415633b09435bb4adcfc700a60731"
GEOMETRY_ID = "283f0d344e97b1c88db9eb3ef43575d560edc9c59f60e4df30b0f06a5b612d7d"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
contents = st.dictionaries(st.from_regex(r"[a-j]{1,3}", fullmatch=True), json_values, max_size=5)
coordinates = hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5).map(lambda s: (s[0], 3)),
    elements=st.integers(-(10**9), 10**9),
)  # fmt: skip


def geometry(positions, kind="frame", cell=None, numbers=None):
    numbers = np.full(len(positions), 29) if numbers is None else numbers
    return geometry_id(kind, numbers, np.eye(3) * 5 if cell is None else cell, positions)


def test_ids_are_the_ones_of_all_earlier_versions():
    assert content_id("label", **CONTENT) == CONTENT_ID
    assert geometry([[0.0, 0.5, 1.0], [2.0, -2.0, 0.1234567]]) == GEOMETRY_ID
    assert bytes_id(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_another_process_finds_the_same_id():
    code = (
        "from tm23flows.documents.ids import content_id;"
        "print(content_id('label', **{'a': {'x': -0.1, 'y': 'é'}, 'b': [1, 2.5, None, True]}))"
    )
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == CONTENT_ID


@given(contents)
def test_the_order_of_keys_does_not_matter(content):
    assert content_id("k", **dict(reversed(content.items()))) == content_id("k", **content)


@given(contents, json_values)
def test_other_content_has_another_id(content, value):
    more = {**content, "zzzz": value}
    assert len({content_id("k", **content), content_id("k", **more), content_id("l", **more)}) == 3


@given(contents)
def test_the_order_of_keys_does_not_matter_at_any_depth(content):
    assert content_id("k", **turned_round(content)) == content_id("k", **content)


def turned_round(value):
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(list(value))}
    return [turned_round(one) for one in value] if isinstance(value, list) else value


@given(contents)
def test_what_a_file_or_a_database_gives_back_has_the_same_id(content):
    key = content_id("k", **content)
    written = json.dumps(content, indent=3, ensure_ascii=False)
    assert content_id("k", **json.loads(written)) == key
    # Tuples are lists there.
    assert content_id("k", **{name: frozen(value) for name, value in content.items()}) == key
    try:
        stored = bson.encode(content)
    except (bson.errors.InvalidDocument, OverflowError):
        return  # a text that no database holds, such as a key with a zero byte
    assert content_id("k", **bson.decode(stored)) == key


def frozen(value):
    if isinstance(value, list):
        return tuple(frozen(one) for one in value)
    return {name: frozen(one) for name, one in value.items()} if isinstance(value, dict) else value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_how_a_number_is_written_does_not_matter(number):
    key = content_id("k", x=number)
    for text in (repr(number), f"{number:.17e}", f"{number:.17g}", f"{number:.25E}", number.hex()):
        read = float.fromhex(text) if "x" in text else float(text)
        assert content_id("k", x=read) == key, text
    assert content_id("k", x=np.float64(number)) == key
    assert content_id("k", x=np.nextafter(number, 1.0)) != key or number == 1


@given(
    st.integers(1, 2000),
    st.dictionaries(st.text("abc", min_size=1), json_values, max_size=3),
    st.permutations(["engine", "cutoff_eV", "sigma_eV", "kmesh", "options"]),
)
def test_a_recipe_is_the_same_however_its_numbers_are_given(number, options, order):
    given_as = {"engine": "gpaw", "cutoff_eV": number, "sigma_eV": 1, "kmesh": [2, 2, 2],
                "options": options}  # fmt: skip
    recipe = Recipe(**given_as)
    floats = {"cutoff_eV": np.float32(number).item(), "sigma_eV": 1.0, "kmesh": (2, 2, 2)}
    turned = {"options": turned_round(options)}
    again = Recipe(**{name: {**given_as, **floats, **turned}[name] for name in order})
    assert recipe.id == again.id == Recipe(**json.loads(recipe.model_dump_json())).id


def test_both_zeros_are_one_number():
    assert content_id("k", x=-0.0, y=[{"z": -0.0}]) == content_id("k", x=0.0, y=[{"z": 0.0}])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_content_that_is_no_number_is_refused(bad):
    with pytest.raises(ValueError):
        content_id("k", x=[bad])
    with pytest.raises(ValueError, match="not finite"):
        geometry([[0, 0, bad]])
    with pytest.raises(ValueError, match="not finite"):
        geometry([[0, 0, 0.0]], cell=np.full((3, 3), bad))


@given(coordinates, st.floats(-0.49, 0.49))
def test_positions_within_half_a_step_are_the_same_place(steps, off):
    places = steps * GEOMETRY_STEP_A
    assert geometry(places + off * GEOMETRY_STEP_A) == geometry(places)


LAYOUTS = {
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "column by column": np.asfortranarray,
    "a view": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards twice": lambda a: a[::-1].copy()[::-1],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "lists": lambda a: a.tolist(),
}


@given(coordinates, st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(LAYOUTS)))
def test_how_memory_is_laid_out_does_not_matter(steps, one, other):
    places, numbers = steps * GEOMETRY_STEP_A, np.full(len(steps), 29)
    expected = geometry_id("frame", numbers, np.eye(3) * 5, places)
    change, more = LAYOUTS[one], LAYOUTS[other]
    assert geometry_id("frame", more(numbers), change(np.eye(3) * 5), change(places)) == expected


@given(
    coordinates, st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.uint64, ">i4", float])
)
def test_the_type_of_the_atomic_numbers_does_not_matter(steps, kind):
    places = steps * GEOMETRY_STEP_A
    assert geometry(places, numbers=np.full(len(places), 29, dtype=kind)) == geometry(places)


@given(hnp.arrays(np.float32, (3, 3), elements=st.floats(-60, 60, width=32)))
def test_single_precision_is_the_number_that_it_holds(places):
    doubled = places.astype(float)
    assert geometry(places) == geometry(doubled) == geometry(places.astype(">f4"))


@given(hnp.arrays(np.int64, (3, 3), elements=st.integers(-50, 50)))
def test_whole_angstroms_are_the_same_as_floats(places):
    assert geometry(places) == geometry(places.astype(float)) == geometry(places.astype(np.int16))


@given(coordinates)
def test_a_geometry_that_was_written_as_text_has_the_same_id(steps):
    places = steps * GEOMETRY_STEP_A
    for digits in (".17g", ".8f", ".12e"):
        read = np.array([[float(format(x, digits)) for x in row] for row in places])
        assert geometry(read) == geometry(places), digits


@given(coordinates, st.data())
def test_positions_a_step_apart_are_other_places(steps, data):
    moved = steps.copy()
    moved[data.draw(st.integers(0, len(steps) - 1)), data.draw(st.integers(0, 2))] += 1
    assert geometry(moved * GEOMETRY_STEP_A) != geometry(steps * GEOMETRY_STEP_A)


def test_both_zeros_are_one_place():
    assert geometry(np.array([[-0.0, 0.0, -1e-9]])) == geometry(np.array([[0.0, -0.0, 0.0]]))


def test_everything_that_makes_a_geometry_counts():
    places = np.array([[0.0, 0, 0], [1, 1, 1]])
    ids = {
        geometry(places),
        geometry(places[::-1]),
        geometry(places, kind="structure"),
        geometry(places, cell=np.eye(3) * 6),
        geometry(places, numbers=np.array([29, 28])),
        geometry(places + [5, 0, 0]),  # noqa: RUF005 - not wrapped: a vector sum
    }
    assert len(ids) == 6


@pytest.mark.parametrize(
    ("numbers", "cell", "positions"),
    [
        ([29, 29], np.eye(3), np.zeros((1, 3))),
        ([29], np.eye(3), np.zeros(3)),
        ([29], np.zeros((4, 3)), np.zeros((1, 3))),
        ([], np.eye(3), np.zeros((0, 3))),
    ],
)
def test_a_geometry_whose_arrays_do_not_fit_is_refused(numbers, cell, positions):
    with pytest.raises(ValueError, match="geometry"):
        geometry_id("frame", np.array(numbers), cell, positions)
