"""A model and a text by the names that the command line takes, and those of a recording again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.opening.inputs import Inputs, of_recording
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import BATCH


def open_live(
    model: str | Path, text: str | Path | Sequence[str | Path], batch_size: int = BATCH, **options: Any
) -> Live:
    """The model over the text, each by a name as in ``unitscope record MODEL TEXT``.

    ``model`` is a folder that ``unitscope train`` wrote, ``hf:FOLDER`` or ``hf:NAME``, ``peft:FOLDER``, or
    ``model.py:function`` with ``weights="net.pt"`` where a training left them; ``text`` is one or several files or
    folders. ``options`` are the fields of ``Inputs``: part, sequences, length, context, device, precision, arguments
    and more. A recording of it says how both open again, so the command line and ``reopen`` go on from there::

        live = unitscope.open_live("net.py:build", "book.txt", weights="net.pt", length=128)
        recording = unitscope.record(live, "run")
        answer = unitscope.ask(recording, "digit", live.corpus, model=live.model)

    Raises ``InputError`` for what cannot be opened.
    """
    texts = [text] if isinstance(text, str | Path) else text
    return Inputs(str(model), tuple(map(str, texts)), **options).live(batch_size)


def reopen(recording: Recording | str | Path) -> Live:
    """The model over the text that a recording was made from, on the sequences that it has.

    Raises ``InputError`` where the recording does not say, where somebody else made it, who may name anything, and
    where model or text have changed since.
    """
    folder = folder_of(recording)
    kept, network, corpus, _ = of_recording(folder)
    if network is None or corpus is None:
        Inputs.load(folder)  # says what is missing
        raise InputError(f"{folder} was made of no model and no text")
    return Live(network, corpus, kept.batch_size, sequences=kept.sequences)


def folder_of(recording: Recording | str | Path) -> Path:
    """Where a recording lies, which is given itself or by its folder."""
    return recording.folder if isinstance(recording, Recording) else Path(recording)
