"""The run folder: schemas of the tables, atomic writes, resume."""
