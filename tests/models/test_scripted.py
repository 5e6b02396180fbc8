from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.models.scripted import ScriptedModel

SAMPLE_5 = Decoding("sample", num_samples=5)


def request(key: str, *texts: str) -> Request:
    return Request(key, tuple(Message("user", text) for text in texts))


def script(folder: Path, *lines: str) -> Path:
    path = folder / "script.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def first_text(model: ScriptedModel, asked: Request) -> str:
    return model.complete([asked], Decoding())[0][0].text


def test_a_scripted_model_is_a_chat_model() -> None:
    model = ScriptedModel()
    assert model.as_model() == Model(model.name, chat=model)


def test_samples_go_round_the_answers_and_greedy_takes_the_first() -> None:
    model = ScriptedModel({"a": ["one", "two"]})
    assert [reply.text for reply in model.complete([request("a", "?")], SAMPLE_5)[0]] == [
        "one",
        "two",
        "one",
        "two",
        "one",
    ]
    assert [reply.text for reply in model.complete([request("a", "?")], Decoding())[0]] == ["one"]


def test_a_later_request_goes_on_where_the_replies_before_ended() -> None:
    model = ScriptedModel({"a": ["one", "two", "three"]})
    (all_five,) = model.complete([request("a", "?")], SAMPLE_5)
    first, later = request("a", "?"), replace(request("a", "?"), number=2)
    apart = [*model.complete([first], Decoding("sample", num_samples=2)), *model.complete([later], SAMPLE_5)]
    assert (*apart[0], *apart[1][:3]) == all_five


def test_replies_do_not_hang_on_what_else_is_asked() -> None:
    model = ScriptedModel({"a": ["a1", "a2"], "b": ["b1"]})
    a, b = request("a", "?"), request("b", "?")
    together = model.complete([b, a, b], SAMPLE_5)
    assert together == [model.complete([asked], SAMPLE_5)[0] for asked in (b, a, b)]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (request("a", "Ana laughs"), "by key"),
        (request("b", "Ana laughs"), "laughs"),
        (request("b", "Ana cries"), "Ana"),
        (request("b", "Ana", "and Ben"), "whatever"),  # only the last message is looked at
        (request("b", "Ben"), "whatever"),
    ],
)
def test_a_key_goes_before_a_piece_of_text_and_that_before_the_default(
    tmp_path: Path, asked: Request, answer: str
) -> None:
    path = script(
        tmp_path,
        '{"default": true, "answers": ["whatever"]}',
        '{"contains": "laughs", "answers": ["laughs"]}',
        '{"contains": "Ana", "answers": ["Ana"]}',
        '{"key": "a", "answers": ["by key"]}',
    )
    assert first_text(ScriptedModel.read(path), asked) == answer


def test_a_script_is_named_by_its_file(tmp_path: Path) -> None:
    path = script(tmp_path, '{"default": true, "answers": [""]}')
    assert ScriptedModel.read(path).name == f"scripted:{path}"


def test_tokens_are_words_of_the_whole_prompt_and_of_the_reply() -> None:
    reply = ScriptedModel(default=["Triggers: 2  5"]).complete([request("a", "one two", "three")], Decoding())[0][0]
    assert (reply.num_prompt_tokens, reply.num_tokens, reply.finish_reason) == (3, 3, "stop")


@pytest.mark.parametrize(("num_context_tokens", "fits"), [(None, True), (5, True), (4, False)])
def test_prompt_and_reply_together_must_fit_the_context(num_context_tokens: int | None, fits: bool) -> None:
    model = ScriptedModel(num_context_tokens=num_context_tokens)
    assert model.fits(request("a", "one two", "three").messages, max_new_tokens=2) == fits


def test_a_request_the_script_does_not_know_is_refused_by_its_key() -> None:
    with pytest.raises(InputError, match="scripted: no answer to request 'case-7/answer'"):
        first_text(ScriptedModel({"case-1/answer": ["Triggers: none"]}), request("case-7/answer", "?"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"answers": ["x"]}', "line 2: found nothing; expected one of key, contains, default"),
        ('{"key": "a", "default": true, "answers": ["x"]}', "line 2: found default, key; expected one of"),
        ('{"keys": "a", "answers": ["x"]}', "line 2: found keys; expected one of"),
        ('{"key": 7, "answers": ["x"]}', "line 2: key is 7; expected a non-empty string"),
        ('{"contains": "", "answers": ["x"]}', "line 2: contains is ''; expected a non-empty string"),
        ('{"default": false, "answers": ["x"]}', "line 2: default is False; expected true"),
        ('{"key": "a", "answers": []}', "line 2: answers: expected a list of at least one string"),
        ('{"key": "a", "answers": "x"}', "line 2: answers: expected a list"),
        ('{"key": "a", "answers": [2]}', "line 2: answers: expected a list"),
        ('{"key": "b", "answers": ["x"]}', "line 2: a second row for key 'b'"),
    ],
)
def test_a_wrong_row_of_a_script_is_refused_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ScriptedModel.read(script(tmp_path, '{"key": "b", "answers": ["x"]}', line))


def test_an_empty_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows; expected at least one row with answers"):
        ScriptedModel.read(script(tmp_path, ""))
