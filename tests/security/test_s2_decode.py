"""S2: a document that names a module is refused before anything imports it.

A module on the path of this test writes a marker when it is imported. The first test shows
that it works: monty imports it from a document. In all others the marker must not appear.
"""

import json
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monty.json import MontyDecoder
from pymatgen.core import Lattice, Structure

from tm23flows.errors import DecodeRefusedError
from tm23flows.ops.structure_sources import read_crystal
from tm23flows.store.decode import decode, refuse_code

EVIL = "evil_plugin_of_a_test"
PAYLOADS = [
    {"@module": EVIL, "@callable": "run"},
    {"@module": EVIL, "@class": "Run", "x": 1},
    {"@module": EVIL, "@class": "Run", "@callable": "run"},
    {"@module": f"{EVIL}.numpy", "@class": "array"},
    {"@module": "tm23flows.jobs.label", "@callable": "LabelJobMaker.make",
     "@bound": {"@module": EVIL, "@class": "Run"}},
]  # fmt: skip


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """Put a module on the path that leaves a marker when it is imported."""
    path = tmp_path / "marker"
    folder = tmp_path / "plugins"
    folder.mkdir()
    code = f"open({str(path)!r}, 'w').write('x')\ndef run(*a): pass\nclass Run: pass\n"
    (folder / f"{EVIL}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop(EVIL, None)
    yield path
    sys.modules.pop(EVIL, None)


def test_the_danger_is_real(marker):
    MontyDecoder().process_decoded({"a": [PAYLOADS[0]]})
    assert marker.exists()


@pytest.mark.parametrize("payload", PAYLOADS, ids=str)
def test_decoding_is_refused_before_the_import(marker, payload):
    with pytest.raises(DecodeRefusedError, match=EVIL):
        decode({"fine": 1, "a": [{"b": payload}]})
    assert not marker.exists()


plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


steps = st.tuples(st.sampled_from(["dict", "list", "tuple", "harmless"]), st.text(max_size=3))


def bury(payload, way):
    """Put a payload somewhere deep inside plain values."""
    for kind, key in way:
        payload = {
            "dict": {key: payload, "beside": key},
            "list": [key, payload, None],
            "tuple": (payload, key),
            "harmless": {"@module": "numpy", "@class": "array", "data": payload},
        }[kind]
    return payload


@given(st.sampled_from(PAYLOADS), st.lists(steps, max_size=12))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_wherever_it_is_it_is_refused(marker, payload, way):
    with pytest.raises(DecodeRefusedError):
        decode(bury(payload, way))
    assert not marker.exists()


@given(plain)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_plain_values_are_never_refused(value):
    refuse_code(value)


def structure_document(payload, where):
    structure = Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]], site_properties={"x": [1]})
    document = json.loads(json.dumps(structure.as_dict()))
    if where == "site":
        document["sites"][0]["properties"]["x"] = payload
    elif where == "structure":
        document["properties"] = {"x": payload}
    else:
        document = payload
    return document


@pytest.mark.parametrize("name", ["cu.json", "cu.yaml", "cu.JSON", "cu.json.backup", "cu.mson"])
@pytest.mark.parametrize("where", ["site", "structure", "top"])
def test_a_structure_file_that_imports_is_refused(marker, tmp_path, name, where):
    path = tmp_path / name
    path.write_text(json.dumps(structure_document(PAYLOADS[0], where)))
    with pytest.raises(DecodeRefusedError, match=EVIL):
        read_crystal(path, "Cu")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["cu.json", "cu.yaml"])
def test_a_structure_file_as_pymatgen_writes_it_is_read(tmp_path, name):
    structure = Structure(Lattice.cubic(3.61), ["Cu"] * 4,
                          [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 1e-7]])  # fmt: skip
    structure.to(filename=str(tmp_path / name))
    crystal = read_crystal(tmp_path / name, "Cu")
    assert np.allclose(crystal.positions, structure.cart_coords, atol=1e-9)


@pytest.mark.parametrize("payload", PAYLOADS, ids=str)
@pytest.mark.parametrize("field", ["tags.x", "provenance.inputs.a"])
def test_a_document_in_the_archive_is_refused(marker, archive, make_frame, payload, field):
    frame = make_frame()
    archive.put(frame)
    archive.database["frames"].update_one({"_id": frame.id}, {"$set": {field: [payload]}})
    with pytest.raises(DecodeRefusedError):
        archive.find(frame.id)
    with pytest.raises(DecodeRefusedError):
        list(archive.frames())
    assert not marker.exists()


def test_a_document_with_a_module_does_not_get_into_the_archive(marker, archive, make_frame):
    with pytest.raises(DecodeRefusedError):
        archive.put(make_frame(tags={"x": {"deep": PAYLOADS[0]}}))
    assert archive.database["frames"].count_documents({}) == 0
    assert not marker.exists()


TASKS = [
    {"_fw_name": "{{" + EVIL + ".Run}}"},
    {"_fw_name": "ScriptTask", "script": "touch x"},
    {"_fw_name": "PyTask", "func": "os.system", "args": ["touch x"]},
    {"_fw_name": "{{jobflow.managers.fireworks.JobFiretask}}", "job": PAYLOADS[0]},
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["_fw_name"].strip("{}"))
def test_a_task_of_fireworks_is_no_document(marker, archive, make_frame, task):
    with pytest.raises(DecodeRefusedError):
        decode({"spec": {"_tasks": [task]}})
    with pytest.raises(DecodeRefusedError):
        archive.put(make_frame(tags={"x": [task]}))
    assert not marker.exists()
