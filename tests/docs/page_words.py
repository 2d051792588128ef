"""The words of a page of the manual: its tables, its commands, the files and messages that it names.

Owns how they are read, and whether they are those of the program. Running a page is the business of
`page_runner.py`.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from tm23flows.cli.main import app
from tm23flows.cli.metals_or_study import METALS, STUDY, MetalsOrStudy

ROOT = Path(__file__).resolve().parents[2]
DIFFERS = "…"
"""Stands for what is different in each message."""

_SPAN = re.compile(r"`([^`\n]+)`")
_CELLS = re.compile(r"(?<!\\)\|")
_ENDS = ("#", "&&", "||", "|", ";", ">", ">>", "<", "2>", ")")


def page(name: str) -> str:
    """Return the text of a page of the manual, such as ``operations/errors``."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def spans(text: str) -> list[str]:
    """List what a text has between single backticks."""
    return _SPAN.findall(text)


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield the tables of a page: the cells of the head, and those of each row."""
    for block in re.split(r"\n(?!\|)", text):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        if len(lines) > 2:
            cells = [[one.strip() for one in _CELLS.split(line)[1:-1]] for line in lines]
            yield cells[0], cells[2:]


def table(text: str, *head: str) -> list[list[str]]:
    """Return the rows of the one table whose head begins like this."""
    (found,) = [rows for cells, rows in tables(text) if tuple(cells[: len(head)]) == head]
    return found


def first_words(rows: Iterable[list[str]]) -> list[str]:
    """List what stands between backticks in the first cells."""
    return [word for row in rows for word in spans(row[0])]


@cache
def sentences() -> tuple[str, ...]:
    """List what the package may say, with DIFFERS in place of what is put into it."""
    found = []
    for path in sorted((ROOT / "tm23flows").rglob("*.py")):
        docstrings = set()
        # a statement comes before what is in it
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr):
                docstrings.add(id(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = (getattr(one, "value", None) for one in node.values)
                found.append("".join(p if isinstance(p, str) else DIFFERS for p in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [node.value] * (id(node) not in docstrings)
    return tuple(found)


def is_said(message: str, texts: Iterable[str]) -> bool:
    """Say whether one of the texts holds a message; DIFFERS in it stands for anything."""
    return any(_holds(one, message.split(DIFFERS)) for one in texts)


def _holds(text: str, pieces: list[str]) -> bool:
    place = 0
    for piece in pieces:
        place = text.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def commands(text: str) -> list[list[str]]:
    """List the ``tm23`` commands of a page as words, in its blocks and between backticks."""
    lines = re.findall(r"^(?: {4}|\S*?)(.*\btm23 .+)$", _code(text), re.MULTILINE)
    found = [word for line in (*lines, *spans(_prose(text))) for word in _commands(line)]
    return [one for one in found if len(one) > 1]


def _code(text: str) -> str:
    """Keep the blocks of code alone."""
    fenced = re.findall(r"^```(?:bash|sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"^ {4}\S.*$", text, re.MULTILINE)])


def _prose(text: str) -> str:
    without = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}\S.*$", "", without, flags=re.MULTILINE)


def _commands(line: str) -> Iterator[list[str]]:
    words: list[str] | None = None
    try:
        split = shlex.split(line, comments=True)
    except ValueError:  # words of people, in which somebody's name has an apostrophe
        return
    for before, word in zip(["", *split], split, strict=False):
        if word == "tm23" and not before.startswith("-"):  # the database has the same name
            words = [word]
        elif words is not None and word in _ENDS:
            yield words
            words = None
        elif words is not None:
            words.append(word)
    if words is not None:
        yield words


@cache
def _program() -> Any:
    return get_command(app)


def wrong_with(command: list[str]) -> str | None:
    """Say what of a command there is not: its name, or an option of it."""
    here, words = _program(), command[1:]
    while hasattr(here, "commands"):
        if words[:1] and words[0] in here.commands:
            here, words = here.commands[words[0]], words[1:]
        elif isinstance(here, MetalsOrStudy) and words[:1] != [STUDY]:
            here = here.commands[METALS]
        elif not words or words[0].startswith("-"):
            break
        else:
            return f"there is no command '{words[0]}'"
    known = {one for param in here.params for one in (*param.opts, *param.secondary_opts)}
    known |= {"-h", "--help"}
    asked = [one.split("=")[0] for one in words if re.match(r"--?[a-z]", one)]
    unknown = [one for one in asked if one not in known]
    return f"there is no option {unknown[0]}" if unknown else None
