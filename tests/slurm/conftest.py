"""One SLURM for all tests of this folder, and a clone of the shipped files for each."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engines/vasp"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster_site import Site
from one_node_slurm import missing, open_slurm

from tm23flows.testing.invariants import assert_all_invariants


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running SLURM of one node."""
    if reason := missing():
        pytest.skip(f"no SLURM: {reason}")
    with open_slurm(tmp_path_factory.mktemp("slurm")) as slurm:
        yield slurm


@pytest.fixture
def site(slurm, tmp_path):
    """The files of a user on that cluster; all invariants hold in the archive afterwards."""
    site = Site(tmp_path, slurm)
    try:
        yield site
        assert_all_invariants(site.archive())
    finally:
        site.close()
