"""A file for strangers names no machine and no folder, and its numbers and ids are the same."""

import bson
import pytest

from tm23flows.documents.label import Label
from tm23flows.store.exchange.dump_intake import import_dumps
from tm23flows.store.exchange.dump_places import without_places
from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive


def test_places_are_left_out_at_any_depth():
    fields = {
        "provenance": {"host": "node7", "inputs": {"folder": None}},
        "segments": ({"effort": {"folder": "node7:/scratch", "cpu_s": 1.0}},),
        "run_folder": "node7:/scratch",
    }
    assert without_places(fields) == {
        "provenance": {"host": "not stated", "inputs": {"folder": None}},
        "segments": ({"effort": {"folder": None, "cpu_s": 1.0}},),
        "run_folder": None,
    }


@pytest.mark.parametrize("name", ["tags", "options", "hyperparameters", "inputs", "settings"])
def test_names_that_others_chose_are_no_places(name):
    fields = {"recipe": {name: {"host": "Cu", "folder": "a"}}}
    assert without_places(fields) == fields


def test_a_dump_without_places_is_read_back_with_the_same_ids(
    emt_archive, elsewhere, members, tmp_path
):
    path = tmp_path / "public.tm23.tar.xz"
    host = next(iter(emt_archive.labels())).provenance.host
    dump_archive(emt_archive, path, DumpOptions(places=False))
    for name, data in members(path).items():
        if name.startswith("documents/") and "names" not in name:
            for one in bson.decode_all(data):
                assert one["provenance"]["host"] != host
                assert "run_folder" not in one or one["run_folder"] is None
    import_dumps(elsewhere, [path])
    ids = [one.id for one in emt_archive.labels()]
    assert sorted(elsewhere.labels().ids()) == sorted(ids)
    assert elsewhere.get(Label, ids[0]).checksum == emt_archive.get(Label, ids[0]).checksum
