"""From a recipe, plain JSON values, to the source that it describes, in whatever process this is.

A source travels as its recipe and never as a pickle of itself. Kinds are matched against what the program knows; only
recipes that this program made are opened, never one that lies in somebody's folder.
"""

import importlib

from unitscope.errors import InputError
from unitscope.source.source import KINDS, Recipe, Source

ROOMS = (
    "source.live", "source.subset", "source.relabelled", "source.with_labels", "source.without_text",
    "recording.recording",
)  # fmt: skip
"""Modules with sources that others can open; one that is there is known."""


def open_source(recipe: Recipe) -> Source:
    """The source of a recipe. Raises ``InputError`` for a kind that is not known, and as its parts do."""
    for room in ROOMS:
        importlib.import_module(f"unitscope.{room}")
    kind = str(recipe.get("kind", ""))
    if kind not in KINDS:
        raise InputError(f"no source is of the kind {kind!r}; there are: {', '.join(KINDS)}")
    try:
        return KINDS[kind].opened_by(recipe, open_source)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"a recipe of the kind {kind!r} is damaged ({error})") from error
