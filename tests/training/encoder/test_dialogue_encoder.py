"""Encoder models: what they learn, what a state may depend on, and that their graphs say what torch said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny import save_encoder
from tiny_runs import make_case, make_cases

from fliptrace.analysis.analyze import analyze
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8, EmotionSet
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_object
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.flips import has_labels, show_flip
from fliptrace.inference.reading import ReadingDecoder
from fliptrace.inference.seams import best_decoding, choose_labeler
from fliptrace.models.base import Decoding
from fliptrace.models.encoder import reader as reader_module
from fliptrace.models.encoder.config import CONFIG, MODEL, TRIGGERS
from fliptrace.models.encoder.reader import EncoderReader, load_reader
from fliptrace.models.encoder.trigger_inputs import trigger_inputs
from fliptrace.models.known_words import KnownWords
from fliptrace.models.open_model import open_model
from fliptrace.training.data import TrainingData
from fliptrace.training.encoder.fit import Fit, Trainee, encode_by_length, number_texts
from fliptrace.training.encoder.make import CALIBRATION, make_encoder
from fliptrace.training.encoder.network import DialogueEnsemble, TriggerEnsemble
from fliptrace.training.encoder.recipe import EncoderRecipe, Fitting, Layers
from fliptrace.training.encoder.units import make_unit

SAID = {
    "joy": "what a lovely cake",
    "anger": "stop that at once",
    "neutral": "the train leaves at nine",
    "sadness": "nobody came to see me",
}


def talk(number: int, length: int = 6) -> Dialogue:
    """A dialogue of two, in which the words tell the emotion."""
    rng = np.random.default_rng(number)
    emotions = rng.choice(list(SAID), length)
    utterances = tuple(Utterance("ab"[i % 2], SAID[emotion], str(emotion)) for i, emotion in enumerate(emotions))
    return Dialogue(f"talk#{number}", f"talk-{number}", utterances, MASAC8, "talks")


def bare(dialogue: Dialogue) -> Dialogue:
    return dialogue.with_emotions((None,) * len(dialogue))


def make(root: Path, seed: int = 0) -> list[tuple[str, int, int]]:
    """Train on talks and on cases whose trigger is the utterance before the target, or none. Returns the steps."""
    recipe = EncoderRecipe.model_validate(
        {
            "name": "tiny",
            "seed": seed,
            "data": {"train": ["cases"], "val": ["cases"], "emotions": {"talks": 1.5}, "emotion_val": ["talks"]},
            "base": {"model": str(root / "base"), "max_tokens": 24},
            "layers": {
                "width": 32,
                "num_layers": 2,
                "reach": 2,
                "trigger_width": 32,
                "window": 4,
                "dropout": 0.0,
                "members": 2,
            },
            "fit": {
                "layer_epochs": 12,
                "layer_rate": 5e-3,
                "epochs": 1,
                "tuned_on": ["talks"],
                "refit_epochs": 1,
                "batch_utterances": 64,
            },
        }
    )
    talks = tuple(map(talk, range(40)))
    data = TrainingData(make_cases(60), make_cases(12, "val"), {}, (), {"talks": talks}, {"talks": talks[:10]})
    steps: list[tuple[str, int, int]] = []
    make_encoder(recipe, data, root / "run", lambda *step: steps.append(step))
    return steps


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoder")
    save_encoder(root / "base")
    assert [part for part, done, total in make(root) if done == total] == [
        *("texts", "layers", "all"),
        *("texts", "refit"),
    ]
    return root / "run"


@pytest.fixture
def reader(run: Path) -> EncoderReader:
    return load_reader(run / MODEL, "tiny")


def emotions(reader: EncoderReader, dialogue: Dialogue) -> Iterator[str]:
    (rows,) = reader.read_emotions([dialogue])
    return (dialogue.emotion_set.labels[int(row.argmax())] for row in rows)


def test_words_and_places_are_learned(reader: EncoderReader) -> None:
    new = talk(1000, 12)
    assert list(emotions(reader, bare(new))) == list(new.emotions)
    cases = [each for each in make_cases(20, "new") if each.triggers]
    supports = reader.support_triggers(cases)
    named = [int(np.argmax(support)) == case.flip.target - 1 for case, support in zip(cases, supports, strict=True)]
    assert np.mean(named) >= 0.9


def test_nothing_depends_on_what_is_said_later_or_too_long_ago(reader: EncoderReader) -> None:
    first, second = bare(talk(1, 12)), bare(talk(2, 12))
    mixed = replace(first, utterances=first.utterances[:8] + second.utterances[8:])
    (ours,), (theirs,) = reader.read_emotions([first]), reader.read_emotions([mixed])
    np.testing.assert_allclose(ours[:8], theirs[:8], atol=1e-6)
    assert not np.allclose(ours[8:], theirs[8:], atol=1e-3)
    late = replace(first, utterances=second.utterances[:5] + first.utterances[5:])
    (later,) = reader.read_emotions([late])
    np.testing.assert_allclose(ours[5 + reader.config.context :], later[5 + reader.config.context :], atol=1e-6)


def test_a_result_depends_neither_on_the_batch_nor_on_blocks(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogues = [bare(talk(number, 3 + number)) for number in range(12)]
    together = list(load_reader(run / MODEL, "tiny").read_emotions(dialogues))
    monkeypatch.setattr(reader_module, "BLOCK", 3)
    monkeypatch.setattr(reader_module, "PASS_TOKENS", 16)
    alone = [next(load_reader(run / MODEL, "tiny").read_emotions([dialogue])) for dialogue in dialogues]
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    cases = make_cases(30, "new")
    single = [reader_of(run).support_triggers([case])[0] for case in cases[:5]]
    np.testing.assert_allclose(
        np.concatenate(reader_of(run).support_triggers(cases)[:5]), np.concatenate(single), atol=1e-5
    )


def test_what_was_forgotten_is_read_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_NUM_READINGS", 2)
    monkeypatch.setattr(reader_module, "_NUM_VECTORS", 1)
    dialogues = [
        Dialogue(f"d#{number}", "d", (Utterance("a", f"what {number}"), Utterance("b", f"who {number}")), MASAC8, "d")
        for number in range(6)
    ]
    reader = reader_of(run)
    first = list(reader.read_emotions(dialogues))
    again = list(reader.read_emotions([*dialogues[4:], *dialogues]))
    for ours, theirs in zip([*first[4:], *first], again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def reader_of(run: Path) -> EncoderReader:
    return load_reader(run / MODEL, "tiny")


def test_a_flip_late_in_a_long_dialogue_is_read_like_one_in_a_short_one(reader: EncoderReader) -> None:
    case = make_case(7, length=9)
    target, start = case.flip.target, 10
    before = tuple(Utterance("c", SAID["joy"], "joy") for _ in range(start))
    dialogue = replace(case.dialogue, id="long", utterances=before + case.dialogue.utterances)
    flip = replace(case.flip, source=case.flip.source + start, target=target + start)
    (short,), (long,) = reader.support_triggers([case]), reader.support_triggers([FlipCase("long", dialogue, flip)])
    window = reader.config.window
    assert long[: target + start + 1 - window] == (0.0,) * (target + start + 1 - window)
    np.testing.assert_allclose(long[-window:], short[-window:], atol=1e-5)  # the states see four utterances back


def test_a_flip_between_other_labels_than_the_likeliest_is_read_as_in_the_whole_dialogue(run: Path) -> None:
    opened = open_model(str(run / MODEL))
    unsure = replace(opened, defaults=replace(opened.defaults, emotion_temperature=9.0))
    dialogue = bare(talk(5, 40))
    analysis = analyze(dialogue, unsure, min_flip_probability=1e-6, evidence="none")
    labelled = analysis.dialogue
    others = [found for found in analysis.flips if not has_labels(labelled, found.flip)]
    assert len(others) > 3 and max(found.flip.target for found in others) > 20
    reader = opened.model.reader
    assert reader is not None
    for found in others:
        [support] = reader.support_triggers([FlipCase("whole", show_flip(labelled, found.flip), found.flip)])
        assert found.support == pytest.approx(support, abs=2e-3)  # graphs of 8 bits round other blocks otherwise


def test_the_probabilities_of_members_are_averaged() -> None:
    sizes = Layers(width=8, num_layers=1, num_heads=2, trigger_width=8, window=3, members=3)
    torch.manual_seed(0)
    dialogue, triggers = DialogueEnsemble(6, sizes).eval(), TriggerEnsemble(sizes).eval()
    vectors, speakers = 40 * torch.randn(1, 4, 6), torch.tensor([[0, 1, 0, 1]])
    logits, states = dialogue(vectors, speakers)
    of_members = dialogue.each(vectors, speakers)
    means = torch.stack([own.softmax(-1) for own, _ in of_members]).mean(0)
    torch.testing.assert_close(logits.softmax(-1), means)
    flip = Flip("a", 0, 2, "joy", "anger")
    inputs = {
        name: torch.from_numpy(rows) for name, rows in trigger_inputs(("a", "b", "a", "b"), [flip], 3)._asdict().items()
    }
    alone = [member(own[0], means[0], **inputs) for member, (_, own) in zip(triggers.members, of_members, strict=True)]
    together = triggers(states[0], means[0], **inputs)
    torch.testing.assert_close(together.sigmoid(), torch.stack([each.sigmoid() for each in alone]).mean(0))


class AnyBase(torch.nn.Module):
    width = 4


def test_layers_that_are_fitted_once_more_are_the_mean_of_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of training, each part sets all weights of the layers to a number."""
    unit = make_unit(talk(0), (), 4, teaches_emotions=True)
    texts = number_texts([unit], lambda said: [[1] for _ in said])
    trainee = Trainee(AnyBase(), Layers(width=8, num_heads=2, trigger_width=8), seed=0)  # type: ignore[arg-type]

    @torch.no_grad()
    def train(self: Fit, part: str, *_: object) -> None:
        for weight in self.trainee.layer_weights():
            weight.fill_({"layers": 1.0, "all": 2.0, "refit": 4.0}[part])

    monkeypatch.setattr(Fit, "_train", train)
    monkeypatch.setattr(Fit, "_base_vectors", lambda *_: torch.zeros(len(texts.ids), AnyBase.width))
    Fit(trainee, texts, Fitting(device="cpu", refit_epochs=1), 0, tmp_path, print).run([unit], [unit])
    assert all(bool((weight == 3.0).all()) for weight in trainee.layer_weights())


def test_texts_are_encoded_beside_others_of_their_length() -> None:
    lengths = torch.randperm(130) + 1
    mask = (torch.arange(130) < lengths[:, None]).long()
    widths: list[int] = []

    def encode(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        widths.append(ids.shape[1])
        return (ids * mask).sum(1, keepdim=True)

    ids = torch.randint(0, 100, (130, 130))
    assert torch.equal(encode_by_length(encode, ids, mask), (ids * mask).sum(1, keepdim=True))
    assert widths == [64, 128, 130]


def test_given_emotions_count(reader: EncoderReader) -> None:
    case = make_case(4, length=6)
    before = case.flip.target - 1
    emotions = list(case.dialogue.emotions)
    supports = []
    for emotion in ("joy", "anger", None):
        emotions[before] = emotion
        supports += reader.support_triggers([replace(case, dialogue=case.dialogue.with_emotions(tuple(emotions)))])
    assert len({support[before] for support in supports}) == 3


def test_the_whole_path_from_bare_text(run: Path) -> None:
    opened = open_model(str(run / MODEL))
    analysis = analyze(bare(talk(3, 10)), opened)
    assert list(analysis.dialogue.emotions) == list(talk(3, 10).emotions)
    assert analysis.flips
    assert all(sum(scores.values()) == pytest.approx(1, abs=1e-4) for scores in analysis.emotion_scores if scores)
    assert opened.weights_sha256


def test_what_was_chosen_on_val_is_told_and_shown(run: Path) -> None:
    figures, opened = read_object(run / CALIBRATION), open_model(str(run / MODEL))
    assert sum(each.num for each in opened.defaults.flip_shares) == 10 * 4
    assert [each["num"] for each in figures["flips"]["bins"]] == [each.num for each in opened.defaults.flip_shares]
    assert figures["uncertain_below"] == opened.defaults.uncertain_below
    assert len(analyze(bare(talk(3, 10)), opened).to_json()["flip_shares"]) == len(opened.defaults.flip_shares)
    # Four sentences share no words.
    assert figures["words"] == {
        "num_dialogues": 10,
        "num_unfamiliar": 10,
        "kept": False,
    }


def test_words_beside_the_graphs_are_those_that_it_was_trained_on(run: Path, tmp_path: Path) -> None:
    assert open_model(str(run / MODEL)).model.words is None
    shutil.copytree(run / MODEL, tmp_path / "model")
    words = KnownWords.learn([*SAID.values(), *(f"{text} again" for text in SAID.values())])
    words.write(tmp_path / "model")
    opened = open_model(str(tmp_path / "model"))
    assert opened.model.words == words
    assert analyze(bare(talk(3, 10)), opened).unfamiliar_speakers == ()
    said = tuple(Utterance("ab"[i % 2], "ich warte hier schon seit drei Stunden auf dich") for i in range(4))
    assert analyze(replace(talk(3), utterances=said), opened).uncertain == (True,) * 4


def test_words_of_an_utterance_are_those_that_the_reader_depends_on(run: Path) -> None:
    opened = open_model(str(run / MODEL))
    opened = replace(opened, defaults=replace(opened.defaults, emotion_temperature=4.0))
    analysis = analyze(bare(talk(3, 10)), opened, evidence="words")
    assert analysis.words
    (labeler, dialogue) = choose_labeler(opened.model, resolve_config(opened.defaults, Decoding())), analysis.dialogue
    for word in analysis.words:
        utterances = list(bare(dialogue).utterances[: word.utterance_index + 1])
        text = utterances[-1].text
        rest = " ".join(f"{text[: word.start]}{text[word.end :]}".split())
        utterances[-1] = replace(utterances[-1], text=rest)
        (labels,) = labeler.label([replace(dialogue, utterances=tuple(utterances))])
        assert labels.scores is not None
        column = MASAC8.labels.index(str(dialogue.emotions[word.utterance_index]))
        assert word.without_it == pytest.approx(labels.scores[-1][column], abs=1e-4)


def test_the_model_that_ships_and_one_in_a_folder_are_opened_alike(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.models.bundled.EMBEDDED", run / MODEL)
    for ref in ("embedded", f"embedded:{run}", f"embedded:{run / MODEL}", str(run)):
        opened = open_model(ref)
        assert (opened.ref, opened.model.name) == (ref, ref)
        assert opened.defaults == open_model(str(run)).defaults
        assert opened.weights_sha256 == open_model(str(run)).weights_sha256


def test_evidence_is_what_the_whole_dialogue_says_without_the_utterance(run: Path) -> None:
    opened = open_model(str(run / MODEL))
    opened = replace(opened, defaults=replace(opened.defaults, emotion_temperature=4.0))  # so that no share is just 1
    reader = opened.model.reader
    assert isinstance(reader, EncoderReader)
    beginnings, ends = zip(*(words.rsplit(maxsplit=2)[::2] for words in SAID.values()), strict=True)
    chosen = np.random.default_rng(0).integers(len(SAID), size=(24, 2))  # words of different emotions in one utterance
    utterances = tuple(Utterance("ab"[i % 2], f"{beginnings[k]} {ends[m]}") for i, (k, m) in enumerate(chosen.tolist()))
    dialogue = Dialogue("mixed", "mixed", utterances, MASAC8)
    graphs, encoded = reader.graphs, []

    def encode(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        encoded.append(len(ids))
        return graphs.utterances(ids, mask)

    reader.graphs = graphs._replace(utterances=encode)
    analysis = analyze(dialogue, opened, evidence="all")
    assert sum(encoded) == len({utterance.text for utterance in utterances})
    measured = [(found.flip, evidence) for found in analysis.flips for evidence in found.evidence]
    rests = (utterances[: each.left_out] + utterances[each.left_out + 1 :] for _, each in measured)
    partial = [replace(dialogue, utterances=rest) for rest in rests]
    labeler = choose_labeler(opened.model, resolve_config(opened.defaults, best_decoding(opened.model)))
    for (flip, evidence), labels in zip(measured, labeler.label(partial), strict=True):
        with_it, without_it = analysis.emotion_scores[flip.target], labels.scores
        assert with_it is not None and without_it is not None
        assert evidence.with_it == pytest.approx(with_it[flip.after], abs=1e-4)
        share = without_it[flip.target - 1][MASAC8.labels.index(flip.after)]
        assert evidence.without_it == pytest.approx(share, abs=1e-4)
    assert max(abs(evidence.change) for _, evidence in measured) > 0.01  # a hundred times the tolerance


def test_a_run_goes_on_where_it_was_and_stays_when_it_is_finished(run: Path) -> None:
    root, written = run.parent, (run / MODEL).stat().st_mtime_ns
    before = open_model(str(run / MODEL)).weights_sha256
    assert make(root) == [] and (run / MODEL).stat().st_mtime_ns == written
    with pytest.raises(RunError, match=r"run: begun with another recipe or other data:\n  recipe\.seed: 0 -> 1\n"):
        make(root, seed=1)
    shutil.rmtree(run / "refit")
    (run / CALIBRATION).unlink()
    assert {part for part, _, _ in make(root)} == {"refit"}
    assert open_model(str(run / MODEL)).weights_sha256 == before and (run / CALIBRATION).is_file()


def test_utterances_that_are_read_in_part_are_told(run: Path) -> None:
    dialogue = bare(talk(3, 10))
    said = list(dialogue.utterances)
    said[1] = replace(said[1], text=f"{said[1].text} " * 20)
    long = replace(dialogue, utterances=tuple(said))
    (cut,) = reader_of(run).find_overlong([long])
    assert cut == {1}
    notes = analyze(long, open_model(str(run / MODEL))).notes
    assert any("1 of 10 emotions: the model read only the utterance's beginning" in note for note in notes)
    case = make_case(7, length=9)
    assert case.flip.source > 0

    def with_long(place: int | None) -> FlipCase:
        utterances = tuple(
            replace(each, text="word " * 40 if i == place else "hm") for i, each in enumerate(case.dialogue.utterances)
        )
        return replace(case, dialogue=replace(case.dialogue, utterances=utterances))

    cases = [with_long(None), with_long(0), with_long(case.flip.source), with_long(case.flip.target)]
    decoder = ReadingDecoder("tiny", reader_of(run), InferenceConfig())
    assert [row.num_shortened for row in decoder.predict(cases)] == [0, 0, 1, 1]


def test_labels_that_it_does_not_know_are_refused(reader: EncoderReader) -> None:
    pride = replace(bare(talk(1)), emotion_set=EmotionSet("own", ("neutral", "pride")))
    with pytest.raises(InputError, match=r"tiny: does not know 'pride' of own; it labels anger, contempt, .*"):
        list(reader.read_emotions([pride]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["joy"]}, r"encoder\.json: does not describe an encoder: labels"),
        ({"window": 0}, r"encoder\.json: does not describe an encoder: window"),
    ],
)
def test_wrong_settings_are_named(run: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(read_object(run / MODEL / CONFIG) | change))
    with pytest.raises(InputError, match=message):
        load_reader(tmp_path, "wrong")


def test_a_graph_that_is_none_is_named(run: Path, tmp_path: Path) -> None:
    for path in (run / MODEL).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / TRIGGERS).write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"triggers\.onnx: cannot be read as an ONNX graph"):
        load_reader(tmp_path, "wrong")
