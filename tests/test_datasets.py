"""The shipped data are what was released, load in order, and say so clearly when damaged."""

import gzip
import hashlib
import json
import lzma
import shutil

import numpy as np
import pytest

from companion import datasets
from companion.datasets import (
    Corpus,
    DamagedDataError,
    corpus,
    digits,
    pieces,
    state_of_the_union,
    word_counts,
)

IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
NAME = "state_of_the_union.jsonl.xz"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the data folder that a test may damage, with nothing kept in memory."""
    folder = tmp_path / "data"
    shutil.copytree(datasets.DATA, folder)
    monkeypatch.setattr(datasets, "DATA", folder)
    kept = [state_of_the_union, datasets._shipped_digits]
    for function in kept:
        function.cache_clear()
    yield folder
    for function in kept:
        function.cache_clear()


def test_addresses_are_complete_and_in_order():
    addresses = state_of_the_union()
    years = [address.year for address in addresses]
    assert len(addresses) == 233
    assert years == sorted(years)
    assert (years[0], years[-1]) == (1790, 2021)
    assert set(range(1790, 2022)) - set(years) == {1933}
    twice = [(a.year, a.president) for a in addresses if years.count(a.year) == 2]
    assert twice == [
        (1953, "Harry S Truman"),
        (1953, "Dwight D Eisenhower"),
        (1961, "Dwight D Eisenhower"),
        (1961, "John F Kennedy"),
    ]


def test_texts_are_clean():
    texts = [address.text for address in state_of_the_union()]
    assert len(set(texts)) == 233
    assert all(text == " ".join(text.split()) for text in texts)
    assert min(len(text.split()) for text in texts) > 900
    assert not any("&quot;" in text or "\x02" in text or "\ufffd" in text for text in texts)


def test_file_is_the_canonical_form_of_the_records():
    lines = lzma.decompress((datasets.DATA / NAME).read_bytes()).decode()
    dumped = (json.dumps(vars(a), ensure_ascii=False) + "\n" for a in state_of_the_union())
    assert lines == "".join(dumped)


def test_word_counts_by_hand():
    words, counts = word_counts(["b a b c", "C; d, B"])
    assert words.tolist() == ["b", "c", "a", "d"]
    assert counts.tolist() == [3, 2, 1, 1]
    assert counts.dtype == np.int64


def test_the_corpus_is_chosen_by_one_setting(tmp_path, monkeypatch):
    shipped = corpus()
    assert shipped.about.startswith(f"{shipped.name} of the presidents")
    assert shipped.documents[7] == state_of_the_union()[7].text
    assert (shipped.size, shipped.types, shipped.frequent) == (1_803_885, 28_231, "the")
    book = tmp_path / "Libro mio.txt"
    book.write_text("la città " * 700 + "la", encoding="utf8")
    monkeypatch.setenv("COLLAPSE_CORPUS", str(book))
    assert corpus().name == "“Libro mio”"
    assert corpus().about == "“Libro mio”, cut into 10 documents"
    assert (corpus().size, corpus().types, corpus().frequent) == (1401, 2, "la")
    assert word_counts()[1].tolist() == [701, 700]
    (tmp_path / "Altro.txt").write_text("più")
    monkeypatch.setenv("COLLAPSE_CORPUS", str(tmp_path))
    assert corpus() == Corpus(*[f"“{tmp_path.name}”"] * 2, ("più", "la città " * 700 + "la"))
    monkeypatch.setattr(datasets, "ROOT", tmp_path)
    monkeypatch.setenv("COLLAPSE_CORPUS", book.name)  # relative to the repository
    assert corpus().size == 1401
    for missing in ("nowhere.txt", f"{tmp_path}/none/"):
        monkeypatch.setenv("COLLAPSE_CORPUS", missing)
        with pytest.raises(ValueError, match="COLLAPSE_CORPUS must be a file of text or a folder"):
            corpus()


def test_pieces():
    text = " ".join(f"w{i % 40}" for i in range(16_000))
    parts = pieces(text, 12)
    assert len(parts) == 12 and " ".join(parts) == text
    assert [len(pieces(text)), len(pieces(text * 10))] == [125, 200]
    for bad in ("too short", "a " * 1279):
        with pytest.raises(ValueError, match="text must have at least 1280 words"):
            pieces(bad)
    with pytest.raises(ValueError, match="most must be"):
        pieces(text, 9)


def test_vocabulary_of_the_whole_corpus():
    words, counts = word_counts()
    assert (counts.sum(), len(words), (counts == 1).sum()) == (1_803_885, 28_231, 10_328)
    assert words[:3].tolist() == ["the", "of", "and"]
    assert len(set(words.tolist())) == len(words)
    keys = list(zip((-counts).tolist(), words.tolist(), strict=True))
    assert keys == sorted(keys)
    assert word_counts()[0] is words
    assert not words.flags.writeable and not counts.flags.writeable


def test_one_flipped_bit_is_noticed(copy):
    content = bytearray((copy / NAME).read_bytes())
    released = hashlib.sha256(content).hexdigest()
    content[len(content) // 2] ^= 1
    (copy / NAME).write_bytes(content)
    with pytest.raises(DamagedDataError) as caught:
        state_of_the_union()
    message = str(caught.value)
    found = hashlib.sha256(content).hexdigest()
    assert all(part in message for part in (NAME, released, found, "Reinstall", "git checkout"))


@pytest.mark.parametrize("missing", [NAME, "SHA256SUMS"])
def test_missing_file_is_noticed(copy, missing):
    (copy / missing).unlink()
    with pytest.raises(DamagedDataError, match=f"cannot read .*{missing}.*Reinstall"):
        state_of_the_union()


# --- digits ----------------------------------------------------------------------------------


def test_the_shipped_digits():
    shipped = digits()
    assert shipped.images.shape == (5000, 784)
    assert shipped.images.dtype == np.float32
    assert (shipped.images.min(), shipped.images.max()) == (0, 1)
    assert (np.bincount(shipped.labels) == 500).all()
    # those of the source, to the four digits that are known of it
    assert (round(shipped.images.mean(), 4), round(shipped.images.std(), 4)) == (0.1313, 0.3086)
    assert len({image.tobytes() for image in shipped.images}) == 5000
    assert digits() is shipped
    assert not shipped.images.flags.writeable and not shipped.labels.flags.writeable
    sizes = [path.stat().st_size for path in datasets.DATA.iterdir() if "digits" in path.name]
    assert sum(sizes) < 900_000


def test_the_order_of_the_digits_knows_nothing_of_them():
    shipped = digits()
    order = [hashlib.sha256(i.tobytes()).digest() for i in (255 * shipped.images).astype(np.uint8)]
    assert order == sorted(order)


def test_split_keeps_order_and_loses_nothing():
    whole = digits()
    train, held_out = whole.split(600)
    assert (len(train.labels), len(held_out.labels)) == (4400, 600)
    np.testing.assert_array_equal(np.concatenate([train.images, held_out.images]), whole.images)
    np.testing.assert_array_equal(np.concatenate([train.labels, held_out.labels]), whole.labels)
    for bad in (0, 5000, 1.5):
        with pytest.raises(ValueError, match="held_out must be"):
            whole.split(bad)


def test_damaged_digits_are_noticed(copy):
    for name in (IMAGES, LABELS):
        file = copy / f"digits.{name}.xz"
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        with pytest.raises(DamagedDataError, match=f"digits.{name}.xz .* damaged"):
            digits()
        file.write_bytes(content)
    assert len(digits().labels) == 5000


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


PICTURES = np.arange(3 * 4 * 5).reshape(3, 4, 5) * 4


def write(folder, images, labels, pack=lambda content: content, ending=""):
    for name, content in ((IMAGES, images), (LABELS, labels)):
        (folder / f"train-{name}{ending}").write_bytes(pack(content))
    return folder


@pytest.mark.parametrize("kind", [str, lambda path: path])
@pytest.mark.parametrize(("pack", "ending"), [(bytes, ""), (gzip.compress, ".gz")])
def test_digits_of_a_folder(tmp_path, kind, pack, ending):
    write(tmp_path, idx(PICTURES), idx(np.array([7, 0, 9])), pack, ending)
    read = digits(kind(tmp_path))
    np.testing.assert_array_equal(read.images, PICTURES.reshape(3, 20).astype(np.float32) / 255)
    np.testing.assert_array_equal(read.labels, [7, 0, 9])
    assert read.images.dtype == np.float32


GOOD, THREE = idx(PICTURES), idx(np.zeros(3))
DAMAGED = {
    "truncated": (GOOD[:-1], THREE),
    "too long": (GOOD, THREE + b"0"),
    "only a magic number": (GOOD[:4], THREE),
    "empty": (GOOD, b""),
    "no pictures": (idx(PICTURES[:0]), idx(np.zeros(0))),
    "another type": (GOOD, bytes([0, 0, 13]) + THREE[3:]),
    "exchanged": (THREE, GOOD),
    "not IDX": (GOOD, b"label\n3\n1\n4\n"),
    "lengths beyond reason": (GOOD[:4] + b"\xff" * 12 + GOOD[16:], THREE),
}


@pytest.mark.parametrize("contents", DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_idx_is_refused(tmp_path, contents):
    with pytest.raises(ValueError, match=r"path must hold an IDX file (images|labels)-idx"):
        digits(write(tmp_path, *contents))


def test_other_bad_folders(tmp_path):
    for path in (tmp_path / "nowhere", 3, b"bytes"):
        with pytest.raises(ValueError, match="path must be a folder, got"):
            digits(path)
    with pytest.raises(ValueError, match=rf"folder with train-{IMAGES} or train-{IMAGES}.gz"):
        digits(tmp_path)
    write(tmp_path, GOOD, idx(np.zeros(4)))
    with pytest.raises(ValueError, match="one label a picture, got 3 and 4"):
        digits(tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    for broken in (gzip.compress(GOOD)[:-9], GOOD, gzip.compress(GOOD)[:15] + b"x" * 30):
        write(tmp_path, broken, gzip.compress(THREE), ending=".gz")
        with pytest.raises(ValueError, match=f"readable files: train-{IMAGES}.gz"):
            digits(tmp_path)
