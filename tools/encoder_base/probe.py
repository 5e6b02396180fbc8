"""The baseline that a fine-tuned encoder has to beat: a frozen base, one utterance at a time, logistic regression.

    python -m tools.encoder_base.probe runs/e5-small meld:train meld:val

The features of an utterance are the mean of its token states, standardized. Prints the weighted F1 on the second file.
e5 was trained with a prefix; without it the F1 on MELD val is 0.538 instead of 0.550.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fliptrace.models.local.loading import load_tokenizer
from tools.encoder_base.dialogues import read_dialogues
from tools.encoder_base.e5s1 import Floats
from tools.encoder_base.trim import load_encoder


def embed(folder: Path, texts: Sequence[str], batch_size: int = 32) -> Floats:
    """Return the mean token state of each text: (texts, hidden)."""
    tokenizer, model = load_tokenizer(str(folder)), load_encoder(folder)
    means = np.zeros((len(texts), model.config.hidden_size), np.float32)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(texts), batch_size):
        batch = by_length[start : start + batch_size]
        inputs = tokenizer([texts[i] for i in batch], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state  # (batch, time, hidden)
        mask = inputs["attention_mask"].unsqueeze(2)  # (batch, time, 1)
        means[batch] = ((states * mask).sum(1) / mask.sum(1)).numpy()
    return means


def main(folder: Path, train: str, test: str, c: float = 0.003) -> None:
    """Print the weighted F1 of emotions."""
    said = [[each for dialogue in read_dialogues(ref) for each in dialogue.utterances] for ref in (train, test)]
    known = [[utterance for utterance in part if utterance.emotion is not None] for part in said]
    features = [embed(folder, [f"query: {utterance.text}" for utterance in part]) for part in known]
    gold = [[utterance.emotion for utterance in part] for part in known]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000)).fit(features[0], gold[0])
    print(f"{f1_score(gold[1], classifier.predict(features[1]), average='weighted'):.4f}")


if __name__ == "__main__":
    typer.run(main)
