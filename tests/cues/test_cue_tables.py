"""Tables with one row per utterance."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.analysis.tables import cues_to_csv
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.cues.table import read_cue_table
from fliptrace.cues.values import Cues, UtteranceCues

TWO = Dialogue("call", "call", (Utterance("A", "one"), Utterance("B", "two, three")), MASAC8)


def read(folder: Path, text: str) -> list[UtteranceCues]:
    path = folder / "cues.csv"
    path.write_text(text, encoding="utf-8")
    return list(read_cue_table(path, TWO).utterances)


def test_numbers_become_values_and_texts_become_words(tmp_path: Path) -> None:
    found = read(tmp_path, "index,heart rate,gesture,words\n1,91,waves,leans back; sighs\n")
    assert found == [UtteranceCues(), UtteranceCues({"heart rate": 91.0}, ("gesture: waves", "leans back", "sighs"))]


def test_without_an_index_the_rows_are_those_of_the_utterances(tmp_path: Path) -> None:
    assert [each.values for each in read(tmp_path, "strain;speaker\n0.5;A\n;B\n")] == [{"strain": 0.5}, {}]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    cues = Cues((UtteranceCues({"loudness_db": -20.5}, ("louder than usual", "faster")), UtteranceCues()))
    assert read(tmp_path, cues_to_csv(TWO, cues)) == list(cues.utterances)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty; expected a header and rows"),
        ("strain\n0.5\n", "1 rows for 2 utterances; expected one row for each, or a column `index`"),
        ("index,strain\n2,0.5\n", "index '2'; expected that of an utterance, 0 to 1"),
        ("index,strain\n0,0.5\n0,0.6\n", "two rows have the index 0"),
        ("index,speaker\n0,A\n", "columns index, speaker; expected `words` or any other with cues"),
        ("index,strain,strain\n0,1,1\n", "two columns 'strain'"),
        ("index,<b>\n0,1\n", "column '<b>'; expected a name of letters"),
    ],
)
def test_a_table_that_does_not_fit_is_told_why(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, text)


def test_a_table_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cues.csv").write_bytes(b"index,gesture\n0,caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_cue_table(tmp_path / "cues.csv", TWO)
