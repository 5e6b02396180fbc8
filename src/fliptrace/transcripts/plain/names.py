"""Find who speaks in a plain text, by evidence over the whole file.

Every line may begin with a name: before a colon, in brackets, before a dash, a tab, a dot or a gap. A prefix is a name
if it repeats, alternates with others, or looks like a person or a role; `Listen:`, `Step 1:` or `Total:` inside speech
is not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.transcripts.plain.decisions import decide, facts_among, regular_keys, without_fields
from fliptrace.transcripts.plain.inline_turns import names_inside
from fliptrace.transcripts.plain.looks import key_of
from fliptrace.transcripts.plain.page import Line
from fliptrace.transcripts.plain.prefixes import Candidate, Head, at_colon
from fliptrace.transcripts.plain.shapes import SHAPES

_SAMPLE = 1_000  # lines that show whether a separator is used at all


class Found(NamedTuple):
    """The heads by index of line, and in `rejected` the prefixes that are not names, with their line numbers.

    `splits` are the names at which turns may begin inside a line, `facts` the lines above the first turn that list the
    speakers.
    """

    heads: dict[int, Head]
    rejected: dict[str, list[int]]
    splits: dict[str, str]
    facts: frozenset[int] = frozenset()


def find_names(page: Sequence[Line], given: Sequence[str] = (), has_headers: bool = False) -> Found:
    """Decide which prefixes of the lines are names. `has_headers`: names above the words were found already."""
    wanted = frozenset(map(key_of, given))
    colons = [each for i, line in enumerate(page) if (each := at_colon(i, line)) is not None]
    facts = facts_among(colons, page)
    colons = without_fields([each for each in colons if each.index not in facts], page)
    inside = names_inside(colons, wanted)
    accepted = decide(colons, page, wanted, inside)
    heads = {each.index: each for each in colons if each.key in accepted}
    if len(heads) < 0.5 * len(page) and not has_headers:
        heads, accepted = _with_other_shapes(heads, accepted, page, wanted)
    rejected: dict[str, list[int]] = defaultdict(list)
    for each in colons:
        if each.index not in heads and _is_worth_a_note(each):
            rejected[each.name].append(page[each.index].number)
    shown: dict[str, str] = {}
    for each in heads.values():
        shown.setdefault(each.key, each.name)
    for key, name in inside.items():
        if key in accepted:
            shown.setdefault(key, name)
    shown |= _short_names(shown)
    ready = {index: Head(_spelled(each, shown), each.text, each.stamp, each.cues) for index, each in heads.items()}
    return Found(ready, dict(rejected), shown, facts)


def _spelled(each: Candidate, shown: dict[str, str]) -> str:
    """The name as it is written on this line, or the full name if it is a short one."""
    return each.name if key_of(shown[each.key]) == each.key else shown[each.key]


def _short_names(shown: dict[str, str]) -> dict[str, str]:
    """The full names of short ones, as broadcasters write them: `ANA LEE, HOST:` at first, then `LEE:`."""
    full = {key: name.partition(",")[0] for key, name in shown.items() if "," in name and name.isupper()}
    full = {key: name for key, name in full.items() if len(name.split()) >= 2}
    by_last = Counter(name.split()[-1].casefold() for name in full.values())
    short = {name.split()[-1].casefold(): name for name in full.values() if by_last[name.split()[-1].casefold()] == 1}
    used = {last: name for last, name in short.items() if last in shown}
    return {**{key: name for key, name in full.items() if name in used.values()}, **used}


def _with_other_shapes(
    heads: dict[int, Candidate], accepted: set[str], page: Sequence[Line], wanted: frozenset[str]
) -> tuple[dict[int, Candidate], set[str]]:
    """The heads with a separator other than a colon, instead of those with one or in addition (`Q.`, `THE COURT:`)."""
    at_colon, best = dict(heads), len(heads)
    for shape in SHAPES:
        sample = sum(shape(i, line) is not None for i, line in enumerate(page[:_SAMPLE]))
        if sample < 0.1 * min(len(page), _SAMPLE) and not wanted:
            continue
        others = [each for i, line in enumerate(page) if (each := shape(i, line)) is not None]
        found = regular_keys(others, page, wanted, shape)
        rest = [each for each in others if each.index not in at_colon]
        beside = regular_keys(rest, [line for i, line in enumerate(page) if i not in at_colon], wanted, shape)
        own = {each.index: each for each in others if each.key in found}
        both = {each.index: each for each in rest if each.key in beside} | at_colon
        for option, keys in ((own, found), (both if beside else {}, beside | accepted)):
            if len(option) > best:
                heads, best, accepted = option, len(option), keys
        if best >= 0.8 * len(page):
            break
    return heads, accepted


def _is_worth_a_note(each: Candidate) -> bool:
    words = each.name.split()
    return len(words) <= 3 and not each.name[0].islower() and bool(each.text)
