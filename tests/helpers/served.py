"""A tiny model behind `transformers serve`, a server that we did not write, in its own process on 127.0.0.1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from fliptrace.models.local.loading import quiet

CONTEXT = 2048  # tokens; our longest prompts take about 1,500 with a tokenizer that has seen only four sentences
END_OF_TURN = "<|im_end|>"
_TRANSFORMERS = [sys.executable, "-c", "from transformers.cli.transformers import main; main()"]
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running server. `folder` holds the model and is its name on the server; `log` is the server's log file."""

    url: str
    folder: Path
    log: Path

    @property
    def ref(self) -> str:
        return f"{self.url}#{self.folder}"

    @property
    def num_requests(self) -> int:
        """The number of chat requests so far, according to the server's log."""
        return self.log.read_text(errors="replace").count("POST /v1/chat/completions")


def save_readable(folder: Path) -> Path:
    """Save an untrained model that writes printable ASCII and sometimes ends its turn, as trained models do."""
    tokenizer = tiny.make_tokenizer()
    model_class, config_class, sizes = tiny.FAMILIES["llama"]
    special = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    sizes = sizes | {"max_position_embeddings": CONTEXT}
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        model = model_class(config_class(vocab_size=len(tokenizer), **special, **sizes)).eval()
        end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
        _favour(model, tokenizer, end)
        model.generation_config.eos_token_id = [end, tokenizer.eos_token_id]
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def _favour(model: Any, tokenizer: Any, end: int) -> None:
    """Make printable tokens likely, and the end of a turn about as likely as all of them together."""
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    readable = torch.tensor([text.isascii() and text.isprintable() for text in texts])
    readable[tokenizer.all_special_ids] = False
    readable[end] = True
    with torch.no_grad():
        model.lm_head.weight *= 2.0 * readable[:, None]
        model.lm_head.weight[end] *= 1.6


@contextmanager
def serving(folder: Path, own: Path) -> Iterator[Served]:
    """Serve the model until the `with` block ends; `own` is a folder for the server's log and its empty cache."""
    served = Served(f"http://127.0.0.1:{_free_port()}/v1", folder, own / "serve.log")
    port = served.url.removesuffix("/v1").rpartition(":")[2]
    command = [*_TRANSFORMERS, "serve", str(folder), "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(own / "cache")}
    with served.log.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        _wait(served, process)
        yield served
    finally:
        process.kill()
        process.wait()


def skip_unless_served() -> None:
    """Skip the test if the packages for `transformers serve` are missing."""
    from transformers.utils.import_utils import is_serve_available

    if not is_serve_available():
        pytest.skip("`transformers serve` lacks packages; expected: pip install 'fliptrace[dev]'")


def _wait(served: Served, process: subprocess.Popen[bytes]) -> None:
    address = served.url.removesuffix("/v1") + "/health"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(f"`transformers serve` did not start:\n{served.log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
