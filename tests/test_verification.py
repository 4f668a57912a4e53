"""The registry of the verification: complete, right, and with controls that fail."""

import importlib
import inspect
import pkgutil

import matplotlib.pyplot as plt
import numpy as np
import pytest

import collapse.theory
from companion import checks
from companion.checks.entry import Simulated
from companion.figures import verification_grid

ENTRIES = checks.REGISTRY
STEMS = [module.name for module in pkgutil.iter_modules(collapse.theory.__path__)]


@pytest.mark.parametrize("stem", STEMS)
def test_every_function_of_theory_has_an_entry(stem):
    module = importlib.import_module(f"collapse.theory.{stem}")
    public = {
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public
    assert public == {entry.function for entry in ENTRIES if entry.module == stem}


def test_names_and_seeds_are_unique():
    names = [entry.name for entry in ENTRIES]
    assert len(names) == len(set(names))
    seeds = [entry.check.seed for entry in ENTRIES if isinstance(entry.check, Simulated)]
    assert len(seeds) == len(set(seeds))


def test_entries_say_what_they_are():
    for entry in ENTRIES:
        assert entry.status.split()[0] in {"exact", "asymptotic", "bound", "printed"}, entry.name
        assert entry.formula and entry.setting, entry.name
        assert entry.numerical == ("numerical" in entry.setting), entry.name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_agrees_and_its_control_is_refuted(entry):
    result = entry.run()
    assert abs(result.comparison.z) < 5, result.comparison
    assert abs(result.control.z) > 8, result.control
    assert result.row()["z"] == result.comparison.z


def test_scores_are_standard_normal():
    z = np.array([r.comparison.z for r in checks.run() if not r.entry.numerical])
    assert abs(z.mean()) < 5 / np.sqrt(len(z))
    assert abs(z.std(ddof=1) - 1) < 5 / np.sqrt(2 * len(z))


def test_run_selects_entries_and_modules():
    names = [result.entry.name for result in checks.run(["mixing", "gaussian.c4"])]
    assert names[0] == "gaussian.c4"
    assert len(names) == 1 + sum(entry.module == "mixing" for entry in ENTRIES)
    with pytest.raises(ValueError, match="names"):
        list(checks.run(["gaussian.c5"]))


def test_the_grid_has_a_row_for_every_entry():
    results = list(checks.run(["mixing", "printed"]))
    grid = verification_grid(results)
    rows = {text.get_text() for ax in grid.axes for text in ax.get_yticklabels()}
    assert {result.entry.name.partition(".")[2] for result in results} <= rows
    plt.close(grid)
