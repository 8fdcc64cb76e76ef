"""What is made of the docs: the reference pages, from docstrings and schemas, and the drawings of the concepts.

`python -m docsite` writes them into docs/; they are kept in the repository, so that they can be read without building the site,
and a test holds them against what would be written now.
"""
