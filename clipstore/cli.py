"""The command line: parses, calls, prints. Nothing else knows about arguments.

Invariant: results go to stdout, all else to stderr; a failure that clipstore explains is one
message and its exit code, and a traceback appears only with --debug. Commands are the files of
`clipstore.commands`, imported only when called, so that `--help` and `sql` start without torch.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import traceback
from pathlib import Path

import click

from clipstore import __version__
from clipstore.errors import ClipstoreError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
COMMANDS = Path(__file__).parent / "commands"


class CommandFolder(click.Group):
    """A group whose commands are the modules of `clipstore.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(file.stem for file in COMMANDS.glob("[!_]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"clipstore.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from their files' first lines: importing all of them for that
        would take `--help` a second."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])


def _summary(command: str) -> str:
    """What follows the colon in "`clipstore NAME`: …", the first line of the command's file."""
    source = (COMMANDS / f"{command}.py").read_text("utf-8")
    first_line = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    return first_line.partition(": ")[2]


@click.group(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but some files or rows were "
    "refused or are pending; 4 done, and a run has a verdict that --fail-on names; 10 no database; "
    "11 locked; 12 too new; 13 damaged; 14 disk full; 15 model missing or refused; 130 "
    "interrupted; 143 terminated.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks; anywhere on the line.")
@click.version_option(__version__, prog_name="clipstore")
def cli(debug: bool) -> None:
    """Which fine-tuning run do I stop, which do I keep, and how sure are we?

    clipstore scores the validation pictures that trainers save against their prompts with CLIP,
    keeps the scores in one DuckDB file, and says which runs have stopped improving.

    \b
      clipstore ingest runs/         score what is new
      clipstore verdict              stop, keep, or look by eye: with reasons
      clipstore report --html        one page to mail
      clipstore sql "SELECT …"       ask anything
    """


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments or bool(os.environ.get("CLIPSTORE_DEBUG"))
    # Click would take --debug only before the command; people write it last.
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        result = cli.main(arguments, prog_name="clipstore", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ClipstoreError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"clipstore: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("clipstore: interrupted.", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, say) has what it wanted; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last net: a user must not meet a traceback
        if debug:
            traceback.print_exc()
        click.echo(
            f"clipstore: internal error: {type(error).__name__}: {error}\n"
            "This is a bug. Run the same command with --debug and report what it prints.",
            err=True,
        )
        return 1
    return result if isinstance(result, int) else 0
