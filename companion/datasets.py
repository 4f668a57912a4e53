"""The real data that the book ships: every file is checked against its checksum when read."""

import gzip
import hashlib
import json
import os
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import prod
from pathlib import Path

import numpy as np

from collapse import validation
from collapse.models.ngram.text import read_text, tokens

DATA = resources.files(__package__) / "data"
ROOT = Path(__file__).resolve().parents[1]


class DamagedDataError(OSError):
    """A shipped data file is missing or is not the file that was released."""


@dataclass(frozen=True)
class Address:
    """A State of the Union address: its `year`, the `president`, the `party` if any, the `text`."""

    year: int
    president: str
    party: str | None
    text: str


@cache
def state_of_the_union():
    """Return the 233 State of the Union addresses from 1790 to 2021, in order, as a tuple.

    The same object at every call. There is no address for 1933 and there are two for 1953 and 1961,
    by the president who left and the one who came. Source, licence and the changes made are in
    ``companion/data/state_of_the_union.LICENSE.md``.
    """
    lines = _unxz("state_of_the_union.jsonl.xz").decode().splitlines()
    return tuple(Address(**json.loads(line)) for line in lines)


@dataclass(frozen=True)
class Corpus:
    """Real text: its `documents`, a tuple of strings, and what sentences call it.

    `name` stands in a sentence as it is, and `about` says more, for the sentence that introduces
    the text. `size`, `types` and `frequent` say how many words it has, how many different ones,
    and which is the most frequent.
    """

    name: str
    about: str
    documents: tuple

    @property
    def size(self):
        """How many words there are."""
        return int(word_counts(self.documents)[1].sum())

    @property
    def types(self):
        """How many different words there are."""
        return len(word_counts(self.documents)[0])

    @property
    def frequent(self):
        """The most frequent word."""
        return str(word_counts(self.documents)[0][0])


def corpus():
    """Return the text that every chapter about text is of: by default the State of the Union.

    One setting names another, the environment variable ``COLLAPSE_CORPUS``, as in
    ``make book COLLAPSE_CORPUS=libro.txt``: a file of text, which is cut into documents of at least
    128 words, so that some can be held out, or a folder with a file ``*.txt`` for each document. A
    relative path starts at the folder of the repository. The text goes by the name of the file or
    folder. No chapter, caption or claim may name a word or a number of the shipped text.
    """
    return _corpus(*own_files())


def own_files():
    """Return what ``COLLAPSE_CORPUS`` names and its files of text: nothing by default."""
    where = os.environ.get("COLLAPSE_CORPUS", "")
    path = ROOT / Path(where).expanduser()
    files = (sorted(path.glob("*.txt")) if path.is_dir() else [path]) if where else []
    if where and not (files and all(file.is_file() for file in files)):
        raise ValueError(
            f"COLLAPSE_CORPUS must be a file of text or a folder with files *.txt, got {where!r}"
        )
    return path.name, tuple(files)


@cache
def _corpus(name, files):
    if not files:
        name = "the State of the Union addresses"
        about = f"{name} of the presidents of the United States, 1790 to 2021"
        return Corpus(name, about, tuple(a.text for a in state_of_the_union()))
    if len(files) > 1:
        return Corpus(f"“{name}”", f"“{name}”", tuple(map(read_text, files)))
    name, parts = f"“{files[0].stem}”", tuple(pieces(read_text(files[0])))
    return Corpus(name, f"{name}, cut into {len(parts)} documents", parts)


def pieces(text, most=200):
    """Cut one long text into documents of nearly the same number of words, a list in order.

    There are at most `most`, of at least 128 words each, and at least ten.
    """
    words = tokens(text)
    count = min(validation.integer("most", most, 10), len(words) // 128)
    if count < 10:
        raise ValueError(f"text must have at least {10 * 128} words, got {len(words)}")
    return [" ".join(part) for part in np.array_split(np.array(words, dtype=object), count)]


def word_counts(texts=None):
    """Return the distinct words of texts, the most frequent first, and how often each occurs.

    Two arrays of shape (K,); equally frequent words come alphabetically. By default those of the
    `corpus`, which are computed once, and read-only.
    """
    return _word_counts(corpus().documents if texts is None else tuple(texts))


@cache
def _word_counts(texts):
    counter = Counter()
    for text in texts:
        counter.update(tokens(text))
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    words = np.array([word for word, _ in ordered], dtype=np.str_)
    counts = np.array([count for _, count in ordered], dtype=np.int64)
    words.flags.writeable = counts.flags.writeable = False
    return words, counts


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures of handwritten digits.

    `images` are grey levels in [0, 1], 1 being ink, row by row, shape (N, pixels), float32; 784
    pixels for MNIST. `labels` are the digits, shape (N,).
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
    """Return real handwritten digits, in the order of the files, with read-only arrays.

    `path` is a folder with ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or the same
    with the ending ``.gz``, as MNIST's 60,000 training digits are distributed. By default the 5,000
    of MNIST that are shipped: 500 of each digit, in an order that knows nothing of them. Source,
    licence and the changes made are in ``companion/data/digits.LICENSE.md``.
    """
    if path is None:
        return _shipped_digits()
    if not isinstance(path, str | Path) or not (folder := Path(path)).is_dir():
        raise ValueError(f"path must be a folder, got {path!r}")
    return _digits(*(_unpacked(folder, f"train-{name}") for name in _IDX))


_IDX = {"images-idx3-ubyte": 3, "labels-idx1-ubyte": 1}


@cache
def _shipped_digits():
    return _digits(*(_unxz(f"digits.{name}.xz") for name in _IDX))


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


def _unxz(name):
    import lzma  # not everywhere that Python runs, a browser for instance

    return lzma.decompress(verified(name))


def verified(name, folder="."):
    """Return the bytes of a shipped file after comparing them with its folder's checksum."""
    root = DATA / folder
    remedy = (
        "Reinstall the package, or in a clone of the repository run "
        "`git checkout -- companion/data`."
    )
    try:
        sums = (root / "SHA256SUMS").read_text("utf-8").splitlines()
        content = (root / name).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedDataError(f"cannot read the data file {name}: {error}. {remedy}") from error
    expected = {line.split()[-1].lstrip("*"): line.split()[0] for line in sums if line.strip()}
    found = hashlib.sha256(content).hexdigest()
    if found != expected.get(name):
        raise DamagedDataError(
            f"the data file {name} in {root} is damaged: expected the SHA-256 checksum "
            f"{expected.get(name, '(none is listed in SHA256SUMS)')}, found {found}. {remedy}"
        )
    return content
