"""Checks of arguments, shared by simulation and theory so that both refuse the same input."""

import reprlib
from contextlib import suppress
from numbers import Integral, Real

import numpy as np


class _Short(reprlib.Repr):
    """Writes values for messages: large arrays by their shape, long texts cut in the middle."""

    def __init__(self):
        super().__init__()
        self.maxother, self.maxstring, self.maxlong = 160, 80, 80

    def repr_ndarray(self, array, level):  # noqa: ARG002
        """Write an array."""
        return repr(array) if array.size <= 6 else f"array of shape {array.shape}"


short = _Short().repr


def integer(name, value, minimum):
    """Return `value` as int, or say what is allowed."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {short(value)}")
    return int(value)


def real(name, value, minimum=-np.inf, maximum=np.inf, *, open_below=False):
    """Return `value` as a finite float inside the given interval, or say what is allowed."""
    try:
        number = float(value) if isinstance(value, Real) else np.nan
    except OverflowError:
        number = np.inf
    inside = np.isfinite(number) and minimum <= number <= maximum
    if not inside or (open_below and number == minimum):
        bracket = "(" if open_below else "["
        allowed = f"a finite number in {bracket}{minimum}, {maximum}]"
        raise ValueError(f"{name} must be {allowed}, got {short(value)}")
    return number


def array(name, value):
    """Return `value` as an array of numbers in its own type, or say what it is.

    What numpy would take is taken: lists, a column of a table, masked arrays that mask nothing.
    """
    try:
        found = np.asarray(value)
    except ValueError:  # a ragged sequence
        raise ValueError(f"{name} must be numbers, got {short(value)}") from None
    if np.ma.is_masked(value):
        hidden = np.ma.count_masked(value)
        raise ValueError(f"{name} must have no masked values, got {hidden} of {found.size}")
    if found.dtype.kind == "O" and all(isinstance(v, Real) for v in found.flat):
        with suppress(OverflowError):
            found = found.astype(float)
    if found.dtype.kind not in "biuf":  # numpy would read text and drop imaginary parts
        raise ValueError(f"{name} must be numbers, got {short(value)}")
    return found


def numbers(name, value):
    """Return `value` as a float array, in which NaN may stand for what is not known."""
    return array(name, value).astype(float, copy=False)


def finite(name, value):
    """Return `value` as a float array without NaN or infinity, or say where one is."""
    array = numbers(name, value)
    if not np.isfinite(array).all():
        bad = array[~np.isfinite(array)].flat[0]
        raise ValueError(f"{name} must be finite numbers, got one that is {bad}")
    return array


def nonnegative(name, value):
    """Return `value` as a finite float array without negative entries."""
    array = finite(name, value)
    if (array < 0).any():
        raise ValueError(f"{name} must not be negative, got {array[array < 0].flat[0]}")
    return array


def share(name, value):
    """Return `value` as a float array of numbers from 0 to 1."""
    array = nonnegative(name, value)
    if (array > 1).any():
        raise ValueError(f"{name} must be at most 1, got {array[array > 1].flat[0]}")
    return array


def samples(name, value, event=0):
    """Return `value` as finite samples: batch axes, the sample axis, then `event` axes."""
    array = finite(name, value)
    if array.ndim < 1 + event or array.shape[array.ndim - 1 - event] == 0:
        axes = ", d" * event
        raise ValueError(
            f"{name} must have shape (..., M{axes}) with M at least 1, got {array.shape}"
        )
    return array


def probabilities(name, value):
    """Return `value` as probabilities along the last axis, shape ``(..., K)``."""
    array = nonnegative(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one category, got shape {array.shape}")
    total = array.sum(axis=-1)
    if np.abs(total - 1).max(initial=0) > 1e-9:
        worst = total.flat[np.abs(total - 1).argmax()]
        raise ValueError(f"{name} must sum to 1 over the last axis, got a sum of {worst:.12g}")
    return array / total[..., None]


def one_law(name, value):
    """Return `value` as the probabilities of one law, shape ``(K,)``."""
    array = probabilities(name, value)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one axis, (K,), got shape {array.shape}")
    return array


def covariance(name, value):
    """Return `value` as one covariance matrix, shape ``(d, d)``."""
    array = finite(name, value)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise ValueError(f"{name} must have shape (d, d), got {array.shape}")
    smallest = np.linalg.eigvalsh(array).min()
    if not np.allclose(array, array.T) or smallest < -1e-12 * np.abs(array).max():
        raise ValueError(
            f"{name} must be symmetric and positive semi-definite, "
            f"got a smallest eigenvalue of {smallest:.3g}"
        )
    return array


def constant_size(sample_size, largest=np.inf):
    """Return a sample size that must be the same every generation, as int."""
    if callable(sample_size) or np.ndim(sample_size):
        raise ValueError(f"sample_size must be one number here, got {sample_size!r}")
    size = int(sample_sizes(sample_size, 1)[0])
    if size > largest:
        raise ValueError(f"sample_size must be at most {largest} here, got {size}")
    return size


def sample_sizes(sample_size, generations, minimum=1):
    """Return the sample sizes M_0, ..., M_{generations-1} as an int64 array.

    `sample_size` is a whole number (the same every generation), a sequence of at least
    `generations` whole numbers, or a callable that gives M_n for n = 0, 1, ...
    """
    generations = integer("generations", generations, 0)
    if callable(sample_size):
        sample_size = [sample_size(n) for n in range(generations)]
    try:
        sizes = np.asarray(sample_size)
    except ValueError:  # a ragged sequence
        raise ValueError(f"sample_size must be whole numbers, got {short(sample_size)}") from None
    if sizes.ndim == 0:
        sizes = np.full(generations, sizes)
    elif sizes.ndim != 1 or len(sizes) < generations:
        raise ValueError(
            f"sample_size must be one number or a sequence of at least {generations} "
            f"(one for each generation), got shape {sizes.shape}"
        )
    sizes = sizes[:generations]
    if sizes.dtype.kind not in "iuf" or (sizes != np.floor(sizes)).any():
        raise ValueError(f"sample_size must be whole numbers, got {short(sample_size)}")
    if (sizes < minimum).any() or (sizes > 2**62).any():
        raise ValueError(
            f"sample_size must be between {minimum} (for this estimator) and 2**62, "
            f"got {sizes[(sizes < minimum) | (sizes > 2**62)][0]}"
        )
    return sizes.astype(np.int64)


def ddof(value):
    """Return the divisor's correction: the variance divides by M - ddof."""
    return real("ddof", value, 0, 1)


def broadcast(**arrays):
    """Return copies of the named arrays, broadcast against each other."""
    try:
        return [np.array(a) for a in np.broadcast_arrays(*arrays.values())]
    except ValueError:
        shapes = ", ".join(f"{name} has shape {np.shape(a)}" for name, a in arrays.items())
        raise ValueError(f"shapes must broadcast against each other: {shapes}") from None


def batch(**shapes):
    """Return the shape that the named batch shapes have in common."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(
            f"{', '.join(shapes)} must have batch shapes that broadcast against each other, "
            f"got {', '.join(map(str, shapes.values()))}"
        ) from None


def categories(name, value, count):
    """Return `value` as an int64 array of categories 0, ..., count - 1, shape (..., n)."""
    found = array(name, value)
    if found.dtype.kind not in "iu" or found.ndim == 0:
        raise ValueError(
            f"{name} must be an array of integer categories, "
            f"got {found.dtype} of shape {found.shape}"
        )
    if found.size and (found.min() < 0 or found.max() >= count):
        raise ValueError(
            f"{name} must be categories from 0 to {count - 1}, got {found.min()} to {found.max()}"
        )
    return found.astype(np.int64, copy=False)
