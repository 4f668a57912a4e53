r"""The linear variational autoencoder, refitted to what it generates.

The decoder is :math:`x=\mu+Wz+\varepsilon` with q codes z ~ N(0, I) and noise of variance
:math:`\sigma^2` in each of the d coordinates, the encoder is linear too, and both are trained to
the optimum: probabilistic principal components of what the generation learns from (thm-vae-linear).
Only the eigenvalues :math:`\lambda_1\ge\dots\ge\lambda_d` of reality's covariance enter; the
directions stay. A generation hands on either draws of x, or *means*, the decoder's :math:`\mu+Wz`
without the noise, as the paper's code does. The noise is either learned, or a constant of the
decoder. Arrays run over the generations 0 (reality), 1, ..., N.
"""

import numpy as np

from collapse import validation
from collapse.theory import drift


def _eigenvalues(value, latent_dimension):
    """Return the eigenvalues, largest first, and q."""
    array = validation.nonnegative("eigenvalues", value)
    if array.ndim != 1:
        raise ValueError(f"eigenvalues must have shape (d,), got {array.shape}")
    q = validation.integer("latent_dimension", latent_dimension, 1)
    if q >= len(array):
        raise ValueError(
            f"latent_dimension must be less than the number of eigenvalues {len(array)}, got {q}"
        )
    return np.sort(array)[::-1], q


def _noise(values, q, noise_variance):
    """Return the noise of generation 1."""
    if noise_variance is None:
        return values[q:].mean()
    return validation.real("noise_variance", noise_variance, 0, open_below=True)


def spectrum(eigenvalues, generations, *, latent_dimension, noise_variance=None, means=False):
    r"""Eigenvalues of the covariance of what each generation hands on, without sampling error.

    Shape (N + 1, d). The eigenvalues at each generation, the largest first. `noise_variance`: the
    constant :math:`\sigma^2` of the decoder; by default it is learned. `means`: whether a
    generation hands on the decoder's means instead of draws.

    Exact for endless samples of any reality (thm-vae-draws and thm-vae-means). Draws: a generation
    keeps the first q eigenvalues and replaces the others by the noise,
    :math:`\max(\lambda_i,\sigma^2)` and :math:`\sigma^2`. Of this law the next fit is an exact
    copy. Learned noise is the mean of :math:`\lambda_{q+1},\dots,\lambda_d` and keeps the trace.
    Means: a generation takes the noise off, :math:`(\lambda_i-\sigma^2)_+`. With a constant noise
    it does so every time, and n generations leave :math:`(\lambda_i-n\sigma^2)_+`. Learned noise
    is lost once: generation 2 sees a law of rank q, learns :math:`\sigma^2=0`, and has nothing
    left to lose.
    """
    values, q = _eigenvalues(eigenvalues, latent_dimension)
    n = np.arange(validation.integer("generations", generations, 0) + 1)[:, None]
    noise = _noise(values, q, noise_variance)
    kept = np.zeros((len(n), len(values)))
    if means:
        lost = np.minimum(n, 1) if noise_variance is None else n
        kept[:, :q] = np.maximum(values[:q] - lost * noise, 0)
    else:
        kept[:, :q] = np.maximum(values[:q], noise)
        kept[:, q:] = noise
    kept[0] = values
    return kept


def code_variance(eigenvalues, generations, *, latent_dimension, noise_variance=None, means=False):
    r"""Variance of the codes that the first encoder reads off each generation, shape (N + 1, q).

    The variance of each code, over what the generation hands on; zero for a code that is not used.
    `noise_variance`: the constant :math:`\sigma^2` of the decoder; by default it is learned.
    `means`: whether a generation hands on the decoder's means instead of draws.

    Exact for endless samples. The encoder's mean is :math:`w_i/(w_i^2+\sigma^2)` times the
    coordinate along the i-th eigenvector, with :math:`w_i^2=(\lambda_i-\sigma^2)_+`. On reality
    the variance of a code in use is :math:`1-\sigma^2/\lambda_i`, less than the 1 of the prior,
    since the encoder reports a mean; on the means of generation n, with a constant noise, it is
    :math:`(1-\sigma^2/\lambda_i)(1-n\sigma^2/\lambda_i)_+`.
    """
    values, q = _eigenvalues(eigenvalues, latent_dimension)
    options = {"latent_dimension": q, "noise_variance": noise_variance, "means": means}
    kept = spectrum(values, generations, **options)[:, :q]
    signal = np.maximum(values[:q] - _noise(values, q, noise_variance), 0)
    gain = np.divide(signal, values[:q] ** 2, out=np.zeros(q), where=signal > 0)
    return gain * kept


def extinction(eigenvalues, *, latent_dimension, noise_variance):
    r"""Generation from which on the means do not vary along each direction, shape (q,).

    The generation, for the directions of the q largest eigenvalues. `noise_variance`: the constant
    :math:`\sigma^2` of the decoder.

    Exact for endless samples: the first n with :math:`\lambda_i-n\sigma^2\le0`, which is
    :math:`\lceil\lambda_i/\sigma^2\rceil`, and 1 at least. A direction with
    :math:`\lambda_i\le\sigma^2` gets no code at all (posterior collapse).
    """
    values, q = _eigenvalues(eigenvalues, latent_dimension)
    noise = validation.real("noise_variance", noise_variance, 0, open_below=True)
    return np.maximum(np.ceil(values[:q] / noise), 1).astype(int)


def expected_total_variance(sample_size, generations, eigenvalues):
    r"""Expected total variance of the model, when it learns its noise from M draws.

    The expected trace of :math:`WW^\top+\sigma^2I` at each generation.

    Exact, for any reality and every latent dimension, which does not enter: the fit keeps the
    trace of the sample covariance, whose expectation is :math:`(1-1/M_n)` times that of the law
    drawn from (thm-vae-finite). Means obey it from generation 1 on, with the trace that generation
    1 hands on in the place of reality's: they lie in q dimensions, which are fitted without noise.
    """
    total = validation.nonnegative("eigenvalues", eigenvalues).sum()
    return total * drift.diversity_kept(sample_size, generations)


def expressivity_w2(eigenvalues, *, latent_dimension):
    r"""Squared 2-Wasserstein distance of a Gaussian reality and the best fit of the family.

    The distance, in squared units of the data.

    Exact: the covariances commute, so that the distance is
    :math:`\sum_{i>q}(\sqrt{\lambda_i}-\sigma)^2` with the learned noise. It is made at generation
    1 and not again.
    """
    values, q = _eigenvalues(eigenvalues, latent_dimension)
    return float(((np.sqrt(values[q:]) - np.sqrt(values[q:].mean())) ** 2).sum())


def expressivity_kl(eigenvalues, *, latent_dimension):
    r"""Kullback-Leibler divergence of a Gaussian reality from the best fit of the family.

    The divergence in nats.

    Exact: :math:`\frac12\sum_{i>q}\ln(\sigma^2/\lambda_i)` with the learned noise, since the trace
    of :math:`\Sigma C^{-1}` is d. More codes never increase it.
    """
    values, q = _eigenvalues(eigenvalues, latent_dimension)
    if values[-1] == 0:
        raise ValueError("eigenvalues must be positive, got one that is 0")
    return float(0.5 * np.log(values[q:].mean() / values[q:]).sum())


def expected_kl(sample_size, generations, *, dimension, latent_dimension):
    r"""Expected Kullback-Leibler divergence of reality from the model, from chance alone.

    Asymptotic in M, for draws and learned noise: half the sum of 1/M_n, times the number of free
    parameters :math:`d(q+1)+1-q(q-1)/2`. Reality must be Gaussian and in the family, with
    :math:`\lambda_q>\lambda_{q+1}=\dots=\lambda_d`, or else q = d - 1, the family of all
    Gaussians. Each fit moves the parameters by an independent step, with the inverse Fisher
    information over M as its covariance.
    """
    d = validation.integer("dimension", dimension, 2)
    q = validation.integer("latent_dimension", latent_dimension, 1)
    if q >= d:
        raise ValueError(f"latent_dimension must be less than the dimension {d}, got {q}")
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    free = d * (q + 1) + 1 - q * (q - 1) / 2
    return np.concatenate([[0.0], np.cumsum(free / (2 * sizes))])
