"""The mark of a config's field that names a file or folder outside the run: `path: Annotated[str, EXTERNAL]`.

What such files hold is part of what a run was made from (interp.results.inputs), for everybody's tasks as for ours.
"""

from __future__ import annotations


class External:
    """The value of a field with this mark is a path that the run reads from."""


EXTERNAL = External()
