"""Names and times on lines of their own, above the words: Otter, Rev, Trint, copied Teams, Zoom captions, Sonix.

A header is a name and a time, in either order and on one line or two, or a name alone. A single line proves little:
headers are recognised because they repeat over the whole file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from fliptrace.transcripts.plain.looks import NEVER, key_of, look_of
from fliptrace.transcripts.plain.notices import is_label, notice_of
from fliptrace.transcripts.plain.page import JOINERS, Line
from fliptrace.transcripts.plain.prefixes import Head
from fliptrace.transcripts.plain.stamps import Stamp, take_trailing
from fliptrace.transcripts.plain.words import CUES

_MAX_NAME = 60


class Headers(NamedTuple):
    """Headers by index of line: those with a name in `heads`, lines with only a time in `times`."""

    heads: dict[int, Head]
    times: dict[int, Stamp]


class _Titled(NamedTuple):
    name: str
    key: str
    stamp: Stamp


def find_headers(page: Sequence[Line], given: Sequence[str] = ()) -> Headers:
    """Find the lines that name the speaker, or the time, of the lines below them."""
    wanted = frozenset(map(key_of, given))
    times = {i: line.stamp for i, line in enumerate(page) if line.stamp is not None and not line.body.strip(":-–— ")}
    heads = _with_times(page, times, wanted)
    if len(heads) < max(1, 0.5 * len(times)):
        beside = _beside_times(page, times, wanted)
        heads = beside if len(beside) > len(heads) else heads
    if not heads and len(times) < 0.2 * len(page):
        heads = _alone(page, wanted)
    return Headers(heads, times)


def _with_times(page: Sequence[Line], times: dict[int, Stamp], wanted: frozenset[str]) -> dict[int, Head]:
    """`Mara Lind  0:04`, `[Mara Lind] 19:02:15`, `00:04 - Mara Lind`, above the words."""
    found = {i: titled for i, line in enumerate(page) if i not in times and (titled := _titled(line)) is not None}
    found = {i: titled for i, titled in found.items() if _has_words_below(i, page, found, times)}
    counts = Counter(titled.key for titled in found.values())
    looks = {titled.key: look_of(titled.name) for titled in found.values()}
    sure = {key for key in counts if looks[key] >= 2 or (counts[key] >= 2 and looks[key] > NEVER) or key in wanted}
    sure |= {key for key in counts if counts[key] >= 3 and len(key.split()) <= 3}
    num_sure = sum(counts[key] for key in sure)
    if not sure or num_sure < 0.05 * len(page) or (num_sure < 2 and len(page) > 12):
        return {}
    if num_sure >= 2:
        opening = sum(page[i].opens for i in found if found[i].key in sure) >= 0.8 * num_sure
        sure |= {found[i].key for i in found if looks[found[i].key] >= 0 and (page[i].opens or not opening)}
    if wanted:
        sure = {key for key in sure if key in wanted or counts[key] >= 3}
    heads = {i: Head(titled.name, "", titled.stamp) for i, titled in found.items() if titled.key in sure}
    for i, line in enumerate(page[:-1]):  # the same names without a time, beside a header or above words
        is_beside = line.opens or i - 1 in times or i + 1 in times or i + 1 in found
        if not is_beside or i in heads or i in times:
            continue
        name = _bare_name(line)
        if name is not None and key_of(name) in sure:
            heads[i] = Head(name, "", line.stamp)
    return heads


def _titled(line: Line) -> _Titled | None:
    """Parse a line that has only a name and a time; None for any other line."""
    if len(line.text) > 160:
        return None
    name, stamp = line.body, line.stamp
    if (trailing := take_trailing(name)) is not None and trailing.stamp.start is not None:
        name, stamp = trailing.rest, stamp or trailing.stamp
    elif len(name) > 2 and name[0] in "[(<" and (inside := take_trailing(name.strip("[](){}<>: "))) is not None:
        name, stamp = inside.rest, stamp or inside.stamp
    elif stamp is None:
        return None
    tidy = _tidy(name)
    return None if tidy is None or stamp is None or stamp.start is None else _Titled(tidy, key_of(tidy), stamp)


@lru_cache(maxsize=20_000)
def _tidy(name: str) -> str | None:
    """A name without brackets, separators and emphasis around it; None if it cannot be a name."""
    name = name.strip().strip("*_").strip()
    if len(name) > 2 and (name[0], name[-1]) in (("[", "]"), ("(", ")"), ("<", ">"), ("{", "}")):
        name = name[1:-1]
    name = name.strip(" \t:：,|·•–—@" + JOINERS).removesuffix(" -").removeprefix("- ").strip()
    words = name.split()
    if not name or len(name) > _MAX_NAME or len(words) > 6 or set(name) & set('?!;"“”„=\\<>{}[]:'):
        return None
    if (name[-1] in ".…" and len(words) > 2) or notice_of(name) is not None or is_label(name):
        return None
    if words[0].casefold().strip(".,") in CUES or not any(letter.isalnum() for letter in name):
        return None
    return name


def _bare_name(line: Line) -> str | None:
    if len(line.body) > _MAX_NAME + 4 or line.mark or line.body.count(" ") > 12:
        return None
    return _tidy(line.body)


def _has_words_below(i: int, page: Sequence[Line], found: dict[int, _Titled], times: dict[int, Stamp]) -> bool:
    """Whether the next line is neither a header nor has a time of its own."""
    below = i + 1
    while below < len(page) and below in times:
        below += 1
    if below >= len(page):
        return page[i].stamp is None
    return page[below].stamp is None and (below not in found or found[below].key == found[i].key)


def _beside_times(page: Sequence[Line], times: dict[int, Stamp], wanted: frozenset[str]) -> dict[int, Head]:
    """Names on the line below or above a line that has only a time."""
    last = len(page) - 1
    below = {
        i + 1: name
        for i in times
        if i + 1 < last and i + 1 not in times and i + 2 not in times and (name := _bare_name(page[i + 1])) is not None
    }
    above = {
        i - 1: name
        for i in times
        if 0 < i < last
        and i - 1 not in times
        and i + 1 not in times
        and (i == 1 or page[i - 1].opens or i - 2 not in times)
        and (name := _bare_name(page[i - 1])) is not None
    }
    options = [_accepted(found, times, wanted) for found in (below, above)]
    best = max(options, key=len)
    if not best:
        return {}
    found = below if best is options[0] else above
    return {i: Head(name, "", times.get(i - 1) or times.get(i + 1)) for i, name in found.items() if i in best}


def _accepted(names: dict[int, str], times: dict[int, Stamp], wanted: frozenset[str]) -> set[int]:
    """The lines beside times that are names: most times have one, and the names repeat or look like names."""
    counts = Counter(map(key_of, names.values()))
    looks = {key_of(name): look_of(name) for name in names.values()}
    likely = {key for key in counts if looks[key] >= 2 or (counts[key] >= 2 and looks[key] > NEVER) or key in wanted}
    num = sum(counts[key] for key in likely)
    distinct = len(likely)
    if num < 0.6 * len(times) or (distinct > 3 and distinct > 0.7 * num):
        return set()
    if num >= 0.8 * len(times):
        likely |= {key for key in counts if looks[key] >= 0}
    return {i for i, name in names.items() if key_of(name) in likely}


def _alone(page: Sequence[Line], wanted: frozenset[str]) -> dict[int, Head]:
    """Names on lines of their own, without times: at the head of most paragraphs, or on every other line."""
    names = {i: name for i, line in enumerate(page[:-1]) if (name := _name_alone(line)) is not None}
    looks = {key_of(name): look_of(name) for name in names.values()}
    names = {i: name for i, name in names.items() if looks[key_of(name)] > NEVER}
    names = {i: name for i, name in names.items() if key_of(names.get(i + 1, "")) != key_of(name)}
    opening = {i: name for i, name in names.items() if page[i].opens and not page[i + 1].opens}
    num_paragraphs = sum(line.opens for line in page)
    counts = Counter(map(key_of, opening.values()))
    repeats = any(number >= 2 for number in counts.values()) or all(looks[key] == 3 for key in counts)
    if len(opening) >= 2 and len(opening) >= 0.5 * num_paragraphs and repeats and len(counts) <= 0.7 * len(opening) + 1:
        likely = {key for key in counts if counts[key] >= 2 or looks[key] >= 2 or key in wanted}
        if sum(counts[key] for key in likely) >= 0.4 * num_paragraphs:
            return {i: Head(name, "") for i, name in opening.items() if key_of(name) in likely}
    counts = Counter(map(key_of, names.values()))
    repeated = {key for key, number in counts.items() if number >= 2 or key in wanted}
    likely = repeated | {key for key in counts if looks[key] >= 2}
    every_other = [i for i in names if key_of(names[i]) in likely]
    first = next((i for i in every_other if key_of(names[i]) in repeated), None)
    if first is None or first > 6:
        return {}
    strict = [i for i in range(first % 2, len(page), 2) if i in names and key_of(names[i]) in likely]
    if len(strict) >= 2 and len(strict) >= (len(page) - first) // 2:
        others = set(range(first % 2 + 1, len(page), 2)) & set(strict)
        if not others:
            return {i: Head(names[i], "") for i in strict}
    lines = [i for i in every_other if key_of(names[i]) in repeated or looks[key_of(names[i])] == 3]
    apart = sum(after > before + 1 for before, after in pairwise(lines))
    if len(repeated) >= 2 and len(lines) >= 0.2 * len(page) and apart >= 0.95 * (len(lines) - 1):
        return {i: Head(names[i], "") for i in lines}
    return {}


def _name_alone(line: Line) -> str | None:
    text = line.body
    if line.stamp is not None or not text or len(text) > 50 or re.search(r"[.?!…,।]$", text) or ": " in text:
        return None
    name = _bare_name(line)
    return name if name is not None and len(name.split()) <= 5 else None
