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

from collapse.models.ppca import FitProbabilisticPCA
from collapse.models.vae import Stream
from collapse.policies import FreshReal, replace
from collapse.recursion import draw_decoded, draw_samples, recurse
from companion import datasets

BINS = np.linspace(-3.5, 3.5, 71)
"""Edges of the bins in which codes are counted."""

RECORDED = np.array([0.688, 0.603, 0.534, 0.483, 0.443])
"""The authors' recorded spread of codes, generations 1 to 5, means of five runs (see `spread`)."""


@dataclass(frozen=True, eq=False)
class Collection:
    """Reality as a finite collection of pictures, drawn from without replacement.

    Parameters
    ----------
    pictures : ndarray, shape (N, pixels)
        The pictures.
    batch : tuple of int
        The chains, each of which draws for itself.
    """

    pictures: np.ndarray
    batch: tuple = ()

    def broadcast(self, chains):
        """Lay the collection over a batch of chains."""
        return Collection(self.pictures, (chains,))

    def sample(self, size, rng):
        """Choose ``size`` different pictures for each chain, shape (..., size, pixels)."""
        if size > len(self.pictures):
            raise ValueError(
                f"sample_size must be at most the {len(self.pictures)} pictures of the collection, "
                f"got {size}"
            )
        keys = rng.random((*self.batch, len(self.pictures)))
        return self.pictures[np.argsort(keys, axis=-1)[..., :size]]


def draw_fresh(model, size, rng):
    """Hand on decoder means without end, and reality as a sample.

    Parameters
    ----------
    model : model
        The laws, one for each chain.
    size : int
        M, the number of pictures that count as an epoch.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    Stream or ndarray, shape (chains, size, pixels)
        The data.
    """
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
    """Train the first generation on all pictures, and each further one on what the last handed on.

    Parameters
    ----------
    setting : {"fresh", "means", "draws", "real"}
        What is handed on; see the module.
    pictures : ndarray, shape (M, pixels)
        Reality. M stays the sample size.
    fit : FitVAE
        How a generation is trained, from a new network each time.
    generations : int
        The number of fits.
    chains : int
        The number of independent runs, trained together.
    rng : int or numpy.random.Generator
        The seed, or a generator, which is advanced.

    Returns
    -------
    Lineage
        The autoencoders by generation.

    Raises
    ------
    ValueError
        If there is no such setting, or an argument is out of range.
    """
    if setting not in SETTINGS:
        raise ValueError(f"setting must be one of {', '.join(SETTINGS)}, got {setting!r}")
    policy, draw = SETTINGS[setting]
    return recurse(
        Collection(pictures),
        fit,
        sample_size=len(pictures),
        generations=generations,
        chains=chains,
        rng=rng,
        policy=policy,
        draw=draw,
    )


def handed_on(model, setting, size, rng):
    """Draw pictures as a generation hands them on.

    Parameters
    ----------
    model : VAE
        A generation, with batch shape (chains,).
    setting : {"fresh", "means", "draws", "real"}
        What is handed on; of ``real`` the generated part.
    size : int
        How many pictures.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    ndarray, shape (chains, size, pixels)
        The pictures.
    """
    return (draw_samples if setting == "draws" else draw_decoded)(model, size, rng)


@dataclass(frozen=True, eq=False)
class Judge:
    """Ten probabilistic principal component models, one for the pictures of each digit.

    Parameters
    ----------
    digits : Digits
        Real digits with their labels.
    components : int
        The latent dimension of each.
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
    """Entropy of the shares of the ten digits.

    Parameters
    ----------
    labels : ndarray of int, shape (..., n)
        What the `Judge` says of n pictures.

    Returns
    -------
    ndarray, shape (...)
        In nats; ln 10 = 2.303 if all digits are equally frequent, 0 if there is only one.
    """
    shares = (labels[..., None] == np.arange(10)).mean(axis=-2)
    return -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=-1)


def spread(codes):
    """Spread of codes: their standard deviation over pictures and latents together.

    Parameters
    ----------
    codes : ndarray, shape (..., n, latents)
        Means of q(z|x).

    Returns
    -------
    ndarray, shape (...)
        As the authors' notebook prints it, for the first encoder.
    """
    return codes.std(axis=(-2, -1))


def measure(lineage, setting, held_out, judge, rng, size=1000):
    """Measure reality and the generations 1, ..., N of a run.

    Parameters
    ----------
    lineage : Lineage
        From `run`.
    setting : {"fresh", "means", "draws", "real"}
        What was handed on.
    held_out : Digits
        Real digits that no generation has learned from; they stand for generation 0.
    judge : Judge
        Says which digit a picture is.
    rng : numpy.random.Generator
        The generator to draw from.
    size : int
        The number of pictures of each generation.

    Returns
    -------
    dict of str to ndarray, shape (N + 1, chains, ...)
        By generation and chain: ``spread`` of the codes that the first encoder reads off what is
        handed on; ``codes``, their shares in `BINS`; ``elbo``, the mean over the held-out digits in
        nats, NaN for reality; ``classes``, the shares of the ten digits, and their ``entropy``.
        Digits are judged by decoder means in every setting, since the judge has seen no noise.
    """
    first, rows = lineage[1], []
    for n, model in enumerate(lineage.models):
        if n == 0:
            real = held_out.images
            pictures = shown = np.broadcast_to(real, (*first.parameters.shape[:-1], *real.shape))
        else:
            pictures, shown = handed_on(model, setting, size, rng), model.means(size, rng)
        codes, labels = first.encode(pictures)[0], judge(shown)
        row = {
            "spread": spread(codes),
            "codes": np.array([np.histogram(c, BINS)[0] / c.size for c in codes]),
            "elbo": model.elbo(held_out.images, rng).mean(axis=-1) if n else spread(codes) * np.nan,
            "classes": (labels[..., None] == np.arange(10)).mean(axis=-2),
            "entropy": class_entropy(labels),
        }
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True, eq=False)
class Stored:
    """The long runs that the package ships, made by ``tools/run_digits.py``.

    Parameters
    ----------
    how : dict
        Command, seed, versions, date, sizes, and what else is needed to make them again.
    measured : dict of str to dict
        For each setting what `measure` returned.
    pictures : dict of str to ndarray of uint8, shape (len(shown), pictures, pixels)
        For each setting decoder means of the first chain, at the generations ``how["shown"]``.
    """

    how: dict
    measured: dict
    pictures: dict


@cache
def stored():
    """Return the long runs that the package ships.

    Returns
    -------
    Stored
        The measured numbers, some pictures, and how they were made.

    Raises
    ------
    DamagedDataError
        If the file is missing, truncated or altered.
    """
    with np.load(io.BytesIO(datasets.verified("digits_runs.npz"))) as file:
        how = json.loads(str(file["how"]))
        measured = {name: {} for name in SETTINGS}
        for key in file.files:
            setting, _, quantity = key.partition(" ")
            if quantity:
                measured[setting][quantity] = file[key]
        pictures = {name: parts.pop("pictures") for name, parts in measured.items()}
    return Stored(how, measured, pictures)
