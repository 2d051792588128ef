"""The site of the manual is built without a warning, and carries every page and every public name."""

import ast
import os
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer

from tm23flows.cli.main import app
from tm23flows.settings import TM23Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "tm23flows"

ELSEWHERE = {"cli", "trainers/workers"}
"""The command line has a reference of its own, and workers of trainers are run, never imported."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the whole manual as ``make docs`` does, with every warning an error."""
    out = tmp_path_factory.mktemp("site")
    recipe = (ROOT / "Makefile").read_text().partition("\ndocs: setup\n")[2].partition("\n")[0]
    words = recipe.replace("$(VENV)/bin/python", sys.executable).split()
    command = [str(out) if word == "docs/_build/html" else word for word in words]
    assert "-W" in command
    assert str(out) in command
    no_network = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    built = subprocess.run(
        [*command, "-q", "-d", str(out / ".doctrees")],
        cwd=ROOT,
        env={**os.environ, **no_network},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-5000:]
    return out


class Links(HTMLParser):
    """Collects what a page links to and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in {"script", "img", "source", "iframe"}:
            self.loaded.append(given.get("src") or "")
        if tag == "link" and "stylesheet" in given.get("rel", ""):
            self.loaded.append(given["href"])


def pages():
    found = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
    return [path for path in found if path.parts[0] != "_build"]


def reachable(site):
    """Name all pages of the manual that one comes to from the first one by following links."""
    seen, left = set(), [site / "index.html"]
    while left:
        page = left.pop()
        if page in seen or page.suffix != ".html" or not page.is_file():
            continue
        seen.add(page)
        links = Links(page.read_text(encoding="utf-8")).links
        paths = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
        left.extend((page.parent / path).resolve() for path in paths if path)
    return seen


def public_names():
    """Name what each module offers: its ``__all__``, or else what it defines without underscore."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        below = "/".join(parts[1:])
        if any(below == one or below.startswith(f"{one}/") for one in ELSEWHERE):
            continue
        if not parts[-1].startswith("_"):
            yield ".".join(parts)
            yield from (f"{'.'.join(parts)}.{name}" for name in names_of(path))


def names_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = [name for node in tree.body for name in defined_by(node)]
    if "__all__" in defined:
        lists = (node for node in tree.body if defined_by(node) == ["__all__"])
        return ast.literal_eval(next(lists).value)
    return [name for name in dict.fromkeys(defined) if not name.startswith("_")]


def defined_by(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def inventory(site):
    """Read the names that other manuals could link to: (what it is, name) of each."""
    head = (site / "objects.inv").read_bytes().split(b"\n", 4)
    lines = zlib.decompress(head[4]).decode().splitlines()
    return {(line.split()[1], line.split()[0]) for line in lines}


def commands(command, name):
    yield name
    for child, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {child}")


def test_every_page_can_be_reached_from_the_first_one(site):
    found = reachable(site)
    lost = [str(page) for page in pages() if site / page.with_suffix(".html") not in found]
    assert not lost, f"no link leads to {lost}"
    assert len(pages()) > 20


def test_the_site_can_be_searched(site):
    assert (site / "search.html").is_file()
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "tutorials/index" in index
    assert "reference/settings" in index


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = {
        source
        for page in site.rglob("*.html")
        for source in Links(page.read_text(encoding="utf-8")).loaded
        if re.match(r"(?:[a-z]+:)?//", source)
    }
    assert not loaded


def test_every_public_name_is_in_the_reference(site):
    carried = {name for kind, name in inventory(site) if kind.startswith("py:")}
    names = list(public_names())
    assert not [name for name in names if name not in carried]
    assert "tm23flows.Archive" in names
    assert "tm23flows.science.metrics.mae" in names


def test_every_setting_has_an_entry(site):
    entries = {name for kind, name in inventory(site) if kind == "std:confval"}
    assert entries == {f"TM23_{name.upper()}" for name in TM23Settings.model_fields}


def test_every_command_has_a_place_to_link_to(site):
    page = (site / "reference" / "command_line.html").read_text(encoding="utf-8")
    names = list(commands(typer.main.get_command(app), "tm23"))
    assert "tm23 dataset create" in names
    assert not [name for name in names if f'id="{name.replace(" ", "-")}"' not in page]
    assert not re.findall(r"</code>: [^<]*\.\.\.<", page)  # what a command does is not cut


def test_formulas_are_there_without_a_script(site):
    page = (site / "science" / "density_response.html").read_text(encoding="utf-8")
    assert "<math" in page


def test_a_field_says_what_it_is(site):
    page = (site / "reference" / "documents.html").read_text(encoding="utf-8")
    assert 'id="tm23flows.documents.label.Label.forces"' in page
    assert "Forces, shape (n, 3), in eV/angstrom." in page
