"""A tokenizer without transformers: the interface that ChatFormat needs, with identical bytes and tokens.

`tokenizer.json` and the chat template are those of the Hugging Face tokenizer. The caller passes the special tokens
(beginning and end of sequence, padding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.exceptions import TemplateError

from fliptrace.core.errors import InputError
from fliptrace.models.bounded_templates import compile_template


class PlainTokenizer:
    """Wraps a `tokenizers.Tokenizer`. `special_tokens` maps roles to tokens, as in {"eos_token": "<|end|>"}.

    `chat_template` is None if the tokenizer has none; `name_or_path` identifies the tokenizer in errors.
    """

    def __init__(
        self, tokenizer: Any, special_tokens: Mapping[str, str], chat_template: str | None, name_or_path: str
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._special_tokens = dict(special_tokens)
        self.chat_template = chat_template
        self.name_or_path = name_or_path

    def __call__(self, text: str, add_special_tokens: bool = True, verbose: bool = True) -> dict[str, list[int]]:
        """Return the tokens of a text under the key `input_ids`; `verbose` has no effect."""
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}

    def apply_chat_template(
        self,
        chat: Sequence[Mapping[str, str]],
        chat_template: str,
        tokenize: bool,
        add_generation_prompt: bool,
        **switches: Any,
    ) -> str:
        """Render the chat as text, byte for byte as transformers does; `tokenize` must be False.

        TemplateError where the template refuses the chat, InputError where it is broken.
        """
        assert not tokenize, "expected text"
        variables = self._special_tokens | switches | {"tools": None, "documents": None}
        try:
            return compile_template(chat_template).render(
                messages=chat, add_generation_prompt=add_generation_prompt, **variables
            )
        except TemplateError:
            raise
        except Exception as error:  # a template may cause any error
            raise InputError(self.name_or_path, f"its chat template fails: {type(error).__name__}: {error}") from error

    def get_chat_template(self) -> str:
        assert self.chat_template is not None, "expected a tokenizer with a template"
        return self.chat_template

    def convert_tokens_to_ids(self, token: str) -> int | None:
        index: int | None = self._tokenizer.token_to_id(token)
        return index

    @property
    def all_special_tokens(self) -> list[str]:
        return list(self._special_tokens.values())

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """The added tokens (special and other tokens outside the BPE vocabulary), by id."""
        tokens: dict[int, Any] = self._tokenizer.get_added_tokens_decoder()
        return tokens

    @property
    def bos_token(self) -> str | None:
        return self._special_tokens.get("bos_token")

    @property
    def bos_token_id(self) -> int | None:
        return self._id_of("bos_token")

    @property
    def eos_token(self) -> str | None:
        return self._special_tokens.get("eos_token")

    @property
    def eos_token_id(self) -> int | None:
        return self._id_of("eos_token")

    @property
    def pad_token_id(self) -> int | None:
        return self._id_of("pad_token")

    def _id_of(self, role: str) -> int | None:
        token = self._special_tokens.get(role)
        return None if token is None else self.convert_tokens_to_ids(token)
