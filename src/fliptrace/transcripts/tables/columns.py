"""Choose the column of each role: by the user's word, by its name, and by what is in it.

The speaker is in the column whose values repeat and alternate. A column named for a person may hold the same name in
every row (the agent of a call), while another one (a channel, a direction) says who speaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from fliptrace.corpora.columns import is_missing
from fliptrace.transcripts.source import Source
from fliptrace.transcripts.speech import read_name

# If a file has several aliases of a role, the first one here is used. Case, blanks and punctuation are ignored, and so
# is a unit at the end (start_ms, "Start (s)").
ALIASES: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        *("speaker", "speaker_name", "speaker_label", "speaker_id", "speakers", "name", "who", "from", "role"),
        *("author", "participant", "agent", "sender", "user", "character", "person"),
        *("caller", "author_name", "sender_name", "participant_name", "display_name", "user_name", "author_id"),
        *("sender_id", "user_id", "participant_id", "from_name", "nick", "actor", "agent_name", "party", "spk"),
        *("sprecher", "absender", "locuteur", "hablante"),
    ),
    "text": (
        *("text", "utterance", "message", "content", "transcript", "transcription", "sentence", "body", "words"),
        *("speech", "caption", "dialogue", "dialog", "value", "line"),
        *("message_body", "message_text", "message_content", "utterance_text", "transcript_text", "chat_message"),
        *("text_body", "body_text", "subtitle", "spoken", "statement", "comment", "reply", "chat", "msg", "response"),
        *("nachricht", "mensaje", "texto", "texte"),
    ),
    "emotion": ("emotion", "emotion_label", "emotions", "feeling", "mood"),
    "start": (
        *("start", "start_time", "start_seconds", "start_ms", "begin", "begin_time", "time", "timestamp"),
        *("time_start", "onset", "offset"),
        *("created_at", "datetime", "date_time", "sent_at", "sent", "created", "message_time", "message_date"),
        *("time_sent", "date_sent", "posted_at", "created_time", "created_on", "start_offset", "begin_offset"),
        *("offset_start", "in", "start_timestamp", "timecode", "ts", "date", "beginn", "anfang"),
    ),
    "end": (
        *("end", "end_time", "end_seconds", "end_ms", "stop", "stop_time", "time_end"),
        *("end_offset", "offset_end", "out", "end_timestamp", "ende"),
    ),
    "dialogue": (
        *("dialogue_id", "dialog_id", "conversation_id", "call_id", "session_id", "thread_id", "meeting_id"),
        *("ticket_id", "conversation", "dialogue", "dialog", "ticket", "ticket_number", "case_id", "case_number"),
        *("chat_id", "thread", "conv_id", "convo_id", "contact_id", "interaction_id", "scene_id", "conversation_no"),
        *("conversation_number", "dialogue_number", "dialogue_no", "chat_session", "session", "call", "root"),
        *("room_id", "channel_id", "recording_id", "transcript_id", "file_name", "filename", "swda_name"),
    ),
}

# Columns that may tell who speaks although they are not named for a speaker; they count if they alternate.
_FLAGS = (
    *("role", "from_role", "speaker_role", "sender_role", "author_role", "user_role", "participant_role", "caller"),
    *("sender_type", "author_type", "user_type", "speaker_type", "participant_type", "from_type", "party", "purpose"),
    *("participant_purpose", "direction", "message_direction", "inbound", "is_inbound", "outbound", "is_outbound"),
    *("incoming", "outgoing", "is_incoming", "is_outgoing", "from_customer", "is_customer", "from_agent", "is_agent"),
    *("is_from_me", "from_me", "is_bot", "is_user", "from_user", "channel", "channel_id", "channel_tag"),
    *(
        "channel_label",
        "audio_channel",
        "kanal",
        "canal",
        "rolle",
        "rol",
        "channel_number",
        "leg",
        "side",
        "track",
        "speaker_tag",
        "spoken_by",
    ),
    *("said_by", "sent_by", "created_by", "author_id", "message_type", "type", "source", "direction_type"),
)
# What yes and no mean in flags of that name.
_YES_NO = {
    **dict.fromkeys(("inbound", "isinbound", "incoming", "isincoming"), ("customer", "agent")),
    **dict.fromkeys(("fromcustomer", "iscustomer"), ("customer", "agent")),
    **dict.fromkeys(("outbound", "isoutbound", "outgoing", "isoutgoing"), ("agent", "customer")),
    **dict.fromkeys(("fromagent", "isagent"), ("agent", "customer")),
    **dict.fromkeys(("isfromme", "fromme"), ("me", "other")),
    **{"isbot": ("bot", "user"), "isuser": ("user", "bot"), "fromuser": ("user", "bot")},
}
_YES, _NO = frozenset(("true", "1", "yes", "y", "t", "1.0")), frozenset(("false", "0", "no", "n", "f", "0.0"))

# Columns named so may hold the same person in all rows, whoever speaks.
_ABOUT_A_PERSON = frozenset(
    (
        "agent",
        "agentname",
        "user",
        "username",
        "userid",
        "name",
        "person",
        "participant",
        "participantname",
        "participantid",
    )
)
# Columns that name people in the form with one column per speaker.
_PARTIES = frozenset(
    *(
        (
            *("agent", "customer", "client", "caller", "callee", "user", "assistant", "bot", "human", "system", "ai"),
            *("interviewer", "interviewee", "patient", "doctor", "therapist", "clinician", "counselor", "counsellor"),
            *("teacher", "student", "host", "guest", "operator", "rep", "representative", "advisor", "question"),
            *("answer", "prompt", "response", "reply", "speaker1", "speaker2", "speakera", "speakerb", "usera"),
            *("userb", "person1", "person2", "persona", "personb", "left", "right", "buyer", "seller", "visitor"),
            *("q", "a", "model", "gpt", "instruction", "output", "request", "employee", "nurse", "dispatcher"),
        ),
    )
)
_ABOUT_WORDS = frozenset(
    ("text", "message", "messages", "utterance", "utterances", "says", "said", "turn", "line", "transcript")
)
# Columns that are never taken for a speaker or a text by their content alone.
_OTHER = frozenset(
    (
        *("sentiment", "act", "acttag", "damsl", "intent", "topic", "label", "labels", "tag", "tags", "category"),
        *("language", "lang", "season", "episode", "confidence", "score", "status", "priority", "subject", "title"),
        *("summary", "notes", "pos", "trees", "url", "link", "translation", "reasoning", "explanation", "file"),
        *(
            "emotion",
            "sentimentlabel",
            "date",
            "day",
            "id",
            "act_tag",
            "annotator",
            "split",
            "note",
            "gender",
            "reactions",
        ),
    )
)
_ORDER = (
    "utterance_index",
    "utterance_id",
    "turn_index",
    "turn_id",
    "turn",
    "index",
    "seq",
    "sequence",
    "order",
    "sr_no",
)
_ORDER_MORE = (
    "message_index",
    "message_number",
    "line_number",
    "position",
    "utterance_number",
    "turn_number",
    "idx",
    "no",
)
_REPLY = (
    *("in_response_to_tweet_id", "in_reply_to_tweet_id", "in_reply_to_status_id", "reply_to", "in_reply_to"),
    *("parent_id", "reply_to_id", "in_reply_to_id", "replying_to"),
)
_IDS = ("tweet_id", "id", "message_id", "utterance_id", "utt_id", "status_id", "post_id", "comment_id")
_DATES = ("date", "day", "call_date", "datum", "message_date", "fecha")
_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), 1e-9),
}
_SAMPLE = 3_000  # rows that are looked at to judge a column: enough for any dialogue, and fast in tables of 200,000


class Row(NamedTuple):
    """One row and its place: "line 7", "item 3"."""

    place: str
    values: Mapping[str, Any]


class Layout(NamedTuple):
    """The columns of a dialogue. `texts` has several in the form with one column per speaker, and `speaker` is None."""

    texts: tuple[str, ...]
    speaker: str | None = None
    start: str | None = None
    end: str | None = None
    emotion: str | None = None
    duration: str | None = None
    date: str | None = None
    order: str | None = None
    names: Mapping[str, str] = {}  # of the values in the column of the speaker
    fallback: str | None = None  # the column of the speaker in rows where `speaker` is blank


class Column:
    """What is in a column, judged by its first rows."""

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        self.name = name
        self.cells = [cell_of(row.values.get(name)) for row in rows[:_SAMPLE]]

    @cached_property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(map(str.casefold, self.filled))

    @cached_property
    def num_words(self) -> float:
        """Words per filled cell that have letters."""
        words = sum(len(cell.split()) for cell in self.filled if any(letter.isalpha() for letter in cell[:200]))
        return words / len(self.filled) if self.filled else 0.0

    @cached_property
    def num_letters(self) -> int:
        return sum(letter.isalpha() for cell in self.filled for letter in cell[:200])

    @cached_property
    def change_rate(self) -> float:
        """The share of steps from one filled cell to the next that change the value."""
        steps = [before.casefold() != after.casefold() for before, after in pairwise(self.filled)]
        return sum(steps) / len(steps) if steps else 0.0

    @property
    def top(self) -> str:
        """The most frequent value."""
        return Counter(self.filled).most_common(1)[0][0]

    @property
    def filled_share(self) -> float:
        return len(self.filled) / len(self.cells) if self.cells else 0.0

    @property
    def is_prose(self) -> bool:
        """Whether the cells are sentences rather than names, numbers or labels."""
        return self.num_words >= 2 and len(self.counts) > 0.3 * len(self.filled)

    @property
    def tells_apart(self) -> bool:
        """Whether two or more names occur, none of them in nearly all rows, and no cell is longer than a name."""
        top = self.counts.most_common(1)
        if len(self.counts) < 2 or any(len(cell) > 100 for cell in self.filled):
            return False
        return top[0][1] < 0.9 * len(self.filled) or len(self.filled) < 10

    @property
    def alternates(self) -> bool:
        """Whether few values alternate, as speakers do."""
        few = 2 <= len(self.counts) <= max(6, len(self.filled) // 4)
        repeats = len(self.counts) < len(self.filled)
        return few and repeats and self.filled_share > 0.8 and self.change_rate >= 0.25 and self.num_words < 4


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A column name without case, blanks and punctuation."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def words_of_name(name: str) -> list[str]:
    """The words of a column name.

    >>> words_of_name("Agent-Name"), words_of_name("startTimeMs"), words_of_name("start (s)")
    (['agent', 'name'], ['start', 'time', 'ms'], ['start', 's'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200])
    return re.findall(r"[^\W_]+", spaced.casefold())


@lru_cache(maxsize=256)
def unit_of(column: str) -> float:
    """The seconds in a unit of a column of times, by its name; 1 if the name has none."""
    words = words_of_name(column)
    if len(words) > 1 and words[-1] in _UNITS:
        return _UNITS[words[-1]]
    return 1e-3 if plain(column).endswith(("ms", "millis")) else 1.0


def has_alias(name: str, role: str) -> bool:
    return _rank(name, ALIASES[role]) is not None


def known_roles(found: Iterable[str]) -> set[str]:
    """Return the roles that have an alias among these column names."""
    names = list(found)
    return {role for role in ALIASES if any(has_alias(name, role) for name in names)}


def names_a_party(name: str) -> bool:
    """Whether a column is named for one side of a talk, such as "customer" or "bot_response"."""
    return _party(name) is not None


def is_flag(name: str) -> bool:
    return _rank(name, _FLAGS) is not None


def shown(names: Iterable[str], at_most: int = 20) -> str:
    """Format names for a message: quoted, long names shortened, and those beyond `at_most` counted.

    >>> shown(["who", "what", "when"], at_most=2), shown([])
    ("'who', 'what' and 1 more", 'none')
    """
    names = list(names)
    first = ", ".join(repr(name if len(name) <= 40 else f"{name[:40]}...") for name in names[:at_most])
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return f"{first}{more}" or "none"


def cell_of(value: object) -> str:
    """A cell as text without blanks around it; "" if it is missing. Objects are read by name, lists joined."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        keys = ("name", "display_name", "displayName", "real_name", "text", "body", "content", "role", "id")
        return next((cell for key in keys if (cell := cell_of(value.get(key)))), "")
    if isinstance(value, list):
        return ", ".join(filter(None, map(cell_of, value[:20])))
    return "" if is_missing(value) else str(value)


def names_in_texts(texts: Sequence[str]) -> list[str | None] | None:
    """The speakers of texts such as `Ana: words`; None unless most texts begin so and the names repeat."""
    parsed = [read_name(text[:2_000].partition("\n")[0]) for text in texts]
    names = [spoken.speaker if spoken is not None else None for spoken in parsed]
    known = [name for name in names if name]
    if len(known) < 2 or len(known) < 0.6 * len(names) or len(set(known)) > 0.6 * len(known) + 1:
        return None
    return names


class ColumnChooser:
    """The columns of one dialogue, and the choice among them. Guesses are noted in `source.notes`."""

    def __init__(self, rows: Sequence[Row], found: Sequence[str], source: Source) -> None:
        self.rows, self.found, self.source = rows, found, source
        self.named = {role: _named(role, column, found, source) for role, column in source.columns.items()}
        self._columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = Column(name, self.rows)
        return self._columns[name]

    def layout(self, without: str | None) -> Layout:
        """Choose all columns, except `without`, which says to which dialogue a row belongs."""
        taken = {*self.named.values(), *([without] if without else [])}
        texts = self._texts(taken)
        taken |= set(texts)
        emotion = self.named.get("emotion") or self._by_name("emotion", taken)
        taken |= {emotion} if emotion else set()
        speaker = Layout(()) if len(texts) > 1 else self._speaker(taken, texts)
        taken |= {speaker.speaker} if speaker.speaker else set()
        start = self.named.get("start") or self._by_name("start", taken)
        end = self.named.get("end") or self._by_name("end", taken)
        return speaker._replace(
            texts=texts,
            emotion=emotion,
            start=start,
            end=end,
            duration=None if end else self._first(("duration", "length", "dur"), taken),
            date=self._first(_DATES, taken | {start or ""}),
            order=self._first((*_ORDER, *_ORDER_MORE), taken | {start or "", end or ""}),
        )

    def dialogue(self) -> str | None:
        """The column that says to which dialogue a row belongs: one whose values are ids that repeat."""
        if "dialogue" in self.named:
            return self.named["dialogue"]
        for name in self._all("dialogue", set(self.named.values())):
            column = self.column(name)
            if is_flag(name) and column.alternates and len(column.counts) <= 4:  # the channels of one call
                continue
            # An id of its own in every row belongs to the utterance; words are an utterance.
            if column.filled and not column.is_prose and (_is_id(name) or self._groups(column)):
                return name
        return None

    def _groups(self, column: Column) -> bool:
        return len(column.counts) < len(column.filled) and column.change_rate < 0.9

    def reply(self) -> tuple[str, str] | None:
        """The columns with the id of a row and with that of the row it answers."""
        reply, own = self._first(_REPLY, set()), self._first(_IDS, set())
        return (own, reply) if own and reply else None

    def text_by_name(self) -> str | None:
        return self.named.get("text") or self._by_name("text", set(self.named.values()))

    def _texts(self, taken: set[str]) -> tuple[str, ...]:
        if "text" in self.named:
            return (self.named["text"],)
        candidates = self._all("text", taken)
        worded = [name for name in candidates if self.column(name).num_letters] or [
            name for name in candidates if self.column(name).filled
        ]
        sides = [name for name in self.found if name not in taken and _party(name) and self._is_side(name)]
        strong = [name for name in worded if plain(name) in _STRONG_TEXT]
        if len({_party(name) for name in sides}) >= 2 and not strong:
            return tuple(sides)
        first = worded[0] if worded else None
        answers = [name for name in sides if plain(name) in ("response", "reply", "answer") and name != first]
        if first and answers and self._tells_nobody_apart(self.found, [first, *answers]):
            return (first, *answers)  # "message" and "response"
        if worded or candidates:
            return ((worded or candidates)[0],)
        free = [name for name in self.found if name not in taken and plain(name) not in _OTHER]
        prose = [name for name in free if self.column(name).is_prose]
        if len(prose) >= 2 and self._tells_nobody_apart(free, prose) and all(len(n.split()) <= 3 for n in prose):
            self.source.notes.append(
                f"no column is called text: {shown(prose)} are read as one column per speaker; "
                "if that is wrong, name the columns: --columns speaker=... --columns text=..."
            )
            return tuple(prose)
        if prose:
            best = max(prose, key=lambda name: self.column(name).num_letters)
            self.source.notes.append(
                f"no column is called text: {best!r}, which has the most words, is used "
                "(--columns text=NAME for another)"
            )
            return (best,)
        expected = (
            f"one for the text ({', '.join(ALIASES['text'])}), or its name: columns={{'text': ...}}, --columns text=..."
        )
        raise self.source.error("", f"columns {shown(self.found)}; expected {expected}")

    def _is_side(self, name: str) -> bool:
        """Whether a column holds what one side says: cells of words that do not repeat."""
        column = self.column(name)
        return column.num_words >= 1.5 and len(column.counts) >= 0.6 * len(column.filled)

    def _tells_nobody_apart(self, free: Sequence[str], prose: Sequence[str]) -> bool:
        return not any(
            has_alias(n, "speaker") or is_flag(n) or self.column(n).alternates for n in free if n not in prose
        )

    def _speaker(self, taken: set[str], texts: tuple[str, ...]) -> Layout:
        if "speaker" in self.named:
            return Layout((), self.named["speaker"])
        names = [name for name in self._all("speaker", taken) if self._may_name(name)]
        flags = [n for n in self._ranked(_FLAGS, taken) if self.column(n).tells_apart and self._may_name(n)]
        apart = [name for name in names if self.column(name).tells_apart]
        best = apart[0] if apart else None
        flag = next((n for n in flags if n != best and self.column(n).alternates), None)
        # Agents who hand over a call are named in all rows, so the names change seldom.
        seldom = best and flag and self.column(best).change_rate < 0.5 * self.column(flag).change_rate
        if flag is not None and seldom and plain(best or "") in _ABOUT_A_PERSON:
            return self._by_flag(flag, names)
        if best is not None:
            return Layout((), best, fallback=self._fallback(best, flags), names=self._yes_no(best))
        if flag is not None:
            return self._by_flag(flag, names)
        if names:
            return self._one_name(names[0], taken)
        if flags and len(self.column(flags[0]).counts) <= 20 and plain(flags[0]) not in ("type", "source"):
            return self._by_flag(flags[0], names)
        return self._speaker_by_content(taken, texts)

    def _may_name(self, name: str) -> bool:
        column = self.column(name)
        return bool(column.filled) and not (column.is_prose and column.num_words > 4)

    def _by_flag(self, flag: str, names: Sequence[str]) -> Layout:
        """Speakers by a flag, called by the names that stand in its rows where these tell them apart."""
        known = dict(self._yes_no(flag))
        full = next((name for name in names if name != flag), None)
        if full is not None:
            per_value: dict[str, set[str]] = {}
            for value, name in zip(self.column(flag).cells, self.column(full).cells, strict=True):
                per_value.setdefault(value, set()).add(name)
            lone = {value: next(iter(s - {""})) for value, s in per_value.items() if value and len(s - {""}) == 1}
            own = Counter(lone.values())
            if all(number == 1 for number in own.values()):
                known |= lone
            if self.column(full).filled_share > 0.9:
                is_one = not self.column(full).tells_apart
                same = (
                    f"one person ({self.column(full).top!r}) in nearly all rows" if is_one else "the same in many rows"
                )
                self.source.notes.append(
                    f"column {full!r} names {same}, so column {flag!r}, which alternates, tells who speaks; "
                    f"if that is wrong: --columns speaker={full}"
                )
        return Layout((), flag, names=known)

    def _yes_no(self, flag: str) -> Mapping[str, str]:
        meant = _YES_NO.get(plain(flag))
        values = set(self.column(flag).counts)
        if meant is None or not values <= _YES | _NO:
            return {}
        self.source.notes.append(
            f"speakers by the column {flag!r}: yes is read as {meant[0]!r}, no as {meant[1]!r} "
            "(another column: --columns speaker=...)"
        )
        return {cell: meant[0] if cell.casefold() in _YES else meant[1] for cell in set(self.column(flag).filled)}

    def _fallback(self, best: str, flags: Sequence[str]) -> str | None:
        """A flag that says who speaks in the rows where the names are blank."""
        if self.column(best).filled_share == 1:
            return None
        flag = next((name for name in flags if name != best), None)
        if flag is not None:
            self.source.notes.append(f"rows without a name in column {best!r} take their speaker from {flag!r}")
        return flag

    def _one_name(self, name: str, taken: set[str]) -> Layout:
        """The only name in a table; a note says if another column alternates."""
        other = next((n for n in self._unnamed(taken | {name}) if self.column(n).alternates), None)
        if other is not None and len(self.column(name).filled) > 2:
            top = self.column(name).top
            self.source.notes.append(
                f"{top!r} is the speaker of (nearly) all rows in column {name!r}, while column {other!r} alternates; "
                f"if that one tells who speaks: --columns speaker={other}"
            )
        return Layout((), name)

    def _speaker_by_content(self, taken: set[str], texts: tuple[str, ...]) -> Layout:
        if names_in_texts(self.column(texts[0]).cells):
            return Layout(())
        alternating = [name for name in self._unnamed(taken) if self.column(name).alternates]
        if not alternating:
            return Layout(())
        # Names have letters; of several columns, the one with the fewest values is the safest.
        best = min(alternating, key=lambda n: (not self.column(n).num_letters, len(self.column(n).counts)))
        self.source.notes.append(
            f"no column is called speaker: {best!r}, whose values alternate, is used "
            "(--columns speaker=NAME for another)"
        )
        return Layout((), best)

    def _unnamed(self, taken: set[str]) -> Iterator[str]:
        """Columns of no known role."""
        known = {*ALIASES["emotion"], *ALIASES["start"], *ALIASES["end"], *ALIASES["dialogue"], *_ORDER, *_ORDER_MORE}
        known_plain = {plain(name) for name in (*known, *_OTHER, *_IDS, *_REPLY)}
        for name in self.found:
            words = words_of_name(name)
            if name not in taken and plain(name) not in known_plain and not set(words) & _OTHER:
                yield name

    def _all(self, role: str, taken: set[str]) -> list[str]:
        return self._ranked(ALIASES[role], taken)

    def _by_name(self, role: str, taken: set[str]) -> str | None:
        names = self._all(role, taken)
        return next((name for name in names if self.column(name).filled), names[0] if names else None)

    def _first(self, aliases: tuple[str, ...], taken: set[str]) -> str | None:
        return next(iter(self._ranked(aliases, taken)), None)

    def _ranked(self, aliases: tuple[str, ...], taken: set[str]) -> list[str]:
        ranked = [
            (rank, i, name)
            for i, name in enumerate(self.found)
            if name not in taken and (rank := _rank(name, aliases)) is not None
        ]
        return [name for _, _, name in sorted(ranked)]


_STRONG_TEXT = frozenset(("text", "utterance", "message", "transcript", "content", "body", "sentence", "messagebody"))


@lru_cache(maxsize=8192)
def _rank(name: str, aliases: tuple[str, ...]) -> int | None:
    """The position of a column name among aliases, with or without its unit; the last part of a path counts too."""
    places = _places(aliases)
    words = words_of_name(name)
    without_unit = "".join(words[:-1]) if len(words) > 1 and words[-1] in _UNITS else None
    for form in (plain(name), without_unit, plain(name.rpartition(".")[2]) if "." in name else None):
        if form is not None and form in places:
            return places[form]
    return None


@lru_cache(maxsize=64)
def _places(aliases: tuple[str, ...]) -> Mapping[str, int]:
    known: dict[str, int] = {}
    for position, alias in enumerate(aliases):
        known.setdefault(plain(alias), position)
    return known


def _is_id(name: str) -> bool:
    return words_of_name(name)[-1:] == ["id"]


def _party(name: str) -> str | None:
    """The side that a column is named for."""
    words = [word for word in words_of_name(name) if word not in _ABOUT_WORDS]
    joined = "".join(words)
    if joined in _PARTIES:
        return joined
    return words[0] if len(words) == 2 and words[0] in _PARTIES and words[1] in _PARTIES else None


def side_name(column: str) -> str:
    """The speaker of a column in the form with one column per speaker: its name without "text" and the like.

    >>> side_name("customer_message"), side_name("Ana Lee")
    ('customer', 'Ana Lee')
    """
    words = [word for word in re.split(r"[\s_]+", column.strip()) if word.casefold() not in _ABOUT_WORDS]
    if len(words) == 2 and {word.casefold() for word in words} <= _PARTIES:
        words = words[:1]  # "bot_response"
    return " ".join(words) or column


def _named(role: str, column: str, found: Sequence[str], source: Source) -> str:
    if column in found:
        return column
    alike = next((name for name in found if plain(name) == plain(column) != ""), None)
    if alike is None:
        raise source.error("", f"columns {shown(found)}; expected {column!r} for the {role}")
    return alike
