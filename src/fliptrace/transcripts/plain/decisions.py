"""Which prefixes are names, by evidence over the whole file: names repeat, alternate and are written alike."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Sequence
from itertools import pairwise

from fliptrace.transcripts.plain.looks import NEVER, key_of, look_of
from fliptrace.transcripts.plain.notices import is_field, is_legend, is_list_of_people, is_scene
from fliptrace.transcripts.plain.page import Line
from fliptrace.transcripts.plain.prefixes import Candidate
from fliptrace.transcripts.plain.shapes import at_dash, at_gap, at_joint, at_tab

_ENOUGH = 2
_STRONG = 4
_SAMPLE = 1_000  # lines; the first act of a play begins within them
_ALL_IN_BRACKETS = re.compile(r"\[[^\[\]]{1,400}\]|\([^()]{1,400}\)")
_BETWEEN_NAMES = re.compile(r"\s?(?:[,;/&]|\band\b|\bund\b|\bet\b|\by\b)\s?")


def decide(
    candidates: Sequence[Candidate], page: Sequence[Line], wanted: frozenset[str], inside: dict[str, str]
) -> set[str]:
    """The keys of the candidates before a colon that are names.

    `wanted` are the keys of names that the user gave, `inside` the names that begin turns inside lines.
    """
    by_key: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        by_key[each.key].append(each)
    looks = {key: look_of(each[0].name) for key, each in by_key.items()}
    plausible = [each for each in candidates if looks[each.key] > NEVER]
    bonus = _coverage(len({each.index for each in plausible}), page)
    order = [each.key for each in candidates]
    sandwiched = sandwiched_keys(order)
    runs = Counter(key for i, key in enumerate(order) if not i or order[i - 1] != key)
    scores: dict[str, int] = {}
    for key, same in by_key.items():
        score = looks[key] + bonus
        alternates = runs[key] >= 2
        score += 2 * alternates + (len(same) >= 4 and alternates) + (len(same) >= 2 and not alternates)
        score += sandwiched[key] >= 0.5 * len(same) and len(by_key) > 1
        if looks[key] == NEVER and alternates and sandwiched[key] >= 0.5 * len(same):
            score = max(score, _ENOUGH if len(same[0].name.split()) <= 3 else 0)
        scores[key] = score
    accepted = set(inside) | (wanted & set(by_key))
    if wanted:
        accepted |= {key for key, score in scores.items() if score >= _STRONG and len(by_key[key]) >= 2}
        return accepted
    accepted |= {key for key, score in scores.items() if score >= _ENOUGH}
    if not accepted and len(candidates) >= 0.5 * len(page) and all(_is_capitalised(each.name) for each in candidates):
        return set(by_key)  # every line begins with a word and a colon
    return accepted - _misfits(accepted - wanted, by_key, looks, page, bonus)


def facts_among(candidates: Sequence[Candidate], page: Sequence[Line]) -> frozenset[int]:
    """The indexes of lines above the first turns that list the speakers: `Present: Ana, Ben`, `Key: T = teacher`."""
    counts = Counter(each.key for each in candidates)
    first = next((each.index for each in candidates if counts[each.key] >= 2), 0)
    above = [each for each in candidates if each.index < first]
    return frozenset(
        each.index
        for each in above
        if is_legend(each.text) or _lists_names(each.text, counts) or is_list_of_people(page[each.index].text)
    )


def _lists_names(text: str, counts: Counter[str]) -> bool:
    """Whether a text is a list of names, two of which begin lines further down."""
    if len(text) > 400:
        return False
    names = [key_of(name.strip(" .")) for name in _BETWEEN_NAMES.split(text)]
    return sum(counts[name] >= 1 for name in names) >= max(2, 0.5 * len(names))


def without_fields(candidates: list[Candidate], page: Sequence[Line]) -> list[Candidate]:
    """The candidates without facts about the file above the first turns: `Date: 4 March`, `Interviewer: Ana Lee`."""
    order = [each.key for each in candidates]
    counts = Counter(order)
    first = next((each.index for each in candidates if counts[each.key] >= 2), len(page))
    above = [
        each for each in candidates if each.index < first and counts[each.key] == 1 and is_field(page[each.index].text)
    ]
    opening = next((i for i, line in enumerate(page) if i and line.opens), 0)
    facts = sum(look_of(each.name) == NEVER for each in above if each.index < opening)
    if facts >= 2:  # a first paragraph of facts
        return [each for each in candidates if each.index >= opening]
    facts = sum(look_of(each.name) == NEVER for each in above)
    if not above or (len(above) == 1 and not facts) or (first == len(page) and facts < 2):
        return candidates
    last = above[-1].index
    dropped = {each.index for each in above}
    for each in candidates:  # a fact of another kind within the same list
        if each.index < last and counts[each.key] == 1:
            dropped.add(each.index)
    return [each for each in candidates if each.index not in dropped]


def _coverage(num_lines: int, page: Sequence[Line]) -> int:
    """The points that each candidate gets if (nearly) every line begins with one: candidates are then likely names."""
    opening = sum(line.opens for line in page) or 1
    share = num_lines / max(1, len(page) if opening < 0.5 * num_lines or opening == 1 else opening)
    return 2 if share >= 0.95 and num_lines >= 4 else int(share >= 0.7)


def sandwiched_keys(order: Sequence[str]) -> Counter[str]:
    """How often a run of one key is between two runs of the same other key, as turns of a dialogue are."""
    runs = [key for i, key in enumerate(order) if not i or order[i - 1] != key]
    found: Counter[str] = Counter()
    for before, key, after in zip(runs, runs[1:], runs[2:], strict=False):
        found[key] += before == after
    return found


def _misfits(
    accepted: set[str], by_key: dict[str, list[Candidate]], looks: dict[str, int], page: Sequence[Line], bonus: int
) -> set[str]:
    """Accepted keys that occur once and are written differently from the certain names.

    They lack the stamp or emphasis of the others, are not in capitals, are inside a paragraph, or precede a word in
    lower case; the last does not count where nearly every line begins with a name (`bonus`).
    """
    sure = {key for key in accepted if key in by_key and (len(by_key[key]) >= 2 or looks[key] >= 3)}
    known = [each for key in sure for each in by_key[key]]
    if len(known) < 2:
        return set()
    num = len(known)
    all_stamped = sum(each.has_stamp for each in known) >= 0.9 * num
    none_stamped = not any(each.has_stamp for each in known)
    all_emphasised = sum(each.is_emphasised for each in known) >= 0.9 * num
    all_capitals = all(each.name.isupper() for each in known)
    all_open = num >= 3 and sum(page[each.index].opens for each in known) >= 0.9 * num
    texts = [each for each in known if each.text]
    single = [by_key[key][0] for key in accepted & by_key.keys() - sure]
    num_lower = sum(_begins_lower(each) for each in single)
    all_begin = len(texts) >= 2 and not any(_begins_lower(each) for each in texts)
    all_begin &= len(texts) >= 4 or num_lower <= 0.5 * len(single)
    misfits = set()
    for key in accepted & by_key.keys() - sure:
        each = by_key[key][0]
        if (
            (all_stamped and not each.has_stamp)
            or (none_stamped and each.has_stamp)
            or (all_emphasised and not each.is_emphasised)
            or (all_capitals and not each.name.isupper())
            or (all_open and not page[each.index].opens)
            or (all_begin and _begins_lower(each) and looks[key] + bonus < 3)
        ):
            misfits.add(key)
    return misfits


def directions_among(page: Sequence[Line], spoken: Container[int] = ()) -> frozenset[int]:
    """The indexes of stage directions in a play: headings of acts and scenes, the setting below, lines in brackets."""
    if not any(is_scene(line.text) for line in page[:_SAMPLE]):
        return frozenset()
    found, in_setting = set[int](), False
    for i, line in enumerate(page):
        in_setting = is_scene(line.text) or (in_setting and i not in spoken)
        if in_setting or (i not in spoken and _ALL_IN_BRACKETS.fullmatch(line.text.strip())):
            found.add(i)
    return frozenset(found)


def _is_capitalised(name: str) -> bool:
    words = name.split()
    return len(words) == 1 or (len(words) <= 3 and all(word[0].isupper() for word in words))


def _begins_lower(each: Candidate) -> bool:
    return bool(each.text) and each.text[0].islower()


def regular_keys(
    candidates: Sequence[Candidate],
    page: Sequence[Line],
    wanted: frozenset[str],
    shape: Callable[[int, Line], Candidate | None],
) -> set[str]:
    """The keys before another separator than a colon, if most lines have one and the names repeat."""
    counts = Counter(each.key for each in candidates)
    looks = {each.key: look_of(each.name) for each in candidates}
    names = {key for key in counts if key in wanted}
    repeated = {key for key, number in counts.items() if number >= 2 and looks[key] > NEVER}
    is_weak = shape in (at_dash, at_gap)
    outside = directions_among(page, {each.index for each in candidates})
    opening = max(1, sum(line.opens for i, line in enumerate(page) if i not in outside))
    flush = sum(line.indent < 4 for line in page)
    lines = flush if shape in (at_gap, at_tab) and flush else max(1, len(page) - len(outside))
    lines = lines if opening < 0.3 * len(page) else min(lines, opening)
    likely = repeated | {key for key in counts if looks[key] >= 2}
    if is_weak and sum(counts[key] for key in likely) < 0.8 * lines:
        likely = repeated | {key for key in counts if looks[key] >= 3}
    covered = sum(counts[key] for key in likely)
    order = [each.key for each in candidates if each.key in likely]
    changes = sum(before != after for before, after in pairwise(order))
    if {"q", "a"} <= repeated and changes >= 0.6 * (len(order) - 1):
        return names | repeated  # a deposition: answers go on over many lines
    if shape is at_joint and (len(repeated) < 2 or covered < 0.8 * lines or any(counts[key] < 2 for key in likely)):
        return names
    if not repeated or covered < 0.6 * lines or (len(likely) > 1 and changes < 0.2 * len(order)):
        return names
    if len(likely) > max(3, 0.6 * covered) or (len(likely) == 1 and (is_weak or covered < 3)):
        return names
    singles = {key for key in counts if looks[key] >= 1 and covered >= 0.8 * lines}
    return likely | singles | names
