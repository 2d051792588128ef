"""docs/howto/queries.md says what really works: its commands, its words and its Python."""

import re
import shlex
from pathlib import Path

from tm23flows.store.query.words import Query

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "queries.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)


def test_every_command_of_the_page_works(tm23, emt_copy):
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        ran = tm23(*shlex.split(command)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command


def test_the_page_lists_every_word_and_no_other():
    rows = re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE)
    listed = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert listed == set(Query.model_fields)


def test_the_python_of_the_page_runs(emt_archive, capsys):
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/queries.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    count = int(lines[0])
    assert count > 0
    assert len(lines) == 2 * count + 2
    assert lines[-1] == str(names["frames"].count())
