"""A page that is wrong does not pass: what fails is named, nothing is skipped, nothing is left."""

import os
from pathlib import Path

import psutil
import pytest
from page_blocks import PageError
from page_runner import ROOT, run_page


@pytest.fixture
def run(tmp_path):
    """A function that runs the text of a page; returns what its blocks said."""

    def run(text, **words):
        page = tmp_path / "page.md"
        page.write_text(text)
        return run_page(page, tmp_path / "reader", **words)

    return run


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# A\n\n```bash\ntrue\nfalse\ntrue\n```\n", 5),
        ("# A\n\n```bash\necho ${NOBODY_SET_THIS}\n```\n", 4),
        ("```bash\nfalse | cat\n```\n", 2),
        ("```bash\ntrue\n```\n\n```bash\nexit 3\n```\n", 6),
        ("```python\nx = 1\n\n\nassert x == 2\n```\n", 5),
        ("```python\nx = 1\n```\n\n```python\nx +\n```\n", 6),
        ("```python\nimport sys\nsys.exit(0)\n```\n", 3),
        ("Words\n\n- in a list\n\n  ```bash\n  true\n  false\n  ```\n", 7),
        ("```{note}\nWords\n\n~~~bash\nfalse\n~~~\n```\n", 5),
    ],
)
def test_what_fails_is_named_with_page_and_line(run, text, line):
    with pytest.raises(PageError, match=rf"^page.md, line {line}: it failed"):
        run(text)


def test_the_last_words_are_told(run):
    with pytest.raises(PageError, match=r"No such file(?s:.)*"):
        run("```bash\necho before\ncat no-such-file\n```\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Only words\n\n```text\nshown\n```\n", "nothing on this page is run"),
        ("```{code-block} ini\n:caption: a.ini\n\n[a]\n```\n", "nothing on this page is run"),
        ("```sh\ntrue\n```\n", "a block of 'sh' is not run"),
        ("```\ntrue\n```\n", "a block of '' is not run"),
        ("Words\n\n    true\n", "indented code is not run"),
        ("```{code-block} python\nx = 1\n```\n", "no file"),
    ],
)
def test_nothing_is_skipped(run, text, said):
    with pytest.raises(PageError, match=said):
        run(text)


PAGE = """\
# A page

```{code-block} python
:caption: tools/reader.py

NAME = "a reader"
```

```bash
export OF="the page"
here=$PWD
test "$HOME" != "$here"
cat > note.txt <<END
from bash
END
```

```python
import os
from dataclasses import dataclass
from pathlib import Path

from tools.reader import NAME

@dataclass
class Line:
    text: "str"

Path("python.txt").write_text(f"{NAME} of {os.environ['OF']}")
os.system("echo a child speaks")
```

```text
not run: false
```

```bash
cd tools
test "$here/tools" = "$PWD"
cat ../python.txt ../note.txt
```

```{code-block} yaml
:caption: beside.yaml
a: 1
```

```python
print(Line(Path("note.txt").read_text()), Path("tools/beside.yaml").read_text())
```
"""


def test_blocks_are_one_shell_one_interpreter_and_one_folder(run):
    said = run(PAGE)
    assert "a child speaks" in said
    assert "a reader of the pagefrom bash" in said
    assert "Line(text='from bash\\n') a: 1" in said


def test_what_a_page_leaves_is_ended(run, tmp_path):
    left = tmp_path / "left"
    run(
        f"```bash\nsetsid sh -c 'echo $$ > {left}; exec sleep 1000' &\n"
        f"until test -s {left}; do sleep 0.05; done\n```\n"
    )
    assert not psutil.pid_exists(int(left.read_text()))


def test_a_failure_beside_something_that_runs_on_is_told_at_once(run):
    with pytest.raises(PageError, match="line 3: it failed"):
        run("```bash\nsleep 1000 &\nfalse\n```\n", patience_s=60.0)


def test_a_page_may_be_of_a_clone(run):
    said = run(
        '```bash\ntest "$PYTHONPATH" = "$PWD"\nls . scripts\n```\n',
        clone=(ROOT / "setup.cfg", ROOT / "scripts"),
    )
    assert "setup.cfg" in said
    assert "setup.sh" in said


def test_a_page_that_hangs_is_ended(run):
    with pytest.raises(PageError, match="line 2: it takes too long"):
        run("```bash\nsleep 1000\n```\n", patience_s=1.0)


def test_the_settings_of_others_stay_outside(run, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://somebody-else")
    said = run("```bash\nenv\n```\n").splitlines()
    assert [one for one in said if one.startswith("TM23")] == ["TM23_DB_PORT=0"]
    assert f"HOME={os.environ['HOME']}" not in said
    assert Path(next(one for one in said if one.startswith("HOME="))[5:]).name == "home"
