import pymongo
import pytest

from tm23flows.store.embedded.process import status
from tm23flows.testing.database import local_database


def test_a_database_while_the_block_lasts():
    with local_database() as info:
        with pymongo.MongoClient(info.uri) as client:
            client["test"]["c"].insert_one({"_id": 1})
        assert status(info.path) == info
    assert not info.path.exists()


def test_a_given_folder_stays_and_the_server_stops_even_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), local_database(tmp_path):
        raise RuntimeError
    assert (tmp_path / "journal").exists()
    assert status(tmp_path) is None
