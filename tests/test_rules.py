"""The rules of the house: what imports what, how large rooms are, what is explained where."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import collapse

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("collapse", "companion")
    for path in sorted((ROOT / package).rglob("*.py"))
}
# Rooms from the bottom to the top; each may import itself and what stands below.
BELOW = {"validation": 0, "accurate": 0, "seeds": 0, "progress": 0, "theory": 1, "models": 1}
BELOW |= {"policies": 2, "recursion": 3, "measure": 4, "figures": 5}
ABOVE = 6  # sweeps, data, the command line
APART = {("theory", "models"), ("models", "theory"), ("policies", "models")}
# Lines of each room, as bounds that are lowered when it shrinks and defended when it grows.
BOUNDS = {
    "collapse/theory": 2950,
    "collapse/models": 4700,
    "collapse/measure": 950,
    "collapse": 11400,
    "companion": 8200,
    "tests": 14500,
}


def imported(path):
    """Yield (module, name) of what a file imports from the two packages."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("collapse", "companion")
        ):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name in MODULES)


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("module", list(MODULES))
def test_arrows_point_down_and_privates_stay_at_home(module):
    for source, name in imported(MODULES[module]):
        assert not name.startswith("_") or name == "__version__", f"{name} of {source}"
        if module.startswith("companion"):
            continue
        assert source.startswith("collapse"), f"{module} imports {source}"
        target = room(f"{source}.{name}" if source == "collapse" else source)
        here = room(module)
        if here != target and here and target and target != "__version__":
            assert BELOW.get(target, ABOVE) <= BELOW.get(here, ABOVE), f"{here} imports {target}"
            assert (here, target) not in APART, f"{here} imports {target}"
            assert target != "figures" or BELOW.get(here, ABOVE) == ABOVE


def test_attributes_of_modules_that_are_private_stay_at_home():
    for module, path in MODULES.items():
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            alias.asname or alias.name.rpartition(".")[2]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if f"{getattr(node, 'module', '')}.{alias.name}" in MODULES
        }
        used = [
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in names
            and re.match("_[a-z]", node.attr)
        ]
        assert not used, (module, used)


def lines(path):
    return len(path.read_text("utf-8").splitlines())


def test_rooms_stay_small(capsys):
    sizes = {room: sum(map(lines, (ROOT / room).rglob("*.py"))) for room in BOUNDS}
    with capsys.disabled():
        print("\nlines:", ", ".join(f"{room} {size:,}" for room, size in sizes.items()))
    assert all(sizes[room] <= bound for room, bound in BOUNDS.items()), sizes
    long = {module: n for module, path in MODULES.items() if (n := lines(path)) > 450}
    assert set(long) <= {"companion.claims.literature", "collapse.models.vae"}, long


def test_theory_says_more_in_formulas_than_in_words():
    docs = code = 0
    for path in (ROOT / "collapse" / "theory").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        words = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                first = node.body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    words |= set(range(first.lineno, first.end_lineno + 1))
        body = {n.lineno for n in ast.walk(tree) if hasattr(n, "lineno")} - words
        docs, code = docs + len(words), code + len(body)
    assert docs <= 1.3 * code, docs / code


def tables(module):
    """Return the docstrings in which the arguments of a module's functions may be explained."""
    parts = module.split(".")
    names = [".".join(parts[: i + 1]) for i in range(len(parts))]
    return "\n".join(importlib.import_module(name).__doc__ or "" for name in names)


def public():
    """Yield the public functions and classes of the mathematics."""
    for found in pkgutil.walk_packages(collapse.__path__, "collapse."):
        if room(found.name) not in {"theory", "measure", "policies", "recursion", "seeds"}:
            continue  # of models the contract tests say more
        module = importlib.import_module(found.name)
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", "") == found.name and not name.startswith("_")
            if own and (inspect.isfunction(thing) or inspect.isclass(thing)):
                yield pytest.param(thing, id=f"{found.name}.{name}")


@pytest.mark.parametrize("thing", list(public()))
def test_every_argument_is_explained(thing):
    try:
        names = set(inspect.signature(thing).parameters) - {"self", "args", "kwargs"}
    except ValueError:
        return
    text = f"{thing.__doc__}\n{tables(thing.__module__)}"
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`+([^`]+)`+", text))))
    told |= {n for line in re.findall(r"^([\w, ]+) : ", text, re.M) for n in line.split(", ")}
    missing = {name for name in names - told if not name.startswith("_")}
    assert not missing, missing
