"""Chat templates of the model families on which a naive renderer fails, reduced to the relevant parts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import transformers.utils.chat_template_utils as chat_template_utils
from tiny import CHATML, make_tokenizer

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message, Role
from fliptrace.models.chat_template import ChatFormat

LLAMA3 = (
    "{{ bos_token }}{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set messages = messages[1:] %}"
    "{% else %}{% set system = '' %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\nToday Date: ' + date_string + '\n\n' + system + '<|eot_id|>' }}"
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim"
    " + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
# Drops the thinking of every reply, and writes an empty thinking block in replies after the last question.
QWEN3 = (
    "{% set last = namespace(query=0) %}"
    "{% for m in messages %}{% if m['role'] == 'user' %}{% set last.query = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' and loop.index0 > last.query %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m['content'].split('</think>')[-1] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
# The generation prompt opens a thinking block, and the reply prefix closes it.
QWEN3_THINKING = QWEN3.replace("{% if enable_thinking is defined and not enable_thinking %}", "{% if true %}").replace(
    "assistant\n' }}{% if true %}{{ '<think>\n\n</think>\n\n' }}", "assistant\n' }}{% if true %}{{ '<think>\n' }}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + m['content'] | trim"
    " + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
HARMONY = (
    "{{ '<|start|>system<|message|>Reasoning: ' + reasoning_effort + '\nDate: ' + strftime_now('%Y-%m-%d') }}"
    "{% for m in messages %}{{ '<|start|>' + m['role'] }}"
    "{% if m['role'] == 'assistant' %}{{ '<|channel|>final<|message|>' + m['content'] }}"
    "{{ '<|return|>' if loop.last else '<|end|>' }}{% else %}{{ '<|message|>' + m['content'] + '<|end|>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
LLAMA2 = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
# Writes the end of the turn, then the end of the whole chat.
PHI3 = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
SPECIAL_TOKENS = {
    "llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "qwen3": ("<|im_start|>", "<|im_end|>", "<think>", "</think>"),
    "qwen3-thinking": ("<|im_start|>", "<|im_end|>", "<think>", "</think>"),
    "gemma": ("<start_of_turn>", "<end_of_turn>"),
    "harmony": ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"),
    "llama2": (),
    "phi3": ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "plain": (),
}
TEMPLATES = {
    "llama3": LLAMA3,
    "qwen3": QWEN3,
    "qwen3-thinking": QWEN3_THINKING,
    "gemma": GEMMA,
    "harmony": HARMONY,
    "llama2": LLAMA2,
    "phi3": PHI3,
    "chatml": CHATML,
    "plain": None,
}
WITH_BOS = {"llama3", "gemma", "llama2"}
ASKED = (Message("system", "Find triggers."), Message("user", "1 Ross joy"))
CORRECTED = (*ASKED, Message("assistant", "Triggers: 1"), Message("user", "Wrong. Again."))


def make_format(family: str) -> ChatFormat:
    bos = "<s>" if family in WITH_BOS else None
    tokenizer = make_tokenizer(
        SPECIAL_TOKENS[family], template=TEMPLATES[family], bos=bos, eos="</s>", adds_bos=bos is not None
    )
    return ChatFormat.of(tokenizer)


PROMPTS = [
    (
        "llama3",
        "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\nFind triggers.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n1 Ross joy<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    (
        "qwen3",
        "<|im_start|>system\nFind triggers.<|im_end|>\n<|im_start|>user\n1 Ross joy<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ),
    (
        "qwen3-thinking",
        "<|im_start|>system\nFind triggers.<|im_end|>\n<|im_start|>user\n1 Ross joy<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ),
    ("gemma", "<s><start_of_turn>user\nFind triggers.\n\n1 Ross joy<end_of_turn>\n<start_of_turn>model\n"),
    (
        "harmony",
        "<|start|>system<|message|>Reasoning: low\nDate: 2024-07-26<|start|>system<|message|>Find triggers.<|end|>"
        "<|start|>user<|message|>1 Ross joy<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("llama2", "<s>[INST] Find triggers.\n\n1 Ross joy [/INST]"),
    ("phi3", "<|system|>\nFind triggers.<|end|>\n<|user|>\n1 Ross joy<|end|>\n<|assistant|>\n"),
    ("plain", "### System\nFind triggers.\n\n### User\n1 Ross joy\n\n### Assistant\n"),
]


@pytest.mark.parametrize("family, prompt", PROMPTS)
def test_a_prompt_ends_where_the_reply_begins(family: str, prompt: str) -> None:
    assert make_format(family).render_prompt(ASKED) == prompt


TURN_ENDS = [
    ("llama3", "<|eot_id|>"),
    ("qwen3", "<|im_end|>"),
    ("qwen3-thinking", "<|im_end|>"),
    ("gemma", "<end_of_turn>"),
    ("harmony", "<|return|>"),
    ("llama2", " </s>"),
    ("phi3", "<|end|>"),
    ("plain", "</s>"),
]


@pytest.mark.parametrize("family, turn_end", TURN_ENDS)
def test_a_turn_ends_on_its_first_special_token(family: str, turn_end: str) -> None:
    chat_format = make_format(family)
    tokenizer = chat_format.tokenizer
    assert chat_format.turn_end == turn_end
    assert chat_format.stop_ids == {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(turn_end.strip())}


@pytest.mark.parametrize("family", TEMPLATES)
def test_a_reply_survives_encoding_and_decoding(family: str) -> None:
    chat_format = make_format(family)
    ids = chat_format.encode_completion("Ross is glad.\nTriggers: 1")
    assert ids[-1] in chat_format.stop_ids
    assert chat_format.stop_ids.isdisjoint(ids[:-1])
    assert chat_format.decode_reply([*ids, *ids]) == "Ross is glad.\nTriggers: 1"


@pytest.mark.parametrize("family", TEMPLATES)
def test_prompts_with_earlier_replies_hold_them(family: str) -> None:
    text = make_format(family).render_prompt(CORRECTED)
    positions = [text.index(message.content) for message in CORRECTED]
    assert positions == sorted(positions)


@pytest.mark.parametrize("family", sorted(WITH_BOS))
@pytest.mark.parametrize("template_writes_it", [True, False])
def test_a_prompt_begins_once(family: str, template_writes_it: bool) -> None:
    template = TEMPLATES[family]
    assert template is not None
    if not template_writes_it:
        template = template.replace("{{ bos_token }}", "")
    tokenizer = make_tokenizer(SPECIAL_TOKENS[family], template=template, bos="<s>", eos="</s>", adds_bos=True)
    ids = ChatFormat.of(tokenizer).encode_prompt(ASKED)
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("family", sorted(set(TEMPLATES) - WITH_BOS))
def test_no_beginning_is_made_up(family: str) -> None:
    chat_format = make_format(family)
    assert chat_format.bos == ""


@pytest.mark.parametrize("family", ["llama3", "harmony"])
def test_a_prompt_does_not_depend_on_the_clock(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=lambda: pytest.fail("the template read the clock"))
    monkeypatch.setattr(chat_template_utils, "datetime", clock)
    assert "2024" in make_format(family).render_prompt(ASKED)


def test_a_template_that_begins_with_a_line_break_keeps_it() -> None:
    chat_format = ChatFormat.of(make_tokenizer(template="\n" + CHATML))
    assert chat_format.render_prompt(ASKED) == "\n" + make_format("chatml").render_prompt(ASKED)


def test_a_template_that_drops_system_gets_it_in_the_first_question() -> None:
    silent = CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
    assert silent != CHATML
    prompt = ChatFormat.of(make_tokenizer(template=silent)).render_prompt(ASKED)
    assert prompt == "<|im_start|>user\nFind triggers.\n\n1 Ross joy<|im_end|>\n<|im_start|>assistant\n"


def test_stop_tokens_of_the_generation_config_count() -> None:
    tokenizer = make_tokenizer()
    ids = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
    assert ChatFormat.of(tokenizer, SimpleNamespace(eos_token_id=[7, 8])).stop_ids == ids | {7, 8}
    assert ChatFormat.of(tokenizer, SimpleNamespace(eos_token_id=7)).stop_ids == ids | {7}
    assert ChatFormat.of(tokenizer, SimpleNamespace(eos_token_id=None)).stop_ids == ids


def test_a_tokenizer_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="has no end-of-sequence token; generation would never end"):
        ChatFormat.of(make_tokenizer((), template=None, eos=None))


def test_an_end_of_turn_is_end_enough() -> None:
    tokenizer = make_tokenizer(eos=None)
    assert ChatFormat.of(tokenizer).stop_ids == {tokenizer.convert_tokens_to_ids("<|im_end|>")}


BAD_ROLES: list[tuple[Role, ...]] = [
    (),
    ("system",),
    ("assistant",),
    ("user", "user"),
    ("user", "assistant"),
    ("user", "system", "user"),
    ("system", "system", "user"),
]


@pytest.mark.parametrize("roles", BAD_ROLES)
def test_roles_out_of_order_are_a_bug_of_ours(roles: tuple[Role, ...]) -> None:
    with pytest.raises(AssertionError, match="roles"):
        make_format("chatml").render_prompt([Message(role, "text") for role in roles])


def test_the_prompt_and_the_reply_are_tokenised_apart() -> None:
    chat_format = make_format("plain")
    joined = chat_format.encode_prompt(ASKED) + chat_format.encode_completion("\nTriggers: 1")
    assert chat_format.tokenizer.decode(joined) == chat_format.render_prompt(ASKED) + "\nTriggers: 1</s>"
