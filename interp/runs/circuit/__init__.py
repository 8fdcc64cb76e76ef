"""Probes on one model: from a config to a study, to tables, to a report."""
