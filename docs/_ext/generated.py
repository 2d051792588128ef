"""What the reference takes out of the code while it is built; none of it is in the repository.

Owns the directives ``python-package``, ``command-line``, ``settings``, ``document-list`` and
``maker-list``. Each writes Markdown and has it read in its place.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args

import typer
import typer.cli
from jobflow import Maker
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from tm23flows.cli.main import app as program
from tm23flows.documents.base import Document
from tm23flows.settings import TM23Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from docutils.nodes import Node
    from pydantic.fields import FieldInfo
    from sphinx.application import Sphinx


LONGEST_VALUE = 100
"""Characters of a constant's value that are shown."""


class _Generated(SphinxDirective):
    """Put Markdown in the place of the directive."""

    def run(self) -> list[Node]:
        return self.parse_text_to_nodes(self.text(), allow_section_headings=True)

    def text(self) -> str:
        raise NotImplementedError


class PythonPackage(_Generated):
    """All public names of the modules of a package; those of packages below it are elsewhere."""

    required_arguments = 1

    def text(self) -> str:
        """Write a section for the package and one for each module."""
        return "\n".join(section(name) for name in module_names(self.arguments[0]))


class CommandLine(_Generated):
    """All commands of ``tm23``, as typer describes them, with a heading for each."""

    def text(self) -> str:
        """Write what ``tm23 --help`` and ``tm23 COMMAND --help`` say."""
        command = typer.main.get_command(program)
        say_in_full(command)
        context = typer.Context(command, info_name="tm23")
        return typer.cli.get_docs_for_click(obj=command, ctx=context, indent=1, name="tm23")


class Settings(_Generated):
    """All settings, by the variable of each."""

    def text(self) -> str:
        """Write an entry for each field of the settings."""
        return "\n".join(setting(name, field) for name, field in TM23Settings.model_fields.items())


class DocumentList(_Generated):
    """All documents with the version of their layout."""

    def text(self) -> str:
        """Write a table, sorted by name."""
        rows = [
            f"| {link(kind)} | {getattr(kind, 'LAYOUT', '')} | {first_sentence(kind)} |"
            for kind in classes("tm23flows.documents", Document)
        ]
        return "\n".join(["| document | layout | |", "|---|---|---|", *rows])


class MakerList(_Generated):
    """All Makers of flows."""

    def text(self) -> str:
        """Write a table, sorted by name."""
        rows = [
            f"| {link(kind)} | {first_sentence(kind)} |"
            for kind in classes("tm23flows.flows", Maker)
        ]
        return "\n".join(["| Maker | |", "|---|---|", *rows])


def say_in_full(command: Any) -> None:
    """Give lists of commands the first paragraph of each, which would be cut after 45 letters."""
    command.short_help = (command.help or "").split("\n\n")[0].replace("\n", " ")
    for below in getattr(command, "commands", {}).values():
        say_in_full(below)


def module_names(package: str) -> list[str]:
    """Name a package and the modules right below it, not those of packages below."""
    path = import_module(package).__path__
    below = [one for one in pkgutil.iter_modules(path, f"{package}.") if not one.ispkg]
    return [package, *(one.name for one in below if one.name.rpartition(".")[2][0] != "_")]


def section(module: str) -> str:
    """Write a heading, and what autodoc is to do."""
    return f"## `{module.removeprefix('tm23flows.')}`\n\n{automodule(module)}"


def automodule(module: str) -> str:
    """Write what autodoc is to do with a module; it passes over constants without a docstring."""
    directives = [f".. automodule:: {module}"]
    for name in plain_constants(module):
        value = repr(getattr(import_module(module), name))
        shown = len(value) <= LONGEST_VALUE and "\n" not in value
        lines = [f".. py:data:: {name}", f"   :module: {module}"]
        lines += [f"   :value: {value}"] if shown else []
        directives.append("\n".join(lines))
    text = "\n\n".join(directives)
    return f"```{{eval-rst}}\n{text}\n```\n"


def plain_constants(module: str) -> list[str]:
    """Name the public constants and aliases of a module that have no docstring of their own."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    said = {name for scope, name in analyzer.attr_docs if not scope}
    targets = [
        target
        for node in ast.parse(analyzer.code).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name))
    return [name for name in names if name not in said and not name.startswith("_")]


def modules_below(package: str) -> Iterator[ModuleType]:
    """Import a package and all that is below it."""
    parent = import_module(package)
    yield parent
    for one in pkgutil.walk_packages(parent.__path__, f"{package}."):
        yield import_module(one.name)


def classes(package: str, base: type) -> list[type]:
    """Find the public classes of a package that are made from ``base``."""
    found = {
        thing
        for module in modules_below(package)
        for name, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, base) and thing.__module__ == module.__name__ and name[0] != "_"
    }
    return sorted(found, key=lambda kind: kind.__name__)


def setting(name: str, field: FieldInfo) -> str:
    """Write what there is to know about one setting."""
    default = "none" if field.default is None else field.default
    return (
        f"````{{confval}} TM23_{name.upper()}\n:type: {said(field.annotation)}\n"
        f":default: {default}\n\nIn the file: `{name}`. {field.description}\n````\n"
    )


def link(kind: type) -> str:
    """Write a reference to a class."""
    return f"{{py:class}}`~{kind.__module__}.{kind.__qualname__}`"


def first_sentence(kind: type) -> str:
    """Take the first line of a docstring, which may hold reStructuredText's double quotes."""
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def said(annotation: Any) -> str:
    """Name a type as a user would: ``path``, not ``pathlib.Path | None``."""
    kinds = [kind for kind in get_args(annotation) or [annotation] if kind is not type(None)]
    return " or ".join(kind.__name__.removeprefix("Secret").lower() for kind in kinds)


def import_everything(app: Sphinx) -> None:  # noqa: ARG001
    """Import all modules before autodoc, which changes annotations of pydantic's own classes."""
    for one in pkgutil.walk_packages(import_module("tm23flows").__path__, "tm23flows."):
        if not is_program(one.name):
            import_module(one.name)


def is_program(module: str) -> bool:
    """Whether a module is run and never imported; workers of trainers have other interpreters."""
    return module.endswith(".__main__") or module.startswith("tm23flows.trainers.workers.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx about these directives."""
    app.connect("builder-inited", import_everything)
    app.add_directive("python-package", PythonPackage)
    app.add_directive("command-line", CommandLine)
    app.add_directive("settings", Settings)
    app.add_directive("document-list", DocumentList)
    app.add_directive("maker-list", MakerList)
    return {"parallel_read_safe": True}
