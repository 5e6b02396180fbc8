"""The part of a reply that is meant for the reader: what stands after the thoughts of a reasoning model.

Servers that do not separate thoughts send them in the reply. Marks of thoughts: `<think>` (DeepSeek-R1, Qwen3),
`[THINK]` (Magistral), and gpt-oss's channels.
"""

from __future__ import annotations

import re

_TAG = "(?:think|thinking|thoughts?|reasoning)"
_OPEN = re.compile(rf"<{_TAG}>|\[THINK\]|<\|channel\|>\s*analysis\b", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_TAG}>|\[/THINK\]|<\|channel\|>\s*final\s*<\|message\|>", re.IGNORECASE)


def cut_thoughts(text: str) -> str:
    """The reply after its thoughts, or all of it if it has none; "" if the thoughts do not end.

    The template may have opened the thoughts, so that only their end stands in the reply. A thought that opens again
    and does not end may revise everything before it.

    >>> cut_thoughts("<think>1 or 2?</think>Triggers: 2"), cut_thoughts("1 or 2?</think> Triggers: 2")
    ('Triggers: 2', 'Triggers: 2')
    >>> cut_thoughts("<think>\\nTriggers: 1"), cut_thoughts("Triggers: 2")
    ('', 'Triggers: 2')
    """
    *_, end = [0, *(match.end() for match in _CLOSE.finditer(text))]
    visible = text[end:].lstrip() if end else text
    return "" if _OPEN.search(visible) else visible
