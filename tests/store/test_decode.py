"""The allow-list: our own documents pass, and are decoded as they were."""

import pytest
from jobflow.managers.fireworks import flow_to_workflow
from pymatgen.core import Lattice, Structure

from tm23flows.errors import DecodeRefusedError
from tm23flows.flows.scales import make_tm23
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.decode import DEEPEST, decode, refuse_code, refuse_code_in


@pytest.mark.parametrize(
    ("scale", "engine"), [("demo", "emt"), ("paper", "gpaw"), ("paper", "vasp")]
)
@pytest.mark.filterwarnings("ignore")
def test_our_own_workflows_pass(scale, engine):
    refuse_code(flow_to_workflow(make_tm23("Cu", scale, engine).make("Cu")).to_dict())


def test_a_structure_is_decoded():
    structure = Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    assert decode({"a": [structure.as_dict()]}) == {"a": [structure]}


def test_plain_values_stay_as_they_are():
    plain = {"a": [1, 2.5, None, True, "x"], "b": {"module": "os", "class": "x"}}
    assert decode(plain) == plain


def test_every_document_of_the_road_passes(emt_archive):
    for name in COLLECTIONS:
        for stored in emt_archive.database[name].find():
            refuse_code_in(stored)
            refuse_code(stored, ())


def test_what_a_decoder_would_not_survive_is_refused():
    value = {}
    for _ in range(DEEPEST + 2):
        value = {"a": value}
    with pytest.raises(DecodeRefusedError, match="nested"):
        refuse_code(value)


@pytest.mark.parametrize(
    "value",
    [
        {"@module": "numpy", "@class": "array"},
        {"@module": "pymatgen.core.structure", "@class": "Structure"},
        {"@module": "tm23flows.jobs.label", "@callable": "LabelJobMaker.make"},
        {"_fw_name": "{{jobflow.managers.fireworks.JobFiretask}}"},
        {"@class": "no module, so nothing is imported"},
    ],
    ids=str,
)
def test_what_is_on_the_list_passes(value):
    refuse_code([value])


@pytest.mark.parametrize(
    "value",
    [
        {"@module": "os", "@callable": "system"},
        {"@module": "os"},
        {"@module": "numpyx", "@class": "array"},
        {"@module": "numpy", "@callable": "load"},
        {"@module": None, "@class": "x"},
        {"@module": ["os"], "@class": "x"},
        {"@module": "pymatgen.core.structure", "@callable": "os.system"},
        {"@module": "pymatgen.core.structure", "@class": "Structure.from_file"},
        {"@module": "tm23flows.jobs.context", "@callable": "os.system"},
        {"@module": "tm23flows.jobs.label", "@callable": "__builtins__"},
        {"@module": "tm23flows.store.archive", "@class": "Archive"},
        {"@module": "tm23flows.documentsx", "@class": "x"},
        {"_fw_name": "ScriptTask", "script": ["touch x"]},
        {"_fw_name": "{{os.system}}"},
        {"_fw_name": None},
    ],
    ids=str,
)
def test_what_is_not_is_refused(value):
    with pytest.raises(DecodeRefusedError, match="would import"):
        refuse_code({"a": [{"b": value}]})
