"""Word n-grams: counts, smoothing, back-off, decoding and text."""
