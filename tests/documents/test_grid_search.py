"""Grid searches as documents: what they are made of, and what makes two of them different."""

import bson
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.science.grid_choice import choose


def row(nmax, mae=None, likelihood=None, **fields):
    given = {"point": {"nmax": nmax}, "model_id": f"{nmax:064x}", "log_likelihood": likelihood}
    if mae is None:
        given["failure"] = "it failed"
    else:
        given |= {"evaluation_id": f"{nmax + 99:064x}", "force_mae_eV_per_A": mae}
    return GridRow(**{**given, **fields})


ROWS = (row(6, 0.05, 10.0, wall_s=2.0), row(8, 0.04, 20.0), row(12, 0.044, 30.0), row(16))


def search(**fields):
    rows = fields.get("rows", ROWS)
    choice = choose([one.score for one in rows])
    given = {
        "provenance": Provenance.now(),
        "trainer": "flare",
        "element": "Cu",
        "dataset_id": "d" * 64,
        "train_part": "train",
        "test_part": "test",
        "energy_reference": "mean-per-atom",
        "seed": 0,
        "fixed": {"lmax": 3},
        "rows": rows,
        "chosen": choice.chosen,
        "by_likelihood": choice.by_likelihood,
        "by_validation": choice.by_validation,
        "conflicts": choice.conflicts,
        "at_edge": {},
        "reason": "it is the best",
    }
    return GridSearch(**{**given, **fields})


CHANGES = [
    {"trainer": "nequip"},
    {"dataset_id": "e" * 64},
    {"train_part": "all"},
    {"test_part": "validation"},
    {"energy_reference": "other"},
    {"seed": 1},
    {"fixed": {"lmax": 4}},
    {"rows": ROWS[:3]},
    {"rows": (row(6, 0.051, 10.0), *ROWS[1:])},
    {"rows": (row(6, 0.05, 11.0), *ROWS[1:])},
    {"at_edge": {"nmax": "largest"}},
]


def test_question_and_answer_make_the_id():
    assert len({search(**change).id for change in [{}, *CHANGES]}) == len(CHANGES) + 1


def test_times_and_words_are_not_in_the_id():
    slower = (row(6, 0.05, 10.0, wall_s=900.0), *ROWS[1:3], row(16, failure="killed"))
    assert search(rows=slower, reason="in other words").id == search().id


def test_it_survives_the_database():
    one = search()
    stored = bson.decode(bson.encode({**one.model_dump(), "_id": one.id}))
    back = GridSearch.from_stored(stored)
    assert back.id == one.id
    assert back.rows == one.rows
    assert back.conflicts == one.conflicts
    assert back.conflicts[0].cost_percent == pytest.approx(10)


def test_the_chosen_point_says_what_to_train_with():
    one = search()
    assert one.best is one.rows[1]
    assert one.hyperparameters == {"lmax": 3, "nmax": 8}
    assert one.failed == (ROWS[3],)
    nothing = search(rows=(row(6), row(8, model_id=None)))
    assert nothing.best is nothing.hyperparameters is nothing.chosen is None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"chosen": 3}, "no errors"),
        ({"chosen": 9}, "no errors"),
        ({"by_likelihood": 3}, "no errors"),
        ({"by_validation": 4}, "no errors"),
        ({"chosen": None}, "those of a chosen point"),
        ({"chosen": None, "conflicts": (), "at_edge": {"nmax": "largest"}}, "of a chosen point"),
        ({"fixed": {"nmax": 3}}, "fixed and on the grid"),
        ({"rows": (*ROWS, ROWS[0])}, "there twice"),
        ({"rows": ()}, "at least 1"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        search(**wrong)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"model_id": None}, "those of a model"),
        ({"evaluation_id": None}, "comes from an evaluation"),
        ({"force_mae_eV_per_A": None}, "comes from an evaluation"),
        ({"failure": "no"}, "or a reason"),
        ({"log_likelihood": float("nan")}, "finite"),
        ({"force_mae_eV_per_A": -1.0}, "greater than or equal to 0"),
        ({"point": {}}, "at least 1"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_is_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        row(8, 0.04, **wrong)
