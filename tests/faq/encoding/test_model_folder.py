"""Encoders are read from folders, give what their parts say, and bad folders are refused by name."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faq.encoders import DIMENSIONS, write_onnx_encoder, write_tokenizer
from triptych.errors import InputError
from triptych.faq.encoding.encoder import normalize
from triptych.faq.encoding.model_folder import FolderEncoder, list_model_files
from triptych.faq.encoding.onnx_model import POOLS
from triptych.faq.encoding.storage import load_encoder
from triptych.faq.params import EncoderParams

WORDS = ["array", "promise", "closure", "query", ":"]
TEXTS = ["array promise", "closure", "", "Array  promise closure closure", "   "]
PARAMS = EncoderParams(batch_size=2)
POOL: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "mean": lambda tokens: tokens.mean(axis=0),
    "cls": lambda tokens: tokens[0],
    "max": lambda tokens: tokens.max(axis=0),
}


def expect(words: dict[str, NDArray[np.float32]], text: str, pooling: str = "mean") -> NDArray[np.float32]:
    """Pool and normalize the vectors of a text's words, one text at a time."""
    tokens = [words.get(word, words["[UNK]"]) for word in text.lower().split()]
    if not tokens:
        return np.zeros(DIMENSIONS, dtype=np.float32)
    pooled = POOL[pooling](np.array(tokens))
    return np.asarray(pooled / np.linalg.norm(pooled), dtype=np.float32)


@pytest.mark.parametrize("place", ["model.onnx", "onnx/model.onnx"])
@pytest.mark.parametrize(
    ("pooling", "config"),
    [
        ("mean", None),
        ("mean", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}),
        ("cls", {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}),
        ("max", {"embedding_dimension": DIMENSIONS, "pooling_mode": "max"}),
    ],
)
def test_an_onnx_folder_encodes_as_its_parts_say(
    tmp_path: Path, place: str, pooling: str, config: dict[str, Any] | None
) -> None:
    words = write_onnx_encoder(tmp_path, WORDS, config, place)
    encoder = FolderEncoder(tmp_path, PARAMS)
    found = encoder.encode([*TEXTS, "nowhere array"])
    assert found.dtype == np.float16
    assert encoder.dimensions == DIMENSIONS
    for text, vector in zip([*TEXTS, "nowhere array"], found, strict=True):
        assert vector == pytest.approx(expect(words, text, pooling), abs=1e-3)
    assert encoder.encode([]).shape == (0, DIMENSIONS)
    assert encoder.distributions == ("onnxruntime", "tokenizers")


def test_settings_cut_and_lead(tmp_path: Path) -> None:
    words = write_onnx_encoder(tmp_path, WORDS)
    plain, short, led = (
        FolderEncoder(tmp_path, PARAMS.replace(**changes))
        for changes in ({}, {"max_tokens": 1}, {"prefix": "query : "})
    )
    (cut,), (after,) = short.encode(["array promise"]), led.encode(["array"])
    assert cut == pytest.approx(expect(words, "array"), abs=1e-3)
    assert after == pytest.approx(expect(words, "query : array"), abs=1e-3)
    assert len({plain.digest, short.digest, led.digest}) == 3
    assert FolderEncoder(tmp_path, PARAMS.replace(batch_size=7)).digest == plain.digest
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 1}', encoding="utf-8")
    assert FolderEncoder(tmp_path, PARAMS).encode(["array promise"])[0] == pytest.approx(cut, abs=1e-3)


def test_a_saved_encoder_is_the_same_and_takes_nothing_else_along(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    write_onnx_encoder(source, WORDS)
    for name in ("modeling.py", "pytorch_model.bin", ".git/config.json", "model.safetensors"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("{}", encoding="utf-8")
    encoder = FolderEncoder(source, PARAMS)
    expected = encoder.encode(TEXTS)
    copy.mkdir()
    encoder.save(copy)
    shutil.rmtree(source)
    assert sorted(p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file()) == [
        "encoder.json",
        "model/model.onnx",
        "model/tokenizer.json",
    ]
    restored = load_encoder(copy)
    assert (restored.digest, restored.dimensions, restored.folder) == (encoder.digest, DIMENSIONS, copy)
    assert restored.encode(TEXTS).tolist() == expected.tolist()
    # Another process opens its own network.
    assert pickle.loads(pickle.dumps(restored)).encode(TEXTS).tolist() == expected.tolist()  # noqa: S301


@pytest.mark.slow  # the library takes seconds to import
def test_a_sentence_transformers_folder_encodes_as_the_library_does(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path / "tokenizer", WORDS)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer" / "tokenizer.json"))
    model = library.SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=DIMENSIONS)], device="cpu")
    model.save(str(tmp_path / "model"))
    encoder = FolderEncoder(tmp_path / "model", PARAMS)
    expected = model.encode(["array promise", "closure"], normalize_embeddings=True)
    found = encoder.encode(["array promise", "", "closure"])
    assert found[[0, 2]] == pytest.approx(expected, abs=1e-3)
    assert not found[1].any()
    assert encoder.distributions == ("sentence-transformers", "torch")
    (tmp_path / "copy").mkdir()
    encoder.save(tmp_path / "copy")
    assert load_encoder(tmp_path / "copy").encode(["closure"]).tolist() == found[[2]].tolist()


def test_an_encoder_whose_folder_was_replaced_says_so(tmp_path: Path) -> None:
    write_onnx_encoder(tmp_path / "source", WORDS)
    (tmp_path / "copy").mkdir()
    FolderEncoder(tmp_path / "source", PARAMS).save(tmp_path / "copy")
    opened, closed = load_encoder(tmp_path / "copy"), load_encoder(tmp_path / "copy")
    expected = opened.encode(TEXTS).tolist()
    shutil.rmtree(tmp_path / "copy")
    assert opened.encode(TEXTS).tolist() == expected
    for use in (lambda: closed.encode(TEXTS), lambda: opened.save(tmp_path)):
        with pytest.raises(InputError, match="is gone: what it belongs to was replaced"):
            use()


def change_inputs(folder: Path, kind: str = "INT64", length: int | None = None) -> None:
    """Have a folder's network take numbers of another kind, or texts of one length alone."""
    import onnx

    network = onnx.load(folder / "model.onnx")
    for given in network.graph.input:
        if kind != "STRING" or given.name == "attention_mask":  # of text no network makes numbers
            given.type.tensor_type.elem_type = onnx.TensorProto.DataType.Value(kind)
        if length:
            given.type.tensor_type.shape.dim[1].dim_value = length
    onnx.save(network, folder / "model.onnx")


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _write(name: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (shutil.rmtree, "is no folder: faq.encoder.folder"),
        (_remove("model.onnx"), "neither model.onnx .* nor modules.json"),
        (_remove("tokenizer.json"), "has no tokenizer.json: save the tokenizer of model.onnx"),
        (_write("model.onnx", "broken"), "model.onnx is no network that onnxruntime can run"),
        (_write("tokenizer.json", "{"), "tokenizer.json is no JSON"),
        (_write("tokenizer.json", "{}"), "tokenizer.json is no tokenizer"),
        (_write("1_Pooling/config.json", '{"pooling_mode": "lasttoken"}'), "pooling by .*lasttoken.*: one of mean"),
        (_write("modules.json", "[1]"), "modules.json is no list of modules"),
        (_write("config.json", "[1]"), "config.json is no JSON object"),
        (
            lambda folder: change_inputs(folder, length=16),
            r"takes ..input_ids \['batch', 16\].*: export it with dynamic axes",
        ),
        (lambda folder: change_inputs(folder, kind="STRING"), r"takes \['attention_mask tensor\(string\)'"),
        (_write("modules.json", '[{"type": "sentence_transformers.models.Dense"}]'), r"\['Dense'\] behind the network"),
    ],
)
def test_a_folder_that_is_no_onnx_encoder_is_refused(
    tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    write_onnx_encoder(tmp_path / "encoder", WORDS)
    harm(tmp_path / "encoder")
    with pytest.raises(InputError, match=message):
        FolderEncoder(tmp_path / "encoder", PARAMS)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (["numbers", "tokens"], "tokens"),
        (["tokens", "sentence_embedding"], "sentence_embedding"),
        (["other", "tokens"], "tokens"),
        (["numbers", "other"], "other"),
        (["numbers"], None),
    ],
)
def test_the_output_that_is_a_vector_is_taken(tmp_path: Path, outputs: list[str], expected: str | None) -> None:
    words = write_onnx_encoder(tmp_path, WORDS, outputs=outputs)
    if expected is None:
        with pytest.raises(InputError, match=r"gives \[.numbers .*\], and none is a vector of fixed length"):
            FolderEncoder(tmp_path, PARAMS)
        return
    (found,) = FolderEncoder(tmp_path, PARAMS).encode(["array promise closure"])
    tokens = np.array([words[word] for word in ("array", "promise", "closure")])
    pooled = tokens.mean(axis=0) if expected == "tokens" else tokens.max(axis=0)
    assert found == pytest.approx(pooled / np.linalg.norm(pooled), abs=1e-3)


@pytest.mark.parametrize(
    ("modules", "files", "message"),
    [
        ([{"type": "mine.Transformer"}], ["model.safetensors"], r"asks for \['mine.Transformer'\], which is code"),
        ("[{", ["model.safetensors"], "modules.json is no list of modules"),
        ([{"name": "0"}], ["model.safetensors"], "modules.json is no list of modules"),
        ([], ["pytorch_model.bin"], r"pickled weights \(\*.bin\) can run code and are not read"),
        (
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}],
            ["model.safetensors", "tokenizer.json"],
            "tokenizer.json is no JSON",
        ),
    ],
)
def test_a_folder_that_is_no_sentence_transformers_model_is_refused(
    tmp_path: Path, modules: Any, files: list[str], message: str
) -> None:
    text = modules if isinstance(modules, str) else json.dumps(modules)
    (tmp_path / "modules.json").write_text(text, encoding="utf-8")
    for name in files:
        (tmp_path / name).write_text("broken", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        FolderEncoder(tmp_path, PARAMS)


def test_an_encoder_that_gives_no_numbers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.faq import encoders

    nothing = np.full((len(WORDS) + 2, DIMENSIONS), np.nan, dtype=np.float32)
    monkeypatch.setattr(encoders, "draw_embeddings", lambda size: nothing)
    write_onnx_encoder(tmp_path, WORDS)
    with pytest.raises(InputError, match="gives no vector of finite numbers"):
        FolderEncoder(tmp_path, PARAMS)


def test_only_the_files_of_the_network_that_is_used_are_listed(tmp_path: Path) -> None:
    write_onnx_encoder(tmp_path, WORDS, place="onnx/model.onnx")
    for name in ("onnx/model.onnx_data", "onnx/model_int8.onnx", "onnx/config.json", "modules.json"):
        (tmp_path / name).write_text("[]", encoding="utf-8")
    found = [path.as_posix() for path in list_model_files(tmp_path)]
    assert found == ["modules.json", "onnx/config.json", "onnx/model.onnx", "onnx/model.onnx_data", "tokenizer.json"]


def move_weights(folder: Path, name: str) -> None:
    """Put the weights of a folder's network into a file of their own, as exporters do with large ones."""
    import onnx

    network = onnx.load(folder / "model.onnx")
    (folder / "model.onnx").unlink()
    onnx.save_model(network, folder / "model.onnx", save_as_external_data=True, location=name, size_threshold=0)


@pytest.mark.parametrize("name", ["model.onnx_data", "weights.bin", "w" * 200])
def test_weights_in_files_of_any_name_belong_to_the_encoder(tmp_path: Path, name: str) -> None:
    source, copy, other = tmp_path / "my source", tmp_path / "copy", tmp_path / "other"
    for folder, words in ((source, WORDS), (other, WORDS[::-1])):
        write_onnx_encoder(folder, words)
        move_weights(folder, name)
    encoder = FolderEncoder(source, PARAMS)
    expected = encoder.encode(TEXTS).tolist()
    copy.mkdir()
    encoder.save(copy)
    (source / name).write_bytes((other / name).read_bytes()[::-1])
    assert FolderEncoder(source, PARAMS).digest != encoder.digest
    (source / name).unlink()
    with pytest.raises(InputError, match=f"model.onnx has its weights in {name}, which is not beside it"):
        FolderEncoder(source, PARAMS)
    assert load_encoder(copy).encode(TEXTS).tolist() == expected


def test_weights_outside_of_the_folder_are_not_taken(tmp_path: Path) -> None:
    write_onnx_encoder(tmp_path / "encoder", WORDS)
    move_weights(tmp_path / "encoder", "inside.bin")
    network = tmp_path / "encoder" / "model.onnx"
    network.write_bytes(network.read_bytes().replace(b"inside.bin", b"../ide.bin"))
    (tmp_path / "encoder" / "inside.bin").rename(tmp_path / "ide.bin")
    with pytest.raises(InputError, match="has weights in ../ide.bin, outside of its folder"):
        FolderEncoder(tmp_path / "encoder", PARAMS)


def test_folders_may_be_links(tmp_path: Path) -> None:
    source, blobs, copy = tmp_path / "source", tmp_path / "blobs", tmp_path / "copy"
    write_onnx_encoder(source, WORDS, place="onnx/model.onnx")
    (source / "onnx").rename(blobs)
    (source / "onnx").symlink_to(blobs)
    (source / "circle").symlink_to(source)
    encoder = FolderEncoder(source, PARAMS)
    copy.mkdir()
    encoder.save(copy)
    assert load_encoder(copy).encode(TEXTS).tolist() == encoder.encode(TEXTS).tolist()
    assert [path.as_posix() for path in list_model_files(source)] == ["onnx/model.onnx", "tokenizer.json"]


def test_files_that_were_changed_in_use_are_not_saved(tmp_path: Path) -> None:
    write_onnx_encoder(tmp_path / "source", WORDS)
    encoder = FolderEncoder(tmp_path / "source", PARAMS)
    write_onnx_encoder(tmp_path / "source", WORDS[::-1])
    (tmp_path / "copy").mkdir()
    with pytest.raises(InputError, match="were changed while they were in use"):
        encoder.save(tmp_path / "copy")


def test_a_network_of_short_numbers_is_fed_those(tmp_path: Path) -> None:
    words = write_onnx_encoder(tmp_path, WORDS)
    change_inputs(tmp_path, "INT32")
    (found,) = FolderEncoder(tmp_path, PARAMS).encode(["array promise"])
    assert found == pytest.approx(expect(words, "array promise"), abs=1e-3)


@pytest.mark.parametrize("limit", [-1, None, 1e30, np.inf])
def test_a_network_without_a_limit_takes_what_is_asked_for(tmp_path: Path, limit: float | None) -> None:
    words = write_onnx_encoder(tmp_path, WORDS)
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": limit}), encoding="utf-8")
    (found,) = FolderEncoder(tmp_path, PARAMS).encode(["array promise"])
    assert found == pytest.approx(expect(words, "array promise"), abs=1e-3)


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 1e6, 1e30])
def test_vectors_have_length_1_whatever_they_had(size: float) -> None:
    vectors = np.array([[3, 4], [0, 0], [-4, 3]], dtype=np.float32) * np.float32(size)
    assert normalize(vectors) == pytest.approx(np.array([[0.6, 0.8], [0, 0], [-0.8, 0.6]]), abs=1e-3)


def test_a_tokenizer_of_another_network_is_told(tmp_path: Path) -> None:
    write_onnx_encoder(tmp_path, WORDS)
    write_tokenizer(tmp_path, [*WORDS, "further"])
    encoder = FolderEncoder(tmp_path, PARAMS)
    with pytest.raises(
        InputError, match="model.onnx cannot be run on what its tokenizer.json gives: .*out of data bou"
    ):
        encoder.encode(["array", "further"])


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_texts_that_no_token_is_for_harm_no_others(tmp_path: Path, pooling: str) -> None:
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import BPE

    words = write_onnx_encoder(tmp_path, WORDS, {"pooling_mode": pooling})
    tokenizer = Tokenizer(BPE({"[PAD]": 0, "a": 2}, []))  # passes over what it does not know
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = FolderEncoder(tmp_path, PARAMS).encode(
        ["\U0001f600 \U0001f600", "a", "\U0001f600", "\U0001f601", "\ud83d a"]
    )
    own = expect(words, "array", pooling)
    assert found == pytest.approx(np.array([0 * own, own, 0 * own, 0 * own, own]), abs=1e-3)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_stands_for_padding_does_not_count(pooling: str, dtype: type) -> None:
    tokens: NDArray[Any] = np.array(
        [[[1, 9], [3, 5], [np.nan, np.nan]], [[2, 4], [np.nan, np.nan], [np.nan, np.nan]]], dtype=dtype
    )
    found = POOLS[pooling](tokens, np.array([[1, 1, 0], [1, 0, 0]]))
    assert found.dtype == np.float32
    assert found.tolist() == [POOL[pooling](tokens[0, :2]).tolist(), [2, 4]]


def test_a_tokenizer_that_does_not_take_all_words_is_told(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    write_onnx_encoder(tmp_path, WORDS)
    Tokenizer(WordLevel({"[PAD]": 0, "a": 1})).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match=r"tokenizer.json of .*model.onnx cannot cut all texts: .*Missing \[UNK\]"):
        FolderEncoder(tmp_path, PARAMS).encode(["a", "closure"])


@pytest.mark.parametrize("name", ["last_hidden_state", "token_embeddings"])
def test_tokens_of_a_length_that_is_not_told_are_taken_before_a_pooled_output(tmp_path: Path, name: str) -> None:
    import onnx

    words = write_onnx_encoder(tmp_path, WORDS, outputs=["other", "tokens"])
    network = onnx.load(tmp_path / "model.onnx")
    network.graph.node.append(onnx.helper.make_node("Identity", ["tokens"], [name]))
    network.graph.output[1].CopyFrom(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", "length", "size"])
    )
    # Nor can it be found out by looking at the network.
    network.graph.initializer[0].name = "fixed"
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [2], [-1, DIMENSIONS])
    network.graph.initializer.append(shape)
    network.graph.node.insert(0, onnx.helper.make_node("Reshape", ["fixed", "asked"], ["weights"]))
    network.graph.node.insert(0, onnx.helper.make_node("Add", ["shape", "nothing"], ["asked"]))
    zero = onnx.helper.make_node("ReduceSum", ["none"], ["nothing"], keepdims=0)
    network.graph.node.insert(0, zero)
    network.graph.node.insert(0, onnx.helper.make_node("Sub", ["attention_mask", "attention_mask"], ["none"]))
    onnx.save(network, tmp_path / "model.onnx")
    (found,) = FolderEncoder(tmp_path, PARAMS).encode(["array promise closure"])
    assert found == pytest.approx(expect(words, "array promise closure"), abs=1e-3)
