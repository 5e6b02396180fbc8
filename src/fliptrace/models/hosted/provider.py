"""Where a hosted model is reached: what a reference means, which environment variables hold the key.

openai:MODEL            OPENAI_API_KEY, and OPENAI_BASE_URL where it is not OpenAI itself
azure:DEPLOYMENT        AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT, and OPENAI_API_VERSION
http://host:port/v1#MODEL   any server of the same wire format; FLIPTRACE_API_KEY where it wants a key

A key goes from the environment into the client and nowhere else; `hide_keys` takes it out of what a server says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

ProviderKind = Literal["openai", "azure", "server"]
OPENAI_URL = "https://api.openai.com/v1"
AZURE_API_VERSION = "2024-10-21"  # the last one that is not a preview, with files and fine-tuning jobs
_KEYS: dict[ProviderKind, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "server": "FLIPTRACE_API_KEY",
}
_WANTED = "expected an address and a model, such as http://localhost:8000/v1#MODEL"
_NO_KEY = "none"  # the client insists on one, most servers of one's own on none


@dataclass(frozen=True, slots=True)
class Provider:
    """A model behind an address. `ref` is what it was named by, `model` what the provider calls it."""

    ref: str
    kind: ProviderKind
    model: str
    url: str

    @property
    def is_free(self) -> bool:
        """Whether it is a server on this machine, where nobody bills."""
        return self.kind == "server" and urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own service, whose calendar and prices are known."""
        return self.url.rstrip("/") == OPENAI_URL

    def with_model(self, model: str) -> Provider:
        """Another model at the same place: one that was trained there."""
        head, mark = (self.url, "#") if self.kind == "server" else (self.kind, ":")
        return Provider(f"{head}{mark}{model}", self.kind, model, self.url)

    def connect(self, timeout_seconds: float) -> AsyncOpenAI:
        """A client of the official library that makes each call once; InputError where the key is not there."""
        from openai import AsyncAzureOpenAI, AsyncOpenAI

        return (AsyncAzureOpenAI if self.kind == "azure" else AsyncOpenAI)(**self._access(timeout_seconds))

    def connect_blocking(self, timeout_seconds: float) -> OpenAI:
        """The same for files and jobs, of which there is one at a time."""
        from openai import AzureOpenAI, OpenAI

        return (AzureOpenAI if self.kind == "azure" else OpenAI)(**self._access(timeout_seconds))

    def find_key(self) -> str:
        """The key from the environment, without the line break of the file it came from. InputError, which never holds
        it, where there is none or it is none.
        """
        name = _KEYS[self.kind]
        key = os.environ.get(name, "").strip() or (_NO_KEY if self.kind == "server" else "")
        if not key:
            raise InputError(self.ref, f"needs a key in the environment: {name}")
        if not (key.isascii() and key.isprintable()):
            raise InputError(name, "holds characters that no key has; expected printable ASCII")
        return key

    def _access(self, timeout_seconds: float) -> dict[str, Any]:
        key = self.find_key()
        shared = {"api_key": key, "timeout": timeout_seconds, "max_retries": 0}
        if self.kind != "azure":
            return shared | {"base_url": self.url}
        version = os.environ.get("OPENAI_API_VERSION") or AZURE_API_VERSION
        return shared | {"azure_endpoint": self.url, "api_version": version}


def is_hosted(ref: str) -> bool:
    """Whether a MODEL is behind an address."""
    return ref.startswith(("openai:", "azure:", "http://", "https://"))


def find_provider(ref: str, environ: Mapping[str, str] = os.environ) -> Provider:
    """What a reference to a hosted model means; InputError where it is incomplete, or holds a password.

    >>> find_provider("http://localhost:8000/v1#mine", {}).model
    'mine'
    """
    kind, _, rest = ref.partition(":")
    if kind in ("http", "https"):
        return _find_server(ref)
    if not rest:
        raise InputError(ref, f"names no model; expected {kind}:MODEL")
    if kind == "azure":
        endpoint = environ.get("AZURE_OPENAI_ENDPOINT")
        if not endpoint:
            raise InputError(ref, "needs the address in the environment: AZURE_OPENAI_ENDPOINT")
        return Provider(ref, "azure", rest, _check_address(endpoint, "AZURE_OPENAI_ENDPOINT"))
    url = environ.get("OPENAI_BASE_URL") or OPENAI_URL
    return Provider(ref, "openai", rest, _check_address(url, "OPENAI_BASE_URL"))


def hide_keys(text: str) -> str:
    """The text without any key of ours: servers repeat what they were sent."""
    for name in _KEYS.values():
        key = os.environ.get(name, "").strip()
        if key:
            text = text.replace(key, f"<{name}>")
    return text


def _find_server(ref: str) -> Provider:
    url, _, model = ref.partition("#")
    _check_address(url, "MODEL")
    if not model:
        raise InputError(ref, f"names no model; {_WANTED}")
    return Provider(ref, "server", model, url)


def _check_address(url: str, place: str) -> str:
    """The address; InputError, without the text itself, where it holds what must stand in no manifest and no error."""
    try:
        parts = urlsplit(url)
        has_secret, is_address = parts.username or parts.password or parts.query, bool(parts.hostname)
        _ = parts.port  # read to be checked
    except ValueError:
        has_secret, is_address = None, False
    if has_secret:
        raise InputError(place, "an address with a user, a password or a query; expected keys in their own variables")
    if not is_address:
        raise InputError(place, f"{url!r} is no address; {_WANTED}")
    return url
