"""Nothing here pulls the plug, so nothing waits for the disk."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def no_waiting():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield
