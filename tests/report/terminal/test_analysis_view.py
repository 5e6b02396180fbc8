from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.flips import find_flips
from fliptrace.core.support import Support
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.report.terminal.analysis import MAX_FLIPS, analysis_view

LINES = (("Ana", "joy"), ("Ben", "neutral"), ("Ana", "anger"), ("Ben", "fear"))


def analysis_of(lines: tuple[tuple[str, str], ...] = LINES, start: float | None = None, **changes: object) -> Analysis:
    utterances = tuple(Utterance(who, f"line by {who}", emotion, start) for who, emotion in lines)
    dialogue = Dialogue("tea", "tea", utterances, MASAC8)
    found = tuple(
        FoundFlip(flip, frozenset({i - 1}), Support(len(lines), {i - 1: 0.8}), f"Reason {i}.")
        for flip in find_flips(dialogue)
        for i in [flip.target]
    )
    values = {"emotion_scores": ({"joy": 0.625}, *[None] * (len(lines) - 1)), "flips": found} | changes
    return Analysis(dialogue, model="embedded", threshold=0.45, **values)  # type: ignore[arg-type]


def shown(analysis: Analysis, width: int = 120, *, full: bool = False) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(analysis_view(analysis, full=full))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_summary_and_the_flips_with_their_words_come_first() -> None:
    assert shown(analysis_of()) == [
        "tea  4 utterances, 2 speakers, 2 flips",
        "Ana  2 utterances  1 flip  joy 1, anger 1",
        "Ben  2 utterances  1 flip  neutral 1, fear 1",
        "",
        "↯ Ana flips from joy [1] to anger [3]; triggered by [2] (support 0.80)",
        "   │ [2] Ben: line by Ben",
        "   │ [3] Ana: line by Ana",
        "   │ Reason 2.",
        "   │ Led to Ben's flip to fear [4]",
        "",
        "↯ Ben flips from neutral [2] to fear [4]; triggered by [3] (support 0.80)",
        "   │ [3] Ana: line by Ana",
        "   │ [4] Ben: line by Ben",
        "   │ Reason 3.",
        "",
        "The reasons are filled in from a template; the model gave none of its own.",
        "Emotions are what the words express, according to embedded; triggers have a support of 0.45 or more.",
    ]


def test_the_whole_transcript_follows_where_it_is_asked_for() -> None:
    assert shown(analysis_of(), full=True)[-4:] == [
        "[1]   Ana joy     0.62 line by Ana",
        "[2]   Ben neutral      line by Ben",
        "[3] ↯ Ana anger        line by Ana",
        "[4] ↯ Ben fear         line by Ben",
    ]


def test_notes_stand_above_everything_that_depends_on_them() -> None:
    assert shown(analysis_of(notes=("system messages left out: 3",)))[1] == "note system messages left out: 3"


def test_of_many_flips_those_with_the_most_support_are_shown_and_the_others_counted() -> None:
    emotions = ("joy", "anger")
    many = tuple(("Ana", emotions[i % 2]) for i in range(MAX_FLIPS + 3))
    lines = shown(analysis_of(many, emotion_scores=(None,) * len(many)))
    assert sum(line.startswith("↯") for line in lines) == MAX_FLIPS
    assert "2 flips with less support not shown; --full shows all." in lines


def doubted(*probabilities: float) -> Analysis:
    analysis = analysis_of()
    flips = zip(analysis.flips, probabilities, strict=True)
    return replace(analysis, flips=tuple(replace(found, probability=share) for found, share in flips))


def test_the_surest_flips_come_first_with_their_probability_but_in_full_time_orders_them() -> None:
    surest = [line for line in shown(doubted(0.625, 0.9)) if line.startswith("↯")]
    assert surest == [
        "↯ Ben flips from neutral [2] to fear [4] (probability 0.90); triggered by [3] (support 0.80)",
        "↯ Ana flips from joy [1] to anger [3] (probability 0.62); triggered by [2] (support 0.80)",
    ]
    assert [line for line in shown(doubted(0.625, 0.9), full=True) if line.startswith("↯")] == surest[::-1]


def test_a_flip_between_other_labels_than_the_likeliest_says_so() -> None:
    labelled = analysis_of()
    quiet = labelled.dialogue.with_emotions(("neutral", "neutral", "neutral", "surprise"))
    lines = shown(replace(labelled, dialogue=quiet))
    equal = "On its own, each of the two is likeliest neutral. If they differ, joy → anger is the most probable change."
    other = "On their own, they are likeliest neutral and surprise. If they differ, "
    other += "neutral → fear is the most probable change."
    assert [line for line in lines if "On its own" in line] == [f"   │ {equal}"]
    assert [line for line in lines if "On their own" in line] == [f"   │ {other}"]


def test_no_probability_stands_behind_a_certain_flip() -> None:
    assert shown(doubted(1.0, 1.0)) == shown(analysis_of())


def test_emotions_in_unfamiliar_words_are_uncertain_whatever_their_probability() -> None:
    closing = shown(analysis_of(unfamiliar_speakers=("Ana",)), width=200)[-1]
    assert closing.startswith("1 emotion is uncertain: most words of the speaker new to the model; --full marks")


def test_the_words_of_source_and_target_are_told() -> None:
    words = (WordEvidence(2, 0, 4, 0.9, 0.3), WordEvidence(2, 5, 7, 0.9, 0.8))
    lines = shown(analysis_of(words=words))
    told = (
        "   │ Ana's anger at [3] falls from 0.90 to 0.30 without “line”, to 0.80 without “by”. Measured on the model."
    )
    assert lines.count(told) == 1


def test_uncertain_emotions_are_counted_and_marked_in_the_transcript() -> None:
    analysis = analysis_of(uncertain_below=0.7, flip_threshold=0.55)
    closing = " ".join(shown(analysis, width=200)[-2:])
    assert "triggers have a support of 0.45 or more, flips a probability of 0.55 or more." in closing
    assert closing.endswith("1 emotion is uncertain: probability below 0.70; --full marks them with a question mark.")
    assert "[1]   Ana joy?    0.62 line by Ana" in shown(analysis, full=True)


def test_times_are_shown_where_the_transcript_has_them() -> None:
    assert shown(analysis_of(start=65.2), full=True)[-4] == "[1] 1:05   Ana joy     0.62 line by Ana"
    assert "   │ [2] 1:05 Ben: line by Ben" in shown(analysis_of(start=65.2))


def test_no_probability_stands_where_all_emotions_are_given() -> None:
    assert shown(analysis_of(emotion_scores=(None,) * 4), full=True)[-4] == "[1]   Ana joy     line by Ana"


def test_a_models_own_reasons_are_not_called_a_template() -> None:
    analysis = analysis_of()
    flips = [FoundFlip(f.flip, f.triggers, f.support, f.reason, "model") for f in analysis.flips]
    assert not [line for line in shown(analysis_of(flips=tuple(flips))) if "template" in line]


def test_a_dialogue_without_flips_says_so() -> None:
    lines = shown(analysis_of((("Ana", "joy"),)))
    assert lines[0] == "tea  1 utterance, 1 speaker, 0 flips"
    assert lines[-2].startswith("No flips: ")


@pytest.mark.parametrize("name", ["[red]Eve[/]", "Eve\x1b[31m\x07"])
def test_a_transcript_is_no_markup_and_no_terminal_commands(name: str) -> None:
    text = "\n".join(shown(analysis_of(((name, "joy"), ("Ben", "joy"), (name, "anger")))))
    assert "\x1b" not in text and "\x07" not in text
    assert ("[red]Eve[/]" in text) == name.startswith("[red]")


def test_a_narrow_terminal_loses_nothing() -> None:
    text = " ".join(" ".join(shown(analysis_of(), width=40)).split())
    assert "support of 0.45 or more" in text and "line by Ben" in text
