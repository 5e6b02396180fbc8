"""Notices a server that cuts prompts in silence: the prompt tokens that it reports stop growing with the prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fliptrace.core.messages import Message
from fliptrace.models.hosted.budget import count_about

_LEAST_TOKENS = 512  # no context is shorter; a shorter report may be made up
_NUM_PROMPTS = 3  # that differ in length and not in the report: two may do so by chance
_LEAST_GROWTH = 1.1  # from the shortest of them to the longest


@dataclass
class PromptLengths:
    """The longest report so far, and the estimated lengths of the prompts for which it was given, in tokens."""

    most_tokens: int = 0
    lengths: set[int] = field(default_factory=set)

    def add(self, messages: Sequence[Message], num_tokens: int) -> None:
        """Take note of a prompt and of the tokens that the server reports for it."""
        if num_tokens > self.most_tokens:
            self.most_tokens, self.lengths = num_tokens, set()
        if num_tokens == self.most_tokens:
            self.lengths.add(count_about(messages))

    @property
    def is_cut(self) -> bool:
        """Whether several prompts of different lengths were reported as equally long, and none as longer."""
        if self.most_tokens < _LEAST_TOKENS or len(self.lengths) < _NUM_PROMPTS:
            return False
        return max(self.lengths) >= _LEAST_GROWTH * min(self.lengths)

    def remark(self) -> str:
        """What a user should know, as a sentence that follows the model's name."""
        return (
            f"reports {self.most_tokens:,} prompt tokens for prompts of different lengths: it seems to cut what is "
            "longer. Give its context in --context, or let the server have a longer one"
        )
