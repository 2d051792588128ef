"""Models: made of trainer, hyperparameters, seed and data, and known before they exist."""

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import HISTORY_ROWS, Model, ModelFile, model_id, thin_history

MADE_OF = {
    "trainer": "flare",
    "hyperparameters": {"nmax": 6, "cutoff_A": 5.0},
    "seed": 1,
    "dataset_id": "d" * 64,
    "part": "train",
}


def make(**fields):
    given = {"files": (), "wall_s": 1.0, "provenance": Provenance.now(), **MADE_OF}
    return Model(**{**given, **fields})


def test_the_id_is_known_before_the_training():
    trained = make(files=(ModelFile(name="a", blob="b"),), wall_s=9, history=({"epoch": 1.0},))
    assert trained.id == model_id(**MADE_OF)


@pytest.mark.parametrize(
    "change",
    [
        {"trainer": "nequip"},
        {"hyperparameters": {"nmax": 7, "cutoff_A": 5.0}},
        {"seed": 2},
        {"dataset_id": "e" * 64},
        {"part": "test"},
    ],
    ids=str,
)
def test_everything_it_is_made_of_counts(change):
    assert model_id(**{**MADE_OF, **change}) != model_id(**MADE_OF)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"trainer": "nequip"}, "nequip"),
        ({"hyperparameters": {"calculator": "a.b:C", "name": None}, "dataset_id": None}, "C"),
        ({"hyperparameters": {"calculator": "a.b:C", "name": "D"}, "dataset_id": None}, "D"),
        ({"hyperparameters": {"calculator": "a.b:C", "name": "D:E"}, "dataset_id": None}, "D:E"),
        ({"trainer": "flare", "dataset_id": None}, "flare"),
    ],
    ids=str,
)
def test_tables_call_it_by_its_trainer_or_its_name(fields, title):
    assert make(**fields).title == title


def test_it_comes_back_from_the_database():
    model = make(summary={"loss": 0.5, "name": "x"}, history=({"epoch": 1.0}, {"epoch": 2.0}))
    back = Model.from_stored(bson.decode(bson.encode({"_id": model.id, **model.model_dump()})))
    assert back == model


def test_a_model_of_the_first_layout_is_read_with_its_whole_history_inside():
    model = make(history=({"epoch": 1.0},))
    stored = {"_id": model.id, **model.model_dump(), "schema_version": 1}
    del stored["full_history"]
    assert Model.from_stored(stored) == model


@given(st.integers(0, 5000))
def test_a_thin_history_keeps_the_first_and_last_rows_in_order(n):
    rows = [{"epoch": float(i)} for i in range(n)]
    thin = thin_history(rows)
    assert len(thin) <= HISTORY_ROWS
    assert list(thin) == sorted(thin, key=lambda row: row["epoch"])
    if rows:
        assert (thin[0], thin[-1]) == (rows[0], rows[-1])
    if n <= HISTORY_ROWS:
        assert list(thin) == rows
