"""docs/howto/provenance.md says what really works: its commands and its Python run."""

import re
import shlex
from pathlib import Path

from tm23flows.ops.audit.ledger import INVARIANTS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "provenance.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)
PYTHON = "\n".join(
    re.findall(r"^    ((?:from|archive|dataset|assert|print)\b.+)$", TEXT, re.MULTILINE)
)


def test_every_command_of_the_page_works(tm23, road):
    archive, _ = road
    label = archive.dataset("Cu-demo").label_ids[0]
    assert len(COMMANDS) == 13
    for command in COMMANDS:
        words = shlex.split(command, comments=True)[1:]
        ran = tm23(*(label[:12] if word == "ID" else word for word in words))
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command


def test_the_python_of_the_page_works(emt_archive, capsys):
    exec(PYTHON, {})
    assert "('datasets', 1)" in capsys.readouterr().out


def test_the_table_has_every_invariant():
    for name in INVARIANTS:
        assert f"| {name} |" in TEXT, name
