"""`clipstore query`: ready questions, each a file of `sql/queries`."""

from __future__ import annotations

from pathlib import Path

import click

from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows
from clipstore.storage.store import default_store_path, ready_queries, run_query


@click.command("query")
@click.argument("name", required=False)
@click.argument("values", nargs=-1)
@db_option
@format_option
def command(name: str | None, values: tuple[str, ...], db: Path | None, form: Format) -> int:
    """Run the ready question NAME, or list them all. VALUES are its parameters: run=my-lora.

    All parameters may be left out: a query then answers for all runs, or with its default.
    """
    questions = {query.name: query for query in ready_queries()}
    console = result_console()
    if name is None:
        rows = [
            {
                "query": query.name,
                "parameters": " ".join(f"{parameter}=…" for parameter in query.parameters),
                "what it answers": query.help,
            }
            for query in questions.values()
        ]
        print_rows(rows, ("query", "parameters", "what it answers"), form, console)
        return 0
    if name not in questions:
        raise click.UsageError(f"no query {name!r}; there are: {', '.join(sorted(questions))}.")
    query = questions[name]
    given = dict(_to_pair(value) for value in values)
    unknown = sorted(given.keys() - set(query.parameters))
    if unknown:
        known = ", ".join(f"{parameter}=…" for parameter in query.parameters) or "none"
        raise click.UsageError(
            f"query {name} has no parameter {unknown[0]!r}; it takes: {known}. All are optional."
        )
    frame = run_query(default_store_path(db), query.sql, given)
    print_rows(frame.to_dicts(), frame.columns, form, console)
    return 0


def _to_pair(value: str) -> tuple[str, str]:
    key, equals, text = value.partition("=")
    if not equals:
        raise click.UsageError(f"{value!r} is not a parameter; write name=value.")
    return key, text
