from unitscope.files.digest import STEP, digest, digest_of


def test_a_file_has_the_digest_of_its_content(tmp_path):
    content = bytes(range(256)) * (STEP // 200)
    (tmp_path / "file").write_bytes(content)
    assert digest_of(tmp_path / "file") == digest(content) == digest(content[:1000], content[1000:])


def test_it_is_blake3():
    assert digest(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
