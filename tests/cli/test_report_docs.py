"""docs/howto/report.md says what really works: its commands, its Python and its pictures."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "howto" / "report.md").read_text()


def test_its_commands_work(tm23, emt_archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, ran.err
    assert (tmp_path / "cu.html").is_file()
    assert list((tmp_path / "report" / "figures").glob("*.png"))
    assert list((tmp_path / "report" / "tables").glob("*.csv"))


def test_its_python_works(emt_archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(compile(program, "docs/howto/report.md", "exec"), names)
    assert names["rows"] == []  # no model
    assert (tmp_path / "report" / "index.html").is_file()


def test_its_pictures_are_there():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", TEXT)
    assert len(pictures) == 2
    for picture in pictures:
        content = (ROOT / "docs" / "howto" / picture).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 200_000
