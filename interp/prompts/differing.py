"""Where clean and corrupted prompts differ, and the hops by which attention can carry the difference to the query."""

from __future__ import annotations

from dataclasses import dataclass

from interp.errors import UserError
from interp.prompts.pairs import PromptSet
from interp.prompts.pieces import barred


@dataclass(frozen=True)
class Roads:
    """Positions (people's) between which the difference of a prompt set's two runs can travel.

    `sources` are those at which any pair's tokens differ, `query` is where the metric is read.
    """

    sources: tuple[int, ...]
    query: int

    @property
    def middles(self) -> tuple[int, ...]:
        """Positions after the first source, before the query, whose own tokens are the same in both prompts."""
        return tuple(place for place in range(self.sources[0] + 1, self.query) if place not in self.sources)

    @property
    def hops(self) -> tuple[tuple[int, int], ...]:
        """(key, query) of every edge that can carry the difference on; between two sources it is not carried away."""
        places = range(self.sources[0], self.query + 1)
        pairs = [(key, query) for query in places for key in places if key < query]
        return tuple((key, query) for key, query in pairs if not {key, query} <= set(self.sources))


def roads_of(prompts: PromptSet) -> Roads:
    """UserError where the two prompts are the same up to the query, or differ at the query itself."""
    differ = (prompts.clean != prompts.corrupted).any(dim=0)[prompts.bos :].tolist()
    query = prompts.query_index - prompts.bos + 1
    sources = tuple(place for place, different in enumerate(differ, start=1) if different and place <= query)
    if not sources:
        raise UserError(
            f"clean and corrupted prompt have the same tokens up to the query: {barred(prompts.clean_tokens[0])}"
        )
    if query in sources:
        raise UserError(
            f"clean and corrupted prompt differ at the query itself (token {query} of {barred(prompts.clean_tokens[0])}), so "
            "that nothing has to travel; use a corruption that leaves the query's token as it is"
        )
    return Roads(sources, query)
