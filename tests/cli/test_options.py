"""One vocabulary: an option is declared once, and means the same in every command."""

import re
import typing
from collections import defaultdict
from dataclasses import fields

import pytest
import typer

from unitscope.cli import options as declarations
from unitscope.cli.app import PANELS, app
from unitscope.cli.lazy import load_all, written
from unitscope.cli.options import SENSES, declared
from unitscope.networks.lessons.command import flag
from unitscope.networks.lessons.pairs import Seq2SeqOptions
from unitscope.networks.lessons.text import TrainOptions

UNBOUNDED = ("Factor",)
"""What any number can be: a unit may be scaled by it."""


def options():
    """Flag, command and help of every option of every command, but for those of studies, which are studies' own."""

    def below(group, before):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from below(command, f"{before}{name} ")
            else:
                yield from ((param, f"{before}{name}") for param in command.params)

    load_all()
    for param, command in below(typer.main.get_command(app), ""):
        if param.param_type_name == "option" and param.name != "help" and not command.startswith("study"):
            yield param.opts[0], command, param.help


def test_every_command_has_its_place_in_the_help():
    assert sorted(name for names in PANELS.values() for name in names) == sorted(command.name for command in written())


def test_a_flag_means_the_same_everywhere():
    meanings = defaultdict(set)
    for name, command, help_text in options():
        meanings[name].add((help_text, command))
    for name, found in meanings.items():
        if name not in SENSES:
            assert len({help_text for help_text, _ in found}) == 1, (name, found)


def test_options_are_declared_in_the_one_file():
    of_recipes = {flag(field) for kind in (TrainOptions, Seq2SeqOptions) for field in fields(kind)} - set(declared())
    own = {name for name, command, _ in options() if not (name in of_recipes and command.startswith("train "))}
    assert own - {"--list"} <= set(declared())
    used = {name for name, *_ in options()}
    assert set(declared()) <= used, "declared and used by nobody"


def test_numbers_have_bounds():
    for name, value in vars(declarations).items():
        if typing.get_origin(value) is typing.Annotated:
            kind, *said = typing.get_args(value)
            if re.search(r"\b(int|float)\b", str(kind)):
                assert name in UNBOUNDED or all(option.min is not None for option in said), name


@pytest.mark.parametrize("kind", [TrainOptions, Seq2SeqOptions])
def test_a_field_says_nothing_of_a_flag_that_is_declared(kind):
    for field in [field for field in fields(kind) if field.name != "text"]:  # which is an argument
        assert ("help" in field.metadata) != (flag(field) in declared()), field.name
