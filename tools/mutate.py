"""Mutate the formulas of collapse.theory, one at a time, and see whether anything notices.

    python tools/mutate.py [MODULE ...] [--out tools/mutation_results.json] [--limit SECONDS]

A mutant is one edit of one function's syntax tree: an operator or a comparison changed, a term of a
sum removed, a small constant moved by one, a sample size, a generation or a ddof off by one. What
is said in docstrings and in checks of arguments is left alone. Every mutant lives in a forked
process of its own, in which the module's functions are replaced. First the entries of the
verification that execute the function judge it, on values simulated beforehand; a mutant that
survives them meets the tests that execute the function, fastest first.
"""

import argparse
import ast
import copy
import datetime as dt
import importlib
import json
import os
import pickle
import platform
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from types import FunctionType

import mpmath  # noqa: F401, imported here once, and not by every child again
import numpy as np
import pytest
import scipy

from collapse.seeds import seeded
from companion.checks import REGISTRY
from companion.checks.entry import Simulated

ROOT = Path(__file__).resolve().parents[1]
THEORY = ROOT / "collapse" / "theory"
# a module's own tests, and tests/test_mutants.py of all
TESTS = {
    "drift": ["test_theory_mixing"],
    "mixing": ["test_theory_mixing"],
    "realdata": ["test_theory_mixing"],
    "selection": ["test_theory_mixing"],
    "regression": ["test_theory_mixing"],
    "printed": ["test_theory_gaussian"],
    "multivariate_gaussian": ["test_theory_multivariate"],
}
OFF_BY_ONE = {"size", "sizes", "generations", "dimension", "d", "n", "parent", "total"}
OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
}


def variants(node):
    """Yield the replacements of one expression."""
    if isinstance(node, ast.BinOp):
        for kind in OPERATORS.get(type(node.op), []):
            yield ast.BinOp(node.left, kind(), node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            yield node.left
            if isinstance(node.op, ast.Add):
                yield node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in OPERATORS.get(type(node.ops[0]), []):
            yield ast.Compare(node.left, [kind()], node.comparators)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
        if abs(value) <= 20:
            near = (value + 1, value - 1) if type(value) is int else (value + 0.5, value - 0.5)
            yield from (ast.Constant(v) for v in near)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in OFF_BY_ONE:
            for kind in (ast.Sub, ast.Add):
                yield ast.BinOp(node, kind(), ast.Constant(1))
        elif node.id == "ddof":
            yield ast.BinOp(ast.Constant(1), ast.Sub(), node)


def places(node):
    """Yield (parent, field, index or None, expression), without checks and docstrings."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or is_check(child):
                continue
            if isinstance(child, ast.expr):
                yield node, field, index, child
            yield from places(child)


def is_check(node):
    """Say whether a node checks arguments, or only documents."""
    if isinstance(node, ast.If):
        return all(isinstance(statement, ast.Raise) for statement in node.body)
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).startswith("validation.")
    documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return documents or isinstance(node, ast.Raise | ast.Try | ast.arguments)


def put(parent, field, index, value):
    if index is None:
        setattr(parent, field, value)
    else:
        getattr(parent, field)[index] = value


def mutants(source):
    """Yield (function, line, before, after, mutated tree)."""
    tree = ast.parse(source)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for place in list(places(function)):
            *where, old = place
            for new in variants(old):
                put(*where, ast.copy_location(new, old))
                after = ast.fix_missing_locations(copy.deepcopy(tree))
                yield function.name, old.lineno, ast.unparse(old), ast.unparse(new), after
                put(*where, old)


def in_child(work, limit):
    """Return what ``work()`` returns in a forked process, or None if it dies or takes too long."""
    with tempfile.TemporaryFile() as file:
        pid = os.fork()
        if not pid:
            try:
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
                file.write(pickle.dumps(work()))
                file.flush()
            finally:
                os._exit(0)
        end = time.monotonic() + limit
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return None
            time.sleep(0.002)
        file.seek(0)
        content = file.read()
        return pickle.loads(content) if content else None


class Recorder:
    """A plug-in of pytest: which functions of a file a test calls, and how long it takes."""

    def __init__(self, path):
        self.path, self.seen = path, {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        start, names = time.monotonic(), set()
        sys.setprofile(noting(self.path, names))
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            self.seen[item.nodeid] = (time.monotonic() - start, names)


def noting(path, names):
    """Return a profiler that adds the functions of a file that are called, nested ones by outer."""

    def profile(frame, event, _):
        if event == "call" and frame.f_code.co_filename == path:
            names.add(frame.f_code.co_qualname.split(".")[0])

    return profile


def pytest_in(arguments, plugins=()):
    return pytest.main(["-q", "-x", "-p", "no:cacheprovider", *arguments], plugins=list(plugins))


class Judge:
    """Entries and tests of one module of theory, by the functions that they call."""

    def __init__(self, stem, values, again):
        self.module = importlib.import_module(f"collapse.theory.{stem}")
        self.path, self.entries, self.values = self.module.__file__, {}, values
        for entry in REGISTRY:
            names = set()
            sys.setprofile(noting(self.path, names))
            entry.check() if entry.name not in values else entry.check.predict()
            sys.setprofile(None)
            for name in names:
                self.entries.setdefault(name, []).append(entry)
        # a survivor has met all tests but those that were written for it
        files = [] if again else TESTS.get(stem, [f"test_theory_{stem}"])
        files = [*files, "test_mutants"]
        files = [ROOT / "tests" / f"{name}.py" for name in files]
        recorder = Recorder(self.path)
        result = in_child(lambda: (pytest_in(map(str, files), [recorder]), recorder.seen), 600)
        if not result or result[0]:
            raise RuntimeError(f"the tests of {stem} fail without any mutant")
        self.tests = result[1]

    def __call__(self, function, tree, limit):
        """Return who kills the mutant, or an empty text if nobody does."""

        def apply():
            # in place, as others may hold the functions themselves
            names = dict(self.module.__dict__)
            exec(compile(tree, self.path, "exec"), names)
            for name, old in self.module.__dict__.items():
                if isinstance(old, FunctionType) and old.__module__ == self.module.__name__:
                    old.__code__ = names[name].__code__

        def entries():
            apply()
            for entry in self.entries.get(function, []):
                try:
                    given = [self.values[entry.name]] if entry.name in self.values else []
                    if not abs(entry.check(*given)[0].z) < 5:
                        return entry.name
                except Exception as error:
                    return f"{entry.name}: {type(error).__name__}"
            return ""

        killer = in_child(entries, limit)
        if killer is None:
            return "entries: time"
        if killer:
            return killer
        tests = sorted((t, name) for name, (t, seen) in self.tests.items() if function in seen)
        if not tests:
            return ""
        code = in_child(lambda: (apply(), pytest_in(name for _, name in tests))[1], limit)
        if code == pytest.ExitCode.USAGE_ERROR:
            raise RuntimeError(f"pytest did not find the tests of {function}")
        return "" if code == 0 else "tests"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    stems = sorted(path.stem for path in THEORY.glob("[!_]*.py"))
    parser.add_argument(
        "modules", nargs="*", default=stems, help="modules of theory, all by default"
    )
    parser.add_argument("--out", type=Path, help="file of the summary, JSON")
    parser.add_argument("--only", default="", help="mutate functions of this name only")
    parser.add_argument("--again", action="store_true", help="only the survivors in --out")
    parser.add_argument("--limit", type=float, default=120, help="seconds that a mutant may take")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.chdir(ROOT)
    values = {
        entry.name: entry.check.observe(seeded(entry.check.seed))
        for entry in REGISTRY
        if isinstance(entry.check, Simulated)
    }
    summary, survivors = {}, {}
    if arguments.again:
        known = json.loads(arguments.out.read_text("utf8"))["modules"]
        survivors = {
            (s, f, x)
            for s in known
            for f, xs in known[s]["survived"].items()
            for x in map(edit, xs)
        }
    for stem in arguments.modules:
        judge, counts, done = Judge(stem, values, arguments.again), {}, 0
        for function, line, before, after, tree in mutants(Path(judge.path).read_text("utf8")):
            words = f"line {line}: {before} -> {after}"
            if arguments.only not in ("", function):
                continue
            if arguments.again and (stem, function, edit(words)) not in survivors:
                continue
            killer = judge(function, tree, arguments.limit)
            if not (done := done + 1) % 50:
                print(f"{stem}: {done} mutants", file=sys.stderr, flush=True)
            count = counts.setdefault(function, {"entries": 0, "tests": 0, "survived": []})
            if killer:
                count["tests" if killer == "tests" else "entries"] += 1
            else:
                count["survived"].append(words)
                print(f"{stem}.{function} {words}", flush=True)
        summary[stem] = counts
        killed = sum(c["entries"] + c["tests"] for c in counts.values())
        survived = sum(len(c["survived"]) for c in counts.values())
        print(f"{stem}: {killed} killed, {survived} survived", flush=True)
        if arguments.out:
            write(arguments.out, summary, arguments.again)


def edit(words):
    """Return the description of a mutant without its line, which moves."""
    return words.partition(": ")[2]


def write(path, summary, again):
    """Merge the summary of some modules into a file."""
    data = json.loads(path.read_text("utf8")) if path.exists() else {"modules": {}}
    data |= {
        "command": "python tools/mutate.py --out tools/mutation_results.json",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }
    for stem, counts in summary.items():
        survived = {name: c["survived"] for name, c in counts.items() if c["survived"]}
        if again:
            total, entries = (
                data["modules"][stem][key] for key in ("mutants", "killed by entries")
            )
        else:
            entries = sum(c["entries"] for c in counts.values())
            total = sum(c["entries"] + c["tests"] + len(c["survived"]) for c in counts.values())
        left = sum(map(len, survived.values()))
        data["modules"][stem] = {
            "mutants": total,
            "killed by entries": entries,
            "killed by tests": total - entries - left,
            "surviving": left,
            "survived": survived,
        }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf8")


if __name__ == "__main__":
    main()
