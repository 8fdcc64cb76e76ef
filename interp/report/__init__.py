"""The report: Markdown and one self-contained HTML page, from the tables of a run alone."""
