"""The limits that keep the package readable: sizes, docstrings, banned calls, mirrored tests."""

import ast
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tm23flows"
BESIDE = ("tests", "benchmarks", "scripts", "examples")
"""Folders whose files keep the limit of a module as well."""

MAX_MODULE_LINES, MEDIAN_MODULE_LINES = 400, 150
MAX_FUNCTION_LINES, MEDIAN_FUNCTION_LINES = 60, 15
MAX_ARGUMENTS = 8
MAX_DEPTH = 2
GRAB_BAGS = {"utils", "util", "helpers", "misc"}
PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib"}
BANNED_KEYWORDS = {("shell", True), ("weights_only", False), ("allow_pickle", True)}
BANNED_CALLS = {("os", "system"), ("os", "popen"), ("os", "chdir")}
WITHOUT_MIRROR = {"__init__.py", "__main__.py", "_version.py"}

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def length(function):
    return function.end_lineno - function.lineno + 1


def argument_count(function):
    """Count arguments; the options of a command line are not arguments of a call."""
    arguments = function.args
    given = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return len([a for a in given if a.arg not in {"self", "cls"} and not is_option(a)])


def is_option(argument):
    said = ast.unparse(argument.annotation or ast.Constant(None))
    return "typer.Option" in said or said in named_options()


@cache
def named_options():
    """Names that modules of the command line give to options they share."""
    return {
        node.targets[0].id
        for path in (PACKAGE / "cli").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and "typer.Option" in ast.unparse(node.value)
    }


def shape_faults(tree):
    """Yield (line, sentence) for what is too long, too wide or undeclared in a module."""
    if not ast.get_docstring(tree):
        yield 1, "the module has no docstring"
    for function in functions(tree):
        if length(function) > MAX_FUNCTION_LINES:
            yield function.lineno, f"{function.name} has {length(function)} lines"
        if not function.name.startswith("_") and argument_count(function) > MAX_ARGUMENTS:
            yield function.lineno, f"{function.name} takes {argument_count(function)} arguments"
        if function.returns is None:
            yield function.lineno, f"{function.name} does not say what it returns"


def is_broad(handler):
    """Whether a handler swallows everything; one that cleans up and raises again does not."""
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        return False
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {getattr(kind, "id", getattr(kind, "attr", None)) for kind in kinds}
    return handler.type is None or bool(names & {"Exception", "BaseException"})


def banned_in_call(call):
    for keyword in call.keywords:
        value = getattr(keyword.value, "value", None)
        if isinstance(value, bool) and (keyword.arg, value) in BANNED_KEYWORDS:
            yield f"{keyword.arg}={value}"
    target = call.func
    owner = getattr(getattr(target, "value", None), "id", None)
    if (owner, getattr(target, "attr", None)) in BANNED_CALLS:
        yield f"{owner}.{target.attr}"
    if isinstance(target, ast.Name) and target.id == "print":
        yield "print"


def banned_imports(node):
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        names = [module, *(f"{module}.{name}" for name in names)]
    for name in names:
        top, _, rest = name.partition(".")
        if top in PICKLES or (top, rest) in BANNED_CALLS:
            yield f"import of {name}"


def banned_faults(tree):
    """Yield (line, sentence) for calls, imports and handlers that the package must not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and is_broad(node):
            yield node.lineno, "an except clause that catches everything"
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in banned_in_call(node))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((node.lineno, what) for what in dict.fromkeys(banned_imports(node)))


def may_print(path):
    return path.stem.endswith("_worker")  # a worker's standard output is its protocol


def collect(faults, skip=lambda _path, _sentence: False):
    return [
        f"{path.relative_to(ROOT)}:{line}: {sentence}"
        for path in modules()
        for line, sentence in faults(ast.parse(path.read_text()))
        if not skip(path, sentence)
    ]


def test_modules_and_functions_keep_their_limits():
    found = collect(shape_faults)
    assert not found, "over the limits:\n" + "\n".join(found)


def test_nothing_banned_is_used():
    found = collect(banned_faults, skip=lambda path, what: what == "print" and may_print(path))
    assert not found, "not allowed in the package:\n" + "\n".join(found)


def test_module_lengths():
    lines = {p: len(p.read_text().splitlines()) for p in modules() if p.name != "__init__.py"}
    long = [f"{p.relative_to(ROOT)}: {n}" for p, n in lines.items() if n > MAX_MODULE_LINES]
    assert not long, f"modules over {MAX_MODULE_LINES} lines:\n" + "\n".join(long)
    assert median(lines.values()) <= MEDIAN_MODULE_LINES


def test_tests_benchmarks_and_scripts_are_no_longer_than_modules():
    lengths = {
        path.relative_to(ROOT): len(path.read_text().splitlines())
        for folder in BESIDE
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    assert len(lengths) > 400
    long = [f"{path}: {n}" for path, n in lengths.items() if n > MAX_MODULE_LINES]
    assert not long, f"files over {MAX_MODULE_LINES} lines:\n" + "\n".join(long)


def test_the_median_function_is_short():
    lengths = [length(f) for path in modules() for f in functions(ast.parse(path.read_text()))]
    assert median(lengths) <= MEDIAN_FUNCTION_LINES


def test_packages_are_flat_and_have_no_grab_bags():
    for path in modules():
        relative = path.relative_to(PACKAGE)
        assert len(relative.parts) - 1 <= MAX_DEPTH, f"{relative} lies too deep"
        assert not GRAB_BAGS & set(relative.with_suffix("").parts), f"{relative} names no idea"


def test_every_module_has_a_mirrored_test():
    missing = []
    for path in modules():
        relative = path.relative_to(PACKAGE)
        mirror = Path("tests") / relative.parent / f"test_{relative.name}"
        if path.name not in WITHOUT_MIRROR and not (ROOT / mirror).exists():
            missing.append(f"tm23flows/{relative}: no {mirror}")
    assert not missing, "modules without a mirrored test:\n" + "\n".join(missing)


HEAD = '"""Owns an idea."""\n'


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        HEAD + "def f(a: int):\n    return a",
        HEAD + "def f(a, b, c, d, e, f, g, h, i) -> None: ...",
        HEAD + "class A:\n    def f(self, a, b, c, d, *, e, f, g, h, i) -> None: ...",
        HEAD + "def f() -> None:\n" + "    pass\n" * 60,
    ],
)
def test_a_fault_of_shape_is_seen(source):
    assert list(shape_faults(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
        "import os\nos.chdir('/')",
        "from os import system",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException) as error:\n    log(error)",
        "import pickle",
        "from pickle import loads",
        "def f():\n    import cloudpickle as c",
        "torch.load(p, weights_only=False)",
        "np.load(p, allow_pickle=True)",
        "print('x')",
    ],
)
def test_a_banned_construction_is_seen(source):
    assert list(banned_faults(ast.parse(source)))


def test_allowed_code_is_not_refused():
    source = HEAD + (
        "import os\nimport subprocess\n"
        "def f(a: int, b, c, d, e, f, g, h) -> int:\n"
        "    try:\n        return subprocess.run(['ls'], shell=False).returncode\n"
        "    except (OSError, *ERRORS, subprocess.SubprocessError):\n        return os.getpid()\n"
        "torch.load(p, weights_only=True)\n"
        "try:\n    f()\nexcept BaseException:\n    close()\n    raise\n"
    )
    tree = ast.parse(source)
    assert not [*shape_faults(tree), *banned_faults(tree)]
