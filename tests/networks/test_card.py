import json

import pytest
import torch

from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.errors import InputError
from unitscope.networks.card import Card, load, save
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.files import CONFIG, WEIGHTS, load_tensors, save_tensors


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    vocabulary = Vocabulary(("\n", "\r", " ", "é", "\x00", UNKNOWN))
    net = CharNet(CharConfig(len(vocabulary), "gru", 2, 5, 0.25))
    card = Card(
        "char", net.config, vocabulary.symbols, unit="bytes", split=Split("interleaved", "train"), corpus="text",
        corpus_fingerprint="ab12", command="unitscope train text", training={"options": {"seed": 1}},
        metrics={"test nats": 1.25},
    )  # fmt: skip
    folder = tmp_path / "net"
    save(folder, net, card)
    return folder, net, card


def test_round_trip(saved):
    folder, net, card = saved
    loaded, loaded_card = load(folder)
    assert loaded_card == card
    assert not loaded.training
    tokens = torch.randint(0, 6, (2, 9))
    assert torch.equal(loaded(tokens), net.eval()(tokens))
    assert sorted(file.name for file in folder.iterdir()) == [CONFIG, WEIGHTS]
    assert (folder / WEIGHTS).stat().st_mode & 0o777 == (folder / CONFIG).stat().st_mode & 0o777


def test_truncated_weights(saved):
    folder, *_ = saved
    content = (folder / WEIGHTS).read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 1):
        (folder / WEIGHTS).write_bytes(content[:length])
        with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
            load(folder)


def test_weights_of_another_network(saved, tmp_path):
    folder, _, card = saved
    save(tmp_path / "other", CharNet(CharConfig(6, "lstm", 1, 4)), card)
    (folder / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match="belong to different networks"):
        load(folder)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"kind": "LlamaForCausalLM"}', b"\xff\xfe"])
def test_a_foreign_config(saved, content):
    folder, *_ = saved
    (folder / CONFIG).write_bytes(content)
    with pytest.raises(InputError, match="train one with"):
        load(folder)


def test_another_schema(saved):
    folder, *_ = saved
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "schema": 9}))
    with pytest.raises(InputError, match="of another version than 2; train the network again"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("symbols", ["a"]), ("unit", "words"), ("network", {"cell": "lstm"}), ("split", {}), ("network", 3), ("more", 1)],
)
def test_a_damaged_config(saved, key, value):
    folder, *_ = saved
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, key: value}))
    with pytest.raises(InputError, match=r"config\.json is damaged"):
        load(folder)


def test_missing_files(saved, tmp_path):
    folder, *_ = saved
    with pytest.raises(InputError, match=r"nowhere holds no network"):
        load(tmp_path / "nowhere")
    (folder / WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read: No such file"):
        load(folder)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["net.pt", "pytorch_model.bin", "net"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_and_never_opened(tmp_path, name, zipped):
    path = tmp_path / name
    torch.save({"weight": Trap()}, path, _use_new_zipfile_serialization=zipped)
    for given in (path, tmp_path) if path.suffix else (path,):
        with pytest.raises(InputError, match=r"is a pickle.*save_file\(torch\.load\(path, weights_only=True\)"):
            load(given)


def test_a_pickle_under_another_name(saved):
    folder, *_ = saved
    torch.save({"weight": Trap()}, folder / WEIGHTS)
    with pytest.raises(InputError, match="is a pickle"):
        load_tensors(folder / WEIGHTS)


def test_a_header_of_any_length_is_no_pickle(tmp_path):
    for length in range(0x78, 0x90):  # the first byte of the file, 0x80 among them
        save_tensors(tmp_path / "a.safetensors", {"x" * length: torch.zeros(1)})
        assert list(load_tensors(tmp_path / "a.safetensors")) == ["x" * length]


@pytest.mark.parametrize(
    ("name", "value"), [("units", 10**9), ("layers", 10**9), ("units", 10**30), ("initial_range", 1e300)]
)
def test_a_network_is_not_built_beyond_its_weights(saved, name, value):
    folder, _, _ = saved
    config = json.loads((folder / CONFIG).read_text())
    config["network"][name] = value
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json describes no network that can be"):
        load(folder)
