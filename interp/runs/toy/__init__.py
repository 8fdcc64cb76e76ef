"""A model small enough to see through: it learns two-digit addition from scratch, dense, and is then made sparse."""
