"""What the docstrings of public names must say: every parameter, what comes back, what is raised."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tm23flows import errors

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tm23flows"
HELP = "cli"
"""Docstrings of commands are what --help prints."""
SECTIONS = {
    "Parameters",
    "Returns",
    "Yields",
    "Raises",
    "Examples",
    "Notes",
    "References",
    "Warns",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ERRORS = {name: one for name, one in vars(errors).items() if isinstance(one, type)}
ELSEWHERE = re.compile(r"\bsee (:\w+:)?`")
SAYS_ITSELF = ("Whether ", "Yield ", "Return ")


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != HELP]


def sections(docstring):
    """Return the lines of each section; those before the first section are that of ''."""
    found, name = {"": []}, ""
    lines = docstring.splitlines()
    for line, below in pairwise([*lines, ""]):
        if line and re.fullmatch(r"-{3,}", below) and line[0] != " ":
            name = line
            found[name] = []
        elif not re.fullmatch(r"-{3,}", line):
            found[name].append(line)
    return found


def entries(lines):
    """Lines of a section that are not indented name what it tells of."""
    return [line for line in lines if line and not line.startswith(" ")]


def own(node):
    """Walk a function, not the functions and classes within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield child
            yield from own(child)


def parameters(function):
    arguments = function.args
    star = [one for one in (arguments.vararg, arguments.kwarg) if one]
    given = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *star)
    return {one.arg for one in given if one.arg not in {"self", "cls"} and one.arg[0] != "_"}


def raised(function):
    """Names of our errors that a function raises itself."""
    for node in own(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if getattr(called, "id", None) in ERRORS:
                yield called.id


def is_told(error, named):
    """Whether an error or a kind that it belongs to is named."""
    return any(one in ERRORS and issubclass(ERRORS[error], ERRORS[one]) for one in named)


def is_property(function):
    return any("property" in ast.unparse(one) for one in function.decorator_list)


def fields(cls):
    """Names that the constructor takes, and those of them that have a docstring of their own."""
    constructor = [one for one in cls.body if getattr(one, "name", "") == "__init__"]
    if constructor:
        return parameters(constructor[0]), set()
    names, told = set(), set()
    for one, below in pairwise([*cls.body, None]):
        if isinstance(one, ast.AnnAssign) and not re.search(
            r"ClassVar|init=False|ConfigDict", ast.unparse(one)
        ):
            names.add(one.target.id)
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                told.add(one.target.id)
    return {one for one in names if one[0] != "_"}, told


def names_faults(told, known, told_elsewhere=frozenset()):
    """Compare the entries of a section of parameters with the parameters."""
    named = []
    for line in entries(told):
        if ":" in line:
            yield f"a type or text beside the name in '{line}'"
        named += [one.strip().lstrip("*") for one in line.split(":")[0].split(",")]
    if unknown := sorted(set(named) - known):
        yield f"there is no parameter {', '.join(unknown)}"
    if missing := sorted(known - set(named) - told_elsewhere):
        yield f"nothing is said of {', '.join(missing)}"


def comes_back(function):
    said = ast.unparse(function.returns or ast.Constant(None))
    return said not in {"None", "NoReturn", "Never"}


def function_faults(function):
    """Yield what the docstring of a public function lacks.

    One sentence is enough for a small function whose names say the rest, until it raises an error;
    and parameters that another docstring tells of need not be told of again.
    """
    text = ast.get_docstring(function) or ""
    told = sections(text)
    if odd := sorted(set(told) - SECTIONS - {""}):
        yield f"a section '{odd[0]}'"
    is_short = len(told) == 1 or bool(ELSEWHERE.search(text)) or is_property(function)
    if "Parameters" in told or not is_short:
        yield from names_faults(told.get("Parameters", []), parameters(function))
    says = bool({"Returns", "Yields"} & set(told))
    if says and not comes_back(function):
        yield "it says what it returns and returns nothing"
    if not (says or is_short or text.startswith(SAYS_ITSELF)) and comes_back(function):
        yield "it does not say what it returns"
    named = {one.strip() for line in entries(told.get("Raises", [])) for one in line.split(",")}
    if missing := sorted(one for one in set(raised(function)) if not is_told(one, named)):
        yield f"it does not say that it raises {', '.join(missing)}"


def public(tree, of=""):
    """Yield public functions, classes and methods with their full names."""
    for node in tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield of + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{of}{node.name}.")


def class_faults(cls):
    told = sections(ast.get_docstring(cls) or "")
    if odd := sorted(set(told) - SECTIONS - {""}):
        yield f"a section '{odd[0]}'"
    if "Parameters" in told:
        yield from names_faults(told["Parameters"], *fields(cls))


def faults(tree):
    for name, node in public(tree):
        check = class_faults if isinstance(node, ast.ClassDef) else function_faults
        yield from (f"{node.lineno}: {name}: {what}" for what in check(node))


def test_docstrings_tell_of_parameters_results_and_errors():
    found = [
        f"{path.relative_to(ROOT)}:{what}"
        for path in modules()
        for what in faults(ast.parse(path.read_text()))
    ]
    assert not found, f"{len(found)} faults in docstrings:\n" + "\n".join(found)


GOOD = '''
def width(cell, axis=0) -> float:
    """Return a width.

    Parameters
    ----------
    cell
        In angstrom.
    axis
        Which of three.

    Returns
    -------
        In angstrom.

    Raises
    ------
    InputError
        If there is no such axis.
    """
    if axis > 2:
        raise TooFewFramesError("no")
    return 1.0
'''


def test_a_whole_docstring_has_no_fault():
    assert not list(faults(ast.parse(GOOD)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    axis\n        Which of three.\n", ""),
        ("    cell\n        In", "    cell : array\n        In"),
        ("    cell\n", "    cells\n"),
        ("def width(cell, axis=0) -> float", "def width(cell, axis=0) -> None"),
        ('"""Return a width.', '"""A width.'),
        ("Returns\n    -------", "Result\n    ------"),
        ("    InputError\n", "    ValueError\n"),
    ],
)
def test_a_fault_of_a_docstring_is_seen(old, new):
    source = GOOD.replace(old, new, 1)
    if old.startswith('"""'):  # the first sentence does not say it either
        source = source.replace("    Returns\n    -------\n        In angstrom.\n\n", "")
    assert source != GOOD
    assert list(faults(ast.parse(source)))
