"""Pure functions on arrays and tables: intervals, shares, modulation, spans. Knows neither models nor files."""
