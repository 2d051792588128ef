"""Records of packs: written once, found by the run folder that a label names."""

import socket

from tm23flows.store.raw_outputs import COLLECTION, find_raw_outputs, record_raw_outputs

HOST = socket.gethostname()
MEMBERS = {"label-0001/vasprun.xml": "aa", "label-0001/INCAR": "bb", "label-0002/INCAR": "cc"}


def find(archive, folder):
    return find_raw_outputs(archive, f"{HOST}:{folder}")


def test_a_run_folder_leads_to_its_pack(archive, tmp_path):
    record_raw_outputs(archive, tmp_path / "vasp-runs.tar.gz", "11", MEMBERS)
    record_raw_outputs(archive, tmp_path / "vasp-runs-2.tar.gz", "22", {"label-0003/INCAR": "dd"})
    record_raw_outputs(
        archive, tmp_path / "deep/vasp-runs.tar.gz", "33", {"label-0004/INCAR": "ee"}
    )
    found = find(archive, tmp_path / "label-0001")
    assert found["path"] == f"{HOST}:{tmp_path / 'vasp-runs.tar.gz'}"
    assert found["sha256"] == "11"
    assert {one["name"]: one["sha256"] for one in found["members"]} == MEMBERS
    assert find(archive, tmp_path / "label-0003")["sha256"] == "22"
    assert find(archive, tmp_path / "deep/label-0004")["sha256"] == "33"


def test_what_was_not_packed_is_not_found(archive, tmp_path):
    record_raw_outputs(archive, tmp_path / "vasp-runs.tar.gz", "11", MEMBERS)
    assert find(archive, tmp_path / "label-000") is None
    assert find(archive, tmp_path / "label-0004") is None
    assert find(archive, tmp_path / "deep/label-0001") is None
    assert find_raw_outputs(archive, f"elsewhere:{tmp_path}/label-0001") is None


def test_a_pack_is_written_down_once(archive, tmp_path):
    for _ in range(2):
        record_raw_outputs(archive, tmp_path / "vasp-runs.tar.gz", "11", MEMBERS)
    assert archive.database[COLLECTION].count_documents({}) == 1
