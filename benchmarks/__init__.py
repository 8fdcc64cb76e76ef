"""Side-by-side measurements: our engine, other libraries doing the same work, and the arithmetic floor.

Start with `make benchmark`. The rivals are an optional extra (`pip install '.[benchmark]'`); nothing else needs them.
"""

import os

# Before transformers and tqdm are imported: no look-ups at a hub, no bars of other libraries inside ours.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
