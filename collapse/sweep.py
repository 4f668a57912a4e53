"""Sweeps: many settings of the recursion, each on its own, on one machine or on a cluster.

A setting is plain data, as in a TOML file, so that it can be stored beside its results. Its parts:

reality, fit, policy : what `collapse.recursion.recurse` takes; the policy is `replace` unless given
draw : "draw_statistics" unless given, "draw_samples" or "draw_decoded"
sample_size : M, or a list with one number for each generation
generations, chains : N, and the number of chains, 1 unless given
measure : names of properties of the models, or of functions of `collapse.measure.distances` of a
    model, or of a model and reality

An object is a name, such as ``"replace"``, or a table ``{"kind": "FreshReal", "share": 0.1}``: of a
class or function of `collapse`, or of a module of one's own as ``"module:name"``, with its
arguments, which may be such tables too. A function without arguments stands for itself.

The chains of a setting are run in blocks of at most `BLOCK`. A block is a task, whose random
numbers depend on the seed, the setting and the number of the block, and on nothing else: the
results are the same however many workers there are and whatever else is in the sweep.
"""

import hashlib
import importlib
import inspect
import itertools
import json
import os
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from collapse import __version__, progress, recursion, validation
from collapse.measure import distances

BLOCK = 1000
REQUIRED = {"reality", "fit", "sample_size", "generations", "measure"}
KEYS = REQUIRED | {"policy", "draw", "chains"}
MODULES = (
    "recursion",
    "policies",
    *(f"models.{m}" for m in ("gaussian", "categorical", "multivariate_gaussian", "histogram")),
    *(f"models.{m}" for m in ("mixture", "kde", "ppca", "empirical", "wrappers", "adapters")),
)


def grid(**lists):
    """Return the settings, dicts, of all combinations of lists; what is no list is in all of them.

    A schedule of sample sizes, and more than one quantity to measure, is a list in a list.
    """
    lists = {name: v if isinstance(v, list) else [v] for name, v in lists.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


def read_spec(path):
    """Return the settings and the seed of a TOML file.

    It holds `seed`, 0 unless given; what is the same in all settings; and in tables ``[[grid]]``
    the arguments of `grid`.
    """
    path = Path(path)
    try:
        spec = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"spec must be a TOML file, got {path.name}: {error}") from None
    seed, grids = spec.pop("seed", 0), spec.pop("grid", [{}])
    if not isinstance(grids, list) or not all(isinstance(part, dict) for part in grids):
        raise ValueError("grid must be tables [[grid]] of lists")
    return [spec | setting for part in grids for setting in grid(**part)], seed


def find(name):
    """Return what a name stands for, in `collapse` or as "module:name"."""
    own, _, attribute = name.rpartition(":")
    for module in [own] if own else [f"collapse.{m}" for m in MODULES]:
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            pass
    raise ValueError(f"kind must be a name of collapse or module:name, got {name!r}")


def made(value):
    """Return the object that a name or a table stands for; anything else as it is."""
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("kind"), str):
        raise ValueError(f"a table must name its kind, got {validation.short(value)}")
    known = find(value["kind"])
    arguments = {
        name: made(v) if isinstance(v, dict) else v for name, v in value.items() if name != "kind"
    }
    if not arguments and not inspect.isclass(known):
        return known
    try:
        return known(**arguments)
    except TypeError as error:
        raise ValueError(f"{value['kind']}: {error}") from None


def _quantity(name, reality):
    """Return the function of a model that measures what a name says."""
    if ":" not in name and hasattr(reality, name):
        return lambda model: getattr(model, name)
    function = find(name) if ":" in name else getattr(distances, name, None)
    if function is None:
        raise ValueError(
            f"measure must name a property of {type(reality).__name__} or a function of "
            f"collapse.measure.distances, got {name!r}"
        )
    parameters = inspect.signature(function).parameters.values()
    if sum(p.default is p.empty for p in parameters) == 1:
        return function
    return lambda model: function(model, reality)


def arguments(setting):
    """Return a setting as keyword arguments of `recurse`, but for `chains` and `rng`."""
    unknown, missing = set(setting) - KEYS, REQUIRED - set(setting)
    for names, what in ((unknown, "unknown"), (missing, "missing")):
        if names:
            raise ValueError(
                f"setting must have {', '.join(sorted(REQUIRED))} and may have "
                f"{', '.join(sorted(KEYS - REQUIRED))}; {what}: {', '.join(sorted(names))}"
            )
    names = ("reality", "fit", "policy", "draw")
    found = {name: made(setting[name]) for name in names if name in setting}
    measure = setting["measure"]
    measure = [measure] if isinstance(measure, str) else measure
    reality = found["reality"]
    quantities = {name.rpartition(":")[2]: _quantity(name, reality) for name in measure}
    numbers = {name: setting[name] for name in ("sample_size", "generations")}
    return found | numbers | {"measure": quantities, "keep": ()}


class Task:
    """A block of chains of a setting, with its seed and the name of its file."""

    def __init__(self, setting, seed, block, chains):
        self.setting, self.block, self.chains = setting, block, chains
        self.known = {"setting": setting, "seed": seed, "block": block, "version": __version__}
        digest = hashlib.sha256(json.dumps(self.known, sort_keys=True).encode()).digest()
        self.entropy = int.from_bytes(digest[:16], "little")
        self.name = digest[:10].hex()

    def frame(self):
        """Run the block: columns generation, chain and what is measured."""
        rng, progress.inside = np.random.default_rng(self.entropy), True
        try:
            run = recursion.recurse(**arguments(self.setting), chains=self.chains, rng=rng)
        finally:
            progress.inside = False
        frame = run.frame()
        frame["chain"] += self.block * BLOCK
        return frame


def tasks(settings, seed):
    """Return the tasks of settings, in order, each checked before anything is drawn."""
    seed = validation.integer("seed", seed, 0)
    found = {}
    for i, setting in enumerate(settings):
        try:
            chains = validation.integer("chains", setting.get("chains", 1), 1)
            options = arguments(setting)
            recursion.recurse(**options | {"generations": 0}, chains=1, rng=0)
            smallest = getattr(options["fit"], "minimum_size", 1)
            validation.sample_sizes(options["sample_size"], options["generations"], smallest)
        except (ValueError, TypeError) as error:
            raise ValueError(f"setting {i}, {validation.short(setting)}: {error}") from None
        for block in range(-(-chains // BLOCK)):
            task = Task(setting, seed, block, min(BLOCK, chains - block * BLOCK))
            found[task.name] = task
    if not found:
        raise ValueError("settings must hold at least one setting, got none")
    return list(found.values())


def _parquet():
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError("sweeps need pyarrow and joblib: pip install '.[sweep]'") from None
    return parquet


def _write(path, write):
    """Write a file so that it is there as a whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    write(draft)
    draft.replace(path)


def _stored(folder, task):
    """Return the results of a task, or None where its file is missing, damaged or another's."""
    path = folder / f"{task.name}.parquet"
    try:
        with _parquet().ParquetFile(path, page_checksum_verification=True) as file:
            known = json.loads(file.schema_arrow.metadata[b"task"])
            del known["versions"]
            return file.read().to_pandas() if known == task.known else None
    except (OSError, KeyError, TypeError, ValueError):  # pyarrow raises these
        return None


def _run(folder, task):
    """Run a task and store its results, or its error."""
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(task.frame(), preserve_index=False)
    except Exception as error:
        text = json.dumps(task.known | {"error": f"{type(error).__name__}: {error}"})
        _write(folder / f"{task.name}.error.json", lambda path: path.write_text(text, "utf-8"))
        return False
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "pandas": pd.__version__}
    table = table.replace_schema_metadata({"task": json.dumps(task.known | {"versions": versions})})
    write = lambda path: _parquet().write_table(table, path, write_page_checksum=True)  # noqa: E731
    _write(folder / f"{task.name}.parquet", write)
    (folder / f"{task.name}.error.json").unlink(missing_ok=True)
    return True


def _backend(backend, scheduler):
    """Return the options of joblib's configuration, once a cluster answers."""
    if backend != "dask":
        return {"backend": backend}
    try:
        from distributed import Client

        Client(scheduler, timeout=5, set_as_default=True)
    except ImportError:
        raise ValueError("backend 'dask' needs distributed: pip install '.[dask]'") from None
    except (OSError, TimeoutError) as error:
        raise ValueError(f"scheduler {scheduler!r} does not answer: {error}") from None
    return {"backend": "dask"}


def sweep(settings, folder, *, seed=0, jobs=-1, backend="loky", scheduler=None):
    """Run what is missing of a sweep; returns the number of tasks that failed.

    Each task of the `settings` is stored in `folder` in a Parquet file of its own, with setting,
    seed and versions inside, as soon as it is finished, beside ``manifest.json``. So the same call
    goes on after an interruption at any moment, and computes again what is truncated or foreign; a
    failed task leaves ``<name>.error.json`` and is tried again. `jobs` workers run them, -1 for all
    cores, with any `backend` of joblib; ``"dask"`` runs them on the cluster of the `scheduler`.
    """
    todo, folder = tasks(settings, seed), Path(folder)
    _parquet()
    import joblib

    manifest = [{"name": task.name, "chains": task.chains, **task.known} for task in todo]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(manifest, indent=1)
        _write(folder / "manifest.json", lambda path: path.write_text(text, "utf-8"))
    except OSError as error:
        raise ValueError(
            f"folder must be one to write in, got {folder}: {error.strerror}"
        ) from None
    todo = [task for task in todo if _stored(folder, task) is None]
    with joblib.parallel_config(**_backend(backend, scheduler), n_jobs=jobs):
        parallel = joblib.Parallel(return_as="generator_unordered")
        runs = parallel(joblib.delayed(_run)(folder, task) for task in todo)
        return sum(not good for good in progress.progress(runs, "task", len(todo)))


def _flat(setting):
    """Return a setting with one name for each number: fit is the kind, fit.ddof its argument."""
    flat = {}
    for name, value in setting.items():
        if isinstance(value, dict):
            flat[name] = value["kind"]
            flat |= {f"{name}.{k}": v for k, v in _flat(value).items() if k != "kind"}
        elif name != "measure":
            flat[name] = value
    return flat


def results(folder):
    """Return the finished tasks of a sweep as one tidy frame.

    A row for each setting, generation and chain: columns `setting`, which counts as in the
    manifest, the parts of the settings that differ between them, `generation`, `chain`, and what
    was measured.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"folder must hold the manifest of a sweep, got {folder}") from None
    settings = []
    for entry in manifest:
        if entry["setting"] not in settings:
            settings.append(entry["setting"])
    flat = pd.DataFrame([_flat(setting) for setting in settings], dtype=object)
    told = [c for c in flat if len(set(flat[c].map(repr))) > 1]
    frames = []
    for entry in manifest:
        task = Task(entry["setting"], entry["seed"], entry["block"], entry["chains"])
        frame = _stored(folder, task)
        if frame is not None:
            number = settings.index(entry["setting"])
            for place, name in enumerate(["setting", *told]):
                value = number if name == "setting" else flat.loc[number, name]
                frame.insert(place, name, [value] * len(frame))
            frames.append(frame)
    if len(frames) < len(manifest):
        missing = len(manifest) - len(frames)
        warnings.warn(f"{missing} of {len(manifest)} tasks are not there", stacklevel=2)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
