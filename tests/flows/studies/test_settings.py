"""Settings of a study from text: typed by the Maker, or one sentence."""

from dataclasses import dataclass, field

import pytest

from tm23flows.errors import InputError
from tm23flows.flows.studies.settings import read_settings


@dataclass
class Maker:
    """A Maker as studies have them."""

    name: str = "study"
    count: int = 3
    widths: tuple[float, ...] = (0.2, 1.0)
    flag: bool = False
    word: str = "melt"
    grid: dict[str, list[int]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "5", 5),
        ("widths", "0.2,0.5", (0.2, 0.5)),
        ("widths", "[0.2, 0.5]", (0.2, 0.5)),
        ("widths", [1], (1.0,)),
        ("widths", "1.0", (1.0,)),
        ("flag", "true", True),
        ("flag", True, True),
        ("word", "warm", "warm"),
        ("grid", '{"nmax": [4]}', {"nmax": [4]}),
    ],
)
def test_values_have_the_types_of_the_fields(name, text, value):
    assert read_settings(Maker, {name: text}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("counts", "5", "has no setting 'counts'; it has count, widths"),
        ("name", "x", "has no setting 'name'"),
        ("count", "many", "cannot be many"),
        ("count", "2.5", "cannot be 2.5"),
        ("widths", "0.2,wide", "cannot be 0.2,wide"),
    ],
)
def test_what_does_not_fit_is_said(name, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_settings(Maker, {name: text})
