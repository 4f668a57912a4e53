"""From text to blocks of integers, and back."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from collapse import validation

UNKNOWN = "<unk>"


# Word characters, joined inside by an apostrophe, or by a comma or point between digits.
_TOKEN = re.compile(r"[^\W_]+(?:(?:'|(?<=\d)[.,](?=\d))[^\W_]+)*")
_PLAIN = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'"})


def tokens(text):
    """Return the words and numbers of a text in lower case, without punctuation.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        The tokens, in the order of the text.

    Raises
    ------
    ValueError
        If `text` is not a string.

    Notes
    -----
    A token is an unbroken run of letters and digits, together with what an apostrophe joins to
    it (``nation's``) and, inside a number, a comma or a point (``1,500.25``). Hyphens split,
    because part of the source prints dashes as bare hyphens; so do full stops: ``U.S.`` is ``u``
    and ``s``. The addresses have 1,803,885 such tokens of 28,231 types, 10,328 of which occur
    once.
    """
    try:
        plain = text.translate(_PLAIN)
    except (AttributeError, TypeError):
        raise ValueError(f"text must be a string, got {text!r}") from None
    return _TOKEN.findall(plain.lower())


def read_text(path):
    """Read a text of your own.

    Parameters
    ----------
    path : str or path
        A file in UTF-8.

    Returns
    -------
    str
        The text.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not UTF-8, or holds no word.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path must be a file in UTF-8, got {str(path)!r}, which is not at byte {error.start}"
        ) from None
    if not tokens(text):
        raise ValueError(f"path must be a file with at least one word, got {str(path)!r}")
    return text


@dataclass(frozen=True)
class Vocabulary:
    """Words and their numbers.

    Parameters
    ----------
    words : tuple of str
        The words 1, 2, ... in order, the most frequent first; 0 is the unknown word ``<unk>``.

    Raises
    ------
    ValueError
        If a word occurs twice, or there is none.
    """

    words: tuple

    def __post_init__(self):
        words = (UNKNOWN, *self.words)
        if len(words) == 1 or len(set(words)) < len(words):
            raise ValueError(
                f"words must be distinct, without {UNKNOWN!r}, and at least one, "
                f"got {len(words) - 1} of which {len(set(words)) - 1} are distinct"
            )
        object.__setattr__(self, "words", words)

    @classmethod
    def of(cls, texts, size=None, minimum=1):
        """Return the vocabulary of texts.

        Parameters
        ----------
        texts : iterable of str
            The texts, for instance of the addresses in the training set.
        size : int, optional
            How many words are known, without the unknown one; all by default.
        minimum : int
            How often a word must occur to be known.

        Returns
        -------
        Vocabulary
            The most frequent words, equally frequent ones alphabetically.

        Raises
        ------
        ValueError
            If `texts` hold no word that occurs often enough, or a limit is not positive.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be several, got one string of {len(texts)} characters")
        size = None if size is None else validation.integer("size", size, 1)
        minimum = validation.integer("minimum", minimum, 1)
        counter = Counter()
        for text in texts:
            counter.update(tokens(text))
        known = sorted((-n, word) for word, n in counter.items() if n >= minimum)[:size]
        if not known:
            raise ValueError(
                f"texts must hold a word at least {minimum} times, "
                f"got {counter.total()} words that do not"
            )
        return cls(tuple(word for _, word in known))

    def __len__(self):
        return len(self.words)

    @cached_property
    def _numbers(self):
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, text):
        """Return the numbers of the words of a text, shape (n,); unknown words are 0."""
        get = self._numbers.get
        return np.array([get(word, 0) for word in tokens(text)], dtype=np.int32)

    def decode(self, numbers):
        """Return the words with these numbers, shape (n,), as one string."""
        numbers = validation.categories("numbers", numbers, len(self))
        return " ".join(self.words[number] for number in numbers.tolist())


def blocks(documents, length=64):
    """Cut encoded documents into blocks.

    Parameters
    ----------
    documents : sequence of ndarray of int, shape (n,)
        The documents; what is left at the end of each is dropped.
    length : int
        The number of words in a block; the paper uses 64.

    Returns
    -------
    ndarray of int32, shape (size, length)
        The blocks, in order.

    Raises
    ------
    ValueError
        If no document is as long as a block, or a document is no array of integers.
    """
    length = validation.integer("length", length, 1)
    cut, longest = [np.empty((0, length), dtype=np.int32)], 0
    for document in documents:
        ids = np.asarray(document)
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise ValueError(
                "documents must be arrays of integers of shape (n,), "
                f"got {ids.dtype} of shape {ids.shape}"
            )
        whole, longest = len(ids) // length, max(longest, len(ids))
        cut.append(ids[: whole * length].reshape(whole, length).astype(np.int32))
    together = np.concatenate(cut)
    if not len(together):
        raise ValueError(
            f"documents must hold one of at least {length} words, got at most {longest}"
        )
    return together


def split(items, shares, rng):
    """Split items at random, for instance addresses into training, validation and test.

    Parameters
    ----------
    items : sequence
        What is split: addresses, or blocks along their first axis.
    shares : sequence of float
        The share of each part; they sum to one.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    list of list
        The parts, each in the order of `items`.

    Raises
    ------
    ValueError
        If the shares do not sum to one, or a part is empty.
    """
    shares = validation.probabilities("shares", shares)
    ends = np.round(np.cumsum(shares) * len(items)).astype(int)
    parts = np.split(rng.permutation(len(items)), ends[:-1])
    if min(map(len, parts)) == 0:
        raise ValueError(f"shares must leave no part of {len(items)} items empty, got {shares}")
    return [[items[i] for i in np.sort(part)] for part in parts]


@dataclass(frozen=True, init=False, eq=False)
class Corpus:
    """Real text as generation 0: its blocks, drawn without replacement.

    Parameters
    ----------
    blocks : array_like of int, shape (..., B, length)
        The blocks, of the same text for all chains or of one text for each.

    Raises
    ------
    ValueError
        If `blocks` are not integers of that shape.
    """

    blocks: np.ndarray

    def __init__(self, blocks):
        blocks = validation.categories("blocks", blocks, 2**31)
        if blocks.ndim < 2 or blocks.size == 0:
            raise ValueError(f"blocks must have shape (..., B, length), got {blocks.shape}")
        self.__dict__.update(blocks=blocks.astype(np.int32))

    @classmethod
    def _of(cls, blocks):
        corpus = object.__new__(cls)
        corpus.__dict__.update(blocks=blocks)
        return corpus

    def __getitem__(self, index):
        """Return the corpora at an index of the batch, for instance that of one chain."""
        return Corpus._of(self.blocks[index])

    def broadcast(self, chains):
        """Lay the text over a batch of chains, shape (chains,)."""
        return Corpus._of(np.broadcast_to(self.blocks, (chains, *self.blocks.shape[-2:])))

    def sample(self, size, rng):
        """Draw ``size`` blocks for each chain, shape (..., size, length); all come in order."""
        most = self.blocks.shape[-2]
        if size > most:
            raise ValueError(f"size must be at most the {most} blocks of the text, got {size}")
        if size == most:
            return self.blocks
        rows = self.blocks.reshape(-1, *self.blocks.shape[-2:])
        drawn = [blocks[np.sort(rng.choice(most, size, replace=False))] for blocks in rows]
        return np.reshape(drawn, (*self.blocks.shape[:-2], size, self.blocks.shape[-1]))

    def log_probabilities(self, blocks):
        """Return NaN for each word of blocks, shape (..., size, length): a text has no law."""
        return np.full((*self.blocks.shape[:-2], *np.shape(blocks)[-2:]), np.nan)
