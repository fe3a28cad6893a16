"""TAB: what real shells make of the script that Hydra gives them, and what is refused in one line."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import run
from experiments.options.schema import CONFIGS, ConfigError, choices
from experiments.running import completion

ROOT = CONFIGS.parent

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit bashcompinit && compinit -u -D && bashcompinit"),
}
"""How a shell is started as if at a terminal, and what docs/running.md has it told first."""


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> Path:
    """``backprop-1986`` as pip writes it where a path has a space in it: a shell's script that is Python's too."""
    path = tmp_path_factory.mktemp("bin") / completion.NAME
    path.write_text(
        f"#!/bin/sh\n'''exec' '{sys.executable}' \"$0\" \"$@\"\n' '''\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from backprop_1986 import main\nsys.exit(main())\n"
    )
    path.chmod(0o755)
    return path


def variables_with(command: Path) -> dict[str, str]:
    return os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}


def in_bash(command: Path, lines: list[str], cwd: Path) -> list[list[str]]:
    """What bash offers at the end of each line, by the function that the script makes."""
    asked = "; ".join(
        f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_CWORD={len((line + '.').split()) - 1}; "
        f'COMPREPLY=(); hydra_bash_completion; echo "${{COMPREPLY[*]}}"'
        for line in lines
    )
    installed = f'eval "$({completion.NAME} -sc install=bash)"; complete -p {completion.NAME}'
    script = f"export COMP_LINE COMP_POINT; {installed}; {asked}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=cwd, env=variables_with(command), capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    registered, *offered = done.stdout.splitlines()
    assert registered.endswith(f"-F hydra_bash_completion {completion.NAME}")
    return [line.split() for line in offered]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_experiments_and_options(command, tmp_path):
    """Anywhere, and nothing is said of what is half typed."""
    typed = ("experiment=xor", "experiment=xor learning.", "experiment=xor learning.epsilon=[0.1")
    lines = [f"{completion.NAME} {text}" for text in typed]
    experiments, options, nothing = in_bash(command, lines, tmp_path)
    assert experiments == [f"experiment={each}" for each in choices("experiment", CONFIGS) if each.startswith("xor")]
    assert {"learning.epsilon=", "learning.alpha=", "learning.opening."} <= set(options)
    assert nothing == []
    assert list(tmp_path.iterdir()) == []


def at_a_terminal(shell: str, command: Path, cwd: Path, *typed: str) -> str:
    """Everything on the screen once each text was typed and answered, the last one by its end in what is shown."""
    started, first = SHELLS[shell]
    number, ours = pty.openpty()
    variables = variables_with(command) | {"PS1": "READY>", "TERM": "dumb", "HISTFILE": ""}
    process = subprocess.Popen(
        started, cwd=cwd, env=variables, stdin=ours, stdout=ours, stderr=ours, start_new_session=True
    )
    os.close(ours)
    screen, seen = "", 0

    def until(text: str) -> None:
        nonlocal screen, seen
        deadline = time.monotonic() + 60
        while text not in screen[seen:]:
            assert time.monotonic() < deadline, screen
            if select.select([number], [], [], 0.2)[0]:
                screen += os.read(number, 65536).decode(errors="replace")
        seen = screen.index(text, seen) + len(text)

    try:
        until("READY>")
        for line in filter(None, (first, f'eval "$({completion.NAME} -sc install={shell})"')):
            os.write(number, f"{line}; echo DO''NE\n".encode())
            until("DONE")
            until("READY>")
        for text, end in zip(typed[::2], typed[1::2], strict=True):
            os.write(number, text.encode())
            until(end)
    finally:
        process.kill()
        process.wait()
        os.close(number)
    return screen


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_what_is_typed(shell, command, tmp_path):
    """TAB by TAB: an experiment, an option, its name in full, and its value."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    typed = "backprop-1986 experiment=enc\t", "oder", "_s\t", "low", " learning.eps\t", "ilon=", "\t", "0.05"
    at_a_terminal(shell, command, tmp_path, *typed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", sorted(completion.FLAGS))
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "-sc: write -sc install=SHELL, or uninstall=SHELL; SHELL is bash, zsh, fish"),
        (["install=tcsh"], "-sc: write -sc install=SHELL"),
        (["install=bash", "install=zsh"], "-sc: write -sc install=SHELL"),
        (["experiment=xor"], "-sc: write -sc install=SHELL"),
        (["query=bash"], "-sc query=bash: a shell asks this, with its line in COMP_LINE"),
        (["install=zsh"], 'can be completed: eval "$(backprop-1986 -sc install=zsh)"'),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
def test_what_cannot_be_completed_is_said_in_one_line(flag, arguments, said, monkeypatch, capsys, tmp_path):
    """The last: by ``python -m``, as these tests are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMP_LINE", raising=False)
    monkeypatch.setattr(completion, "by_module", lambda: True)
    monkeypatch.setattr(sys, "argv", ["run.py", flag, *arguments])
    with pytest.raises(SystemExit) as end:
        run.main()
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1


def test_another_command_line_is_let_through(monkeypatch):
    monkeypatch.setattr(completion, "by_module", lambda: False)
    completion.prepare(["experiment=xor", "-m"])
    completion.prepare(["-sc", "install=bash"])
    with pytest.raises(ConfigError):
        completion.prepare(["-sc", "install=sh"])


def test_who_is_started_by_python_m(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert not completion.by_module()
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", object())
    assert completion.by_module()
