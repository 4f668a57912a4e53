"""The real data that the book ships: every file is checked against its checksum when read."""

import gzip
import hashlib
import json
import lzma
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import prod
from pathlib import Path

import numpy as np

from collapse import validation
from collapse.models.ngram.text import tokens

DATA = resources.files(__package__) / "data"


class DamagedDataError(OSError):
    """A shipped data file is missing or is not the file that was released."""


@dataclass(frozen=True)
class Address:
    """One State of the Union address.

    Parameters
    ----------
    year : int
        The year in which it was given.
    president : str
        The president who gave it.
    party : str or None
        The president's party, None for a president without one.
    text : str
        What was said, in one paragraph.
    """

    year: int
    president: str
    party: str | None
    text: str


@cache
def state_of_the_union():
    """Return the State of the Union addresses from 1790 to 2021, in the order they were given.

    Returns
    -------
    tuple of Address
        The 233 addresses. The tuple is the same object at every call.

    Raises
    ------
    DamagedDataError
        If the file is missing, truncated or altered.

    Notes
    -----
    There is no address for 1933 and there are two for 1953 and 1961, by the president who
    left and the one who came. Source, licence and the changes made are in
    ``companion/data/state_of_the_union.LICENSE.md``.
    """
    lines = lzma.decompress(_verified("state_of_the_union.jsonl.xz")).decode().splitlines()
    return tuple(Address(**json.loads(line)) for line in lines)


def word_counts(addresses=None):
    """Return the vocabulary with the number of times that each word occurs.

    Parameters
    ----------
    addresses : iterable of Address, optional
        The addresses to count, all of them by default.

    Returns
    -------
    words : ndarray of str, shape (K,)
        The distinct tokens, the most frequent first, equally frequent ones alphabetically.
    counts : ndarray of int64, shape (K,)
        How often each one occurs.

    Raises
    ------
    DamagedDataError
        If the shipped file is needed and is missing, truncated or altered.

    Notes
    -----
    The counts of the whole corpus are computed once and kept; their arrays are read-only.
    """
    return _all_word_counts() if addresses is None else _word_counts(addresses)


@cache
def _all_word_counts():
    words, counts = _word_counts(state_of_the_union())
    words.flags.writeable = counts.flags.writeable = False
    return words, counts


def _word_counts(addresses):
    counter = Counter()
    for address in addresses:
        counter.update(tokens(address.text))
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    words = np.array([word for word, _ in ordered], dtype=np.str_)
    return words, np.array([count for _, count in ordered], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures of handwritten digits.

    Parameters
    ----------
    images : ndarray of float32, shape (N, pixels)
        Grey levels in [0, 1], 1 being ink, row by row; 28 x 28 = 784 for MNIST.
    labels : ndarray of int, shape (N,)
        The digits.
    """

    images: np.ndarray
    labels: np.ndarray

    def split(self, held_out):
        """Return two sets: all but the last ``held_out`` pictures, and those."""
        held_out = validation.integer("held_out", held_out, 1)
        if held_out >= (count := len(self.labels)):
            raise ValueError(f"held_out must be less than {count}, the number of pictures")
        cut = count - held_out
        parts = slice(cut), slice(cut, None)
        return tuple(Digits(self.images[part], self.labels[part]) for part in parts)


def digits(path=None):
    """Return real handwritten digits: 5,000 of MNIST, or those in a folder.

    Parameters
    ----------
    path : str or path, optional
        A folder with ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or the same with
        the ending ``.gz``, as MNIST's 60,000 training digits are distributed. By default the
        5,000 that are shipped: 500 of each digit, in an order that knows nothing of them.

    Returns
    -------
    Digits
        The pictures and their labels, in the order of the files. The arrays are read-only.

    Raises
    ------
    DamagedDataError
        If a shipped file is missing, truncated or altered.
    ValueError
        If the folder lacks a file, or a file is not what its name says.

    Notes
    -----
    Source, licence and the changes made are in ``companion/data/digits.LICENSE.md``.
    """
    if path is None:
        return _shipped_digits()
    if not isinstance(path, str | Path) or not (folder := Path(path)).is_dir():
        raise ValueError(f"path must be a folder, got {path!r}")
    return _digits(*(_unpacked(folder, f"train-{name}") for name in _IDX))


_IDX = {"images-idx3-ubyte": 3, "labels-idx1-ubyte": 1}


@cache
def _shipped_digits():
    return _digits(*(lzma.decompress(_verified(f"digits.{name}.xz")) for name in _IDX))


def _unpacked(folder, name):
    """Return the bytes of a file of MNIST."""
    try:
        if (file := folder / name).exists():
            return file.read_bytes()
        if (file := folder / f"{name}.gz").exists():
            return gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"path must hold readable files: {file.name}: {error}") from error
    raise ValueError(f"path must be a folder with {name} or {name}.gz, got {folder}")


def _digits(images, labels):
    """Return digits from the bytes of two IDX files."""
    images, labels = (
        _idx(c, *kind) for c, kind in zip((images, labels), _IDX.items(), strict=True)
    )
    if len(images) != len(labels):
        raise ValueError(f"path must hold one label a picture, got {len(images)} and {len(labels)}")
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= 255
    labels = labels.astype(np.int64)
    pixels.flags.writeable = labels.flags.writeable = False
    return Digits(pixels, labels)


def _idx(content, name, axes):
    """Return the array in an IDX file of bytes: magic number, one length an axis, the bytes."""
    start = 4 + 4 * axes
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    magic = bytes([0, 0, 8, axes])  # 8 for bytes
    if content[:4] != magic or len(content) != start + prod(shape) or 0 in shape:
        raise ValueError(
            f"path must hold an IDX file {name} of bytes along {axes} axes, got {len(content)} "
            f"bytes that start with {content[:start].hex(' ', 4)!r}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _verified(name):
    """Return the bytes of a shipped file after comparing them with the released checksum."""
    remedy = (
        "Reinstall the package, or in a clone of the repository run "
        "`git checkout -- companion/data`."
    )
    try:
        sums = (DATA / "SHA256SUMS").read_text("utf-8").splitlines()
        content = (DATA / name).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedDataError(f"cannot read the data file {name}: {error}. {remedy}") from error
    expected = {line.split()[-1].lstrip("*"): line.split()[0] for line in sums if line.strip()}
    found = hashlib.sha256(content).hexdigest()
    if found != expected.get(name):
        raise DamagedDataError(
            f"the data file {name} in {DATA} is damaged: expected the SHA-256 checksum "
            f"{expected.get(name, '(none is listed in SHA256SUMS)')}, found {found}. {remedy}"
        )
    return content
