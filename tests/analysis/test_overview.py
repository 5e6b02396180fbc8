"""Many dialogues at once: counts by conversation, quarter, speaker, kind of flip and trigger; tables of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from analyses import crowd

from fliptrace.analysis import overview as module
from fliptrace.analysis.corrections import (
    Correction,
    EmotionCorrection,
    FlipCorrection,
    TriggerCorrection,
    apply_corrections,
)
from fliptrace.analysis.overview import CountedDialogue, Overview, make_overview
from fliptrace.analysis.overview_tables import OverviewTable, overview_csv
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.schema import AnalysisDocument
from fliptrace.analysis.tally import Flipped, Said, Triggered, add_up, tally_document
from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8, MELD7, EmotionSet
from fliptrace.core.flips import find_flips
from fliptrace.core.support import Support

MOMENT = datetime(2026, 5, 4, 12, tzinfo=UTC)
# Ana flips at 2 and 3, Bo at 5; four utterances of Ana, two of Bo.
LINES = (
    ("Ana", "joy"),
    ("Bo", "neutral"),
    ("Ana", "fear"),
    ("Ana", "joy"),
    ("Ana", "joy"),
    ("Bo", "anger"),
)
TRIGGERS = {2: {0, 1}, 3: set[int](), 5: {4}}


def document(
    lines: Sequence[tuple[str, str]] = LINES, triggers: dict[int, set[int]] | None = None, labels: EmotionSet = MASAC8
) -> AnalysisDocument:
    chosen = TRIGGERS if triggers is None else triggers
    utterances = tuple(Utterance(speaker, f"Line {i}.", emotion) for i, (speaker, emotion) in enumerate(lines))
    dialogue = Dialogue("six", "six", utterances, labels)
    found = tuple(
        FoundFlip(flip, frozenset(named), Support(len(lines), dict.fromkeys(named, 1.0)), "Why.")
        for flip in find_flips(dialogue)
        for named in (chosen.get(flip.target, set()),)
    )
    return AnalysisDocument.of(Analysis(dialogue, (None,) * len(lines), found, "m", 0.5))


def counted(name: str, found: AnalysisDocument, corrections: Sequence[Correction] = ()) -> CountedDialogue:
    return CountedDialogue(name[::-1], name, MOMENT, len(corrections), tally_document(found, corrections))


def overview(*corrections: Correction) -> Overview:
    """Of a dialogue of six utterances, corrected if so, and one of two, in which Ana flips."""
    other = document([("Ana", "joy"), ("Ana", "fear")], {1: {0}})
    return make_overview([counted("six", document(), corrections), counted("two", other)])


def test_a_dialogue_is_counted_by_speaker_quarter_and_emotion() -> None:
    tally = tally_document(document())
    assert tally.utterances == {
        Said("Ana", 0, "joy"): 1,
        Said("Bo", 0, "neutral"): 1,
        Said("Ana", 1, "fear"): 1,
        Said("Ana", 2, "joy"): 2,
        Said("Bo", 3, "anger"): 1,
    }
    assert tally.flips == {
        Flipped("Ana", 1, "joy", "fear"): 1,
        Flipped("Ana", 2, "fear", "joy"): 1,
        Flipped("Bo", 3, "neutral", "anger"): 1,
    }
    assert tally.triggers == {Triggered("Ana", "Ana"): 1, Triggered("Bo", "Ana"): 1, Triggered("Ana", "Bo"): 1}
    assert (+tally.untriggered, +tally.unknown) == ({"Ana": 1}, {})


def test_the_short_way_without_corrections_counts_as_the_long_one_does() -> None:
    analysis = crowd(120, 4)
    confirmed = [EmotionCorrection(utterance=0, emotion=analysis.dialogue.emotions[0] or "")]
    assert apply_corrections(analysis, confirmed).flips
    found = AnalysisDocument.of(analysis)
    assert tally_document(found) == tally_document(found, confirmed)


def test_every_conversation_has_a_row() -> None:
    six, two = overview().conversations
    assert (six.id, six.name, six.created_at, six.num_corrections) == ("xis", "six", MOMENT, 0)
    assert (six.num_utterances, six.num_speakers, six.speakers) == (6, 2, ("Ana", "Bo"))
    assert (six.num_flips, six.flips_per_100) == (3, 50.0)
    assert six.top_flip is not None
    assert (six.top_flip.before, six.top_flip.after, six.top_flip.num) == ("fear", "joy", 1)  # first by the labels
    shares = {label: share for label, share in six.emotion_shares.items() if share}
    assert shares == {"anger": 0.1667, "fear": 0.1667, "joy": 0.5, "neutral": 0.1667}
    assert (two.num_flips, two.flips_per_100) == (1, 50.0)


def test_all_together_are_counted_by_quarter_and_by_kind_of_flip() -> None:
    found = overview()
    assert (found.num_conversations, found.num_utterances, found.num_flips) == (2, 8, 4)
    assert found.top_flip is not None
    assert (found.top_flip.before, found.top_flip.after, found.top_flip.num) == ("joy", "fear", 2)
    assert [(each.quarter, each.num_utterances, each.num_flips) for each in found.quarters] == [
        (1, 3, 0),
        (2, 1, 1),
        (3, 3, 2),
        (4, 1, 1),
    ]
    assert [each.emotion_shares["joy"] for each in found.quarters] == [0.6667, 0.0, 0.6667, 0.0]
    assert found.flips.labels == ("anger", "fear", "joy", "neutral")
    assert found.flips.counts == ((0, 0, 0, 0), (0, 0, 1, 0), (0, 2, 0, 0), (1, 0, 0, 0))


def test_speakers_of_equal_names_are_one_and_triggers_are_ones_own_or_others() -> None:
    found = overview()
    ana, bo = found.speakers
    assert (ana.name, ana.num_conversations, ana.num_utterances, ana.num_flips) == ("Ana", 2, 6, 3)
    assert (ana.own_triggers, ana.others_triggers, ana.triggers_of_others, ana.num_untriggered) == (2, 1, 1, 1)
    assert (bo.own_triggers, bo.others_triggers, bo.triggers_of_others, bo.num_untriggered) == (0, 1, 1, 0)
    assert [tuple(dict(each).values()) for each in found.triggers] == [
        ("Ana", "Ana", True, 2),
        ("Bo", "Ana", False, 1),
        ("Ana", "Bo", False, 1),
    ]
    assert (found.own_triggers, found.others_triggers, found.num_untriggered, found.num_unknown) == (2, 2, 1, 0)


def test_corrections_count_and_corrected_conversations_are_told() -> None:
    found = overview(
        EmotionCorrection(utterance=4, emotion="anger"),  # a flip more, and its triggers are unknown
        FlipCorrection(target=2, is_flip=False),
        TriggerCorrection(target=3, utterance=1, is_trigger=True),
    )
    assert (found.num_corrected, found.conversations[0].num_corrections) == (1, 3)
    assert (found.num_flips, found.num_untriggered, found.num_unknown) == (4, 0, 1)
    assert found.conversations[0].emotion_shares["anger"] == 0.3333
    ana = found.speakers[0]
    assert (ana.own_triggers, ana.others_triggers, ana.num_unknown) == (1, 1, 1)


def test_emotion_sets_are_joined() -> None:
    meld = document([("Ana", "joy")], labels=MELD7)
    found = make_overview([counted("a", meld), counted("b", document([("Ana", "contempt")]))])
    assert [emotion.label for emotion in found.emotions] == [*MELD7.labels, "contempt"]
    assert found.conversations[0].emotion_shares["contempt"] == 0
    assert {emotion.hue for emotion in found.emotions if emotion.label == "joy"} == {"amber"}


def test_nothing_is_no_error() -> None:
    found = make_overview([])
    assert (found.num_conversations, found.num_flips, found.flips_per_100, found.top_flip) == (0, 0, 0, None)
    assert (len(found.quarters), found.speakers, found.flips.counts) == (4, (), ())


def test_only_the_speakers_with_most_flips_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 1)
    found = overview()
    assert (found.num_speakers, [each.name for each in found.speakers], len(found.triggers)) == (2, ["Ana"], 1)
    assert found.own_triggers + found.others_triggers == 4


def test_tallies_are_not_changed_when_they_are_added_up() -> None:
    one = tally_document(document())
    both = add_up([one, one])
    assert both.flips[Flipped("Ana", 1, "joy", "fear")] == 2
    assert one == tally_document(document())


def rows(table: OverviewTable, found: Overview) -> list[dict[str, str]]:
    text = overview_csv(found, table)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_tables_hold_what_the_overview_does() -> None:
    found = overview()
    six = rows("conversations", found)[0]
    assert (six["name"], six["created_at"], six["speakers"]) == ("six", "2026-05-04 12:00:00+00:00", "Ana; Bo")
    assert (six["flips_per_100"], six["flip_from"], six["flip_to"], six["share_joy"]) == ("50.0", "fear", "joy", "0.5")
    assert [row["num_flips"] for row in rows("quarters", found)] == ["0", "1", "2", "1"]
    assert [(row["name"], row["own_triggers"]) for row in rows("speakers", found)] == [("Ana", "2"), ("Bo", "0")]
    flips = [tuple(row.values()) for row in rows("flips", found)]
    assert flips == [("joy", "fear", "2"), ("fear", "joy", "1"), ("neutral", "anger", "1")]
    assert rows("triggers", found)[0] == {
        "trigger_speaker": "Ana",
        "flip_speaker": "Ana",
        "is_oneself": "true",
        "num": "2",
    }


def test_an_empty_table_has_its_columns() -> None:
    text = overview_csv(make_overview([]), "conversations")
    assert text.startswith("\ufeffid,name,created_at,") and text.count("\n") == 1


def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe() -> None:
    evil = document([("=1+1", "joy"), ("@SUM(A1)", "joy"), ("=1+1", "fear")], {2: {1}})
    found = make_overview([counted("-2+3", evil)])
    row = rows("conversations", found)[0]
    assert (row["name"], row["speakers"]) == ("'-2+3", "'=1+1; '@SUM(A1)")
    assert rows("speakers", found)[0]["name"] == "'=1+1"
    assert rows("triggers", found)[0]["trigger_speaker"] == "'@SUM(A1)"
