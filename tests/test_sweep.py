"""Sweeps: the same numbers however they are run, and nothing finished is ever lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from collapse import __main__ as command
from collapse import sweep as sweeps
from collapse.models.categorical import FitCategorical, zipf
from collapse.policies import FreshReal
from collapse.recursion import recurse
from collapse.sweep import grid, read_spec, results, sweep, tasks

EXAMPLE = Path(__file__).parents[1] / "benchmarks" / "sweep.toml"
WORDS = {
    "reality": {"kind": "zipf", "categories": 30},
    "fit": {"kind": "FitCategorical", "categories": 30},
    "generations": 4,
    "measure": [["alive", "tail_mass"]],
}
SETTINGS = grid(
    **WORDS,
    chains=3,
    sample_size=[10, 20],
    policy=["replace", {"kind": "FreshReal", "number": 2}],
)


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.parquet")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    assert sweep(SETTINGS, folder, seed=1, jobs=1) == 0
    return files(folder)


def test_a_task_is_a_call_of_recurse(tmp_path):
    sweep(SETTINGS, tmp_path, seed=1, jobs=1)
    frame = results(tmp_path)
    assert list(frame) == [
        *("setting", "sample_size", "policy", "policy.number", "generation", "chain"),
        *("alive", "tail_mass"),
    ]
    assert len(frame) == 4 * 5 * 3
    task = tasks(SETTINGS, 1)[-1]
    lineage = recurse(
        zipf(30),
        FitCategorical(30),
        sample_size=20,
        generations=4,
        chains=3,
        policy=FreshReal(number=2),
        rng=np.random.default_rng(task.entropy),
    )
    ours = frame[frame.setting == 3]
    assert ours.policy.unique() == ["FreshReal"]
    expected = [np.count_nonzero(m.probabilities, axis=-1) for m in lineage.models]
    np.testing.assert_array_equal(ours.alive, np.ravel(expected))


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_workers_writes_the_same_bytes(jobs, undisturbed, tmp_path):
    sweep(SETTINGS[::-1], tmp_path, seed=1, jobs=jobs)
    assert files(tmp_path) == undisturbed
    sweep(SETTINGS[:1], tmp_path / "other", seed=2, jobs=1)
    assert not set(files(tmp_path / "other")) & set(undisturbed)


def test_a_cluster_of_processes_writes_the_same_bytes(undisturbed, tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(host="127.0.0.1", **options) as cluster,
        distributed.Client(cluster),
    ):
        address = cluster.scheduler_address
        sweep(SETTINGS, tmp_path, seed=1, backend="dask", scheduler=address)
    assert files(tmp_path) == undisturbed


def test_blocks_of_chains_do_not_depend_on_how_many_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "BLOCK", 2)
    for chains in (4, 6):
        settings = grid(**WORDS, sample_size=10, chains=chains)
        sweep(settings, tmp_path / str(chains), seed=1, jobs=1)
    few, many = (results(tmp_path / name) for name in "46")
    assert sorted(many.chain.unique()) == list(range(6))
    blocks = [many[many.chain.between(2 * b, 2 * b + 1)].alive.to_numpy() for b in range(3)]
    assert not any(np.array_equal(blocks[0], other) for other in blocks[1:])
    assert len(few) == 5 * 4


def test_what_is_truncated_damaged_or_foreign_is_computed_again(undisturbed, tmp_path):
    sweep(SETTINGS, tmp_path, seed=1, jobs=1)
    first, second, third, fourth = sorted(tmp_path.glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-7])
    second.write_bytes(third.read_bytes())
    third.write_bytes(third.read_bytes()[:200] + b"!" + third.read_bytes()[201:])
    before = fourth.stat().st_mtime_ns
    with pytest.warns(UserWarning, match="3 of 4 tasks are not there"):
        assert len(results(tmp_path)) == 5 * 3
    sweep(SETTINGS, tmp_path, seed=1, jobs=1)
    assert files(tmp_path) == undisturbed
    assert fourth.stat().st_mtime_ns == before


def broken(model):
    """Measure what reality has and no later generation."""
    if model.columns.shape[-1] < 30:
        raise RuntimeError("nothing is left")
    return np.ones(model.batch)


def test_a_failed_task_is_recorded_and_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    bad = {**SETTINGS[0], "measure": ["test_sweep:broken"], "sample_size": 2}
    assert sweep([bad, *SETTINGS[1:]], tmp_path, seed=1, jobs=1) == 1
    (path,) = tmp_path.glob("*.error.json")
    assert json.loads(path.read_text("utf-8"))["error"] == "RuntimeError: nothing is left"
    assert len(files(tmp_path)) == 3


KILLED = """
import sys
from collapse.sweep import grid, sweep
words = {"reality": {"kind": "zipf", "categories": 30}, "generations": 4, "measure": ["alive"]}
words["fit"] = {"kind": "FitCategorical", "categories": 30}
sweep(grid(**words, chains=3, sample_size=list(range(5, 65))), sys.argv[1], seed=1, jobs=1)
"""


def test_killed_at_any_moment_it_goes_on_and_ends_the_same(tmp_path):
    run = lambda out: subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / out)])  # noqa: E731
    assert run("whole").wait() == 0
    for _ in range(2):
        process, there = run("killed"), len(files(tmp_path / "killed"))
        while process.poll() is None and len(files(tmp_path / "killed")) < there + 5:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(files(tmp_path / "killed")) < 60
    together = [run("killed"), run("killed")]  # two processes on one folder
    assert [process.wait() for process in together] == [0, 0]
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_a_file_of_settings(tmp_path, capsys):
    settings, seed = read_spec(EXAMPLE)
    assert len(tasks(settings, seed)) == 54
    spec = tmp_path / "spec.toml"
    spec.write_text(
        'seed = 3\ngenerations = 2\nsample_size = 5\nmeasure = "variance"\n'
        'reality = {kind = "Gaussian", mean = 0, variance = 1}\n'
        '[[grid]]\nfit = [{kind = "Sharpened", temperature = 0.9, '
        'fit = {kind = "FitGaussian", ddof = 1}}, {kind = "FitGaussian", ddof = 0}]\n',
        "utf-8",
    )
    out = tmp_path / "out"
    command.main(["sweep", str(spec), "--out", str(out), "--csv", str(tmp_path / "all.csv")])
    frame = pd.read_csv(tmp_path / "all.csv")
    assert list(frame.columns[:4]) == ["setting", "fit", "fit.temperature", "fit.fit"]
    assert len(frame) == 2 * 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_sizes": 5}, "unknown: sample_sizes"),
        ({"sample_size": 0}, "sample_size must be between 1"),
        ({"sample_size": [5, 5]}, "sequence of at least 4"),
        ({"chains": 0}, "chains must be an integer of at least 1"),
        ({"policy": "replac"}, "kind must be a name of collapse .* 'replac'"),
        ({"policy": {"kind": "FreshReal", "share": 2}}, "share must be"),
        ({"policy": {"kind": "FreshReal", "part": 2}}, "FreshReal: .*part"),
        ({"policy": {"share": 2}}, "a table must name its kind"),
        ({"measure": ["aliv"]}, "measure must name a property of Categorical"),
        ({"fit": "nowhere:fit"}, "nowhere:fit"),
    ],
)
def test_bad_settings_are_named_before_anything_is_run(changes, message, tmp_path):
    with pytest.raises(ValueError, match=f"setting 1, .*{message}"):
        sweep([SETTINGS[0], SETTINGS[1] | changes], tmp_path / "out", seed=1)
    assert not (tmp_path / "out").exists()


def test_bad_places_are_named(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ValueError, match="folder must be one to write in"):
        sweep(SETTINGS, tmp_path / "file", seed=1)
    with pytest.raises(ValueError, match="spec must be a TOML file"):
        read_spec(tmp_path / "none.toml")
    with pytest.raises(ValueError, match="manifest"):
        results(tmp_path)
    with pytest.raises(ValueError, match="at least one setting"):
        sweep([], tmp_path / "out")
    with pytest.raises(ValueError, match="does not answer"):
        sweep(SETTINGS, tmp_path / "out", backend="dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(SystemExit, match="collapse: spec must be"):
        command.main(["sweep", "none.toml", "--out", str(tmp_path)])
