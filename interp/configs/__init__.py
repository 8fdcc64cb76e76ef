"""From a YAML's text to a validated config: the registry of what it can name, and every mistake in the YAML's words."""
