"""Two models under one definition: the same prompts, probes and statistics, and paired differences."""
