"""Runs beside each other: what lies in a folder of runs, and how two of them differ. It reads files, and needs no model."""
