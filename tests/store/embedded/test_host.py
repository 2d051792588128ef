import pytest

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.engine import Engine
from tm23flows.store.embedded.host import Host, refuse_collation


def test_collections_of_a_host_share_their_catalog():
    host = Host(Engine(Catalog()))
    host.collection("db", "a").table[1] = {"_id": 1}
    assert host.catalog["db"]["a"][1] == {"_id": 1}
    assert host.collection("db", "a") is host.collection("db", "a")


def test_what_would_change_results_silently_is_refused():
    refuse_collation({"collation": {"locale": "simple"}})
    with pytest.raises(NotImplementedError):
        refuse_collation({"collation": {"locale": "de"}})
    with pytest.raises(NotImplementedError):
        refuse_collation({"let": {"x": 1}})
