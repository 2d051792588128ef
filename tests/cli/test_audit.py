def test_a_sound_archive(tm23, emt_archive):
    ran = tm23("audit")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert sum(line.startswith("ok  ") for line in lines) == 10
    assert lines[-1] == "no violations"


def test_a_violation_comes_with_its_fix_and_exit_code_1(tm23, emt_copy):
    gone = emt_copy.database["structures"].find_one()["_id"]
    emt_copy.database["structures"].delete_one({"_id": gone})
    ran = tm23("audit", "--only", "i7")
    assert ran.code == 1
    assert ran.out.count("FAIL I7") == 1
    assert gone in ran.out
    assert f"fix: restore {gone[:12]} from a backup" in ran.out
    assert ran.out.splitlines()[-1] == "1 violation"


def test_json(tm23, emt_copy):
    emt_copy.database["blobs"].files.delete_many({})
    ran = tm23("audit", "--json", "--only", "I2, I6")
    assert ran.code == 1
    blobs, labels = ran.json["findings"]
    assert (blobs["invariant"], labels["invariant"]) == ("I2", "I6")
    assert blobs["count"] == len(blobs["violations"]) == 24
    assert {"where", "id", "what", "fix"} <= set(blobs["violations"][0])
    assert labels["count"] == 0


def test_an_invariant_that_is_none(tm23, emt_archive):
    ran = tm23("audit", "--only", "I2,X")
    assert ran.code == 2
    assert "no invariant 'X'" in ran.err
