"""One way in for data of your own: a file or an object becomes a reality.

`read` takes a file, `numbers`, `labels`, `counts`, `text` and `pictures` take what is in memory.
What they return has a `size`, the number of data, and a `reality`, the law of which
`collapse.recursion` draws: the data themselves, each equally likely, drawn with replacement. Bad
input is refused in one sentence that says what was found and what is needed.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from collapse import validation
from collapse.models.categorical import Categorical
from collapse.models.empirical import Empirical

TABLES = {".csv": ",", ".tsv": "\t"}
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm")


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numeric data: `rows` of shape (N,) or (N, d), one for each datum."""

    rows: np.ndarray

    @property
    def size(self):
        """The number N of data."""
        return len(self.rows)

    @property
    def reality(self):
        """The law of the data, an `Empirical`."""
        return Empirical(self.rows, replacement=True)


@dataclass(frozen=True, eq=False)
class Labels:
    """Counted data: `names` of the categories, the most frequent first, and their `counts`, (K,).

    Of a text also its `tokens`, in order, as numbers of the names.
    """

    names: np.ndarray
    counts: np.ndarray
    tokens: np.ndarray | None = None

    @property
    def size(self):
        """The number of data."""
        return int(self.counts.sum())

    @property
    def probabilities(self):
        """Their frequencies, shape (K,)."""
        return self.counts / self.size

    @property
    def reality(self):
        """The law of the data, a `Categorical`."""
        return Categorical(self.probabilities)

    def position(self, name):
        """Return the number of a category, or say which there are."""
        found = np.flatnonzero(self.names == str(name))
        if not found.size:
            some = ", ".join(self.names[:5])
            raise ValueError(
                f"category must be one of the {len(self.names)} that were counted, such as {some}, "
                f"got {name!r}"
            )
        return int(found[0])


def numbers(values):
    """Return `Numbers` of an array of shape (N, ...), at least two rows that are not all equal.

    What has more axes, such as pictures, becomes one row of numbers for each datum.
    """
    values = validation.samples("values", values, max(np.ndim(values) - 1, 0))
    values = values.reshape(len(values), -1) if values.ndim > 2 else values
    if len(values) < 2:
        raise ValueError("values must hold at least 2 data, got 1")
    if (values == values[0]).all():
        raise ValueError(f"values must differ, got {len(values)} equal data")
    return Numbers(values)


def _ordered(counter, tokens=None):
    """Return `Labels`, the most frequent first, equally frequent ones alphabetically."""
    if len(counter) < 2:
        raise ValueError(f"labels must be of at least 2 kinds, got {len(counter)}")
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    names = np.array([name for name, _ in ranked])
    if tokens is not None:
        number = {name: i for i, name in enumerate(names)}
        tokens = np.array([number[token] for token in tokens])
    return Labels(names, np.array([count for _, count in ranked], dtype=np.int64), tokens)


def labels(values):
    """Return `Labels` of a sequence of labels, each counted as its text; none may be missing."""
    series = pd.Series(values)
    if series.isna().any():
        raise ValueError(f"labels must not be missing, got {series.isna().sum()} of {len(series)}")
    return _ordered(Counter(series.astype(str)))


def counts(names, numbers):
    """Return `Labels` of categories that were counted: whole numbers, one for each name."""
    names, found = [str(name) for name in names], validation.finite("numbers", numbers)
    if len(names) != len(found) or len(set(names)) < len(names):
        raise ValueError(
            f"names must be distinct, one for each of {len(found)} numbers, "
            f"got {len(names)}, {len(set(names))} of them distinct"
        )
    if (found < 0).any() or (found != np.floor(found)).any():
        raise ValueError(f"numbers must be counts, got {found[(found < 0) | (found % 1 > 0)][0]}")
    return _ordered({name: int(n) for name, n in zip(names, found, strict=True) if n})


def text(string, tokenizer="words"):
    """Return `Labels` of a text, with its tokens in order.

    The `tokenizer` is ``"words"`` (`collapse.models.ngram.text.tokens`: lower case, no
    punctuation), ``"characters"``, for languages without spaces, or a function of the text.
    """
    from collapse.models.ngram.text import tokens

    known = {"words": tokens, "characters": lambda text: [c for c in text if not c.isspace()]}
    split = tokenizer if callable(tokenizer) else known.get(tokenizer)
    if split is None:
        raise ValueError(f"tokenizer must be words, characters or a function, got {tokenizer!r}")
    found = list(split(string))
    return _ordered(Counter(found), found)


def pictures(source):
    """Return `Numbers` of pictures as rows of pixels, from an array (N, ...) or a folder of files.

    Files are read in grey, 0 to 1, and must all have one size; this needs Pillow.
    """
    if not isinstance(source, str | Path):
        return numbers(source)
    from PIL import Image

    files = sorted(p for p in Path(source).iterdir() if p.suffix.lower() in PICTURES)
    if len(files) < 2:
        raise ValueError(f"source must be a folder of at least 2 pictures, got {len(files)}")
    grey = [np.asarray(Image.open(path).convert("L")) / 255 for path in files]
    shapes = {picture.shape for picture in grey}
    if len(shapes) > 1:
        raise ValueError(f"source must hold pictures of one size, got {len(shapes)} sizes")
    return numbers(np.array(grey).reshape(len(grey), -1))


def _table(path, column, count):
    """Return the columns of a table that were asked for."""
    try:
        if path.suffix in TABLES:
            table = pd.read_csv(path, sep=TABLES[path.suffix], encoding="utf-8")
        else:
            table = pd.read_parquet(path)
    except (OSError, ValueError, UnicodeDecodeError, ImportError) as error:
        raise ValueError(f"path must be a table, got {path.name}: {error}") from None
    if column is None and len(table.columns) == 1 + (count is not None):
        column = next(name for name in table.columns if name != count)
    for name in (column, count) if count is not None else (column,):
        if name not in table.columns:
            known = ", ".join(map(str, table.columns[:20]))
            raise ValueError(f"column must be one of {known}, got {name!r}")
    return table[column], None if count is None else table[count]


def read(path, *, column=None, count=None, as_labels=False, tokenizer="words"):
    """Return the data of a file: `Numbers` or `Labels`.

    - a table (.csv, .tsv, .parquet): its `column` of numbers, or of anything else as labels, or
      of numbers too with `as_labels`; with `count`, the name of another column, a table of counts;
    - an array (.npy): numbers, one row for each datum;
    - a folder: its `pictures`;
    - anything else: a text in UTF-8, with the `tokenizer` of `text`.
    """
    path = Path(path)
    if path.is_dir():
        return pictures(path)
    if not path.is_file():
        raise ValueError(f"path must be a file or a folder, got {str(path)!r}")
    if path.suffix in (*TABLES, ".parquet"):
        values, numbers_of = _table(path, column, count)
        if numbers_of is not None:
            return counts(values, numbers_of)
        return labels(values) if as_labels or values.dtype.kind not in "iuf" else numbers(values)
    if path.suffix == ".npy":
        try:
            return numbers(np.load(path, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"path must be an array of numbers, got {path.name}: {error}"
            ) from None
    from collapse.models.ngram.text import read_text

    return text(read_text(path), tokenizer)
