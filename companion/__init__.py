"""What makes this book: checks, claims, experiments, data and the figures of single chapters."""
