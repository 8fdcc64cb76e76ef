"""How numbers, counts, sources and tokens are written, the same in figures, reports and on the terminal."""
