"""What a probe sees of a model and its prompts, and the rows of the effects table that it gets."""
