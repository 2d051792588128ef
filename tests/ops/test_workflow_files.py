"""Files of workflows are what FireWorks would have written, and read as what they are."""

import pytest
from fireworks import Workflow
from hypothesis import given
from hypothesis import strategies as st
from jobflow.managers.fireworks import flow_to_workflow
from ruamel.yaml import YAML

from tm23flows.errors import InputError
from tm23flows.flows.scales import make_tm23
from tm23flows.ops.workflow_files import _yaml, write_whole, write_workflow_file


@pytest.fixture(scope="module")
def workflow():
    return flow_to_workflow(make_tm23("Cu", "paper", "vasp").make("Cu"), store=None)


def test_the_bytes_are_those_of_fireworks_own_writer(workflow, tmp_path):
    size = write_workflow_file(workflow, tmp_path / "ours.yaml")
    workflow.to_file(str(tmp_path / "theirs.yaml"))
    ours, theirs = ((tmp_path / f"{name}.yaml").read_bytes() for name in ("ours", "theirs"))
    assert ours == theirs
    assert size == len(ours)


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_fireworks_reads_back_what_was_written(workflow, tmp_path, ending):
    path = tmp_path / f"cu.{ending}"
    write_workflow_file(workflow, path)
    assert Workflow.from_file(str(path)).to_dict() == workflow.to_dict()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


HARD = ["1e5", "0o17", "12e03", "+1e5", ".5", "1_000", "0777", "on", "~", "2026-11-22", "1:30"]
"""Texts that one version of YAML takes for something else."""


@given(st.lists(st.text() | st.floats(allow_nan=False) | st.integers() | st.sampled_from(HARD)))
def test_texts_stay_texts_and_numbers_numbers(values):
    read = YAML(typ="safe", pure=True).load(_yaml({"values": values}))["values"]
    assert [(type(one), one) for one in read] == [(type(one), one) for one in values]


@pytest.mark.parametrize("text", HARD)
def test_a_text_that_looks_like_a_number_is_quoted(text):
    assert YAML(typ="safe", pure=True).load(_yaml({"a": text})) == {"a": text}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / "taken", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
