"""What else reads the emotion of every line of `Name: text`, each as the command of a fresh process.

    python bench/peers.py words call.txt             # counts the words of an emotion lexicon (NRCLex)
    python bench/peers.py make call.txt FOLDER       # writes a classifier of base size, with the words of a transcript
    python bench/peers.py pipeline call.txt FOLDER   # runs it in a text-classification pipeline of transformers

They tell the emotion of single lines: no flips, no triggers, no page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

BATCH = 32


def count_words(texts: Sequence[str]) -> list[str]:
    """The emotion with the most words in each text; of equally many, the lexicon's first."""
    from nrclex import NRCLex  # type: ignore[import-untyped]

    counter, found = NRCLex(), []
    for text in texts:
        counter.load_token_list(text.lower().split())
        found.append(counter.top_emotions[0][0])
    return found


def classify(texts: Sequence[str], folder: str) -> list[str]:
    """The label of each text, as a model in a folder sees it."""
    from transformers import pipeline

    classifier = pipeline("text-classification", model=folder, device="cpu", batch_size=BATCH)
    return [each["label"] for each in classifier(list(texts))]


def make_classifier(folder: Path, texts: Sequence[str]) -> None:
    """Save a classifier of the size of BERT base. Its weights are random: only its time is of interest."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=8_000, special_tokens=special))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    BertForSequenceClassification(BertConfig(num_labels=8)).save_pretrained(folder)


def main() -> None:
    """Print a label a line, as JSON."""
    kind, path, *rest = sys.argv[1:]
    texts = [line.partition(": ")[2] for line in Path(path).read_text(encoding="utf-8").splitlines()]
    if kind == "make":
        make_classifier(Path(rest[0]), texts)
    else:
        json.dump(count_words(texts) if kind == "words" else classify(texts, *rest), sys.stdout)


if __name__ == "__main__":
    main()
