"""Find who speaks in a plain text, by evidence over the whole file.

Every line may begin with a name: before a colon, in brackets, before a dash, a tab, a dot or a gap. A prefix that
repeats, alternates with others, or is called like a person or a role is a name; `Listen:`, `Step 1:` or `Total:` inside
what somebody says is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from fliptrace.transcripts.plain.notices import is_field
from fliptrace.transcripts.plain.page import JOINERS, Line
from fliptrace.transcripts.plain.stamps import BRACKETED, Stamp, Stamped, read_stamp, take_leading, take_trailing
from fliptrace.transcripts.plain.words import CUES, FUNCTION_WORDS, NAME_NOTES, NOT_NAMES, PARTICLES, ROLES, words_of

MAX_NAME = 60  # characters
MAX_WORDS = 6

# Names by their look: 3 for a role or the name of a speaker in a tool, 2 for a capitalised name, down to NEVER.
NEVER = -4
_ENOUGH = 2
_SAMPLE = 1_000  # lines that show whether a separator is used at all
_STRONG = 4

_ID = re.compile(
    r"(?:speaker|spk|spkr|participant|part|person|user|agent|caller|customer|client|guest|host|moderator|interviewer|"
    r"interviewee|respondent|resp|voice|channel|witness|counsel|student|teacher|male|female|man|woman|unknown|int|"
    r"sprecher(?:in)?|teilnehmer(?:in)?|befragter?|interviewerin|locuteur|locutrice|intervenant|hablante|orador|"
    r"participante|parlante|interlocutore|spreker|talare|वक्ता|المتحدث|متحدث|说话人|发言人|話者)"
    r"(?:[\s_#.\-]{0,2}(?:\d{1,4}|[A-Z]|one|two|three|four|X|Y))?|[A-Z]{1,3}[\s_#\-]?\d{1,4}|"
    r"unknown speaker|unidentified (?:speaker|male|female|voice)|s\d{1,3}|p\d{1,3}",
    re.IGNORECASE,
)
_PRONOUNS = words_of(
    "me you them him her us ich i du er sie she he moi toi yo tú tu main mich they myself "
    "all both everyone everybody group crowd chorus alle todos tous"
)
_ALSO_NAMES = words_of("will may an do in hai ho ha ko se ki mi su le am son tu ne so main mark")
_OUTSIDE = frozenset('?!;“”„«»…=\\"<>{}|[]~^%$€£')


class Head(NamedTuple):
    """The beginning of an utterance: who speaks, the words on the same line, the time and the cues beside the name."""

    name: str | None
    text: str
    stamp: Stamp | None = None
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prefix of a line that may be a name. `form` is how it is written: stamps and emphasis beside it."""

    index: int
    name: str
    key: str
    text: str
    form: tuple[bool, bool, bool]
    stamp: Stamp | None = None
    cues: tuple[str, ...] = ()


class Found(NamedTuple):
    """The heads by index of line, and the prefixes that are not names, with the numbers of their lines.

    `splits` are the names at which turns may begin inside a line.
    """

    heads: dict[int, Head]
    rejected: dict[str, list[int]]
    splits: dict[str, str]


@lru_cache(maxsize=20_000)
def key_of(name: str) -> str:
    """Names are the same if they differ only in case, blanks, joiners at the edges or the form of accents."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().strip(JOINERS).split())


def find_names(page: Sequence[Line], given: Sequence[str] = (), has_headers: bool = False) -> Found:
    """Decide which prefixes of the lines are names. `has_headers`: names above the words were found already."""
    wanted = frozenset(map(key_of, given))
    colons = [each for i, line in enumerate(page) if (each := _at_colon(i, line)) is not None]
    colons = _without_fields(colons, page)
    inside = _names_inside(page, colons, wanted)
    accepted = _decide(colons, page, wanted, inside)
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
    return Found(ready, dict(rejected), shown)


def _spelled(each: Candidate, shown: dict[str, str]) -> str:
    """The name as it is written here, or the full name if this is a short one."""
    return each.name if key_of(shown[each.key]) == each.key else shown[each.key]


def _short_names(shown: dict[str, str]) -> dict[str, str]:
    """Names as broadcasters write them: `ANA LEE, HOST:` at first, then `LEE:`."""
    full = {key: name.partition(",")[0] for key, name in shown.items() if "," in name and name.isupper()}
    full = {key: name for key, name in full.items() if len(name.split()) >= 2}
    by_last = Counter(name.split()[-1].casefold() for name in full.values())
    short = {name.split()[-1].casefold(): name for name in full.values() if by_last[name.split()[-1].casefold()] == 1}
    used = {last: name for last, name in short.items() if last in shown}
    return {**{key: name for key, name in full.items() if name in used.values()}, **used}


def _with_other_shapes(
    heads: dict[int, Candidate], accepted: set[str], page: Sequence[Line], wanted: frozenset[str]
) -> tuple[dict[int, Candidate], set[str]]:
    """The heads with another separator than a colon, in place of the others or beside them (`Q.` and `THE COURT:`)."""
    at_colon, best = dict(heads), len(heads)
    for shape in _SHAPES:
        sample = sum(shape(i, line) is not None for i, line in enumerate(page[:_SAMPLE]))
        if sample < 0.1 * min(len(page), _SAMPLE) and not wanted:
            continue
        others = [each for i, line in enumerate(page) if (each := shape(i, line)) is not None]
        found = _regular(others, page, wanted, shape)
        rest = [each for each in others if each.index not in at_colon]
        beside = _regular(rest, [line for i, line in enumerate(page) if i not in at_colon], wanted, shape)
        own = {each.index: each for each in others if each.key in found}
        both = {each.index: each for each in rest if each.key in beside} | at_colon
        for option, keys in ((own, found), (both if beside else {}, beside | accepted)):
            if len(option) > best:
                heads, best, names = option, len(option), keys
                accepted = names
        if best >= 0.8 * len(page):
            break
    return heads, accepted


# --- candidates ---

_COLON = re.compile(r"([^:：]{1,100}?)\s?([:：])")
_GROUP = re.compile(r"\s{0,9}[\[(]\s{0,3}([^\[\]()]{1,50}?)\s{0,3}[\])]\s{0,3}$")
_BRACKETED = re.compile(r"[\[(<{]\s{0,3}([^\[\](){}<>]{1,60}?)\s{0,3}[\])>}]\s{0,3}([:：]?)\s{0,9}")
_DASHED = re.compile(r"(\S[^:：]{0,50}?)(?:\s{1,20}[-–—]{1,3}|[–—])\s{1,20}(?=\S)")
_TABBED = re.compile(r"(\S[^\t]{0,59}?)\s?\t\s{0,20}(?=\S)")
_GAP = re.compile(r"(\S(?:[^\t:]{0,48}?\S)?)(?:\s{2,40}|\s?\t\s{0,40})(?=\S)")
_DOTTED = re.compile(r"([A-Z]{1,2}|(?:[A-Z][A-Z'\-]{1,20})(?: [A-Z][A-Z'\-]{0,20}){0,3})\.\s{1,20}(?=\S)")
_BARRED = re.compile(r"\|?\s{0,3}([^\s|>»][^|>»:]{0,48}?)\s{0,20}(?:\||>{1,2}|»)\s{1,9}(?=\S)")
_QUOTED = re.compile(r"([^\s「」『』:：]{1,20})\s?(?=[「『])")
_STAMPED = re.compile(
    r"([^\d\[\](){}<>#:：][^\[\](){}<>#:：]{0,58}?(?:\s?\([^()\d:]{1,40}\))?)[\s,]{0,9}(?=[\[(<#{]\s?\d|"
    r"\b\d{1,4}[:/.\-]\d)"
)


def _at_colon(index: int, line: Line) -> Candidate | None:
    """`Name: text`, with stamps, cues and notes beside the name."""
    body = line.body
    found = _COLON.match(body)
    if found is None:
        return _at_stamp(index, line) if line.stamp is None else None
    before, text = found[1], body[found.end() :]
    if before[-1:].isdigit() and text[:1].isdigit():
        return _at_stamp(index, line)
    if text.startswith("//") or not _may_follow(text, body[found.end() - 2 : found.end()]):
        return None
    after = _take_stamp_after(text)
    stamp = line.stamp or after.stamp if after is not None else line.stamp
    text = after.rest if after is not None else text
    return _candidate(index, line, before, text, stamp)


def _at_stamp(index: int, line: Line) -> Candidate | None:
    """`Name (0:04): text`, `Name [0:04] text`, `Name 10:02 AM: text`."""
    found = _STAMPED.match(line.body[:120])
    if found is None:
        return None
    stamped = take_leading(line.body[found.end() :])
    if stamped is None or stamped.stamp.start is None:
        return None
    rest = stamped.rest.lstrip(" \t:：-–—*")
    bare = line.body[found.end()] not in "[(<#"
    joined = line.body[found.end() :][: len(line.body[found.end() :]) - len(stamped.rest)].rstrip()
    if bare and not joined.endswith((":", "：", "-", "–", "—", "|")) and not stamped.rest.startswith((":", "：")):
        return None
    if not rest and not joined.endswith((":", "：")) and not stamped.rest.startswith((":", "：")):
        return None  # a line of its own, which is a header
    return _candidate(index, line, found[1], rest, stamped.stamp)


def _candidate(index: int, line: Line, before: str, text: str, stamp: Stamp | None) -> Candidate | None:
    """Peel stamps, notes and cues off the words before the separator."""
    name, cues = before.strip().strip("*_").strip(), list[str]()
    had_stamp = stamp is not None
    for _ in range(3):
        group = _GROUP.search(name)
        if group is None or (not group.start() and group.end() == len(name)):
            break
        inside = group[1]
        if (leading := take_leading(inside)) is not None and not leading.rest.strip():
            stamp, had_stamp = stamp or leading.stamp, True
        elif _is_note(inside):
            break
        elif any(letter.isalpha() for letter in inside):
            cues.insert(0, inside)
        name = name[: group.start()].strip().strip("*_").strip()
    if (whole := _BRACKETED.fullmatch(name)) is not None:
        name = whole[1]
    if (trailing := take_trailing(name)) is not None:
        name, stamp, had_stamp = trailing.rest.strip(), stamp or trailing.stamp, True
    name = name.strip(" \t,|·•" + JOINERS).removesuffix(" -").strip()
    if not text.strip():  # ChatGPT as copied: `You said:` above the words
        name = name.removesuffix(" said")
    if not _is_possible(name) or all(word.casefold().strip(".") in CUES for word in name.split()):
        return None
    form = (had_stamp, bool(line.head) and name.startswith(line.head.split(":")[0][:20].strip("*_ ")), line.is_heading)
    return Candidate(index, name, key_of(name), text.strip().removeprefix("**").strip(), form, stamp, tuple(cues))


def _at_bracket(index: int, line: Line) -> Candidate | None:
    """`[Name] text`, `<name> text`, `(speaker 0) text`, `[Name 0:04] text`."""
    found = _BRACKETED.match(line.body)
    if found is None or not any(letter.isalpha() for letter in found[1]):
        return None
    name, text, stamp = found[1], line.body[found.end() :], line.stamp
    if (trailing := take_trailing(name)) is not None:
        name, stamp = trailing.rest, stamp or trailing.stamp
    if (after := _take_stamp_after(text)) is not None:
        text, stamp = after.rest, stamp or after.stamp
    if {word.casefold().strip(".,") for word in name.split()} & CUES:
        return None
    return _plain_candidate(index, name, text, stamp)


def _at_dash(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_DASHED, index, line)


def _at_tab(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_TABBED, index, line)


def _at_gap(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_GAP, index, line)


def _at_dot(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_DOTTED, index, line)


def _at_quote(index: int, line: Line) -> Candidate | None:
    found = _by_pattern(_QUOTED, index, line)
    return None if found is None else replace(found, text=found.text.strip("「」『』"))


def _at_bar(index: int, line: Line) -> Candidate | None:
    found = _by_pattern(_BARRED, index, line)
    return None if found is None else replace(found, text=found.text.rstrip("| "))


def _at_emphasis(index: int, line: Line) -> Candidate | None:
    if not line.head or not line.body.startswith(line.head) or len(line.head) == len(line.body):
        return None
    text = line.body[len(line.head) :].lstrip(" :–—-")
    after = _take_stamp_after(text)
    return _plain_candidate(
        index, line.head, after.rest if after else text, line.stamp or (after.stamp if after else None)
    )


def _at_bare_stamp(index: int, line: Line) -> Candidate | None:
    """`Name 0:04 text`, without any colon behind the stamp."""
    found = _STAMPED.match(line.body[:120])
    stamped = None if found is None else take_leading(line.body[found.end() :])
    if found is None or stamped is None or not stamped.rest.strip():
        return None
    return _plain_candidate(index, found[1], stamped.rest, line.stamp or stamped.stamp)


def _by_pattern(pattern: re.Pattern[str], index: int, line: Line) -> Candidate | None:
    found = pattern.match(line.body)
    if found is None:
        return None
    name, text, stamp = found[1], line.body[found.end() :], line.stamp
    if (trailing := take_trailing(name)) is not None:
        name, stamp = trailing.rest, stamp or trailing.stamp
    if (after := take_leading(text)) is not None and after.rest.strip():
        text, stamp = after.rest, stamp or after.stamp
    return _plain_candidate(index, name.rstrip(":"), text, stamp)


def _plain_candidate(index: int, name: str, text: str, stamp: Stamp | None) -> Candidate | None:
    name = name.strip(" \t,*_" + JOINERS)
    if not _is_possible(name) or not text.strip():
        return None
    return Candidate(index, name, key_of(name), text.strip(), (stamp is not None, False, False), stamp)


_SHAPES: tuple[Callable[[int, Line], Candidate | None], ...] = (
    *(_at_bracket, _at_tab, _at_emphasis, _at_bare_stamp, _at_dash, _at_dot, _at_bar, _at_gap, _at_quote),
)


def _take_stamp_after(text: str) -> Stamped | None:
    """A stamp in brackets, or of three numbers, behind the name."""
    start = text.lstrip()
    if start[:1] not in ("[", "(", "<", "#") and not re.match(r"\d{1,2}:\d\d:\d\d", start):
        return None
    stamped = take_leading(start)
    return None if stamped is None or stamped.stamp.start is None else stamped


def _may_follow(text: str, colon: str) -> bool:
    """Whether the text after a colon may be speech, rather than the rest of a time, an address or a smiley."""
    if not text or text[0].isspace() or colon.endswith("："):
        return True
    return not colon[0].isspace() and (text[0].isalpha() or text[0] in "\"'“‘„«*[(<#…¿¡" or ord(text[0]) > 0x2600)


def _is_note(words: str) -> bool:
    """Whether words in brackets belong to the name: (Ext), (she/her), (Acme GmbH); cues are in lower case."""
    plain = words.casefold().strip(" .")
    if plain in NAME_NOTES or any(letter.isdigit() for letter in plain):
        return not plain.startswith(("crosstalk", "inaudible"))
    parts = plain.split()
    if any(part.strip(".,'’") in CUES for part in parts) or len(parts) > 4:
        return False
    return words[0].isupper() or parts[-1] in ROLES


def _is_possible(name: str) -> bool:
    """Whether a prefix could at all be a name; cheap, and independent of the rest of the file."""
    if not name or len(name) > MAX_NAME or _OUTSIDE & set(name) or "//" in name:
        return False
    words = name.split()
    if len(words) > MAX_WORDS or name.count(",") > 1 or name.startswith((",", ".", "'", ")", "-")):
        return False
    if not any(letter.isalnum() for letter in name):
        return any(ord(letter) > 0x2600 for letter in name) and len(name) <= 6
    return not (name.endswith((".", ",")) and len(words) > 4)


# --- the look of a name ---


@lru_cache(maxsize=20_000)
def look_of(name: str) -> int:
    """How much words look like a name, before anything is known of the file: from NEVER to 3.

    >>> [look_of(name) for name in ("SPEAKER_00", "team lead", "Mara Lind", "mara", "Maa ji", "Step 1", "one thing")]
    [3, 3, 2, 1, 0, -4, -4]
    """
    words = [word.strip(".,:'’\"()*_#@") for word in re.sub(r"\([^()]*\)", " ", name).split()]
    words = [word for word in words if word]
    if not words:
        return 0 if name else NEVER
    folded = [word.casefold() for word in words]
    if " ".join(folded) in _PRONOUNS:
        return 1 if len(words[0]) > 1 else 2
    if _ID.fullmatch(name) and not re.fullmatch(r"(?i)[pq]s", name):
        return 3
    article = folded[0] in ("the", "el", "la", "le", "der", "die", "das", "il", "l", "a") and len(words) > 1
    named = folded[1:] if article else folded
    has_role = named[-1] in ROLES or named[0] in ROLES
    if article:
        return 3 if has_role and len(words) <= 4 else NEVER
    lettered = [word for word in words if any(letter.isalpha() for letter in word)]
    if not lettered:
        return 0
    cased = [word for word in lettered if word[0].lower() != word[0].upper()]
    lower = [word for word in cased if word[0].islower() and word.casefold() not in PARTICLES]
    if folded[0] in NOT_NAMES and not (has_role and named[-1] in ROLES and len(words) > 1):
        return NEVER
    if len(words) > 1 and any(word.casefold() in FUNCTION_WORDS for word in lower if len(word) > 1 or word == "i"):
        return NEVER
    if folded[0] in FUNCTION_WORDS and folded[0] not in _ALSO_NAMES and len(words[0]) > 1:
        return NEVER
    if len(words) > 1 and folded[-1] in NOT_NAMES:
        return NEVER if words[-1][0].islower() else 0
    if has_role and len(words) <= 4:
        return 3
    if name.count(",") == 1 and not re.fullmatch(r"[^\s,]+(?: [^\s,]+)?, ?[^\s,]+(?: [^\s,]+){0,2}", name):
        return NEVER
    if not cased:
        return (2, 2, 1, -1, -2, -2)[min(len(words), 6) - 1]
    if not lower:
        return 2 if len(words) <= 4 else 1
    if len(words) == 1:
        return 1
    return 0 if len(words) <= 3 else -2


# --- decisions ---


def _decide(
    candidates: Sequence[Candidate], page: Sequence[Line], wanted: frozenset[str], inside: dict[str, str]
) -> set[str]:
    """The keys of the candidates before a colon that are names."""
    by_key: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        by_key[each.key].append(each)
    looks = {key: look_of(each[0].name) for key, each in by_key.items()}
    plausible = [each for each in candidates if looks[each.key] > NEVER]
    bonus = _coverage(len({each.index for each in plausible}), candidates, page)
    order = [each.key for each in candidates]
    sandwiched = _sandwiched(order)
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
    return accepted - _misfits(accepted - wanted, by_key, looks, page)


def _without_fields(candidates: list[Candidate], page: Sequence[Line]) -> list[Candidate]:
    """Without the facts about the file that stand above the first turns: `Date: 4 March`, `Interviewer: Ana Lee`."""
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


def _coverage(num_lines: int, candidates: Sequence[Candidate], page: Sequence[Line]) -> int:
    """If (nearly) every line begins with a candidate, what stands there is likely to be a name."""
    opening = sum(line.opens for line in page) or 1
    share = num_lines / max(1, len(page) if opening < 0.5 * num_lines or opening == 1 else opening)
    return 2 if share >= 0.95 and num_lines >= 4 else int(share >= 0.7)


def _sandwiched(order: Sequence[str]) -> Counter[str]:
    """How often a run of one key stands between two of the same other key, as turns of a dialogue do."""
    runs = [key for i, key in enumerate(order) if not i or order[i - 1] != key]
    found: Counter[str] = Counter()
    for before, key, after in zip(runs, runs[1:], runs[2:], strict=False):
        found[key] += before == after
    return found


def _misfits(
    accepted: set[str], by_key: dict[str, list[Candidate]], looks: dict[str, int], page: Sequence[Line]
) -> set[str]:
    """Accepted keys that occur once and are written unlike the sure names.

    They lack the stamp or emphasis of the others, are not in capitals, stand in a paragraph, or go on in lower case.
    """
    sure = {key for key in accepted if key in by_key and (len(by_key[key]) >= 2 or looks[key] >= 3)}
    known = [each for key in sure for each in by_key[key]]
    if len(known) < 2:
        return set()
    num = len(known)
    all_stamped = sum(each.form[0] for each in known) >= 0.9 * num
    none_stamped = not any(each.form[0] for each in known)
    all_strong = sum(each.form[1] for each in known) >= 0.9 * num
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
            (all_stamped and not each.form[0])
            or (none_stamped and each.form[0])
            or (all_strong and not each.form[1])
            or (all_capitals and not each.name.isupper())
            or (all_open and not page[each.index].opens)
            or (all_begin and _begins_lower(each))
        ):
            misfits.add(key)
    return misfits


def _is_capitalised(name: str) -> bool:
    words = name.split()
    return len(words) == 1 or (len(words) <= 3 and all(word[0].isupper() for word in words))


def _begins_lower(each: Candidate) -> bool:
    return bool(each.text) and each.text[0].islower()


def _regular(
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
    is_weak = shape in (_at_dash, _at_gap)
    opening = max(1, sum(line.opens for line in page))
    flush = sum(line.indent < 4 for line in page)
    lines = flush if shape in (_at_gap, _at_tab) and flush else len(page)
    lines = lines if opening < 0.3 * len(page) else min(lines, opening)
    likely = repeated | {key for key in counts if looks[key] >= 2}
    if is_weak and sum(counts[key] for key in likely) < 0.8 * lines:
        likely = repeated | {key for key in counts if looks[key] >= 3}
    covered = sum(counts[key] for key in likely)
    order = [each.key for each in candidates if each.key in likely]
    changes = sum(before != after for before, after in pairwise(order))
    if {"q", "a"} <= repeated and changes >= 0.6 * (len(order) - 1):
        return names | repeated  # a deposition: answers go on over many lines
    if not repeated or covered < 0.6 * lines or (len(likely) > 1 and changes < 0.2 * len(order)):
        return names
    if len(likely) > max(3, 0.6 * covered) or (len(likely) == 1 and (is_weak or covered < 3)):
        return names
    singles = {key for key in counts if looks[key] >= 1 and covered >= 0.8 * lines}
    return likely | singles | names


def _is_worth_a_note(each: Candidate) -> bool:
    words = each.name.split()
    return len(words) <= 3 and not each.name[0].islower() and bool(each.text)


# --- turns inside a line ---

_INSIDE = re.compile(
    r"(?:(?<=[.!?…।؟。！？])|(?<=[\"”’')\]])|(?<=[^\W\d_]))\s{1,9}"
    r"((?:[^\W\d_][\w'’.\-]{0,30})(?: [^\W_][\w'’.\-]{0,30}){0,3})\s?:(?=\s)"
)
_SENTENCE_ENDS = ".!?…।؟。！？\"”’')]"
_STAMP_BEFORE = re.compile(rf"{BRACKETED}$")
_LEADING_IN = words_of(
    "told tell tells to asked ask asks said say says with and for from like about of at zu sagte sag fragte an der "
    "die und à dit a dijo y ko ne se the my our your his her their thank called call"
)


def _names_inside(page: Sequence[Line], colons: Sequence[Candidate], wanted: frozenset[str]) -> dict[str, str]:
    """Names that begin turns inside lines, where the turns of a line alternate: `Ana: hi. Ben: ho. Ana: yes.`"""
    at_start = {each.key: each for each in colons}
    by_index = {each.index: each for each in colons}
    found: dict[str, str] = {}
    for i, line in enumerate(page):
        first = by_index.get(i)
        if first is None or line.text.count(":") < 2:
            continue
        order = [first.name]
        for inside in _INSIDE.finditer(first.text):
            name = _longest_known(inside[1], at_start) or _last_name(
                inside[1], first.text[max(0, inside.start() - 9) : inside.start()]
            )
            if name and look_of(name) > 0:
                order.append(name)
        keys = [key_of(name) for name in order]
        sandwiched = _sandwiched(keys)
        counts = Counter(keys)
        repeated = any(counts[key] >= 2 for key in counts)
        for name, key in zip(order, keys, strict=True):
            if repeated and len(counts) > 1 and (counts[key] >= 2 or sandwiched[key] or key in wanted):
                found.setdefault(key, name)
    return found


def _longest_known(words: str, known: Iterable[str]) -> str | None:
    parts = words.split()
    return next((name for i in range(len(parts)) if key_of(name := " ".join(parts[i:])) in known), None)


def _last_name(words: str, before: str) -> str | None:
    """The capitalised words right before the colon."""
    if before.rstrip()[-1:] in _SENTENCE_ENDS:
        return words
    parts = words.split()
    start = len(parts)
    while start and (parts[start - 1][0].isupper() or parts[start - 1].isdecimal()):
        start -= 1
        if start and parts[start - 1][-1] in _SENTENCE_ENDS:
            break
    if start == len(parts) and look_of(parts[-1]) == 3:  # a role in lower case
        return parts[-1]
    return " ".join(parts[start:]) or None


def split_turns(head: Head, names: dict[str, str]) -> list[Head]:
    """Split a text at the names in it; names after words such as "told" belong to the text."""
    if ":" not in head.text or len(names) < 2:
        return [head]
    turns, begin, current = [], 0, head
    for found in _INSIDE.finditer(head.text):
        name = _longest_known(found[1], names)
        if name is None:
            continue
        start = found.end(1) - len(name) if head.text.endswith(name, 0, found.end(1)) else found.start(1)
        before = head.text[max(0, start - 40) : start].split()[-1:]
        if before and before[0][-1] not in _SENTENCE_ENDS and before[0].casefold().strip(",") in _LEADING_IN:
            continue
        said = head.text[begin:start].strip()
        stamped = _STAMP_BEFORE.search(said, max(0, len(said) - 40))
        if stamped is not None:
            said = said[: stamped.start()].strip()
        turns.append(current._replace(text=said))
        stamp = None if stamped is None else read_stamp(stamped[0])
        current, begin = Head(names[key_of(name)], "", stamp), found.end()
    turns.append(current._replace(text=head.text[begin:].strip()))
    return turns
