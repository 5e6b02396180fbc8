"""Words are grouped into utterances by speaker and pause, and joined as their language writes them."""

from __future__ import annotations

import pytest

from fliptrace.transcripts.recognisers.turns import split_by_words
from fliptrace.transcripts.recognisers.words import Word, group_channels, group_words, join_words
from fliptrace.transcripts.source import RawUtterance, Source


def words(text: str, start: float = 0.0, speaker: str | None = None) -> list[Word]:
    """Words of 0.2 seconds every 0.3 seconds. A number among them is a pause in seconds."""
    found, time = [], start
    for each in text.split():
        if each.isdecimal():
            time += int(each)
            continue
        found.append(Word("", each, speaker, round(time, 2), round(time + 0.2, 2)))
        time += 0.3
    return found


@pytest.mark.parametrize(
    ("text", "utterances"),
    [
        ("you are late", ["you are late"]),
        ("you 1 are late", ["you are late"]),
        ("you are late 2 again", ["you are late", "again"]),
        ("You are late. 1 Again.", ["You are late.", "Again."]),
        ("You are late. Again.", ["You are late. Again."]),
        ("你 迟到 了。 2 又", ["你迟到了。", "又"]),
    ],
)
def test_a_long_pause_begins_an_utterance(text: str, utterances: list[str]) -> None:
    assert [u.text for u in group_words(words(text), Source("talk", ""))] == utterances


def test_a_change_of_speaker_begins_an_utterance_which_has_the_times_of_its_words() -> None:
    said = [*words("you are late", 0, "A"), *words("I know", 0.9, "B")]
    assert list(group_words(said, Source("talk", ""))) == [
        RawUtterance("", "you are late", "A", 0.0, 0.8),
        RawUtterance("", "I know", "B", 0.9, 1.4),
    ]


def test_long_speech_without_pauses_is_cut_at_sentences() -> None:
    said = words("one two three four five. " * 60)
    utterances = list(group_words(said, Source("talk", "")))
    assert len(utterances) > 2
    assert all(400 < len(u.text) < 450 and u.text.endswith("five.") for u in utterances[:-1])


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([("Well", ""), (",", "previous"), ("yes", "")], "Well, yes"),
        ([("(", "next"), ("yes", ""), (")", "previous")], "(yes)"),
        ([("You", "both"), ("'re", "both"), (" late", "both")], "You're late"),
        ([("遅", ""), ("い", ""), ("OK", "")], "遅い OK"),
        ([("สวัส", ""), ("ดี", "")], "สวัสดี"),
        ([("아니", ""), ("요", "")], "아니 요"),
    ],
)
def test_words_are_joined_as_their_language_writes_them(parts: list[tuple[str, str]], text: str) -> None:
    assert join_words(Word("", part, joins=joins) for part, joins in parts) == text


@pytest.mark.parametrize(
    ("said", "speakers"),
    [
        ([*words("you are", 0, "A"), *words("late", 0.6), *words("yes", 0.9, "B")], ["A", "B"]),
        ([*words("well", 0), *words("yes", 0.3, "B")], ["B"]),
        ([*words("you", 0, "A"), *words("late", 5), *words("yes", 10, "B")], ["A", None, "B"]),
        ([Word("", "you", "A"), Word("", "are"), Word("", "late", "B")], ["A", "B"]),
    ],
)
def test_a_word_without_a_speaker_goes_with_its_neighbours_unless_it_stands_alone(
    said: list[Word], speakers: list[str | None]
) -> None:
    source = Source("talk", "")
    assert [u.speaker for u in group_words(said, source)] == speakers
    assert bool(source.notes) == (None not in speakers)


def test_channels_are_in_the_order_of_time_and_split_where_another_speaks() -> None:
    agent = [*words("how may I help?", 0), *words("I see.", 2.5)]
    caller = words("it broke", 1.5)
    found = group_channels({"agent": agent, "caller": caller}, Source("talk", ""))
    assert [(u.speaker, u.text) for u in found] == [
        ("agent", "how may I help?"),
        ("caller", "it broke"),
        ("agent", "I see."),
    ]


def test_a_label_that_two_channels_have_is_two_people() -> None:
    channels = {"left": words("how may I help?", 0, "S1"), "right": words("it broke", 1.5, "S1")}
    found = group_channels(channels, Source("talk", ""))
    assert [u.speaker for u in found] == ["left, S1", "right, S1"]


@pytest.mark.parametrize(
    ("text", "said", "parts"),
    [
        (
            "You are late. I know.",
            [*words("You are late.", 0, "A"), *words("I know.", 1, "B")],
            "You are late. |I know.",
        ),
        ("You are late! I know.", [*words("you are late", 0, "A"), *words("i know", 1, "B")], "You are late! |I know."),
        ("你迟到了。我知道", [*words("你 迟 到 了", 0, "A"), *words("我 知 道", 1, "B")], "你迟到了。|我知道"),
        ("You are late.", [*words("You", 0, "A"), *words("are late.", 1)], "You are late."),
        ("something else", [*words("you are late", 0, "A"), *words("I know", 1, "B")], "you are late|I know"),
        ("a b a b", [*words("a b", 0, "A"), *words("a", 1, "B"), *words("b", 2, "A")], "a b |a |b"),
    ],
)
def test_a_segment_is_split_where_the_speaker_of_its_words_changes(text: str, said: list[Word], parts: str) -> None:
    found = split_by_words(RawUtterance("segment 1", text, None, 0.0, 3.0), said)
    assert "|".join(part.text for part in found) == parts
    assert (found[0].start, found[-1].end) == (0.0, 3.0)
