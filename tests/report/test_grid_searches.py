"""Grid searches in the report: all points, the chosen one, and those that failed with the reason."""

from tm23flows.documents.base import Provenance
from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.report.grid_searches import section


def row(nmax, mae):
    given = {"point": {"nmax": nmax, "lmax": 3}, "model_id": f"{nmax:064x}"}
    if mae is None:
        return GridRow(**given, failure="out of memory")
    return GridRow(**given, evaluation_id=f"{nmax + 99:064x}", force_mae_eV_per_A=mae)


def put_search(archive, element="Cu"):
    search = GridSearch(
        provenance=Provenance.now(),
        trainer="flare",
        element=element,
        dataset_id="d" * 64,
        train_part="train",
        test_part="grid_test",
        energy_reference="mean-per-atom",
        seed=0,
        fixed={},
        rows=(row(6, 0.05), row(8, 0.04), row(12, None)),
        chosen=1,
        by_likelihood=None,
        by_validation=None,
        conflicts=(),
        at_edge={"nmax": "largest"},
        reason="nmax 8 has the least error",
    )
    archive.put(search)
    return search


def test_without_a_search_there_is_nothing(empty):
    assert section(empty) is None


def test_all_points_are_there_with_what_became_of_them(empty):
    search = put_search(empty)
    found = section(empty)
    (table,) = found.tables
    assert [one[0] for one in table.rows] == ["6", "8", "12"]
    assert [one[2] for one in table.rows] == ["50.0", "40.0", "-"]
    assert [one[-1] for one in table.rows] == ["", "chosen", "out of memory"]
    assert all(len(one) == len(table.columns) for one in table.rows)
    assert set(table.documents) == {search.id}
    assert found.answer == ("Cu flare: nmax 8 has the least error",)
    assert section(empty, {"Ti"}) is None
