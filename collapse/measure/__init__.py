"""What is measured: distances, mixtures, the three errors, the definitions of collapse."""
