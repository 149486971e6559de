"""Where the command line meets the system: every end of a command becomes an exit code.

0 done, 1 a gate that the user asked for failed, 2 the input is wrong, 3 the run could not finish,
70 a fault of gengap, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gengap.errors import GengapError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main", "run"]

_FAULT = 70
_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command that the process was started with, and exit.

    What asks the process to end (SIGTERM) is an interrupt, like Ctrl-C.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = run(sys.argv[1:])
    if code == _INTERRUPTED:
        _leave(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        As on the command line, without the program's name.

    Returns
    -------
    int
        The exit code.
    """
    from gengap.cli.commands import cli

    arguments = list(arguments)
    as_json = "--json" in arguments
    verbose = "-v" in arguments or "--verbose" in arguments
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal cannot show is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with _libraries(quiet=not verbose):
        try:
            code = cli.main(args=arguments, prog_name="gengap", standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help(), err=True)
            return error.exit_code
        except click.Abort:
            return _report(*_interruption(arguments), code=_INTERRUPTED, as_json=as_json)
        except click.ClickException as error:
            return _report(*_usage(error), code=2, as_json=as_json)
        except GengapError as error:
            return _report(
                error.code, error.message, error.hint, code=error.exit_code, as_json=as_json
            )
        except Exception as error:  # noqa: BLE001 - the last line of defense: told, kept, coded
            if verbose:
                traceback.print_exc()
            return _report(*_fault(error), code=_FAULT, as_json=as_json)
    return int(code or 0)


def _leave(code: int) -> NoReturn:
    """Exit without waiting for what is still computed or compiled in the background."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads any more
            stream.flush()
    os._exit(code)


def _report(code_name: str, message: str, hint: str | None, *, code: int, as_json: bool) -> int:
    if as_json:
        error = {"code": code_name, "message": message, "hint": hint}
        click.echo(json.dumps({"error": error}, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{click.style('error:', fg='red')} {message}", err=True)
        if hint:
            click.echo(f"hint: {hint}", err=True)
    return code


def _usage(error: click.ClickException) -> tuple[str, str, str | None]:
    """Say what was wrong with the arguments, and what would have been right."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "gengap"
    hint: str | None = f"{path} --help lists the arguments and options"
    if isinstance(error, click.NoSuchOption) and context is not None:
        names = [
            name
            for parameter in context.command.get_params(context)
            for name in parameter.opts
            if name.startswith("--")
        ]
        hint = suggest(error.option_name, names, noun="options", show=len(names))
        return "unknown-option", f"{path} has no option {error.option_name}", hint
    if isinstance(error, click.BadParameter) and error.param is not None and context is not None:
        source = context.get_parameter_source(error.param.name or "")
        if source is click.core.ParameterSource.DEFAULT_MAP:
            hint = f"it stands in {context.obj.path}"
        elif source is click.core.ParameterSource.ENVIRONMENT:
            hint = f"it stands in the environment variable {error.param.envvar}"
    message = error.format_message().rstrip(".")
    return "usage", message[:1].lower() + message[1:], hint


def _interruption(arguments: list[str]) -> tuple[str, str, str | None]:
    if "compare" in arguments:
        return (
            "interrupted",
            "interrupted; the trials that were finished are kept",
            "the same command again goes on where it was",
        )
    return "interrupted", "interrupted", None


def _fault(error: Exception) -> tuple[str, str, str]:
    kind = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="gengap-fault-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"{' '.join(sys.argv)}\n\n{traceback.format_exc()}")
        where = f"the traceback is in {Path(file.name)}; please report it with that file"
    except OSError:
        where = "run it again with -v to see the traceback, and please report it"
    return "internal", f"a fault of gengap, not of your input: {kind}", where


@contextlib.contextmanager
def _libraries(*, quiet: bool) -> Iterator[None]:
    """Keep the warnings of libraries from the user, unless they are asked for."""
    with warnings.catch_warnings():
        if quiet and not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield
