"""Fits to endless samples: what is left of an error when chance is taken away."""

from collapse.validation import short


def population_fit(fit, truth):
    """Fit a family to a law instead of a sample: the limit of the fit as M grows, a model.

    It has the batch of `truth`, a model with what the `limit` of the `fit` needs: ``mean`` and
    ``variance`` for a Gaussian, a ``cdf`` for a histogram, all of these and ``logpdf`` for a
    mixture. Exact, but for a mixture.

    A Gaussian takes over mean and variance and a histogram the masses of its bins. Both are
    projections: applied again, they change nothing, so that the expressivity error is made at
    generation 1 and never again. So is a mixture that is fitted in many steps. Kernel density
    estimation convolves the law with its kernel, again at every generation. A procedure adjusts
    what its inner fit gives.
    """
    if not callable(getattr(fit, "limit", None)):
        raise ValueError(
            f"fit must be a fit with a known limit, got {short(fit)} for {short(truth)}"
        )
    return fit.limit(truth)
