"""The paper's experiment with digits: each autoencoder learns from what the last one generated.

Four settings tell the errors apart. They differ in what a generation hands on to the next:

- ``fresh``: decoder means, new ones for every batch, as in the released code: no finite sample;
- ``means``: a fixed sample of M decoder means;
- ``draws``: a fixed sample of M draws from p(x|z), observation noise included;
- ``real``: decoder means again, but a tenth of the M pictures are real ones, chosen anew each time.
"""

import io
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from collapse.models.empirical import Empirical
from collapse.models.ppca import FitProbabilisticPCA
from collapse.models.vae import Stream
from collapse.policies import FreshReal, replace
from collapse.recursion import draw_decoded, draw_samples, recurse
from companion import datasets

BINS = np.linspace(-3.5, 3.5, 71)
"""Edges of the bins in which codes are counted."""

RECORDED = np.array([0.688, 0.603, 0.534, 0.483, 0.443])
"""The authors' recorded spread of codes, generations 1 to 5, means of five runs (see `spread`)."""


def draw_fresh(model, size, rng):
    """Hand on decoder means without end, and reality as a sample; `size` counts as an epoch."""
    if hasattr(model, "decoded"):
        return Stream(model.decoded.sample, size)
    return draw_samples(model, size, rng)


SETTINGS = {
    "fresh": (replace, draw_fresh),
    "means": (replace, draw_decoded),
    "draws": (replace, draw_samples),
    "real": (FreshReal(share=0.1), draw_decoded),
}


def run(setting, pictures, fit, *, generations, chains, rng):
    """Train generation 1 on all `pictures` (M, pixels), each other on what the last handed on.

    `setting` is one of `SETTINGS`; M stays the sample size, and every `fit` starts from a new
    network. Returns the `Lineage` of autoencoders.
    """
    if setting not in SETTINGS:
        raise ValueError(f"setting must be one of {', '.join(SETTINGS)}, got {setting!r}")
    policy, draw = SETTINGS[setting]
    return recurse(
        Empirical(pictures),
        fit,
        sample_size=len(pictures),
        generations=generations,
        chains=chains,
        rng=rng,
        policy=policy,
        draw=draw,
    )


def handed_on(model, setting, size, rng):
    """Draw `size` pictures as a generation of a `setting` hands them on.

    Shape (chains, size, pixels); of ``real`` the generated part.
    """
    return (draw_samples if setting == "draws" else draw_decoded)(model, size, rng)


@dataclass(frozen=True, eq=False)
class Judge:
    """Ten probabilistic principal component models of real `digits`, one for the pictures of each.

    Their latent dimension is `components`.
    """

    digits: datasets.Digits
    components: int = 30

    def __post_init__(self):
        images, labels = self.digits.images, self.digits.labels
        groups = [images[labels == digit] for digit in range(10)]
        least = min(map(len, groups))
        fitted = FitProbabilisticPCA(self.components)(np.stack([g[:least] for g in groups]))
        self.__dict__.update(models=fitted)

    def __call__(self, pictures):
        """Say which digit each picture is, shape (...), for pictures of shape (..., pixels)."""
        flat = pictures.reshape(-1, pictures.shape[-1])
        return self.models.logpdf(flat).argmax(axis=0).reshape(pictures.shape[:-1])

    def accuracy(self, digits):
        """Share of labelled digits that are recognised."""
        return float((self(digits.images) == digits.labels).mean())


def class_entropy(labels):
    """Entropy of the shares of the ten digits among `labels` (..., n), in nats, shape (...).

    ln 10 = 2.303 if all are equally frequent, 0 if there is only one.
    """
    shares = (labels[..., None] == np.arange(10)).mean(axis=-2)
    return -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=-1)


def spread(codes):
    """Standard deviation of `codes` (..., n, latents) over pictures and latents together, (...).

    Codes are means of q(z|x); the authors' notebook prints this for the first encoder. It pools:
    a code that is narrow around a mean of its own counts as spread if other codes have another.
    """
    return codes.std(axis=(-2, -1))


def measure(lineage, setting, held_out, judge, rng, size=1000):
    """Measure reality and the generations 1, ..., N of a `lineage` from `run` in a `setting`.

    `held_out` are real digits that no generation has learned from; they stand for generation 0. The
    `judge` says which digit a picture is; `size` pictures of each generation are looked at. Returns
    by name arrays of shape (N + 1, chains, ...): ``spread`` of the codes that the first encoder
    reads off what is handed on, and ``within``, the same for each code around its own mean;
    ``codes``, their shares in `BINS`; ``elbo``, the mean over the held-out digits in nats, NaN for
    reality; ``classes``, the shares of the ten digits, and their ``entropy``. Digits are judged by
    decoder means in every setting, since the judge has seen no noise.
    """
    first, rows = lineage[1], []
    for n, model in enumerate(lineage.models):
        if n == 0:
            real = held_out.images
            pictures = shown = np.broadcast_to(real, (*first.parameters.shape[:-1], *real.shape))
        else:
            pictures, shown = handed_on(model, setting, size, rng), model.decoded.sample(size, rng)
        codes, labels = first.encode(pictures)[0], judge(shown)
        row = {
            "spread": spread(codes),
            "within": np.sqrt(codes.var(axis=-2).mean(axis=-1)),
            "codes": np.array([np.histogram(c, BINS)[0] / c.size for c in codes]),
            "elbo": model.elbo(held_out.images, rng).mean(axis=-1) if n else spread(codes) * np.nan,
            "classes": (labels[..., None] == np.arange(10)).mean(axis=-2),
            "entropy": class_entropy(labels),
        }
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True, eq=False)
class Stored:
    """The long runs that ship with the book, made by ``tools/run_digits.py``.

    `how` says command, seed, versions, date and sizes. For each setting `measured` holds what
    `measure` returned, and `pictures` decoder means of the first chain, uint8 of shape
    (len(shown), pictures, pixels), at the generations ``how["shown"]``.
    """

    how: dict
    measured: dict
    pictures: dict


@cache
def stored(name="digits_runs.npz"):
    """Return the long runs in a shipped file of this `name`, checked against its checksum."""
    with np.load(io.BytesIO(datasets.verified(name))) as file:
        how, measured = json.loads(str(file["how"])), {}
        for key in file.files:
            setting, _, quantity = key.partition(" ")
            if quantity:
                measured.setdefault(setting, {})[quantity] = file[key]
        pictures = {setting: parts.pop("pictures") for setting, parts in measured.items()}
    return Stored(how, measured, pictures)
