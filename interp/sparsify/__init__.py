"""Sparse post-training: a dense model in, a sparse checkpoint and a training report out (arXiv 2512.05865)."""
