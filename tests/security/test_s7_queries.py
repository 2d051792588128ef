"""S7: no operator of the database comes from outside, whatever is asked and wherever.

The rule is tested at both ends: every operator in every word is refused with one sentence, and
whatever is accepted translates into the operators of this module's list and plain values only.
"""

import re
from datetime import datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tm23flows.documents.frame import Frame
from tm23flows.errors import InputError
from tm23flows.store.query.where import FIELDS, OPERATORS
from tm23flows.store.query.words import REPEATED, Query, parse_words

MONGO_OPERATORS = (
    "$ne", "$gt", "$gte", "$lt", "$lte", "$eq", "$in", "$nin", "$exists", "$type", "$regex",
    "$options", "$where", "$function", "$accumulator", "$expr", "$jsonSchema", "$mod", "$text",
    "$not", "$nor", "$or", "$and", "$all", "$elemMatch", "$size", "$comment", "$rand", "$slice",
    "$bitsAllSet", "$geoWithin", "$near", "$merge", "$out", "$lookup", "$set", "$unset",
)  # fmt: skip
OURS = {"$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$and"}
"""All that a translation may hold."""

GOOD = {
    "metal": "Cu", "regime": "melt", "temperature_K": 300.0, "trajectory": "ab" * 32,
    "frame": "abcdef", "first_step": 1, "last_step": 2, "engine": "emt", "sigma_eV": 0.2,
    "electron_shift": -1.0, "kmesh": "3x3x3", "recipe": "ab" * 32, "min_energy_eV": -4.0,
    "max_energy_eV": -3.0, "min_force_eV_per_A": 0.1, "max_force_eV_per_A": 5.0,
    "min_stress_eV_per_A3": 0.0, "max_stress_eV_per_A3": 0.1, "dataset": "some@1",
    "part": "train", "kmesh_converged": True, "created_after": "2026-01-01",
    "created_before": "2027-01-01", "tag": "event=1", "where": "step>=10",
}  # fmt: skip
TEXT_FIELDS = [name for name, asked in FIELDS.items() if asked.kind == "text"]


def test_every_word_is_attacked():
    assert set(GOOD) == set(Query.model_fields)
    assert Query.of(**GOOD).words.keys() == GOOD.keys()


def refused(words):
    with pytest.raises(InputError) as caught:
        Query.of(**words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def attacks_on(word):
    for operator in MONGO_OPERATORS:
        yield from (
            {operator: GOOD[word]},
            {operator: {operator: 1}},
            [{operator: GOOD[word]}],
            ({operator: 1},),
            operator,
            f"{operator}:1",
            f'{{"{operator}": 1}}',
            f"={operator}",
        )


@pytest.mark.parametrize("word", GOOD)
def test_an_operator_in_a_word_is_refused(word):
    context = {"dataset": "some"} if word == "part" else {}
    for attack in attacks_on(word):
        assert word in refused({**context, word: attack}), attack


@pytest.mark.parametrize("word", GOOD)
@pytest.mark.parametrize(
    "value",
    [{}, [], (), set(), b"Cu", object(), 1j, str, lambda: 1, [[1]], float("nan")],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_scalar_is_refused(word, value):
    if word in REPEATED and value in ([], ()):
        assert Query.of(**{word: value}).words == {}  # no condition at all restricts nothing
        return
    refused({"dataset": "some", word: value} if word == "part" else {word: value})


@pytest.mark.parametrize("operator", MONGO_OPERATORS)
def test_an_operator_is_no_word(operator):
    for words in ({operator: 1}, {operator: {"$gt": 1}}, {f"metal.{operator}": 1}):
        assert "knows no word" in refused(words)
    with pytest.raises(InputError, match="knows no word"):
        Query.of(**parse_words(f"metal=Cu,{operator}=1"))


@pytest.mark.parametrize("name", FIELDS)
def test_an_operator_in_a_condition_is_refused(name):
    for operator in MONGO_OPERATORS:
        for text in (
            f"{name}={operator}",
            f"{name}{operator}1",
            f"{name} {operator} 1",
            f"{name}.{operator}=1",
            f"{operator}={name}",
            f'{name}={{"{operator}": 1}}',
            f"{name}=={operator}",
        ):
            refused({"where": text})


@pytest.mark.parametrize("operator", MONGO_OPERATORS)
def test_an_operator_in_a_tag_is_refused(operator):
    for text in (operator, f"{operator}=1", f"event={operator}", f"event.{operator}=1",
                 f'event={{"{operator}":1}}'):  # fmt: skip
        refused({"tag": text})


def safe(value, top=True):
    """Whether a translation holds our operators and plain values only."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str)
            if key.startswith("$"):
                assert key in OURS, key
            else:
                assert "$" not in key
                assert top, f"{key} inside of a value"
            within = top and key == "$and"
            safe(inner, within) if not isinstance(inner, dict) else safe(inner, top=False)
    elif isinstance(value, list):
        for one in value:
            safe(one, top)
    else:
        assert value is None or isinstance(value, (str, int, float, bool, datetime))
        assert not (isinstance(value, str) and value.startswith("$"))
    return True


def translations(query):
    for own in (True, False):
        yield query.frame_filter(own)
        yield query.label_filter(own)


def test_the_check_of_translations_sees_operators():
    for wrong in ({"$where": "1"}, {"a": {"$ne": 1}}, {"a": {"b": 1}}, {"a": "$b"}, {"a.$b": 1}):
        with pytest.raises(AssertionError):
            safe(wrong)
    assert safe({"$and": [{"a": {"$gte": 1}}, {"a": {"$in": ["x", 1.0]}}]})
    assert all(safe(one) for one in translations(Query.of(**GOOD)))


def made_of(words):
    """Make a query; None where it is refused, and that in one sentence."""
    try:
        return Query.of(**words)
    except InputError as error:
        sentence = str(error)
    assert "\n" not in sentence
    return None


texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(MONGO_OPERATORS),
    st.tuples(st.sampled_from(MONGO_OPERATORS), st.text(max_size=5)).map("".join),
    st.sampled_from([str(value) for value in GOOD.values()]),
)
scalars = st.one_of(
    texts, st.integers(), st.floats(allow_nan=True, allow_infinity=True), st.booleans(), st.none()
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.one_of(st.sampled_from(list(GOOD)), texts), anything, max_size=4))
def test_anything_is_refused_or_translates_into_our_operators(words):
    query = made_of(words)
    if query is None:
        return
    assert set(query.words) <= set(GOOD)
    assert all(safe(one) for one in translations(query))


@settings(max_examples=300)
@given(
    st.one_of(st.sampled_from(list(FIELDS)), texts), st.sampled_from([*OPERATORS, "==", "~"]), texts
)
def test_any_condition_is_refused_or_translates_into_our_operators(name, sign, value):
    try:
        query = Query.of(where=f"{name}{sign}{value}")
    except InputError:
        return
    assert query.conditions[0].name in FIELDS
    assert all(safe(one) for one in translations(query))


@settings(max_examples=200)
@given(st.sampled_from(TEXT_FIELDS), st.sampled_from(["=", "!="]), texts)
def test_text_of_a_condition_is_compared_as_it_is(name, sign, value):
    """A pattern is no pattern: what reaches the database is the text itself."""
    try:
        (condition,) = Query.of(where=f"{name}{sign}{value}").conditions
    except InputError:
        return
    assume(value.strip() == value)
    assert condition.value == value


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_of_a_query_is_refused_or_safe(text):
    try:
        query = Query.of(**parse_words(text))
    except InputError:
        return
    assert all(safe(one) for one in translations(query))


@pytest.mark.parametrize("value", [".*", "^C", "C.", "Cu|Ag", "(?i)cu"])
def test_patterns_match_nothing(archive, make_frame, value):
    archive.put(make_frame())
    refused({"metal": value})
    assert archive.frames(where=f"element={value}").count() == 0


def test_an_operator_is_no_id(archive, make_frame):
    archive.put(make_frame())
    with pytest.raises(InputError, match="text, not dict"):
        archive.get(Frame, {"$ne": None})
    with pytest.raises(InputError, match="text, not Pattern"):
        archive.get_many(Frame, [re.compile(".*")])
    with pytest.raises(InputError, match="text, not dict"):
        archive.existing(Frame, [{"$gt": ""}])
    with pytest.raises(InputError, match="no id"):
        archive.find("$regex")
