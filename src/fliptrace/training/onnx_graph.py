"""Export a Llama as an ONNX graph that scores reply trees. Its only output: log-probabilities of the requested tokens.

The forward pass is reimplemented here over the model's own weights. It takes two thirds of the time of an export of the
stock forward pass: keys and values are not copied for heads that share them, the last layer and the vocabulary are
computed only for the requested columns, and each part has a form for which onnxruntime has a fused kernel.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

INPUTS = ("ids", "positions", "visible", "columns", "rows", "tokens")
OPSET = 18  # the exporter's; supported by onnxruntime since 1.14
_IR_VERSION = 10  # the latest that onnxruntime 1.22 reads
_HIDDEN = -1e9  # added to the attention scores of hidden tokens, whose weight becomes exactly 0


class TreeForward(nn.Module):
    """The forward pass over the weights of a `LlamaForCausalLM`."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        config = model.config
        self.num_heads: int = config.num_attention_heads
        self.num_kv_heads: int = config.num_key_value_heads
        self.head_size: int = model.model.layers[0].self_attn.head_dim
        self.epsilon: float = config.rms_norm_eps
        self.rotary_scale: float = model.model.rotary_emb.attention_scaling
        self.embedding = model.model.embed_tokens.weight  # (vocab, hidden)
        self.head = model.lm_head.weight  # (vocab, hidden); the same where they are tied
        self.layers = model.model.layers
        self.norm = model.model.norm
        self.frequencies = model.model.rotary_emb.inv_freq  # (head_size / 2,)

    def forward(
        self, ids: Tensor, positions: Tensor, visible: Tensor, columns: Tensor, rows: Tensor, tokens: Tensor
    ) -> Tensor:
        """Return the log-probabilities (reads,) at `rows` and `tokens` (reads,) of a table (trees * num_read, vocab).

        ids, positions: (trees, time). visible: (trees, time, time), True where a row sees a column. columns:
        (num_read,), the columns whose predictions are computed.
        """
        angles = positions[:, None, :, None] * self.frequencies  # (trees, 1, time, head_size / 2)
        angles = torch.cat((angles, angles), -1)
        turn = torch.stack((angles.cos(), angles.sin())) * self.rotary_scale  # (2, trees, 1, time, head_size)
        mask = torch.where(visible, 0.0, _HIDDEN)[:, None, None]  # (trees, 1, 1, time, time)
        hidden = self.embedding[ids]  # (trees, time, hidden)
        for layer in self.layers[:-1]:
            hidden = self._pass(layer, hidden, turn, mask)
        hidden = self._pass(self.layers[-1], hidden, turn, mask, columns)  # (trees, num_read, hidden)
        log_probs = (self._normalise(hidden, self.norm) @ self.head.T).log_softmax(-1)
        read: Tensor = log_probs.flatten(0, 1)[rows, tokens]
        return read

    def _pass(self, layer: Any, hidden: Tensor, turn: Tensor, mask: Tensor, columns: Tensor | None = None) -> Tensor:
        """Apply one layer. With `columns`, only these are computed; they still attend to all others."""
        attention = layer.self_attn
        normal = self._normalise(hidden, layer.input_layernorm)
        keys = _rotate(self._split(attention.k_proj(normal)), turn)
        values = self._split(attention.v_proj(normal))
        if columns is not None:
            normal, hidden = normal.index_select(1, columns), hidden.index_select(1, columns)
            turn, mask = turn.index_select(3, columns), mask.index_select(3, columns)
        queries = _rotate(self._split(attention.q_proj(normal)), turn)
        hidden = hidden + attention.o_proj(self._attend(queries, keys, values, mask))
        passed: Tensor = hidden + layer.mlp(self._normalise(hidden, layer.post_attention_layernorm))
        return passed

    def _split(self, projected: Tensor) -> Tensor:
        """Reshape (trees, time, heads * head_size) to (trees, heads, time, head_size)."""
        trees, time, _ = projected.shape
        return projected.reshape(trees, time, -1, self.head_size).transpose(1, 2)

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Attend. Query heads that share keys and values are concatenated: one large product instead of copies."""
        trees, _, time, size = queries.shape
        share = self.num_heads // self.num_kv_heads
        together = queries.reshape(trees, self.num_kv_heads, share * time, size) * size**-0.5
        scores = (together @ keys.transpose(-1, -2)).reshape(trees, self.num_kv_heads, share, time, -1) + mask
        shares = scores.softmax(-1).reshape(trees, self.num_kv_heads, share * time, -1)
        seen: Tensor = (shares @ values).reshape(trees, self.num_heads, time, size)
        return seen.transpose(1, 2).flatten(2)

    def _normalise(self, hidden: Tensor, norm: Any) -> Tensor:
        """Root mean square norm, written as a division by the root, the form that onnxruntime fuses."""
        scale = torch.sqrt(hidden.pow(2).mean(-1, keepdim=True) + self.epsilon)
        normal: Tensor = hidden / scale * norm.weight
        return normal


def _rotate(heads: Tensor, turn: Tensor) -> Tensor:
    """Apply rotary positions.

    heads: (trees, heads, time, head_size); turn: cosines and sines (2, trees, 1, time, head_size).
    """
    first, second = heads.chunk(2, -1)
    return heads * turn[0] + torch.cat((-second, first), -1) * turn[1]


def make_graph(model: Any, *, half: bool = False) -> bytes:
    """Return the ONNX file, weights included, of a `LlamaForCausalLM` in fp32 and eval mode.

    `half` stores the weights in 16 bits; the computation stays in fp32. The same weights give the same bytes.
    """
    dim = torch.export.Dim
    trees, time, num_read, num_reads = dim("trees"), dim("time"), dim("num_read"), dim("reads")
    by_time = {0: trees, 1: time}
    shapes = (by_time, by_time, by_time | {2: time}, {0: num_read}, {0: num_reads}, {0: num_reads})
    graph = export_module(TreeForward(model), _example(), shapes, INPUTS, ("log_probs",))
    return to_bytes(graph, np.int16 if half else None)


def export_module(
    module: nn.Module,
    example: tuple[Tensor, ...],
    shapes: Sequence[Mapping[int, Any]],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> Any:
    """The graph of a module. No two dimensions of the example that may vary should have the same size by chance."""
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            example,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=tuple(shapes),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None, "the exporter returned nothing"
    return _strip(program.model_proto)


def to_bytes(graph: Any, integers: type[np.signedinteger[Any]] | None = None) -> bytes:
    """The ONNX file of a graph; its matrices are stored as `integers`, if any. The same weights give the same bytes."""
    if integers is not None:
        _store_integers(graph, integers)
    onnx.checker.check_model(graph)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def _example() -> tuple[Tensor, ...]:
    """Example inputs in which no two dimensions have the same size by chance."""
    trees, time, num_read, num_reads = 3, 11, 5, 7
    ids = torch.zeros(trees, time, dtype=torch.long)
    positions = torch.arange(time).repeat(trees, 1)
    visible = torch.ones(time, time, dtype=torch.bool).tril().repeat(trees, 1, 1)
    reads = torch.arange(num_reads)
    return ids, positions, visible, torch.arange(time - num_read, time), reads, torch.zeros_like(reads)


def _strip(graph: Any) -> Any:
    """Remove what the exporter records about the machine it ran on, such as stack traces with paths."""
    del graph.metadata_props[:]
    del graph.graph.metadata_props[:]
    for part in (*graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for weight in graph.graph.initializer:
        weight.doc_string = ""
    graph.doc_string = graph.graph.doc_string = ""
    graph.producer_version = ""
    graph.ir_version = min(graph.ir_version, _IR_VERSION)
    return graph


def _store_integers(graph: Any, integers: type[np.signedinteger[Any]]) -> None:
    """Store weight matrices as integers with one scale per row, which onnxruntime expands once, at load time.

    On trained 2.75M models int16 changes probabilities by a few 1e-4; 16-bit floats change them by 1.3e-3.
    """
    largest = np.iinfo(integers).max
    restoring: list[Any] = []
    for weight in list(graph.graph.initializer):
        if weight.data_type != TensorProto.FLOAT or len(weight.dims) < 2:
            continue
        matrix = numpy_helper.to_array(weight)
        scale = np.maximum(np.abs(matrix).max(-1, keepdims=True), np.finfo(np.float32).tiny) / largest
        name, whole, cast = weight.name, f"{weight.name}.whole", f"{weight.name}.cast"
        weight.CopyFrom(numpy_helper.from_array(np.rint(matrix / scale).astype(integers), whole))
        graph.graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
        restoring.append(helper.make_node("Cast", [whole], [cast], to=TensorProto.FLOAT))
        restoring.append(helper.make_node("Mul", [cast, f"{name}.scale"], [name]))
    nodes = [*restoring, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence the exporter's own warnings, about optional packages and upcoming renames."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
