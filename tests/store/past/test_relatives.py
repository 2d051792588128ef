"""What a trace shows of a document: in short, as JSON, and complete or not."""

import json

from tm23flows.store.past.relatives import Level, Trace, describe


def test_a_label_in_short(make_frame, make_label):
    label = make_label(make_frame())
    stored = {"_id": label.id, **label.model_dump()}
    one = describe("labels", stored)
    assert one.parents == (label.frame_id,)
    assert one.software == label.provenance.software
    assert one.inputs_sha256 == label.provenance.inputs_sha256
    assert one.host == label.provenance.host
    assert one.summary["recipe"]["engine"] == "emt"
    assert not {"forces", "stress", "provenance"} & set(one.summary)


def test_programs_and_corrections_are_named_once(make_frame, make_label):
    effort = {"program": "a program 1.0", "corrections": ("mixing", "mixing")}
    label = make_label(make_frame(), effort=effort)
    one = describe("labels", {"_id": label.id, **label.model_dump()})
    assert one.summary["programs"] == ["a program 1.0", "mixing"]


def test_anything_missing_breaks_a_trace():
    assert Trace("x", [Level("frames", 1, [])]).complete
    for gap in ({"missing": ["a"]}, {"missing_blobs": ["a"]}, {"rootless": ["a"]}):
        broken = Trace("x", [Level("labels", 1, []), Level("frames", 1, [], **gap)])
        assert not broken.complete
        assert json.loads(json.dumps(broken.as_dict()))["complete"] is False


def test_parents_are_counted_in_json_not_listed(emt_archive):
    found = emt_archive.trace(emt_archive.dataset("Cu-demo").id)
    assert len(found.levels[0].shown[0].parents) == 24
    assert found.as_dict()["levels"][0]["shown"][0]["parents"] == 24
