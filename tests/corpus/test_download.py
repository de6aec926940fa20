import gzip
import http.server
import io
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from treebanks import DATA

from unitscope.corpus import download
from unitscope.corpus.download import local, named
from unitscope.corpus.known.by_hand import count_tagged
from unitscope.corpus.labelled import read_labelled
from unitscope.corpus.open import open_corpus
from unitscope.corpus.public import File, Public, digest_of, public
from unitscope.corpus.translations import read_parallel
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError
from unitscope.opening.inputs import Inputs

CONLLU = "1\tIt\tit\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n2\truns\trun\tVERB\tVBZ\t_\t0\troot\t_\t_\n\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A server of the files of a folder on this machine, and what is listed as public: a function that adds to it."""
    served = tmp_path / "served"
    served.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=served)

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    listed = {}
    monkeypatch.setattr(download, "public", lambda: listed)
    monkeypatch.setenv(download.FOLDER, str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)

    def add(name, *files, **told):
        """``files`` are part, file name and content."""
        made = []
        for part, file, content in files:
            (served / file).write_bytes(content)
            (tmp_path / "same").write_bytes(content)
            digest = f"sha256:{digest_of(tmp_path / 'same', 'sha256')}"
            url = f"http://127.0.0.1:{server.server_port}/{file}"
            made.append(replace(File(part, url, len(content), digest), **told))
        listed[name] = Public(name, "a test", "free of charge", made)
        return listed[name]

    add.served, add.asked, add.kept, add.listed = served, asked, tmp_path / "kept", listed
    yield add
    server.shutdown()
    server.server_close()


def test_a_corpus_is_fetched_once_and_read_by_its_name(site, capsys):
    site("book", ("text", "book_input.txt", b"call me\r\n"))
    corpus = open_corpus("book")
    assert (corpus.name, corpus.text(0)) == ("book", "call me\r\n")
    assert "licence: free of charge" in capsys.readouterr().err
    assert local("book") == [site.kept / "book" / "book_input.txt"]
    assert site.asked == ["/book_input.txt"]
    assert "licence" not in capsys.readouterr().err
    assert [path.name for path in (site.kept / "book").iterdir()] == ["book_input.txt"]


def test_another_content_keeps_nothing(site):
    site("book", ("text", "book.txt", b"what was published"))
    (site.served / "book.txt").write_bytes(b"what is there now!")
    with pytest.raises(InputError, match="not the file that was published"):
        open_corpus("book")
    assert list((site.kept / "book").iterdir()) == []
    (site.served / "book.txt").write_bytes(b"what was published")
    assert open_corpus("book").text(0) == "what was published"


def test_a_download_that_breaks_off_keeps_nothing(site):
    site("book", ("text", "book.txt", b"all of it"))
    (site.served / "book.txt").write_bytes(b"all")
    with pytest.raises(InputError, match="3 bytes instead of 9"):
        local("book")
    assert list((site.kept / "book").iterdir()) == []


@pytest.mark.parametrize("packed", [lambda content: content, gzip.compress])
def test_no_more_is_kept_than_was_published(site, packed):
    name = "book.txt" if packed(b"") == b"" else "book.txt.gz"
    corpus = site("book", ("text", name, b"a dog"))
    site.listed["book"] = replace(corpus, files=[replace(corpus.files[0], bytes=5)])
    (site.served / name).write_bytes(packed(bytes(50_000_000)))
    with pytest.raises(InputError, match="6 bytes instead of 5"):
        local("book")


def test_without_a_network_it_says_what_to_put_where(site):
    book = site("book", ("text", "book.txt", b"all of it"))
    (site.served / "book.txt").unlink()
    path = site.kept / "book" / "book.txt"
    with pytest.raises(InputError, match=r"404.* by hand and put it at .*book\.txt"):
        local("book")
    site.listed["book"] = replace(book, files=[replace(book.files[0], url="http://127.0.0.1:9/book.txt")])
    with pytest.raises(InputError, match=r"refused.* fetch http://127\.0\.0\.1:9/book\.txt by hand"):
        local("book")
    path.write_bytes(b"all of it")
    assert local("book") == [path]
    path.write_bytes(b"not of it")  # not taken for it
    with pytest.raises(InputError, match="could not be fetched"):
        local("book")


def test_a_path_of_that_name_is_the_path(site, tmp_path):
    site("book", ("text", "book.txt", b"published"))
    (tmp_path / "book").write_text("mine")
    assert open_corpus("book").text(0) == "mine"
    assert site.asked == []


def test_parts(site):
    site("bank", ("train", "a.conllu", CONLLU.encode() * 2), ("dev", "b.conllu", CONLLU.encode()))
    assert len(read_treebank(Path("bank/dev"))) == 1
    assert len(read_treebank(Path("bank"))) == 3
    with pytest.raises(InputError, match="bank/train, bank/dev"):
        named("bank/test")
    with pytest.raises(InputError, match="unitscope data corpora"):
        open_corpus("bonk")


def test_labelled_files_know_their_encoding_and_their_class(site):
    site("asked", ("train", "ask.all", "0 Où ?\n1 Who ?\n".encode("latin-1")), encoding="latin-1")
    assert list(read_labelled(["asked/train"])) == [("Où ?", "0"), ("Who ?", "1")]
    site("liked", ("yes", "good", b"a joy\n"), label="yes")
    assert list(read_labelled(["liked"])) == [("a joy", "yes")]


def test_parallel_text(site):
    site("pair", ("en", "x.en", b"yes\nno\n"), ("de", "x.de", b"ja\nnein\n"))
    assert list(read_parallel(Path("pair/en"), Path("pair/de"))) == [("yes", "ja"), ("no", "nein")]


def test_a_file_of_an_archive(site):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("inside/good.pos", b"a joy")
    corpus = site("films", ("text", "films.zip", packed.getvalue()))
    (site.kept.parent / "member").write_bytes(b"a joy")
    digest = f"git:{digest_of(site.kept.parent / 'member')}"
    file = replace(corpus.files[0], bytes=5, digest=digest, member="inside/good.pos")
    site.listed["films"] = replace(corpus, files=[file])
    assert open_corpus("films").text(0) == "a joy"
    assert [path.name for path in (site.kept / "films").iterdir()] == ["good.pos"]
    site.listed["films"] = replace(corpus, files=[replace(file, member="inside/other.pos")])
    with pytest.raises(InputError, match=r"no archive with a inside/other\.pos"):
        open_corpus("films")


def test_a_file_that_is_packed_at_its_address_is_kept_unpacked(site):
    corpus = site("captions", ("en", "train.en.gz", gzip.compress(b"a dog")))
    (site.kept.parent / "plain").write_bytes(b"a dog")
    digest = f"git:{digest_of(site.kept.parent / 'plain')}"
    site.listed["captions"] = replace(corpus, files=[replace(corpus.files[0], bytes=5, digest=digest)])
    assert open_corpus("captions").text(0) == "a dog"
    assert [path.name for path in (site.kept / "captions").iterdir()] == ["train.en"]


def test_the_id_of_git(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello world\n")
    assert digest_of(tmp_path / "hello") == "3b18e512dba79e4c8300dd08aeb37f8e728b8dad"  # of git hash-object


def test_the_list_is_well_formed():
    digests = {"sha256": 64, "git": 40}
    for corpus in public().values():
        assert len({file.name for file in corpus.files}) == len(corpus.files)
        for file in corpus.files:
            assert file.url.startswith("https://")
            if file.count is not None:
                assert file.counts.keys() == file.count(Path(os.devnull)).keys()
                continue
            kind, _, digest = file.digest.partition(":")
            assert len(digest) == digests[kind]
            assert int(digest, 16)


@pytest.mark.skipif(not DATA.parent.exists(), reason="the folder of data is not there")
def test_the_list_is_of_the_published_files():
    """Every file of the list that is at hand, by any name, has the size and the checksum that the list says."""
    here: dict[int, list[Path]] = {}
    for path in DATA.parent.rglob("*"):
        if path.is_file():
            here.setdefault(path.stat().st_size, []).append(path)
    found = [file for corpus in public().values() for file in corpus.files if file.bytes in here]
    assert all(any(file.is_at(path) for path in here[file.bytes]) for file in found)
    assert len(found) >= 215  # all but the kernel's


def test_what_is_got_by_hand_is_proved_by_its_published_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("UNITSCOPE_CORPORA", str(tmp_path))
    with pytest.raises(InputError, match=r"is not fetched for you .*put it at .*eng\.testa, where it is checked"):
        local("conll2003/dev")
    (tmp_path / "conll2003").mkdir()
    kept = tmp_path / "conll2003" / "eng.testa"
    kept.write_text(
        "-DOCSTART- -X- O O\n\nAda NNP I-NP I-PER\nQuist NNP I-NP B-PER\nin IN I-PP O\n\nOslo NNP I-NP I-LOC\n"
    )
    assert Inputs(text=("conll2003/dev",)).is_treebank
    assert sum(len(sentence.spans) for sentence in read_treebank(kept)) == 3
    assert count_tagged(kept) == {"documents": 1, "sentences": 2, "words": 4, "entities": 3}
    with pytest.raises(InputError, match="is not the file that was published: it has 1 documents, and that 216"):
        local("conll2003/dev")
    (tmp_path / "senteval").mkdir()
    kept = tmp_path / "senteval" / "past_present.txt"
    kept.write_text("".join(f"{part}\tPAST\tIt rained .\n" * count for part, count in
                            (("tr", 100_000), ("va", 10_000), ("te", 10_000))))  # fmt: skip
    assert local("senteval/past-present") == [kept]
