"""The `whampoa` command: finds its verbs by entry point, and turns every failure into one line.

A verb is a module with `register(application)`, named in the entry-point group `whampoa.verbs`.
Where it needs an extra, the entry point names the extra in brackets:
`serve = "whampoa.cli.serve:register [server]"`. Only the verb asked for is imported.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

import typer

from whampoa.cli.output import JSON_FLAG, print_object

GROUP = "whampoa.verbs"
USAGE_ERROR = 2
INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> None:
    """Run the verb that `words` (the command line, by default) ask for, and exit with its code."""
    given = list(sys.argv[1:] if words is None else words)
    sys.exit(run(given, list(entry_points(group=GROUP))))


def run(words: list[str], verbs: Sequence[EntryPoint]) -> int:
    """Run one command line against `verbs`; the exit code is the result."""
    try:
        application = assemble(words, verbs)
        result = application(words or ["--help"], prog_name="whampoa", standalone_mode=False)
    except typer.TyperException as wrong_usage:
        return _fail(words, wrong_usage.format_message(), USAGE_ERROR)
    except (typer.Abort, KeyboardInterrupt):
        return _fail(words, "interrupted", INTERRUPTED)
    except Exception as fault:
        traceback.print_exc()
        return _fail(words, f"{type(fault).__name__}: {fault}", 1)
    return result if isinstance(result, int) else 0


def assemble(words: Sequence[str], verbs: Sequence[EntryPoint]) -> typer.Typer:
    """Register the verb that `words` name, or all of them when they name none."""
    application = typer.Typer(
        help="Clear cross-border e-commerce trade: prove, allocate, report, pay, leave evidence.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    application.callback()(_keep_verbs_apart)
    named = [verb for verb in verbs if words and verb.name == words[0]]
    for verb in named or sorted(verbs, key=lambda verb: verb.name):
        try:
            register = verb.load()
        except ImportError as missing:
            _register_missing(application, verb, missing)
        else:
            register(application)
    return application


def _keep_verbs_apart() -> None:
    """A callback keeps the verb's name on the command line even when only one is registered."""


def _register_missing(application: typer.Typer, verb: EntryPoint, missing: ImportError) -> None:
    """Stand in for a verb that cannot be imported: it is listed, and says what to install."""
    extras = ",".join(verb.extras)
    advice = f"pip install 'whampoa[{extras}]'" if extras else "reinstall whampoa"
    lacking = missing.name or str(missing)

    def refuse() -> None:
        raise typer.TyperException(f"{verb.name} cannot start, {lacking} is missing: {advice}")

    application.command(
        verb.name,
        help=f"(not installed: {advice})",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(refuse)


def _fail(words: Sequence[str], message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"whampoa: {line}", file=sys.stderr)  # noqa: T201
    if JSON_FLAG in words:
        print_object({"ok": False, "error": line})
    return code


if __name__ == "__main__":
    main()
