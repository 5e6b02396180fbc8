"""The encoder baseline: its input rows, that it learns, and that it can be saved and loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_tokenizer
from tokenizers.processors import TemplateProcessing
from toy_cases import CAFE, case
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.models.local.loading import quiet
from fliptrace.training.encoder.model import Encoder, EncoderSpec, fit_encoder, load_encoder
from fliptrace.training.encoder.rows import make_rows

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 160,
}
FAMILIES: dict[str, tuple[type, type, dict[str, Any]]] = {
    "bert": (BertForSequenceClassification, BertConfig, {}),
    "roberta": (RobertaForSequenceClassification, RobertaConfig, {}),
    "deberta": (
        DebertaV2ForSequenceClassification,
        DebertaV2Config,
        {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    ),
    "of three classes": (BertForSequenceClassification, BertConfig, {"num_labels": 3}),
}
SMALL = EncoderSpec(window=4, batch_tokens=512, device="cpu")


def toy_cases(num_cases: int = 10) -> list[FlipCase]:
    """Cases in which Ben's utterance before Ana's flip is the trigger if he shouts; otherwise the target is."""
    return [
        case(
            ("Ana", "neutral", "Shall we eat?"),
            ("Carla", "joy", "Gladly."),
            ("Ben", *(("anger", "Bread! You forgot bread!"), ("joy", "I like the soup here."))[n % 2]),
            ("Ana", "surprise", ("Did I?", "Since when?")[n % 2]),
            triggers={(2, 3)[n % 2]},
            id=f"supper {n}",
        )
        for n in range(num_cases)
    ]


def save_classifier(folder: Path, family: str) -> Path:
    """Save a tiny untrained classifier of a family, in the format of a Hub model."""
    model_class, config_class, more = FAMILIES[family]
    tokenizer = make_tokenizer(template=None)
    end = (tokenizer.eos_token, tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(f"$A {end[0]}", f"$A {end[0]} $B {end[0]}", [end])
    if family == "roberta":  # has only one token type, and its tokenizer says so
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    with quiet():
        config = config_class(vocab_size=len(tokenizer), pad_token_id=0, **SIZES, **more)
        model_class(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    spec = replace(SMALL, epochs=12, learning_rate=1e-3)
    return fit_encoder(toy_cases(), spec, tmp_path_factory.mktemp("encoder") / "toy", seed=0)


def test_a_row_holds_the_words_of_candidate_and_target_and_the_emotions_around() -> None:
    row = make_rows([CAFE], window=4, max_words=3)[1]
    assert row.candidate == "2 B neutral: Leave her alone. / 3 A anger, 2 B neutral, 1 A anger, 0 self fear"
    assert row.target == "0 self fear: I am sorry. / flip neutral to fear, source 4"
    assert (row.case_index, row.utterance_index) == (0, 3)


def test_a_transcript_cannot_write_what_parts_a_row_from_the_next() -> None:
    shouted = case(("Ana", "joy", "a\n0 self <|end|>"), ("Ana", "fear", "b"))
    assert make_rows([shouted], window=2, max_words=9)[0].candidate == (
        "1 self joy: a 0 self ‹¦end¦› / 1 self joy, 0 self fear"
    )


def test_unlabelled_emotions_leave_no_gap() -> None:
    row = make_rows([case(("Ben", None, "hm"), ("Ana", "joy", "a"), ("Ana", "fear", "b"))], window=3, max_words=3)[0]
    assert row.candidate == "2 A: hm / 2 A, 1 self joy, 0 self fear"


def test_ten_cases_are_learned_by_heart(overfitted: Encoder) -> None:
    cases = toy_cases()
    named = [{i for i, share in enumerate(row) if share >= 0.5} for row in overfitted.supports(cases)]
    assert named == [each.triggers for each in cases]


def test_there_is_a_share_for_every_utterance_and_none_beyond_the_window(overfitted: Encoder) -> None:
    (support,) = overfitted.supports([CAFE])
    assert len(support) == len(CAFE.dialogue)
    assert [i for i, share in enumerate(support) if share > 0] == [2, 3, 4, 5]
    assert overfitted.supports([]) == ()


def test_the_triggers_of_a_case_and_what_comes_after_the_target_are_not_looked_at(overfitted: Encoder) -> None:
    said = (*CAFE.dialogue.utterances, *CAFE.dialogue.utterances)
    longer = replace(CAFE, dialogue=replace(CAFE.dialogue, utterances=said), triggers=None)
    assert overfitted.supports([longer])[0][:6] == overfitted.supports([CAFE])[0]


def test_batches_of_other_cases_change_nothing_but_rounding(overfitted: Encoder) -> None:
    together, (alone,) = overfitted.supports([*toy_cases(), CAFE]), overfitted.supports([CAFE])
    assert together[-1] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_sequence_classifier_is_trained_and_loads_again(tmp_path: Path, family: str) -> None:
    spec = replace(SMALL, base=str(save_classifier(tmp_path / "base", family)))
    fitted = fit_encoder(toy_cases(), spec, tmp_path / "fitted", seed=0)
    loaded = load_encoder(tmp_path / "fitted")
    assert loaded.supports([CAFE]) == fitted.supports([CAFE])
    assert (loaded.spec, loaded.cost) == (spec, fitted.cost)


def test_one_from_nothing_loads_again(tmp_path: Path) -> None:
    fitted = fit_encoder(toy_cases(), SMALL, tmp_path / "fitted", seed=0)
    assert load_encoder(tmp_path / "fitted").supports([CAFE]) == fitted.supports([CAFE])


def test_a_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    spec = replace(SMALL, base=str(save_classifier(tmp_path / "base", "bert")))
    one, same, other = (
        fit_encoder(toy_cases(), spec, tmp_path / f"fitted {n}", seed).supports([CAFE])
        for n, seed in enumerate((0, 0, 1))
    )
    assert one == same
    assert one != other


def test_steps_are_reported_and_counted(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    fitted = fit_encoder(toy_cases(), SMALL, tmp_path / "fitted", 0, lambda *step: steps.append(step))
    num_steps = fitted.cost.num_steps
    assert steps == [(step, num_steps) for step in range(1, num_steps + 1)]
    assert fitted.cost.num_parameters == sum(weight.numel() for weight in fitted._model.parameters())
    assert 40 * 20 < fitted.cost.num_tokens <= 40 * SMALL.max_tokens


def test_a_long_pair_is_cut_to_what_the_model_takes(tmp_path: Path) -> None:
    spec = replace(SMALL, max_tokens=16)
    assert fit_encoder(toy_cases(), spec, tmp_path / "fitted", 0).cost.num_tokens == 40 * 16


def test_labels_before_they_are_known_do_not_train(tmp_path: Path) -> None:
    cases = [
        case(("Ben", "joy"), ("Ana", "joy"), ("Ben", "anger"), ("Ana", "fear"), triggers=triggers, known_from=1)
        for triggers in ({2}, {0, 2})
    ]
    one, other = (fit_encoder([each], SMALL, tmp_path / each.id, seed=0).supports([CAFE]) for each in cases)
    assert one == other


def test_the_callers_random_state_is_not_asked_for_weights(tmp_path: Path) -> None:
    supports = []
    for n in range(2):
        torch.manual_seed(n)
        supports.append(fit_encoder(toy_cases(), SMALL, tmp_path / "fitted", seed=0).supports([CAFE]))
    assert supports[0] == supports[1]


@pytest.mark.parametrize("triggers", [set(), {0, 1}])
def test_triggers_of_one_kind_teach_nothing(tmp_path: Path, triggers: set[int]) -> None:
    with pytest.raises(InputError, match=r"triggers among 2 utterances; expected both kinds"):
        fit_encoder([case(("Ana", "joy"), ("Ana", "fear"), triggers=triggers)], SMALL, tmp_path / "fitted", 0)
    assert not (tmp_path / "fitted").exists()


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "base", "bert")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="base: cannot be loaded as a sequence classifier"):
        fit_encoder(toy_cases(), replace(SMALL, base=str(folder)), tmp_path / "fitted", 0)


def test_a_tokenizer_that_cannot_pad_is_refused(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "base", "bert")
    tokenizer = make_tokenizer(template=None)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(InputError, match="no padding token"):
        fit_encoder(toy_cases(), replace(SMALL, base=str(folder)), tmp_path / "fitted", 0)
