"""TensorBoard's own options pass, and what the board adds to them is only there where nothing is said."""

import importlib
import warnings

import pytest
from tensorboard.plugins.base_plugin import FlagsError


def flags(*arguments: str):
    with warnings.catch_warnings():  # TensorBoard has a copy of a library that warns of itself
        warnings.simplefilter("ignore", DeprecationWarning)
        board = importlib.import_module("experiments.board").opened_on_the_layout()
    board.configure(["board.py", *arguments])
    return board.flags


def test_what_is_there_where_nothing_is_said():
    found = flags()
    assert (found.logdir, found.host, found.bind_all) == ("runs", "localhost", False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--logdir", "a"], {"logdir": "a", "host": "localhost"}),
        (["--logdir=a", "--host", "0.0.0.0"], {"logdir": "a", "host": "0.0.0.0"}),
        (["--bind_all"], {"logdir": "runs", "bind_all": True, "host": None}),
        (["--logdir_spec", "a:b,c:d"], {"logdir": "", "logdir_spec": "a:b,c:d"}),
        (["--port", "0", "--path_prefix", "/x"], {"logdir": "runs", "port": 0, "path_prefix": "/x"}),
        (["--samples_per_plugin", "images=3"], {"samples_per_plugin": {"images": 3}}),
        (["--inspect", "--event_file", "e"], {"logdir": "", "event_file": "e"}),
        (["--inspect"], {"logdir": "runs"}),
        (["--version_tb"], {"version_tb": True}),
        (["--load_fast", "false", "--reload_interval", "0"], {"load_fast": "false", "reload_interval": 0.0}),
        (["serve", "--bind_all"], {"logdir": "runs", "bind_all": True}),
    ],
    ids=str,
)
def test_what_is_said_is_what_is_there(arguments, expected):
    found = vars(flags(*arguments))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("arguments", [["--logdir", "a", "--logdir_spec", "b"], ["--bind_all", "--host", "a"]], ids=str)
def test_what_cannot_be_together_is_tensorboard_s_to_say(arguments):
    with pytest.raises(FlagsError):
        flags(*arguments)
