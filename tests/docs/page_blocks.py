"""The blocks of a page of the manual that its reader types or writes to files.

Owns what counts as such a block. Running them is the business of `page_runner.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

RUN = ("bash", "python")
SHOWN = ("text",)
CAPTION = re.compile(r":caption:\s*(\S+)\s*$")


class PageError(AssertionError):
    """A page says what cannot be, at a line of it."""

    def __init__(self, page: Path, line: int, said: str) -> None:
        super().__init__(f"{page.name}, line {line}: {said}")


@dataclass(frozen=True)
class Block:
    """What a reader types, or the content of a file that a reader makes (then ``file`` names it)."""

    language: str
    text: str
    line: int
    file: str = ""


def page_blocks(page: Path) -> list[Block]:
    """List the blocks of a page in their order; none at all is an error, as is an unknown one."""
    blocks = _blocks(page, page.read_text(encoding="utf-8"), 0)
    if not any(one.language in RUN and not one.file for one in blocks):
        raise PageError(page, 1, "nothing on this page is run")
    return blocks


def _blocks(page: Path, text: str, before: int) -> list[Block]:
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "code_block":
            raise PageError(page, before + token.map[0] + 1, "indented code is not run")
        if token.type == "fence":
            found += _of_fence(page, token, before + token.map[0] + 2)
    return found


def _of_fence(page: Path, token: Token, line: int) -> list[Block]:
    """List the blocks of a fence whose content begins at this line."""
    info = token.info.strip()
    if info in SHOWN:
        return []
    if info in RUN:
        return [Block(info, token.content, line)]
    if info.startswith("{code-block}"):
        return [_file(page, info.removeprefix("{code-block}").strip(), token.content, line)]
    if info.startswith("{"):  # a note, a tip, a figure: there may be blocks in it
        return _blocks(page, token.content, line - 1)
    raise PageError(page, line - 1, f"a block of '{info}' is not run: use bash, python or text")


def _file(page: Path, language: str, text: str, line: int) -> Block:
    options, rest = [], text.splitlines(keepends=True)
    while rest and rest[0].startswith(":"):
        options.append(rest.pop(0))
    names = [found.group(1) for one in options if (found := CAPTION.match(one))]
    if not names:
        raise PageError(page, line - 1, "a code-block without ':caption: NAME' is no file")
    start = line + len(options)
    if options and rest and not rest[0].strip():
        rest.pop(0)
        start += 1
    return Block(language, "".join(rest), start, names[0])
