"""What annotators submit in Label Studio becomes emotions, flips and triggers; what cannot be read is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analyses import analyse, crowd, support_call, two_friends
from label_studio_project import annotation, save, submitted

from fliptrace.analysis.label_studio import label_studio_task
from fliptrace.analysis.values import AnalysisValues
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MASAC8, MELD7, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.corpus_writer import CorpusPaths, corpus_paths, write_corpus
from fliptrace.corpora.detect import read_corpus
from fliptrace.corpora.label_studio import AnnotatedFile, read_label_studio

Result = list[dict[str, Any]]
OWN = EmotionSet("calls", ("at ease", "tense", "zufrieden", "half-glad"), neutral="at ease")
HOSTILE = (
    ("<b>Ana</b>", "<script>alert(1)</script>\nand \"quotes\" & 'more'", "neutral"),
    ('Ben"; DROP', "\r\n\u2028 ]]> {{text}} $dialogue \U0001f600", "anger"),
    ("=cmd()", "No\ttabs\x07, please", "joy"),
    ("<b>Ana</b>", "", "contempt"),
    ("$speaker", "--- # [1] Ana: not a line", "neutral"),
    ('Ben"; DROP', "शर्मा जी, \u202eनमस्ते", "fear"),
    ("$speaker", "x" * 3000, "surprise"),
)


def hostile() -> AnalysisValues:
    return analyse(Dialogue("../<call>", "d", tuple(Utterance(*row) for row in HOSTILE), MASAC8))


def write(file: AnnotatedFile, out: Path) -> CorpusPaths:
    paths = corpus_paths(out)
    write_corpus(file.dialogues, file.emotion_set, paths)
    return paths


def emotions_and_flips(out: Path) -> tuple[list[tuple[str | None, ...]], list[tuple[Any, Any]]]:
    """What the files of a corpus hold, as `train` and `score` read them."""
    paths = corpus_paths(out)
    dialogues, cases = read_corpus(paths.erc), read_corpus(paths.efr)
    assert isinstance(dialogues, ErcFile) and isinstance(cases, EfrFile) and not cases.left_out
    return [each.emotions for each in dialogues.dialogues], [(case.flip, case.triggers) for case in cases.cases]


SOME = {
    "a call": [support_call()],
    "hostile texts": [hostile()],
    "crowds": [crowd(60, 5, seed) for seed in range(4)],
    "seven emotions": [crowd(40, 3, 7, MELD7)],
    "other emotions": [crowd(40, 3, 8, EMORYNLP7)],
    "own emotions": [crowd(40, 3, 9, OWN)],
}


@pytest.mark.parametrize("analyses", SOME.values(), ids=SOME)
def test_predictions_that_are_accepted_come_back_as_they_were(analyses: list[AnalysisValues], tmp_path: Path) -> None:
    path = save(tmp_path / "project.json", submitted([label_studio_task(each) for each in analyses]))
    file = read_label_studio(path)
    write(file, tmp_path / "labels")
    emotions, flips = emotions_and_flips(tmp_path / "labels")
    assert emotions == [each.dialogue.emotions for each in analyses]
    assert flips == [(found.flip, found.triggers) for each in analyses for found in each.flips]
    assert sum(map(len, (triggers for _, triggers in flips))) > 0
    assert file.emotion_set == analyses[0].dialogue.emotion_set
    texts = [each.text for each in file.dialogues[0].dialogue.utterances]
    assert texts == [each.text for each in analyses[0].dialogue.utterances]


def change_emotion(result: Result) -> None:
    """Utterance 1 of Ben becomes anger: Ben then flips at 3, where he is neutral again."""
    result[1]["value"]["paragraphlabels"] = ["anger"]
    result[1]["origin"] = "prediction-changed"


def move_trigger(result: Result) -> None:
    [relation] = [each for each in result if each["type"] == "relation"]
    result.remove(relation)
    result.append(relation | {"from_id": "utterance-0"})
    result.append(relation | {"from_id": "utterance-2"})


def drop(index: int) -> Callable[[Result], None]:
    return lambda result: result.pop(index) and None


def relate(start: int, end: int, **fields: object) -> Callable[[Result], None]:
    def change(result: Result) -> None:
        del result[4:]
        ends = {"from_id": f"utterance-{start}", "to_id": f"utterance-{end}"}
        result.insert(0, {"type": "relation", "direction": "right"} | ends | fields)

    return change


def relabel_words(result: Result) -> None:
    """Instead of the whole utterance 2, its words in two regions, of which one begins in the utterance before."""
    result[2]["value"] |= {"start": "1", "startOffset": 1, "paragraphlabels": ["neutral"]}
    result[2]["value"] |= {"end": "1", "endOffset": 2}
    whole = {"id": "x7", "from_name": "emotion", "to_name": "dialogue", "type": "paragraphlabels"}
    result.append(
        whole | {"value": {"start": 2, "end": 2, "startOffset": 1, "endOffset": 2, "paragraphlabels": ["joy"]}}
    )
    result[4] |= {"to_id": "x7"}


# Ana and Ben take turns: neutral, neutral, joy, neutral. The only flip is Ana's at 2, triggered by 1.
CHANGED: dict[str, tuple[Callable[[Result], object], list[tuple[int, set[int]]], set[str]]] = {
    "nothing": (lambda result: None, [(2, {1})], set()),
    "an emotion": (change_emotion, [(2, {1}), (3, set())], set()),
    "a relation": (move_trigger, [(2, {0, 2})], set()),
    "no relation": (drop(4), [(2, set())], set()),
    "a relation without a label": (relate(1, 2), [(2, {1})], set()),
    "an arrow to the left": (relate(2, 0, direction="left"), [(2, {0})], set()),
    "an arrow with two heads": (relate(2, 0, direction="bi"), [(2, {0})], set()),
    "an arrow backwards": (relate(2, 0), [(2, set())], {"trigger-after-target"}),
    "an arrow to no flip": (relate(1, 3), [(2, set())], {"no-flip"}),
    "another relation": (relate(1, 2, labels=["answers"]), [(2, set())], {"other-relation"}),
    "an utterance without a label": (lambda r: r[0]["value"].pop("paragraphlabels"), [], {"no-emotion", "no-flip"}),
    "a region of words": (relabel_words, [(2, {1})], set()),
    "a label of another control": (lambda r: r[3].update(from_name="topic"), [(2, {1})], {"no-emotion", "other-label"}),
}


@pytest.mark.parametrize(("change", "flips", "warnings"), CHANGED.values(), ids=CHANGED)
def test_what_an_annotator_changes_is_read(
    change: Callable[[Result], object], flips: list[tuple[int, set[int]]], warnings: set[str], tmp_path: Path
) -> None:
    tasks = submitted([label_studio_task(two_friends("Hi", "Ho", "Ha", "Hm"))], change)
    file = read_label_studio(save(tmp_path / "project.json", tasks))
    assert sorted(file.dialogues[0].triggers.items()) == flips
    assert {finding.kind for finding in file.warnings} == warnings
    if flips:
        write(file, tmp_path)
        assert [(flip.target, triggers) for flip, triggers in emotions_and_flips(tmp_path)[1]] == flips


def test_utterances_without_a_region_are_unlabelled_in_the_files(tmp_path: Path) -> None:
    tasks = submitted([label_studio_task(two_friends("Hi", "Ho", "Ha", "Hm", "Oh"))], drop(1))
    tasks[0]["annotations"][0]["result"][:] = [
        e for e in tasks[0]["annotations"][0]["result"] if e["type"] != "relation"
    ]
    write(read_label_studio(save(tmp_path / "project.json", tasks)), tmp_path)
    emotions, [(flip, triggers)] = emotions_and_flips(tmp_path)
    assert emotions == [("neutral", None, "joy", "neutral", "joy")]
    assert (flip.source, flip.target, triggers) == (0, 2, frozenset())


def test_the_annotation_that_was_changed_last_and_not_skipped_counts(tmp_path: Path) -> None:
    [task] = submitted([label_studio_task(two_friends("Hi", "Ho", "Ha", "Hm"))])
    first = task["annotations"][0]["result"]
    corrected = [each for each in first if each["type"] != "relation"]
    task["annotations"] = [
        annotation(corrected, updated_at="2026-11-05T08:00:00Z"),
        annotation(first, updated_at="2026-11-04T08:00:00.5Z"),
        annotation([], was_cancelled=True, updated_at="2026-11-06T08:00:00Z"),
    ]
    file = read_label_studio(save(tmp_path / "project.json", [task]))
    assert file.dialogues[0].triggers == {2: frozenset()}
    assert [str(finding) for finding in file.warnings] == ["project.json task 17: 2 annotations; the last one counts"]
    for each in task["annotations"]:
        del each["updated_at"]
    assert read_label_studio(save(tmp_path / "project.json", [task])).dialogues[0].triggers == {2: frozenset({1})}


def test_tasks_without_an_annotation_are_left_out_and_counted(tmp_path: Path) -> None:
    tasks = submitted([label_studio_task(crowd(6, 2, seed)) for seed in range(5)])
    tasks[1]["annotations"] = tasks[2]["annotations"] = []
    tasks[3]["annotations"][0]["was_cancelled"] = True
    file = read_label_studio(save(tmp_path / "project.json", tasks))
    assert [each.origin["task"] for each in file.dialogues] == ["task 17", "task 21"]
    assert [(finding.kind, finding.num_places) for finding in file.warnings] == [("no-annotation", 2), ("skipped", 1)]
    for task in tasks:
        task["annotations"] = []
    with pytest.raises(InputError, match="no annotation in 5 tasks; expected tasks that were submitted"):
        read_label_studio(save(tmp_path / "project.json", tasks))


def in_result(index: int, **fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda task: task["annotations"][0]["result"][index].update(fields)


def in_value(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda task: task["annotations"][0]["result"][1]["value"].update(fields)


def old_labels(task: dict[str, Any]) -> None:
    value = task["annotations"][0]["result"][1]["value"]
    value["labels"] = value.pop("paragraphlabels")


MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "JSON-MIN": (lambda task: task.pop("annotations"), "task 17: .*expected the export format JSON, not JSON-MIN"),
    "no data": (lambda task: task.update(data=[]), "task 17: no 'data'"),
    "no dialogue": (lambda task: task["data"].pop("dialogue"), "task 17: found nothing for 'dialogue' of its data"),
    "empty dialogue": (lambda task: task["data"].update(dialogue=[]), "expected a list of utterances"),
    "lines": (lambda task: task["data"].update(dialogue=["Hi"] * 4), "found str for an utterance; expected an object"),
    "a number said": (lambda task: task["data"]["dialogue"][0].update(text=5), "task 17: found 5 for an utterance"),
    "no result": (lambda task: task["annotations"][0].pop("result"), "found nothing for 'result' of its annotation"),
    "a result": (lambda task: task["annotations"][0].update(result=["joy"]), "found str for a result"),
    "no value": (in_result(1, value=None), "task 17 region 'utterance-1': found nothing for its value"),
    "position": (in_value(start="4"), "region 'utterance-1': 'start' is '4'; expected a position in 4 utterances"),
    "no position": (in_value(end="/div[1]"), r"'end' is '/div\[1\]'; expected a position"),
    "a huge position": (in_value(end="9" * 5000), "'end' is '999"),
    "true": (in_value(start=True), "'start' is True"),
    "backwards": (in_value(end=0), "it ends at utterance 0; expected one from 1"),
    "twice": (in_result(1, id="utterance-0"), "region 'utterance-0': its id occurs twice"),
    "labels": (old_labels, "region 'utterance-1': found 'labels' in its value; expected 'paragraphlabels'"),
    "two labels": (in_value(paragraphlabels=["joy", "fear"]), r"found \['joy', 'fear'\] for 'paragraphlabels'"),
    "no label": (in_value(paragraphlabels=[None]), r"found \[None\] for 'paragraphlabels'; expected one emotion"),
    "unknown": (in_value(paragraphlabels=["hope"]), "task 17 utterance 1: unknown emotion 'hope'; masac8 has anger"),
    "two emotions": (in_value(end="2"), "task 17 utterance 2: labelled 'neutral' and 'joy'; expected one emotion"),
    "a loose end": (in_result(4, from_id="gone"), "a relation has the from_id 'gone'; expected that of a region"),
    "direction": (in_result(4, direction="up"), "a relation with direction 'up'; expected left, right or bi"),
    "emotion set": (lambda task: task["data"].update(emotion_set="masac8"), "found str for 'emotion_set' of its data"),
    "its labels": (lambda task: task["data"]["emotion_set"].update(labels=[1]), r"found \[1\] for the labels"),
    "its neutral": (lambda task: task["data"]["emotion_set"].update(neutral="calm"), "has no label 'calm'"),
}


@pytest.mark.parametrize(("damage", "message"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_named(damage: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    tasks = submitted([label_studio_task(two_friends("Hi", "Ho", "Ha", "Hm"))])
    damage(tasks[0])
    with pytest.raises(InputError, match=rf"^project\.json .*{message}"):
        read_label_studio(save(tmp_path / "project.json", tasks))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"tasks": []}, "found dict; expected the list of tasks"),
        ([], "no annotation in 0 tasks"),
        (["joy"], "task at position 0: found str for a task"),
        ([{"data": {}}], "task at position 0: no 'data' or no list 'annotations'"),
    ],
)
def test_files_that_are_no_export_are_named(value: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"project\.json.*{message}"):
        read_label_studio(save(tmp_path / "project.json", value))


def test_tasks_of_several_emotion_sets_are_refused(tmp_path: Path) -> None:
    tasks = submitted([label_studio_task(crowd(4, 2)), label_studio_task(crowd(4, 2, emotions=MELD7))])
    with pytest.raises(InputError, match=r"task 18: emotions anger, disgust.*expected those of task 17: anger, cont"):
        read_label_studio(save(tmp_path / "project.json", tasks))


def test_the_emotion_set_comes_from_the_caller_the_tasks_the_folder_or_the_labels(tmp_path: Path) -> None:
    tasks = submitted([label_studio_task(two_friends("Hi", "Ho", "Ha", "Hm"))])
    path = save(tmp_path / "project.json", tasks)
    assert read_label_studio(path, emotion_set=MELD7).emotion_set == MELD7
    assert read_label_studio(path).emotion_set == MASAC8
    del tasks[0]["data"]["emotion_set"]
    save(path, tasks)
    assert read_label_studio(path).emotion_set == MELD7
    (tmp_path / "emotions.toml").write_text('labels = ["joy", "neutral"]')
    assert read_label_studio(path).emotion_set.labels == ("joy", "neutral")


def test_own_emotions_are_declared_beside_the_files_and_never_replaced(tmp_path: Path) -> None:
    file = read_label_studio(save(tmp_path / "p.json", submitted([label_studio_task(crowd(20, 2, 3, OWN))])))
    paths = corpus_paths(tmp_path / "labels")
    assert write_corpus(file.dialogues, OWN, paths)
    assert 'neutral = "at ease"' in paths.emotions.read_text("utf-8")
    assert not write_corpus(file.dialogues, OWN, paths)
    paths.emotions.write_text('labels = ["at ease", "tense"]')
    before = paths.erc.read_bytes()
    with pytest.raises(InputError, match=r"emotions\.toml: has no label 'zufrieden'"):
        write_corpus((), OWN, paths)
    assert paths.erc.read_bytes() == before


def test_the_files_say_which_task_they_are_of(tmp_path: Path) -> None:
    file = read_label_studio(save(tmp_path / "p.json", submitted([label_studio_task(support_call())])))
    paths = write(file, tmp_path / "calls_train.json")
    assert (paths.erc.name, paths.efr.name) == ("calls_train_erc.json", "calls_train.json")
    cases = json.loads(paths.efr.read_text("utf-8"))
    assert {(case["task"], case["dialogue"]) for case in cases} == {("task 17", "A dead line before the exam")}
    assert len(paths.efr.read_text("utf-8").splitlines()) == len(cases) + 2
