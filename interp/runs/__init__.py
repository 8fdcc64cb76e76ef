"""What a YAML can ask for: one life cycle for all kinds of run, and a folder for each kind."""
