"""The group of commands, and the one place where an error becomes a message and an exit code.

Commands are imported when they are named, and import what is heavy inside their functions, so that
`vqanim --help` answers at once.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import keyword
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from vqanim import __version__
from vqanim.cli import terminal
from vqanim.cli.formatting import complain, error_lines, warn
from vqanim.cli.stopping import Stopped, catch_ctrl_c
from vqanim.errors import (
    CurveError,
    DeviceError,
    InputError,
    OutputError,
    SceneError,
    VqanimError,
    lacks_memory,
)
from vqanim.own_files import log

# A command NAME is the function NAME of the module vqanim.cli.NAME, where HOMES does not say another one;
# `import` is `import_`.
HOMES = {"schema": "new", "image": "still", "style": "still", "timelapse": "still", "compare": "report"}
COMMANDS = {
    "render": "Render a scene to a film, or continue a stopped render.",
    "image": "Paint a single picture.",
    "style": "Paint a photo in the style of words or of another picture.",
    "timelapse": "Film how a single picture comes into being.",
    "encode": "Make a film from painted takes again, in other forms.",
    "report": "Write a one-page report on a render.",
    "compare": "Put two renders side by side in one page.",
    "plan": "Show what a film will contain and how long it will take, without painting it.",
    "preview": "Show camera, edit and curves as a film, without models.",
    "check": "Find every mistake in scenes without rendering them.",
    "new": "Write a commented scene to start from.",
    "import": "Turn settings of Deforum, Parseq, pytti, Disco Diffusion or VQGAN-CLIP into a scene.",
    "schema": "Print the scene language for editors, or as a page.",
    "listen": "Find the beats, sections and signals of a song.",
    "icon": "Draw an icon, a text or a silhouette to start a film from.",
    "prompts": "List words that people add to prompts, by what they do.",
    "doctor": "Look at what a render needs on this machine.",
    "models": "List, fetch, verify and add models.",
}

SPINS = "10000"  # turns of a waiting thread, some ten microseconds: longer than most waits within a step
NEGATIVE = ("--neg", "--no", "--negative", "--negative-prompt")  # options of other programs
PACKAGES = {"PIL": "pillow", "yaml": "pyyaml", "imageio_ffmpeg": "imageio-ffmpeg", "resvg_py": "resvg-py"}
"""Names of packages whose modules are called otherwise."""
BROKEN_PIPE = 141  # as a shell calls the end of a program by SIGPIPE


class Group(click.Group):
    """A group that keeps the order of its commands, and names the nearest where there is none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
            if name.endswith((".yaml", ".yml")):
                hint = f"did you mean `vqanim render {name}`?"
            else:
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise click.UsageError(f"`{ctx.command_path}` has no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


class Commands(Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"vqanim.cli.{HOMES.get(name, name)}")
        command: click.Command = getattr(module, name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands without importing them."""
        named = [name for name in COMMANDS if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=COMMANDS[name]) for name in named), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: vqanim new my-scene, then: vqanim render my-scene.yaml",
)
@click.version_option(__version__, prog_name="vqanim")
def cli() -> None:
    """Turn a scene file of texts and camera moves into an animation."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    argv: the arguments after the program's name; None takes them from the process.
    """
    try:
        catch_ctrl_c()
        terminal.open_streams()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # what a terminal's encoding lacks is written as an escape
                stream.reconfigure(errors="backslashreplace")
        share_cores()
        tell_notices()
        result = cli.main(argv, "vqanim", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (BrokenPipeError, terminal.ReaderGone):
        terminal.detach(sys.stdout)
        return BROKEN_PIPE
    except SystemExit as leaving:
        if not hasattr(sys.stdout, "wrapped"):  # completion of a shell ends so
            return leaving.code if isinstance(leaving.code, int) else 0
        # How click ends where it writes a page of help to a closed pipe, with wrappers around the streams.
        sys.stdout, sys.stderr = (getattr(stream, "wrapped", stream) for stream in (sys.stdout, sys.stderr))
        terminal.detach(sys.stdout)
        return BROKEN_PIPE
    except Stopped as stop:
        again = shlex.join(["vqanim", *(sys.argv[1:] if argv is None else argv)])
        complain(f"stopped; to continue: {again}", whole=True)
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("stopped")
        return 130
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and error.option_name in NEGATIVE:
            hint = 'What to avoid is a part of the prompt: "a castle | fog:-0.5".'
            error = click.UsageError(f"{error.message} {hint}", error.ctx)
        page = io.StringIO()
        error.show(page)
        complain(page.getvalue().expandtabs(4).rstrip("\n"))
        return error.exit_code
    except VqanimError as error:
        if error.exit_code == InputError.exit_code and lacks_memory(error.__cause__):
            error = DeviceError(f"{error}; there was too little memory to read it")
        has_places = isinstance(error, SceneError | CurveError)  # with which each line begins
        complain(("" if has_places else "Error: ") + error_lines(error))
        return error.exit_code
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not lacks_memory(error):
            where = f"{terminal.visible(str(error.filename))}: " if error.filename else ""
            if error.errno == errno.ENOENT and not error.filename:
                where = "the current folder was moved or deleted: "
            complain(f"Error: {where}cannot read or write: {error.strerror}")
            return OutputError.exit_code
        if lacks_memory(error):
            complain(
                "Error: there is too little memory on this machine, or for this account (see `ulimit -v`): "
                "close other programs, or choose a smaller size or models; `vqanim plan` says what is needed"
            )
            return DeviceError.exit_code
        if package := missing_package(error):
            about = " ".join(str(error).split())
            complain(f"Error: the package {package} cannot be used ({about}); run: pip install {package}")
            return InputError.exit_code
        if os.environ.get("VQANIM_DEBUG"):
            complain("".join(traceback.format_exception(error)).rstrip())
        else:
            complain(
                f"Error: this is a bug in vqanim: {type(error).__name__}: {error}\n"
                "run the same command with VQANIM_DEBUG=1 set to see where it happened, and report that"
            )
        return 1


def missing_package(error: Exception) -> str | None:
    """The package to install where an error says that a module of another's, or its library, is missing."""
    if isinstance(error, OSError) and "sndfile library not found" in str(error):
        return "soundfile"
    module = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    return PACKAGES.get(module, module) if module not in ("", "vqanim") else None


class Notices(logging.Handler):
    """Tells what the readers of our own files found, each notice once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if (text := record.getMessage()) not in self._told:
            self._told.add(text)
            warn([text])


def tell_notices() -> None:
    """Let notices become warnings, and those of a command before be forgotten."""
    log.handlers = [Notices()]
    log.propagate = False


def share_cores() -> None:
    """Let torch's threads wait only briefly before they sleep, unless the environment says otherwise.

    Left alone they spin for long, and beside any other busy program a step takes five to ten times as long;
    without spinning at all, a render that is alone takes a quarter longer. GNU OpenMP reads the variable when
    torch is imported, which no command has done yet.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
