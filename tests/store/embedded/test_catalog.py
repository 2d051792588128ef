import pytest

from tm23flows.store.embedded.catalog import Catalog


@pytest.fixture
def catalog():
    return Catalog()


def test_a_table_exists_from_its_first_document_until_it_is_dropped(catalog):
    table = catalog["db"]["things"]
    assert list(catalog.tables()) == []
    table[1] = {"_id": 1}
    del table[1]
    assert list(catalog.tables()) == [table]
    table.drop()
    assert list(catalog.tables()) == []


def test_a_renamed_table_is_found_under_its_new_name(catalog):
    catalog["db"]["old"][1] = {"_id": 1}
    catalog["db"].rename("old", "new")
    assert catalog["db"]["new"][1] == {"_id": 1}
    assert [table.name for table in catalog.tables()] == ["new"]
    assert catalog.changes.take()[-1] == {"op": "rename", "db": "db", "coll": "old", "to": "new"}
