"""The sample corpus is built from data/sample/ and has the variety that a small corpus needs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.corpora.catalog import locate
from fliptrace.corpora.groups import assign_groups_across, shared_groups
from fliptrace.corpora.sample import SAMPLE_SPLITS, load_sample, load_sample_dialogues, sample_path
from tools import build_sample

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cases() -> list[FlipCase]:
    return [case for split in SAMPLE_SPLITS for case in load_sample(split)]


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    return [dialogue for split in SAMPLE_SPLITS for dialogue in load_sample_dialogues(split)]


def test_the_shipped_files_are_those_the_script_builds() -> None:
    files = build_sample.build(ROOT / "data" / "sample")
    assert len(files) == 6
    for name, text in files.items():
        assert (sample_path("train").parent / name).read_text(encoding="utf-8") == text, "run tools/build_sample.py"


def test_size(dialogues: list[Dialogue]) -> None:
    texts = [utterance.text for dialogue in dialogues for utterance in dialogue.utterances]
    assert len(dialogues) >= 95
    assert len(texts) == len(set(texts)) >= 900
    assert {dialogue.emotion_set for dialogue in dialogues} == {MASAC8}


def test_about_a_third_is_hindi_english() -> None:
    entries = [e for split in SAMPLE_SPLITS for e in json.loads(sample_path(split).read_text(encoding="utf-8"))]
    language_of = {entry["episode"]: entry["language"] for entry in entries}
    by_language = Counter(language_of.values())
    assert set(by_language) == {"en", "hi-en"}
    assert 0.28 < by_language["hi-en"] / by_language.total() < 0.40


def test_splits_are_three_to_one_to_one_and_share_no_group() -> None:
    train, val, test = assign_groups_across([load_sample_dialogues(split) for split in SAMPLE_SPLITS])
    assert len({dialogue.group for dialogue in (*train, *val, *test)}) == len(train) + len(val) + len(test)
    assert len(train) == pytest.approx(3 * len(val), rel=0.1) == pytest.approx(3 * len(test), rel=0.1)
    assert not shared_groups(train, [*val, *test]).groups
    assert not shared_groups(val, test).groups


def test_every_flip_is_a_case(dialogues: list[Dialogue], cases: list[FlipCase]) -> None:
    assert sum(len(find_flips(dialogue)) for dialogue in dialogues) == len(cases)
    assert len({case.id for case in cases}) == len(cases)
    assert Counter(case.dialogue.split for case in cases).keys() == set(SAMPLE_SPLITS)
    assert {case.dialogue.corpus for case in cases} == {"sample"}


def test_triggers_are_of_every_kind(cases: list[FlipCase]) -> None:
    flips = [(case.flip, case.known_triggers) for case in cases]
    assert sum(not triggers for _, triggers in flips) >= 15
    assert sum(len(triggers) > 1 for _, triggers in flips) >= 40
    assert sum(flip.target in triggers for flip, triggers in flips) >= 30
    assert sum(any(t < flip.source for t in triggers) for flip, triggers in flips) >= 20
    assert sum(any(flip.target - t >= 5 for t in triggers) for flip, triggers in flips) >= 5


def test_the_utterance_before_is_often_but_not_always_the_trigger(cases: list[FlipCase]) -> None:
    hits = sum(case.flip.target - 1 in case.known_triggers for case in cases)
    f1 = 2 * hits / (len(cases) + sum(len(case.known_triggers) for case in cases))
    assert 0.55 < f1 < 0.80


def test_the_catalog_knows_it() -> None:
    assert [locate("sample", split) for split in SAMPLE_SPLITS] == [sample_path(split) for split in SAMPLE_SPLITS]


GOOD = """# spot | neighbours
Ines [neutral]: The blue car is yours, isn't it?
Omar [joy]: Yes, brand new!
Ines [anger] <- 2: It stands on my spot.
"""


def test_an_authored_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(f"{GOOD}\n\n{GOOD.replace('spot |', 'other-spot |').replace('<- 2', '<- none')}", encoding="utf-8")
    first, second = build_sample.read_authored(path, "en")
    assert [entry["triggers"] for entry in build_sample.efr_cases(first)] == [[0, 1, 0]]
    assert [entry["triggers"] for entry in build_sample.efr_cases(second)] == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# spot |", "#spot ", "mine.txt line 1: found '#spot  neighbours', expected '# slug | setting'"),
        ("[joy]", "(joy)", "mine.txt line 3: found 'Omar (joy): Yes, brand new!', expected"),
        ("[joy]", "[glad]", "mine.txt line 3: unknown emotion 'glad'"),
        (" <- 2", "", "mine.txt line 4: found a flip without '<-'"),
        ("[joy]:", "[joy] <- 1:", "mine.txt line 3: found '<-' on an utterance that is not a flip"),
        ("<- 2", "<- 4", "mine.txt line 4: triggers 4: expected each once, ascending, at most 3"),
        ("<- 2", "<- 2 1", "mine.txt line 4: triggers 2 1: expected each once"),
        ("Ines [anger] <- 2", "Omar [joy]", "mine.txt line 1: spot has no flip"),
    ],
)
def test_an_authoring_error_names_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as error:
        build_sample.read_authored(path, "en")
    assert str(error.value).startswith(message)
