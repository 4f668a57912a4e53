"""Training by stochastic gradients, for the networks of this package: Adam and shuffled batches."""

import numpy as np

_BLOCK = 1 << 14  # the parameters are worked through in blocks that stay in the cache
_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # Adam's usual ones


class Adam:
    """Adam for `parameters`, shape (P,), which are changed in place (Kingma and Ba 2015).

    A step goes `rate` times the mean slope over the root of the mean square, both with weights that
    fall by 0.9 and 0.999 a step. Kept are the sums; the means are these times
    (1 - beta) / (1 - beta**count), factors which are applied to the result.
    """

    def __init__(self, parameters, rate):
        self.parameters, self.rate, self.count = parameters, rate, 0
        self.first, self.second = np.zeros_like(parameters), np.zeros_like(parameters)

    def step(self, slopes):
        """Take one step downhill; the `slopes` of the loss, shape (P,), are used up."""
        self.count += 1
        one, two = ((1 - beta) / (1 - beta**self.count) for beta in _BETAS)
        length, least = self.rate * one / np.sqrt(two), _EPSILON / np.sqrt(two)
        arrays = self.parameters, slopes, self.first, self.second
        for start in range(0, len(slopes), _BLOCK):
            p, g, m, v = (a[start : start + _BLOCK] for a in arrays)
            m *= _BETAS[0]
            m += g
            g *= g
            v *= _BETAS[1]
            v += g
            np.sqrt(v, out=g)
            g += least
            np.divide(m, g, out=g)
            g *= length
            p -= g


def shuffled(chains, size, batch, rng):
    """Yield indices of the batches of one epoch, shape (chains, batch), each chain shuffled apart.

    There are as many as whole ones fit into `size`; what is left over differs from epoch to epoch.
    """
    order = rng.permuted(np.tile(np.arange(size), (chains, 1)), axis=-1)
    for start in range(0, size - batch + 1, batch):
        yield order[:, start : start + batch]


def check_finite(parameters, epoch, epochs, rate):
    """Raise FloatingPointError if `parameters`, shape (chains, P), are not finite any more."""
    finite = np.isfinite(parameters).all(axis=-1)
    if not finite.all():
        raise FloatingPointError(
            f"the loss is not finite any more after epoch {epoch + 1} of {epochs}, "
            f"in chain {finite.argmin()}; rate={rate} may be too large"
        )
