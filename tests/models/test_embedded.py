from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from embedded_folders import DEFAULTS, checkpoint, exported
from tiny import SENTENCES

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models import graphs
from fliptrace.models.base import Choice, Model
from fliptrace.models.embedded import CONFIG, EmbeddedModel, hash_weights, load_embedded
from fliptrace.models.local.loading import load_local
from fliptrace.models.local.model import LocalModel
from fliptrace.models.open_model import open_model

REPLIES = ("Triggers: none", "Triggers: 1", "Triggers: 1 2", "Triggers: 12", "Triggers: 2", "Trig", "joy", "")
HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "onnx", "huggingface_hub")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="module")
def folder() -> Path:
    return exported().folder


@pytest.fixture(scope="module")
def model(folder: Path) -> EmbeddedModel:
    return load_embedded(folder)


@pytest.fixture(scope="module")
def local() -> LocalModel:
    return load_local(str(checkpoint()), device="cpu")


def make_choices(number: int = 9, opening: str = "") -> list[Choice]:
    """Prompts of many lengths and numbers of turns, with different numbers of replies."""
    rng = random.Random(0)
    choices = []
    for i in range(number):
        text = " ".join(rng.choices(SENTENCES, k=rng.randint(1, 3)))[rng.randint(0, 40) :]
        turns = (Message("system", "Find."), Message("user", "Once."), Message("assistant", "Triggers: 1"))
        messages = (*turns[: (0, 1, 3)[i % 3]], Message("user", text))
        if i % 3 == 2:
            messages = messages[1:]
        messages = messages if messages[0].role != "assistant" else messages[1:]
        choices.append(Choice(f"case {i}", messages, REPLIES[: 1 + i % len(REPLIES)], opening))
    return choices


@torch.inference_mode()
def score_separately(local: LocalModel, choice: Choice, reply: str) -> float:
    """Score one reply with the stock forward pass in torch: one sequence, no tree, no padding, no mask of ours."""
    head, (tail,) = local.chat_format.encode_replies(choice.opening, [reply])
    prompt = local.chat_format.encode_prompt(choice.messages) + head
    log_probs = local.model(input_ids=torch.tensor([prompt + tail]), use_cache=False).logits[0].float().log_softmax(-1)
    return float(sum(log_probs[len(prompt) + i - 1, token] for i, token in enumerate(tail)))


def assert_close(found: list[tuple[float, ...]], reference: list[tuple[float, ...]]) -> None:
    assert [len(row) for row in found] == [len(row) for row in reference]
    for one, other in zip(found, reference, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("opening", ["", "1 Monica joy, new\n2 yes\n"])
def test_log_probabilities_are_those_of_separate_sequences_in_torch(
    model: EmbeddedModel, local: LocalModel, opening: str
) -> None:
    choices = make_choices(opening=opening)
    alone = [tuple(score_separately(local, choice, reply) for reply in choice.replies) for choice in choices]
    assert_close(model.score_replies(choices), alone)
    assert_close(model.score_replies(choices), local.score_replies(choices))


def test_the_model_of_these_tests_prefers_some_replies_to_others(model: EmbeddedModel) -> None:
    scores = model.score_replies(make_choices())[-2]
    assert max(scores) - min(scores) > 3


@pytest.mark.parametrize("max_pass_tokens", [1, 300, 100_000])
@pytest.mark.parametrize("num_workers", [1, 3])
def test_what_else_is_in_the_batch_changes_nothing(
    model: EmbeddedModel, max_pass_tokens: int, num_workers: int
) -> None:
    choices = make_choices(20)
    other = EmbeddedModel(
        model.sessions,
        model.chat_format,
        "other",
        model.context_length,
        max_pass_tokens=max_pass_tokens,
        num_workers=num_workers,
    )
    assert_close(other.score_replies(choices[::-1])[::-1], model.score_replies(choices))
    assert_close(other.score_replies(choices[3:4]), model.score_replies(choices)[3:4])


def test_a_prompt_as_long_as_the_context_is_scored(model: EmbeddedModel, local: LocalModel) -> None:
    text = "a" * 3
    while model.fits((Message("user", text + " b"),), 8):
        text += " b"
    choice = Choice("long", (Message("user", text),), ("joy",))
    assert model.num_tokens(choice.messages) > 400
    assert_close(model.score_replies([choice]), [(score_separately(local, choice, "joy"),)])


def test_prompts_and_replies_are_those_of_the_checkpoint_byte_for_byte(model: EmbeddedModel, local: LocalModel) -> None:
    for choice in make_choices():
        ours, theirs = model.chat_format, local.chat_format
        assert ours.render_prompt(choice.messages).encode() == theirs.render_prompt(choice.messages).encode()
        assert ours.encode_prompt(choice.messages) == theirs.encode_prompt(choice.messages)
        for reply in REPLIES:
            assert ours.encode_completion(reply) == theirs.encode_completion(reply)


def test_an_ensemble_averages_probabilities() -> None:
    together = load_embedded(exported(seeds=(0, 1)).folder).score_replies(make_choices())
    apart = [load_local(str(checkpoint(seed)), device="cpu").score_replies(make_choices()) for seed in (0, 1)]
    for row, one, other in zip(together, *apart, strict=True):
        mean = [(math.exp(a) + math.exp(b)) / 2 for a, b in zip(one, other, strict=True)]
        assert list(map(math.exp, row)) == pytest.approx(mean, rel=1e-4, abs=1e-9)


def test_an_embedded_model_scores_and_does_not_write(model: EmbeddedModel) -> None:
    assert model.as_model() == Model(model.name, scorer=model)


def test_no_choices_give_no_scores(model: EmbeddedModel) -> None:
    assert model.score_replies([]) == []


def test_a_reply_that_exceeds_the_context_is_refused_by_name(model: EmbeddedModel) -> None:
    long = (Message("user", " ".join(SENTENCES * 9)),)
    assert not model.fits(long, 1) and model.fits((Message("user", "Hello."),), 100)
    with pytest.raises(
        InputError, match=r"embedded, choice case 5: prompt and longest reply take \d+ tokens; expected"
    ):
        model.score_replies([*make_choices(), Choice("case 5", long, REPLIES)])


def test_a_reference_opens_it_with_its_defaults_and_hash(folder: Path, model: EmbeddedModel) -> None:
    for ref in (str(folder), f"embedded:{folder}"):
        opened = open_model(ref)
        assert isinstance(opened.model.scorer, EmbeddedModel)
        assert (opened.model.name, opened.ref, opened.defaults) == (ref, ref, DEFAULTS)
        assert opened.weights_sha256 == hash_weights(folder)
    members = exported(seeds=(0, 1)).folder
    assert len(hash_weights(members)) == 64 and hash_weights(members) != hash_weights(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (CONFIG, None, "no such file"),
        (CONFIG, "{}", "does not describe an embedded model"),
        (CONFIG, '{"graphs": [], "special_tokens": {}, "context_length": 9}', "graphs is empty"),
        (CONFIG, "null", "found NoneType, expected an object"),
        (
            CONFIG,
            '{"graphs": "abc", "special_tokens": {}, "context_length": 9}',
            "graphs: Input should be a valid tuple",
        ),
        (CONFIG, '{"graphs": ["a"], "special_tokens": {"pad": 1}, "context_length": 9}', "special_tokens.pad: "),
        (CONFIG, '{"graphs": ["a"], "special_tokens": {}, "context_length": 1e999}', "context_length: Input should be"),
        (CONFIG, '{"graphs": ["a"], "special_tokens": {}, "context_length": -1}', "context_length: Input should be"),
        ("chat_template.jinja", "{% for %}", "cannot render a chat of one question: Expected an expression"),
        ("tokenizer.json", '{"normalizer": 3}', "cannot be read as a tokenizer"),
        ("chat_template.jinja", "{{ 1 // 0 }}", "its chat template fails: ZeroDivisionError"),
        ("chat_template.jinja", "{{ raise_exception('no') }}", "cannot render a chat of one question: no"),
        (
            "chat_template.jinja",
            "{{ 'a' * 300000000 }}",
            "cannot render a chat of one question: .* of over 50,000,000 signs",
        ),
        (
            "tokenizer.json",
            '{"normalizer": {"type": "Replace", "pattern": {"String": "a"}, "content": "%s"}}' % ("b" * 999),
            "its normalizers may lengthen a text 999 times",
        ),
        ("model.onnx", None, "no such file"),
        ("model.onnx", "half a file", "cannot be read as an ONNX graph"),
        ("tokenizer.json", None, "no such file"),
        ("tokenizer.json", "{}", "cannot be read as a tokenizer"),
    ],
)
def test_a_broken_folder_is_refused_with_the_reason(
    folder: Path, tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_text(content)
    with pytest.raises(InputError, match=rf"copy(/{file})?: .*{message}"):
        load_embedded(copy)


@pytest.mark.parametrize("graph", ["/etc/passwd", "../model.onnx", "a/../../model.onnx", "", "a\\u0000b"])
def test_a_graph_outside_the_folder_is_refused(folder: Path, tmp_path: Path, graph: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.copy(folder / "model.onnx", tmp_path / "model.onnx")
    (copy / CONFIG).write_text(f'{{"graphs": ["{graph}"], "special_tokens": {{}}, "context_length": 9}}')
    for read in (load_embedded, hash_weights):
        with pytest.raises(InputError, match=r"copy: names the file .*; expected one inside the folder"):
            read(copy)


def test_gpu_warnings_of_onnxruntime_at_import_are_hidden(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    with graphs._silent_stderr():
        os.write(2, b"GPU device discovery failed")
    os.write(2, b"an error of ours")
    assert capfd.readouterr().err == "an error of ours"


def test_the_core_install_is_enough_to_score(folder: Path) -> None:
    code = f"""
import json, sys
sys.modules.update(dict.fromkeys({HEAVY}))  # importing one of them fails
from fliptrace.core.messages import Message
from fliptrace.models.open_model import open_model
from fliptrace.models.base import Choice
model = open_model({str(folder)!r}).model
print(json.dumps(model.scorer.score_replies([Choice("one", (Message("user", "1 Ross joy"),), ("joy", "anger"))])))
assert not [name for name in {HEAVY} if sys.modules[name] is not None]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    ((joy, anger),) = json.loads(done.stdout)
    assert joy < 0 and anger < 0
