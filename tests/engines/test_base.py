"""The lookup of engines and its sentences."""

import subprocess
import sys

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import ENGINES, check_engine_name, get_engine
from tm23flows.errors import InputError, MissingDependencyError


def test_every_engine_is_found_by_its_name(tmp_path, vasp):
    pytest.importorskip("gpaw")
    for name in ENGINES:
        assert get_engine(name, tmp_path).name == name


def test_other_engines_are_refused_with_a_next_step(tmp_path):
    with pytest.raises(InputError, match="emt"):
        get_engine("abinit", tmp_path)
    with pytest.raises(InputError, match="abinit"):
        check_engine_name("abinit")


def test_no_engine_computes_under_a_recipe_that_is_not_known(tmp_path, vasp):
    pytest.importorskip("gpaw")
    unknown = Recipe(engine="vasp", options={"source": "a set of labels"}, sigma_eV=None)
    for name in ENGINES:
        with pytest.raises(InputError, match="sigma_eV are not known"):
            get_engine(name, tmp_path).complete(unknown, ["Cu"])


def test_vasp_that_is_not_there_is_named_with_what_to_set(tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_VASP_CMD", "no-such-vasp")
    with pytest.raises(MissingDependencyError, match=r"no-such-vasp.*TM23_VASP_CMD"):
        get_engine("vasp", tmp_path)


WITHOUT_GPAW = """
import sys
from pathlib import Path

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "gpaw":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import get_engine
from tm23flows.errors import MissingDependencyError
get_engine("emt", Path("."))
try:
    get_engine("gpaw", Path("."))
except MissingDependencyError as error:
    print(error.exit_code, error)
"""


def test_a_missing_gpaw_is_one_sentence(tmp_path):
    command = [sys.executable, "-c", WITHOUT_GPAW]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 GPAW is not installed")
    assert "make setup" in done.stdout
