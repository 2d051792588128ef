"""Studies as documents: the question makes the id, the parents are sorted and known."""

import bson
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow
from tm23flows.documents.study import PARENTS, RULES, Study, sorted_parents, study_id
from tm23flows.store.collections import COLLECTIONS

IDS = [f"{n:064x}" for n in range(4)]


def study(results, **fields):
    given = {
        "provenance": Provenance.now(),
        "elements": ("Cu", "Ti"),
        "settings": {"seed": 0},
        "parents": sorted_parents(models=[IDS[2], IDS[1], IDS[2]], datasets=[IDS[3]]),
        "results": results,
    }
    return Study(**{**given, **fields})


@pytest.fixture
def results():
    metal = MetalRow(element="Cu", group=11, family="fcc")
    return CorrelationResults(
        metals=(metal,), trends=(), contrasts=(), n_p_values=0, level=0.05, correction="bh"
    )


def test_it_survives_the_database(results):
    made = study(results, warnings=("The mesh is coarse.",))
    stored = bson.decode(bson.encode({"_id": made.id, **made.model_dump()}))
    assert Study.from_stored(stored) == made
    assert made.kind == "correlations"


def test_the_question_is_the_id_and_the_answer_follows(results):
    made = study(results)
    assert made.id == study_id("correlations", made.elements, made.settings, made.parents)
    assert study(results, warnings=("A word.",)).id == made.id
    assert study(results, settings={"seed": 1}).id != made.id
    assert study(results, elements=("Cu", "Ti", "Os")).id != made.id
    assert study(results, rules=RULES + 1).id != made.id
    assert study(results, parents=sorted_parents(models=[IDS[1]])).id != made.id


def test_the_order_of_the_metals_is_no_question(results):
    """A workflow file sorts them by name, a run on the spot takes them as they come."""
    made = study(results)
    assert study(results, elements=("Ti", "Cu")).id == made.id


def test_parents_come_sorted_and_once():
    assert sorted_parents(models=[IDS[2], IDS[1], IDS[2]], labels=[]) == {
        "models": (IDS[1], IDS[2])
    }


@pytest.mark.parametrize(
    ("parents", "reason"),
    [
        ({"blobs": (IDS[0],)}, "not made from blobs"),
        ({"models": (IDS[1], IDS[0])}, "sorted"),
        ({"models": (IDS[1], IDS[1])}, "each once"),
    ],
)
def test_other_parents_are_refused(results, parents, reason):
    with pytest.raises(ValidationError, match=reason):
        study(results, parents=parents)


def test_everything_that_a_study_is_made_from_is_a_collection():
    assert set(PARENTS) <= set(COLLECTIONS)
