"""The pretrained encoder as a base: its file is read, becomes a Hugging Face folder, and loses pieces it does not need.

The tiny file of tiny_e5s1.py stands for the published one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_e5s1 import PIECES, SPECIAL, TinyE5S1, save_e5_wheel, save_e5s1
from tiny_gguf import sha256_of
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json
from fliptrace.models import fetch as fetching
from fliptrace.models.catalog import BaseRecord
from fliptrace.models.local.loading import quiet
from tools.encoder_base import __main__ as command
from tools.encoder_base import probe
from tools.encoder_base.e5s1 import read_e5s1
from tools.encoder_base.folder import build_tokenizer, convert
from tools.encoder_base.trim import choose_ids, keep_pieces, read_vocabulary, trim

REAL = Path(os.environ.get("FLIPTRACE_MODELS", "none"))  # read before a test names a folder of its own
RECORD = BaseRecord("", "tiny-q4.bin", "0" * 64)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny file."""
    place = tmp_path_factory.mktemp("base")
    convert(save_e5s1(place / "tiny-q4.bin"), place / "tiny", RECORD)
    return place / "tiny"


def load_model(folder: Path) -> Any:
    with quiet():
        return AutoModel.from_pretrained(folder, add_pooling_layer=False)


# The file


def test_the_weights_of_a_file_are_read_as_they_were_packed(tmp_path: Path) -> None:
    file, expected = read_e5s1(save_e5s1(tmp_path / "tiny.bin")), TinyE5S1().weights()
    assert len(file.tensors) == 5 + 2 * 16
    assert file.tensors.keys() == expected.keys()
    for name, weights in expected.items():
        np.testing.assert_array_equal(file.tensors[name], weights, name, strict=True)
    assert file.tensors["emb.word"][0].tolist() == [1.25, 0.5, 0.0, -1.0, -1.0, -2.0, -1.75, -2.0]


def test_the_header_of_a_file_is_read(tmp_path: Path) -> None:
    file = read_e5s1(save_e5s1(tmp_path / "tiny.bin"))
    assert file.sizes == (8, 2, 2, 16, 44, 32, 2)
    assert file.special._asdict() == {"bos": 0, "eos": 2, "pad": 1, "unk": 3}
    assert file.epsilon == pytest.approx(1e-12)
    assert dict(zip(file.pieces, file.scores, strict=True)) == PIECES and len(PIECES) == 42


TINY = TinyE5S1()
NO_PIECE = {f"{i}": 0.0 for i in range(45)}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (replace(TINY, magic=b"GGUF"), r"begins with b'GGUF'; expected an E5S1 file, which begins with b'E5S1'"),
        (replace(TINY, version=2), "version 2 of the format; expected 1"),
        (replace(TINY, block=64), "blocks of 64 weights; expected 32"),
        (
            replace(TINY, sizes=(8, 2, 3, 16, 44, 32, 2)),
            "heads=3, .*; expected positive numbers, and heads that divide",
        ),
        (replace(TINY, sizes=(8, 0, 2, 16, 44, 32, 2)), "layers=0, .*; expected positive numbers"),
        (
            replace(TINY, sizes=(8, 3, 2, 16, 44, 32, 2)),
            r"37 tensors; expected 53, of which 'l2\.aln\.b' is only in one",
        ),
        (replace(TINY, sizes=(8, 2, 2, 16, 44, 64, 2)), r"emb\.pos: 256 weights; expected 512, of shape \(64, 8\)"),
        (replace(TINY, pieces=NO_PIECE), "45 pieces; expected 1 to 44, the rows of embeddings"),
        (replace(TINY, special=(0, 2, 1, 42)), r"unk=42\); expected four ids below 42"),
        (replace(TINY, special=(0, 2, 2, 3)), r"pad=2, unk=3\); expected four ids"),
        (replace(TINY, pieces_end=9), r"offsets of pieces from 0 to 9; expected them to rise from 0 to 1\d\d"),
        (replace(TINY, pieces={**PIECES, "": 0.0}), "piece 42 is ''; expected different ones"),
        (
            replace(TINY, entries={"emb.pos": {"name": "emb.word"}}),
            "37 tensors; expected 37, of which 'emb.pos' is only",
        ),
        (replace(TINY, entries={"l1.q.w": {"stored_as": 7}}), r"l1\.q\.w: stored as 7; expected 0 \(float32\) or 1"),
        (replace(TINY, entries={"l1.q.w": {"count": 32}}), r"l1\.q\.w: 32 weights; expected 64, of shape \(8, 8\)"),
        (replace(TINY, entries={"l1.q.w": {"bytes": 18}}), r"l1\.q\.w: 18 bytes; expected 36 for 64 weights"),
        (
            replace(TINY, entries={"l1.q.b": {"stored_as": 1}}),
            r"l1\.q\.b: 8 weights in 4 bits; expected whole blocks of 32",
        ),
        (
            replace(TINY, entries={"l1.q.w": {"offset": 9}}),
            r"l1\.q\.w: begins at byte 9; expected [\d,]+, the end of the",
        ),
        (
            replace(TINY, entries={"l1.q.w": {"offset": 9_999_999}}),
            r"cut off: l1\.q\.w should go from byte 9,999,999 to",
        ),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_an_error_that_says_what_was_expected(
    content: TinyE5S1, told: str, tmp_path: Path
) -> None:
    path = save_e5s1(tmp_path / "tiny.bin", content)
    with pytest.raises(InputError, match=rf"tiny\.bin(: |, |: .* ){told}"):
        read_e5s1(path)


def test_a_piece_that_is_no_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "tiny.bin"
    path.write_bytes(TINY.to_bytes().replace("é".encode(), b"\xff\xff", 1))
    with pytest.raises(InputError, match=r"piece \d+ is b'\\xff\\xff'; expected UTF-8"):
        read_e5s1(path)


def test_a_file_that_is_cut_anywhere_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    path, content = tmp_path / "tiny.bin", TINY.to_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=rf"cut off: .* from byte [\d,]+ to [\d,]+, but the file has {length:,};"):
            read_e5s1(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bin: No such file"):
        read_e5s1(tmp_path / "none.bin")


# The folder


_CONFIG = {"vocab_size": 44, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
_CONFIG |= {"intermediate_size": 16, "max_position_embeddings": 32, "pad_token_id": 1}


def bert_of(weights: dict[str, Any]) -> Any:
    """A BertModel whose parts are set one by one."""
    config = BertConfig(**_CONFIG)
    model = BertModel(config, add_pooling_layer=False).eval()

    def fill(module: Any, name: str) -> None:
        module.weight.data, module.bias.data = (torch.tensor(weights[f"{name}.{kind}"]) for kind in "wb")

    for name in ("word", "position", "token_type"):
        table = getattr(model.embeddings, f"{name}_embeddings")
        table.weight.data = torch.tensor(weights[{"word": "emb.word", "position": "emb.pos"}.get(name, "emb.type")])
    fill(model.embeddings.LayerNorm, "emb.ln")
    for number, layer in enumerate(model.encoder.layer):
        fill(layer.attention.self.query, f"l{number}.q")
        fill(layer.attention.self.key, f"l{number}.k")
        fill(layer.attention.self.value, f"l{number}.v")
        fill(layer.attention.output.dense, f"l{number}.ao")
        fill(layer.attention.output.LayerNorm, f"l{number}.aln")
        fill(layer.intermediate.dense, f"l{number}.fi")
        fill(layer.output.dense, f"l{number}.fo")
        fill(layer.output.LayerNorm, f"l{number}.oln")
    return model


def test_the_folder_holds_the_model_of_these_weights(base: Path) -> None:
    ids = torch.tensor([[0, 4, 8, 12, 2], [0, 30, 2, 1, 1]])
    mask = (ids != 1).long()
    with torch.inference_mode():
        found, expected = (
            model(ids, attention_mask=mask).last_hidden_state for model in (load_model(base), bert_of(TINY.weights()))
        )
    assert found.dtype == torch.float32 and found.shape == (2, 5, 8)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_folder_loads_as_it_is_and_names_the_file_it_was_made_from(base: Path) -> None:
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "base.json"}
    assert {path.name for path in base.iterdir()} == names
    with quiet():
        assert type(AutoModel.from_pretrained(base)) is BertModel
    assert BaseRecord.read(base) == RECORD
    assert load_model(base).config.layer_norm_eps == pytest.approx(1e-12)
    assert (base / "model.safetensors").stat().st_mode == (base / "config.json").stat().st_mode


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("so angry", ["▁so", "▁angry"]),
        ("i'm so a", ["▁i", "'m", "▁so", "▁a"]),
        ("angr angry", ["▁ang", "r", "▁angry"]),  # -9 is likelier than the -6 of "▁ang" and the -5 of "ry"
        ("  so\t\n angry ", ["▁so", "▁angry"]),
        ("so\u200bangry", ["▁so", "▁angry"]),
        ("s\x07o", ["▁so"]),
        ("ｓｏ", ["▁so"]),
        ("e\u0301", ["▁", "é"]),
        ("यह", ["▁", "य", "ह"]),
        ("so жж", ["▁so", "▁", "<unk>"]),
        ("so▁angry", ["▁so", "▁angry"]),
        ("", []),
    ],
)
def test_text_becomes_its_likeliest_pieces(text: str, pieces: list[str], base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) == ["<s>", *pieces, "</s>"]


def test_texts_are_framed_filled_up_and_cut_as_those_of_xlm_roberta(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    batch = tokenizer(["so", "so angry"], padding=True)
    assert batch["input_ids"] == [[0, 4, 2, 1], [0, 4, 8, 2]]
    assert batch["attention_mask"] == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert set(batch) == {"input_ids", "attention_mask"}
    assert tokenizer("so", "angry")["input_ids"] == [0, 4, 2, 2, 8, 2]
    assert len(tokenizer("so " * 50, truncation=True)["input_ids"]) == tokenizer.model_max_length == 32
    assert tokenizer.mask_token_id == 41
    assert tokenizer.decode([0, 4, 8, 2], skip_special_tokens=True) == "so angry"


# Trimming

ROLES = dict(zip(("bos", "pad", "eos", "unk"), SPECIAL, strict=True))
FULL = build_tokenizer(list(PIECES), list(PIECES.values()), ROLES, 32)
TEXTS = st.text("soangryimfuhed '!éж\u00a0ﬁ▁", max_size=25)


@given(st.lists(TEXTS, max_size=5), st.integers(0, 12), TEXTS)
def test_a_text_whose_pieces_are_all_kept_is_split_as_before(taught: list[str], num_frequent: int, text: str) -> None:
    needed = {token_id for each in taught for token_id in FULL(each)["input_ids"]}
    kept = choose_ids(read_vocabulary(FULL), needed | set(FULL.all_special_ids), num_frequent)
    smaller = keep_pieces(FULL, kept)
    assert len(smaller) == len(kept)
    for each in [*taught, text]:
        before, after = FULL(each)["input_ids"], smaller(each)["input_ids"]
        if set(before) <= set(kept):
            assert [kept[token_id] for token_id in after] == before
        assert (FULL.unk_token_id in before) == (smaller.unk_token_id in after)  # no character gets lost


def test_the_least_likely_piece_stays_because_unknown_characters_are_scored_by_it() -> None:
    pieces = {**dict.fromkeys(SPECIAL, 0.0), "▁": -2.0, "xb": -25.0, "cd": -15.5, "bcd": -1.0, "rare": -30.0}
    full = build_tokenizer(list(pieces), list(pieces.values()), ROLES, 32)
    needed = {*full.all_special_ids, *full("xbcd")["input_ids"], *full("bcd")["input_ids"]}
    kept = choose_ids(read_vocabulary(full), needed, num_frequent=0)
    assert [list(pieces)[i] for i in kept] == list(pieces)

    def split(tokenizer: Any) -> list[str]:
        return tokenizer.convert_ids_to_tokens(tokenizer("xbcd", add_special_tokens=False)["input_ids"])

    assert split(full) == split(keep_pieces(full, kept)) == ["▁", "xb", "cd"]
    assert split(keep_pieces(full, kept[:-1])) == ["▁", "<unk>", "bcd"]


def test_a_trimmed_base_gives_the_states_of_the_whole_one(base: Path, tmp_path: Path) -> None:
    text = "i'm so angry, furious!"
    result = trim(base, tmp_path / "small", [text], num_frequent=8)
    assert (result.num_pieces, result.num_kept_pieces) == (42, 36)
    assert result.num_bytes - result.num_kept_bytes >= (44 - 36) * 8 * 4 - 100
    states, pieces = [], []
    for folder in (base, tmp_path / "small"):
        tokenizer, model = AutoTokenizer.from_pretrained(folder), load_model(folder)
        inputs = tokenizer(text, return_tensors="pt")
        pieces.append(tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]))
        with torch.inference_mode():
            states.append(model(**inputs).last_hidden_state)
    assert pieces[0] == pieces[1] and "▁furious" in pieces[0]
    torch.testing.assert_close(states[1], states[0], rtol=0, atol=0)
    assert model.config.vocab_size == len(tokenizer) == 36
    assert model.config.pad_token_id == tokenizer.pad_token_id == model.embeddings.word_embeddings.padding_idx
    assert "▁happy" not in tokenizer.get_vocab() and tokenizer.mask_token_id == 35


def test_a_trimmed_base_has_a_record_of_its_own(base: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    trim(base, small, [], num_frequent=0)
    assert BaseRecord.read(small) == BaseRecord("", "model.safetensors", sha256_of(small / "model.safetensors"))
    assert read_json(small / "trimmed.json") == {"from": RECORD.to_json(), "num_frequent": 0}
    with pytest.raises(InputError, match=r"has no base\.json; expected a folder that tools\.encoder_base wrote"):
        trim(tmp_path, tmp_path / "smaller", [], 0)


# The command


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models, where the wheel of the tiny file lies. There is no pip to download it."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("FLIPTRACE_MODELS", str(folder))
    monkeypatch.setattr(command, "PUBLISHED", save_e5_wheel(folder))
    monkeypatch.setattr(fetching, "run_pip", lambda *arguments: 1)
    return folder


def test_the_command_makes_the_base_once_and_a_trimmed_one(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, small = tmp_path / "e5", tmp_path / "small"
    command.main(folder)
    shutil.rmtree(models)
    command.main(folder, small, ["sample:train"], num_frequent=3)
    assert BaseRecord.read(folder) == BaseRecord("", "tiny-q4.bin", command.PUBLISHED.file_sha256)
    kept = len(AutoTokenizer.from_pretrained(small))
    assert f"small: {kept} of 42 pieces" in " ".join(capsys.readouterr().err.split())


def test_a_file_of_another_hash_is_refused(models: Path, tmp_path: Path) -> None:
    save_e5s1(models / "tiny-q4.bin", replace(TINY, version=2))
    with pytest.raises(InputError, match=r"tiny-q4\.bin: differs from the published file: .*; expected [0-9a-f]{64}"):
        command.main(tmp_path / "e5")
    assert not (tmp_path / "e5").exists()


def test_a_download_that_fails_says_which_file_to_put_where(models: Path, tmp_path: Path) -> None:
    (models / command.PUBLISHED.name).unlink()
    with pytest.raises(InputError, match=rf"tiny_e5-1\.0-py3-none-any\.whl .* and put it into {models}"):
        command.main(tmp_path / "e5")


def test_a_folder_of_another_base_is_left_alone(models: Path, base: Path) -> None:
    with pytest.raises(InputError, match=r"made from tiny-q4\.bin, sha256 0{64}; expected [0-9a-f]{64}"):
        command.main(base)


def test_a_folder_of_something_else_is_never_replaced(models: Path, base: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match=r"exists and has no base\.json; expected a new folder"):
        command.main(tmp_path)
    for target in (tmp_path, base):
        with pytest.raises(InputError, match=r"exists and has no trimmed\.json; expected a new folder"):
            trim(base, target, [], 0)
    assert (tmp_path / "mine.txt").exists() and BaseRecord.read(base) == RECORD


def test_corpora_without_a_trimmed_folder_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data: has no effect on the whole base; expected --trimmed too"):
        command.main(tmp_path / "e5", data=["sample:train"])


def test_the_features_of_the_baseline_are_means_of_token_states(base: Path) -> None:
    texts = ["so angry", "i'm so happy, you!", "a"]
    tokenizer, model = AutoTokenizer.from_pretrained(base), load_model(base)
    with torch.inference_mode():
        expected = [model(**tokenizer(each, return_tensors="pt")).last_hidden_state[0].mean(0) for each in texts]
    found = probe.embed(base, texts, batch_size=2)
    np.testing.assert_allclose(found, torch.stack(expected).numpy(), atol=5e-6)


# The published file


def real_file() -> Path | None:
    """The folder of models of whoever runs the tests, if it has the published file or its wheel."""
    names = (command.PUBLISHED.file, command.PUBLISHED.name)
    return next((REAL / name for name in names if (REAL / name).is_file()), None)


@pytest.mark.skipif(real_file() is None, reason="FLIPTRACE_MODELS has no file of multilingual-e5-small")
def test_the_published_file_tells_anger_from_happiness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = real_file()
    assert real is not None
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / real.name).symlink_to(real.resolve())
    monkeypatch.setenv("FLIPTRACE_MODELS", str(tmp_path / "models"))
    folder, small = tmp_path / "e5", tmp_path / "small"
    texts = [
        *("query: I am furious with you.", "query: I'm so angry right now!"),
        *("query: What a wonderful, happy day!", "query: Mujhe bahut gussa aa raha hai."),
    ]
    command.main(folder)
    result = trim(folder, small, texts, num_frequent=1000)
    assert (result.num_pieces, result.num_kept_bytes < 150_000_000) == (250_002, True)
    means = probe.embed(folder, texts)
    np.testing.assert_allclose(probe.embed(small, texts), means, atol=1e-5)
    units = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose((units @ units[0])[1:], [0.9063, 0.7934, 0.8074], atol=0.001)
