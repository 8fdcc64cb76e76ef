"""Python for a notebook: load a model, ask it about prompts, get a frame, draw it. No YAML, no disk (docs/notebook.md)."""
