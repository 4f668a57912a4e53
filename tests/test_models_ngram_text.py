"""Text as words and blocks, whatever the language and the system that stored it."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.protocol import Generated
from collapse.models.ngram.text import Vocabulary, blocks, read_text, split, tokens
from collapse.seeds import seeded

TOKENS = [
    ("", []),
    (" -- ... ' - ", []),
    ("The Union, the UNION!", ["the", "union", "the", "union"]),
    ("the nation's debt", ["the", "nation's", "debt"]),
    ("the nation\N{RIGHT SINGLE QUOTATION MARK}s", ["the", "nation's"]),
    ("the States' rights", ["the", "states", "rights"]),
    ("self-government; pay-as-you-go", ["self", "government", "pay", "as", "you", "go"]),
    ("great\N{NON-BREAKING HYPHEN}granddaughter", ["great", "granddaughter"]),
    ("itself--to reform\N{EM DASH}now", ["itself", "to", "reform", "now"]),
    ("$1,500.25, or 5 percent.", ["1,500.25", "or", "5", "percent"]),
    ("in 1890,1 of 3. 4", ["in", "1890,1", "of", "3", "4"]),
    ("a 50-year plan, the 20th", ["a", "50", "year", "plan", "the", "20th"]),
    ("U.S. ships,then", ["u", "s", "ships", "then"]),
    ("Nicolás snake_case", ["nicolás", "snake", "case"]),
]
LANGUAGES = [
    ("La città è già lì, perché no?", ["la", "città", "è", "già", "lì", "perché", "no"]),
    ("L'ÉLÈVE, l\N{RIGHT SINGLE QUOTATION MARK}œuvre", ["l'élève", "l'œuvre"]),
    ("İstanbul'da", ["i\N{COMBINING DOT ABOVE}stanbul'da"]),
    ("Straße ΟΔΟΣ", ["straße", "οδος"[:-1] + "ς"]),
    ("cel·la col·legi", ["cel·la", "col·legi"]),
    ("हिन्दी में लिखा।", ["हिन्दी", "में", "लिखा"]),
    ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    ("tiếng Việt", ["tiếng", "việt"]),
    ("한국어 문장", ["한국어", "문장"]),
    # right to left, with and without marks of vowels
    ("שָׁלוֹם עולם, צה״ל", ["שָׁלוֹם", "עולם", "צה״ל"]),
    ("السَّلامُ عليكم، ١٢٣", ["السَّلامُ", "عليكم", "١٢٣"]),
    # a non-joiner inside a word spells it; at its end it is nothing
    ("می\N{ZERO WIDTH NON-JOINER}خواهم", ["می\N{ZERO WIDTH NON-JOINER}خواهم"]),
    # without spaces: a run between punctuation marks is one token, unless it is divided
    ("我爱北京。天安门", ["我爱北京", "天安门"]),
    ("ภาษา\N{ZERO WIDTH SPACE}ไทย", ["ภาษา", "ไทย"]),
    # what nobody sees
    ("go\N{SOFT HYPHEN}vern, \N{RIGHT-TO-LEFT MARK}a\N{WORD JOINER}b", ["govern", "ab"]),
    ("\N{COMBINING ACUTE ACCENT} a", ["a"]),
]


@pytest.mark.parametrize(("text", "expected"), TOKENS + LANGUAGES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_tokens_by_hand(text, expected, form):
    composed = [unicodedata.normalize("NFC", word) for word in expected]
    assert tokens(unicodedata.normalize(form, text)) == composed


@given(st.text())
def test_tokens_are_the_same_however_they_are_stored(text):
    found = tokens(text)
    assert found == tokens(unicodedata.normalize("NFD", text))
    assert all(word and not word.isspace() and tokens(word) == [word] for word in found)


@pytest.mark.parametrize("bad", [3, None, b"bytes"])
def test_tokens_refuses_what_is_not_text(bad):
    with pytest.raises(ValueError, match="text must be a string, got"):
        tokens(bad)


def test_vocabulary_by_hand():
    vocabulary = Vocabulary.of(["The union, the STATES", "the union of states and states"])
    assert vocabulary.words == ("<unk>", "states", "the", "union", "and", "of")
    assert len(vocabulary) == 6
    ids = vocabulary.encode("Of the people: union!")
    assert ids.tolist() == [5, 2, 0, 3] and ids.dtype == np.int32
    assert vocabulary.decode(ids) == "of the <unk> union"
    assert vocabulary.encode("").shape == (0,)
    assert Vocabulary.of(["a a b c c"], size=1).words == ("<unk>", "a")
    assert Vocabulary.of(["a a b c c"], minimum=2).words == ("<unk>", "a", "c")


def test_prompts_with_unknown_words_are_continued():
    vocabulary = Vocabulary.of(["we the people of the union the people"])
    model = FitNGram(3, len(vocabulary))(
        blocks([vocabulary.encode("we the people of the union")], 6)
    )
    unknown = vocabulary.encode("xylophones of zanzibar")
    assert unknown.tolist() == [0, vocabulary.words.index("of"), 0]
    # what nobody has seen leaves the words themselves to say what comes
    law = model.next_law(unknown[None])[0]
    np.testing.assert_allclose(law, model.next_law(vocabulary.encode("union")[None])[0])
    assert model.generate(1, seeded(0), prompts=unknown[None]).shape == (1, 6)


def test_blocks_by_hand():
    cut = blocks([np.arange(7), np.arange(2), np.arange(10, 13)], 3)
    assert cut.tolist() == [[0, 1, 2], [3, 4, 5], [10, 11, 12]] and cut.dtype == np.int32


def test_splits_are_random_and_complete():
    parts = split(list("abcdefghij"), (0.5, 0.3, 0.2), seeded(1))
    assert [len(part) for part in parts] == [5, 3, 2]
    assert sorted(letter for part in parts for letter in part) == list("abcdefghij")
    assert all(part == sorted(part) for part in parts)
    assert parts != split(list("abcdefghij"), (0.5, 0.3, 0.2), seeded(2))


def test_one_text_from_several_systems_is_one_text(tmp_path):
    path, text = tmp_path / "text.txt", "Déjà vu,\nl'été: città"
    for form in ("NFC", "NFD"):
        for line in ("\n", "\r\n"):
            stored = unicodedata.normalize(form, text).replace("\n", line)
            for encoding in ("utf-8", "utf-8-sig", "utf-16"):
                path.write_bytes(stored.encode(encoding))
                assert tokens(read_text(path)) == tokens(text)
    for encoding, said in (("latin-1", "UTF-8.*byte 1"), ("utf-16-le", "UTF-8.*(zero bytes|byte)")):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(ValueError, match=f"path must be a file in {said}"):
            read_text(path)
    for empty in ("", " \n", "?!"):
        path.write_text(empty)
        with pytest.raises(ValueError, match="path must be a file with at least one word"):
            read_text(str(path))
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "missing.txt")


BAD = [
    ("texts", lambda: Vocabulary.of([])),
    ("texts", lambda: Vocabulary.of(["..."])),
    ("texts", lambda: Vocabulary.of(["a b"], minimum=2)),
    ("texts", lambda: Vocabulary.of("one string")),
    ("text", lambda: Vocabulary.of([3])),
    ("size", lambda: Vocabulary.of(["a"], size=0)),
    ("minimum", lambda: Vocabulary.of(["a"], minimum=0)),
    ("words", lambda: Vocabulary(("a", "a"))),
    ("words", lambda: Vocabulary(("<unk>",))),
    ("words", lambda: Vocabulary(())),
    ("numbers", lambda: Vocabulary(("a",)).decode(np.array([2]))),
    ("documents", lambda: blocks([np.arange(5)], 6)),
    ("documents", lambda: blocks([], 6)),
    ("documents", lambda: blocks([np.zeros(9)], 6)),
    ("documents", lambda: blocks([np.zeros((9, 9), int)], 6)),
    ("length", lambda: blocks([np.arange(5)], 0)),
    ("shares", lambda: split([1, 2, 3], (0.5, 0.4), seeded(0))),
    ("shares", lambda: split([1, 2], (0.5, 0.4, 0.1), seeded(0))),
    ("prompts", lambda: Generated(prompts=np.zeros(4, int))),
    ("prompts", lambda: Generated(prompts=[["a"]])),
]


@pytest.mark.parametrize(("name", "call"), BAD)
def test_bad_text(name, call):
    with pytest.raises(ValueError, match=rf"\b{name}\b must"):
        call()
