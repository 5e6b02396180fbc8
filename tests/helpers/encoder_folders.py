"""A finished encoder run on the sample corpus, so small that it takes seconds."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tiny import save_encoder

from fliptrace.core.files import Json, write_json
from fliptrace.corpora.sample import sample_path
from fliptrace.training.data import load_training_data
from fliptrace.training.encoder.make import make_encoder
from fliptrace.training.encoder.recipe import EncoderRecipe
from tools.encoder_base.origin import PUBLISHED, TRIMMED, record_of

TRAIN_ERC, VAL_ERC = (str(sample_path(split).with_name(f"{split}_erc.json")) for split in ("train", "val"))

_PLACE = Path(mkdtemp())
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)


@cache
def encoder_run() -> Path:
    """Return the folder of a run, trained once per test run. Val's dialogues are held out besides.

    Its base says that it was made from the published file.
    """
    base = save_encoder(_PLACE / "base")
    write_json(base / TRIMMED, {"from": record_of(PUBLISHED).to_json(), "num_frequent": 0})
    recipe = EncoderRecipe.model_validate(encoder_table(base))
    make_encoder(recipe, load_training_data(recipe, None), _PLACE / "run", lambda *step: None)
    return _PLACE / "run"


def encoder_table(base: Path) -> Json:
    """The table of a recipe on the sample corpus."""
    return {
        "name": "tiny",
        "data": {
            "train": ["sample:train"],
            "val": ["sample:val"],
            "emotions": {TRAIN_ERC: 1.0},
            "emotion_set": "masac8",
            "emotion_val": [VAL_ERC],
            "hold_out": [VAL_ERC],
        },
        "base": {"model": str(base), "max_tokens": 24},
        "layers": {"width": 16, "num_layers": 1, "num_heads": 2, "trigger_width": 16, "window": 6, "members": 2},
        "fit": {"layer_epochs": 1, "epochs": 0},
    }
