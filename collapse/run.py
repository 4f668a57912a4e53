"""The standard experiment on data of your own: ``collapse run FILE``.

Generation 0 is the law of the data. Each generation is a model of the chosen family, fitted to
`sample_size` data under the chosen policy; what is left of the data's spread is measured.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from collapse import policies, validation
from collapse.data import Labels
from collapse.measure import distances
from collapse.models.adapters import FitEstimator
from collapse.models.categorical import FitCategorical
from collapse.models.empirical import Empirical
from collapse.models.gaussian import FitGaussian
from collapse.models.histogram import FitHistogram
from collapse.models.kde import FitKernelDensity, silverman
from collapse.models.mixture import FitGaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian
from collapse.models.ngram.counts import FitNGram
from collapse.models.ppca import FitProbabilisticPCA
from collapse.recursion import draw_samples, draw_statistics, recurse

BLOCK = 32  # tokens of a block, for n-grams


def _gaussian(values):
    return FitGaussian(ddof=1) if values.ndim == 1 else FitMultivariateGaussian(ddof=1)


def _histogram(values):
    if values.ndim > 1:
        raise ValueError("family histogram needs numbers on the line, got vectors")
    return FitHistogram(np.histogram_bin_edges(values, "fd"))


def _mixture(values):
    return FitGaussianMixture(2) if values.ndim == 1 else FitGaussianMixture(2, "full")


def _bumps(values):
    if values.ndim > 1:
        raise ValueError("family kde needs numbers on the line, got vectors")
    return FitKernelDensity(silverman)


def _components(values):
    if values.ndim == 1:
        raise ValueError("family ppca needs vectors, got numbers on the line")
    return FitProbabilisticPCA(max(1, min(values.shape[1] - 1, 10)))


FAMILIES = {
    "gaussian": _gaussian,
    "mixture": _mixture,
    "kde": _bumps,
    "histogram": _histogram,
    "ppca": _components,
}
NAMES = [*FAMILIES, "categorical", "ngram"]


def fit_of(family, data):
    """Return the fit of a `family` to data, and the reality that it learns from first.

    One of `NAMES`, or ``"module:Name"`` of a density estimator of scikit-learn. N-grams see the
    text in blocks of `BLOCK` tokens.
    """
    if isinstance(data, Labels):
        if family == "ngram" and data.tokens is not None:
            blocks = data.tokens[: len(data.tokens) // BLOCK * BLOCK].reshape(-1, BLOCK)
            if len(blocks) < 10:
                raise ValueError(f"text must have {10 * BLOCK} tokens, got {len(data.tokens)}")
            return FitNGram(2, len(data.names)), Empirical(blocks, replacement=True)
        if family != "categorical":
            raise ValueError(f"family must be categorical (or ngram, of a text), got {family!r}")
        return FitCategorical(len(data.names)), data.reality
    if family in FAMILIES:
        return FAMILIES[family](data.rows), data.reality
    module, _, name = str(family).partition(":")
    try:
        made = getattr(import_module(module), name)() if name else None
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"family must be an estimator, got {family!r}: {error}") from None
    if made is None:
        allowed = ", ".join(FAMILIES)
        raise ValueError(f"family must be {allowed} or module:Name, got {family!r}")
    return FitEstimator(made, data.rows.shape[1:]), data.reality


def policy_of(name, share, sample_size):
    """Return a policy: replace, accumulate, subsample, or fresh or keep with a real `share`."""
    validation.real("share", share, 0, 1)
    known = {
        "replace": policies.replace,
        "accumulate": policies.accumulate,
        "subsample": policies.AccumulateSubsample(),
        "fresh": policies.FreshReal(number=round(share * sample_size)),
        "keep": policies.KeepReal(share),
    }
    if name not in known:
        raise ValueError(f"policy must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def _quantities(data, reality, fit):
    """Return what is measured of each model, by name, as functions of the model."""
    if isinstance(fit, FitNGram):
        held = np.asarray(reality.data[::10])  # of all real blocks, every tenth
        return {
            "kinds of tokens": _unigrams,
            "perplexity on the data": lambda model: _perplexity(model, held),
        }
    if isinstance(data, Labels):
        return {
            "categories": distances.alive,
            "effective number, order 1": distances.effective_number,
            "effective number, order 2": lambda m: distances.effective_number(m, 2),
            "tail mass": lambda m: distances.tail_mass(m, reality),
        }
    found = {"total variance": distances.total_variance}
    if data.rows.ndim == 1:
        found["tail mass"] = lambda m: distances.tail_mass(m, reality)
    return found


def _unigrams(model):
    if isinstance(model, Empirical):  # generation 0: the text itself
        return np.full(model.batch, len(np.unique(model.data)))
    return np.count_nonzero(model.counts.unigrams, axis=-1)


def _perplexity(model, held):
    unknown = isinstance(model, Empirical)
    return np.full(model.batch, np.nan) if unknown else distances.corpus_perplexity(model, held)


@dataclass(frozen=True, eq=False)
class Report:
    """What the standard experiment found: its settings in `words`, and the `lineage`."""

    words: dict
    lineage: object

    def frame(self):
        """Return a tidy frame: generation, chain, and what was measured."""
        return self.lineage.frame()

    def table(self):
        """Return the median and the middle 90 % of the chains, at a few generations."""
        frame = self.frame().drop(columns="chain")
        last = frame["generation"].max()
        shown = sorted({0, 1, *np.geomspace(1, max(last, 1), 6).round().astype(int), last})
        frame = frame[frame["generation"].isin(shown)]
        by = frame.groupby("generation")
        parts = {"median": by.median(), "5 %": by.quantile(0.05), "95 %": by.quantile(0.95)}
        names = [(name, part) for name in by.median() for part in parts]
        return pd.concat(parts, axis=1).swaplevel(axis=1)[names]

    def figure(self):
        """Draw each quantity over the generations, with the middle 90 % of the chains."""
        from collapse import figures

        figures.use_style()
        measured = self.lineage.measured
        fig, axes = figures.panels(len(measured), height=1 + 2.2 * len(measured), sharex=True)
        for ax, (name, values) in zip(np.atleast_1d(axes), measured.items(), strict=True):
            figures.band(ax, np.arange(len(values)), values, "replace", "median")
            ax.set_ylabel(name)
        np.atleast_1d(axes)[-1].set_xlabel("generation")
        return fig

    def code(self):
        """Return the lines of Python that do the same."""
        read = {k: v for k, v in self.words["read"].items() if v not in (None, False, "words")}
        options = "".join(f", {name}={value!r}" for name, value in read.items())
        rest = {k: v for k, v in self.words.items() if k not in ("path", "read")}
        lines = ",\n".join(f"    {name}={value!r}" for name, value in rest.items())
        return (
            "from collapse.data import read\nfrom collapse.run import standard\n\n"
            f"data = read({str(self.words['path'])!r}{options})\n"
            f"report = standard(\n    data,\n{lines},\n)\n"
            "print(report.table())\nreport.figure()\n"
        )

    def save(self, folder):
        """Write table, figure and code into a folder, which is made."""
        from collapse import figures

        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"out must be a folder, got {folder}: {error.strerror}") from None
        self.frame().to_csv(folder / "results.csv", index=False)
        figures.save(self.figure(), folder / "figure.png", dpi=220)
        (folder / "again.py").write_text(self.code(), "utf-8")


def standard(
    data,
    *,
    family,
    policy="replace",
    share=0.1,
    sample_size=None,
    generations=20,
    chains=100,
    seed=0,
    path="",
    read=None,
):
    """Run the standard experiment on data, `Numbers` or `Labels`; returns a `Report`.

    `family` and `policy` are names, see `fit_of` and `policy_of`, `share` that of real data;
    `sample_size` is M, as many as there are data unless given (blocks, for n-grams). `path` and
    `read`, how the data were read, are for the report alone.
    """
    fit, reality = fit_of(family, data)
    size = getattr(reality, "size", None) or data.size
    size = size if sample_size is None else validation.integer("sample_size", sample_size, 1)
    words = {"family": family, "policy": policy, "share": share, "sample_size": size}
    words |= {"generations": generations, "chains": chains, "seed": seed}
    lineage = recurse(
        reality,
        fit,
        sample_size=size,
        generations=generations,
        chains=chains,
        policy=policy_of(policy, share, size),
        draw=draw_statistics if isinstance(fit, FitCategorical) else draw_samples,
        rng=seed,
        keep=(),
        measure=_quantities(data, reality, fit),
    )
    return Report({"path": path, "read": read or {}} | words, lineage)
