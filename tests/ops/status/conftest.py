"""Lets tests of this folder make jobs that fail and use the kit."""

import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tm23flows.ops.launchpad import open_launchpad


@pytest.fixture
def launchpad(database):
    """A launchpad that nobody else uses."""
    return open_launchpad(database.uri, f"status-{uuid.uuid4().hex[:8]}")
