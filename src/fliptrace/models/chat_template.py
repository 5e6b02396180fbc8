"""Converts messages to the tokens of a model and tokens back to text, in the same way for training and generation.

It wraps the chat template of a Hugging Face tokenizer. Prompt and completion are tokenised separately and concatenated,
so training sees exactly the tokens that generation produces. Not here: escaping of transcript text. Special tokens in a
message are encoded as special tokens, so the prompts layer must neutralise them beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jinja2.exceptions import TemplateError

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message

# Used if a tokenizer has no chat template. Its only special token is the end of sequence, which every model must have.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ '### ' + message['role'] | capitalize + '\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant\n' }}{% endif %}"
)

# Some templates insert today's date (Llama 3, gpt-oss). A macro with the name of their clock function pins the date to
# 26 July 2024, which Llama 3.1's template writes if it has no clock.
_PINNED_CLOCK = (
    "{% macro strftime_now(format) %}{{ format | replace('%d', '26') | replace('%b', 'Jul') | replace('%B', 'July')"
    " | replace('%m', '07') | replace('%Y', '2024') | replace('%y', '24') | replace('%A', 'Friday') }}{% endmacro %}\n"
)

# In training and inference, reasoning is part of the reply. The template's own thinking is switched off or kept short.
_SWITCHES = {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}

# A plain word that no template trims, splits or contains.
_SENTINEL = "fliptracesentinel"


class _ReplyFrame(NamedTuple):
    """The text around an assistant reply: `prefix` before it, `end_text` (usually empty) and `end_token` after it."""

    prefix: str
    end_text: str
    end_token: str


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The chat format of one tokenizer. `stop_ids` are all tokens that end a reply.

    `turn_end` is the text that follows a reply, up to and including the end-of-turn token; it excludes the line break
    that some templates add.
    """

    tokenizer: Any
    template: str
    folds_system: bool
    bos: str
    reply_prefix: str
    turn_end: str
    end_text: str
    stop_ids: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any, generation_config: Any = None) -> ChatFormat:
        """Determine the format of a Hugging Face tokenizer; a model's generation_config may add stop tokens.

        InputError if no token ends a reply: neither an end-of-turn token in the template nor an end of sequence.
        """
        template = _PINNED_CLOCK + (tokenizer.get_chat_template() if tokenizer.chat_template else PLAIN_TEMPLATE)
        frame = _reply_frame(tokenizer, template)
        eos_ids = (tokenizer.eos_token_id, generation_config and generation_config.eos_token_id)
        return cls(
            tokenizer=tokenizer,
            template=template,
            folds_system=_refuses_system(tokenizer, template),
            bos=_missing_bos(tokenizer, template),
            reply_prefix=frame.prefix,
            turn_end=frame.end_text + frame.end_token,
            end_text=frame.end_text,
            stop_ids=frozenset(_flatten(*eos_ids, tokenizer.convert_tokens_to_ids(frame.end_token))),
        )

    def render_prompt(self, messages: Sequence[Message]) -> str:
        """Render the prompt up to the first character of the reply, including the beginning-of-sequence token."""
        _check_roles(messages)
        chat = [message.to_json() for message in (_fold_system(messages) if self.folds_system else messages)]
        return self.bos + _render(self.tokenizer, self.template, chat, to_reply=True) + self.reply_prefix

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        return self._encode(self.render_prompt(messages))

    def encode_text(self, text: str) -> list[int]:
        """The tokens of a piece of a reply."""
        return self._encode(text)

    def encode_completion(self, text: str) -> list[int]:
        """Return the tokens after the prompt: the reply and the end of the turn."""
        return self._encode(text + self.turn_end)

    def encode_replies(self, opening: str, replies: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """Return the tokens of an opening, and for each reply the tokens after it, including the end of the turn.

        Opening and reply are tokenised together, as in one completion. If that merges the end of the opening with the
        beginning of any reply, they are tokenised separately.
        """
        head = self._encode(opening) if opening else []
        whole = [self.encode_completion(opening + reply) for reply in replies]
        if all(tokens[: len(head)] == head for tokens in whole):
            return head, [tokens[len(head) :] for tokens in whole]
        return head, [self.encode_completion(reply) for reply in replies]

    @property
    def pad_id(self) -> int:
        """The padding token; any token would do, since attention masks it."""
        return int(self.tokenizer.pad_token_id or 0)

    def decode_reply(self, ids: Sequence[int]) -> str:
        """Return the text of generated tokens up to the first stop token; the inverse of `encode_completion`."""
        stop = next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))
        text: str = self.tokenizer.decode(
            list(ids[:stop]), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text.removesuffix(self.end_text) if stop < len(ids) else text

    def _encode(self, text: str) -> list[int]:
        # verbose=False: LocalModel reports prompts that are too long, since it knows the room that the reply needs.
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids


def _render(tokenizer: Any, template: str, chat: list[dict[str, str]], *, to_reply: bool) -> str:
    text: str = tokenizer.apply_chat_template(
        chat, chat_template=template, tokenize=False, add_generation_prompt=to_reply, **_SWITCHES
    )
    return text


def _reply_frame(tokenizer: Any, template: str) -> _ReplyFrame:
    """Find the text around a reply by rendering a sentinel as the reply.

    Only the text before and after the sentinel is used, because full renders are not prefixes of each other: Qwen3
    drops earlier thinking, and gpt-oss ends the last turn differently.
    """
    chat = [{"role": "user", "content": "question"}]
    prompt = _render(tokenizer, template, chat, to_reply=True)
    chat.append({"role": "assistant", "content": _SENTINEL})
    head, _, tail = _render(tokenizer, template, chat, to_reply=False).partition(_SENTINEL)
    # gpt-oss: prompt `<|start|>assistant`, head `<|start|>assistant<|channel|>final<|message|>`. A trailing space is
    # left out, since tokenizers join it to the reply's first word. If the prompt is not a prefix of the head, the reply
    # needs no prefix.
    prefix = head.removeprefix(prompt).rstrip(" ") if head.startswith(prompt) else ""
    tokens = {*tokenizer.all_special_tokens, *map(str, tokenizer.added_tokens_decoder.values())}
    ends = [(tail.find(token), -len(token), token) for token in tokens if token.strip() and token in tail]
    if ends:
        position, _, token = min(ends)
        return _ReplyFrame(prefix, tail[:position], token)
    if tokenizer.eos_token is None:
        raise InputError(
            tokenizer.name_or_path or "tokenizer",
            "the tokenizer has no end-of-sequence token; generation would never end. Set eos_token and save it again",
        )
    return _ReplyFrame(prefix, "", tokenizer.eos_token)


def _refuses_system(tokenizer: Any, template: str) -> bool:
    """Whether the template raises an error for a system message (Gemma, early Mistral) or drops it silently."""
    chat = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "question"}]
    try:
        return _SENTINEL not in _render(tokenizer, template, chat, to_reply=True)
    except TemplateError:
        return True


def _missing_bos(tokenizer: Any, template: str) -> str:
    """Return the beginning-of-sequence token if the tokenizer adds it to plain text but the template omits it.

    The result is empty otherwise.
    """
    ids = tokenizer("question")["input_ids"]
    if tokenizer.bos_token is None or ids[0] != tokenizer.bos_token_id:
        return ""
    prompt = _render(tokenizer, template, [{"role": "user", "content": "question"}], to_reply=True)
    return "" if prompt.startswith(tokenizer.bos_token) else str(tokenizer.bos_token)


def _check_roles(messages: Sequence[Message]) -> None:
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    expected = [("user", "assistant")[i % 2] for i in range(len(turns))]
    assert turns and turns == expected and turns[-1] == "user", (
        f"roles {roles}: expected system?, user, (assistant, user)*"
    )


def _fold_system(messages: Sequence[Message]) -> Sequence[Message]:
    """Move the system message into the first user message, as its first paragraph."""
    if messages[0].role != "system":
        return messages
    system, user, *rest = messages
    return [Message("user", f"{system.content}\n\n{user.content}"), *rest]


def _flatten(*values: int | list[int] | None) -> list[int]:
    """Flatten token ids, which Hugging Face configs give as None, an int or a list, into one list."""
    return [i for value in values if value is not None for i in (value if isinstance(value, list) else [value])]
