"""From text to blocks of integers, and back."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from collapse import validation

UNKNOWN = "<unk>"


def tokens(text):
    """Return the words and numbers of a text in lower case, without punctuation, as a list.

    A token is an unbroken run of letters and digits with their combining marks, together with what
    an apostrophe, a middle dot or a Hebrew gershayim joins to it (``nation's``) and, inside a
    number, a comma or a point (``1,500.25``). Hyphens and full stops split: ``U.S.`` is ``u`` and
    ``s``. However a system stores an accent, the word is the same: texts are normalised to
    Unicode's composed form (NFC). Format characters, such as soft hyphens and the marks of writing
    direction, are taken out; but a zero-width space divides words, and a zero-width joiner or
    non-joiner inside a word is part of its spelling. Writing that has no spaces gives one token
    from one punctuation mark to the next: put spaces in first.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a string, got {validation.short(text)}")
    plain = text.lower()
    if plain.isascii():
        return _pattern("").findall(plain)
    plain = unicodedata.normalize("NFC", plain)
    kinds = {sign: unicodedata.category(sign) for sign in set(plain)}
    dropped = {ord(sign): None for sign, kind in kinds.items() if kind == "Cf"} | _SPECIAL
    marks = [sign for sign, kind in kinds.items() if kind[0] == "M" or sign in _JOINERS]
    return _pattern("".join(sorted(marks))).findall(plain.translate(dropped))


_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_SPECIAL = {ord(sign): sign for sign in _JOINERS}
_SPECIAL |= {ord("\N{ZERO WIDTH SPACE}"): " ", ord("\N{RIGHT SINGLE QUOTATION MARK}"): "'"}


@cache
def _pattern(marks):
    """Return the pattern of a token in a text that has these marks."""
    run = r"[^\W_]+" if not marks else rf"[^\W_](?:[^\W_]|[{marks}])*"
    inside = "'\N{MIDDLE DOT}\N{HEBREW PUNCTUATION GERSHAYIM}"
    return re.compile(rf"{run}(?:(?:[{inside}]|(?<=\d)[.,](?=\d)){run})*")


def read_text(path):
    """Read a text of your own: a file in UTF-8, or in UTF-16 if it begins with the mark of that."""
    content = Path(path).read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path must be a file in UTF-8, got {str(path)!r}, which is not at byte {error.start}"
        ) from None
    if "\0" in text:
        raise ValueError(
            f"path must be a file in UTF-8, got {str(path)!r}, which has zero bytes as UTF-16 "
            "without a mark at its beginning does"
        )
    if not tokens(text):
        raise ValueError(f"path must be a file with at least one word, got {str(path)!r}")
    return text


@dataclass(frozen=True)
class Vocabulary:
    """Words and their numbers: `words`, the most frequent first, are 1, 2, ... and ``<unk>`` 0."""

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
        """Return the vocabulary of `texts`, an iterable of strings.

        The `size` most frequent words, by default all, that occur at least `minimum` times;
        equally frequent ones alphabetically.
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
    """Cut encoded `documents`, each of shape (n,), into blocks, shape (size, length), int32.

    They come in order; what is left at the end of each document is dropped. The paper's `length` is
    64.
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
    """Split `items` at random into parts with these `shares`, which sum to one: a list of lists.

    Each part is in the order of the items, for instance documents for training, validation, test.
    """
    shares = validation.probabilities("shares", shares)
    ends = np.round(np.cumsum(shares) * len(items)).astype(int)
    parts = np.split(rng.permutation(len(items)), ends[:-1])
    if min(map(len, parts)) == 0:
        raise ValueError(f"shares must leave no part of {len(items)} items empty, got {shares}")
    return [[items[i] for i in np.sort(part)] for part in parts]
