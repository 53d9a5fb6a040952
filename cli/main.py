"""Entry point: assembles the commands and turns errors into one line and an exit code."""

import sys
import traceback
from typing import Annotated

import typer

import aisle
from aisle.errors import AisleError
from cli import demo, evaluate, export, finetune, hide, import_vectors, loadtest, reindex, releases, search, serve
from cli.console import complain
from cli.exit_codes import ExitCode, Stopped, exit_code

EPILOG = """
**A catalog of your own, in three lines:**

`aisle export openai/clip-vit-base-patch32 --workspace shop`

`aisle reindex --catalog products.parquet --workspace shop`

`aisle serve --workspace shop`
"""

app = typer.Typer(
    name="aisle",
    help="Product search by text, by picture, and by both.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("finetune")(finetune.finetune)
app.command("export")(export.export)
app.command("reindex")(reindex.reindex)
app.command("import")(import_vectors.import_vectors)
app.command("serve")(serve.serve)
app.command("search")(search.search)
app.add_typer(releases.app, name="releases")
app.command("hide")(hide.hide)
app.command("unhide")(hide.unhide)
app.command("evaluate")(evaluate.evaluate)
app.command("loadtest")(loadtest.loadtest)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aisle {aisle.__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Product search by text, by picture, and by both."""


def main() -> None:
    """Run the command line; how it ended is an `ExitCode`."""
    debug = "--debug" in sys.argv
    if debug:  # wherever it stands: `aisle reindex --debug` is what people type
        sys.argv = [sys.argv[0], "--debug", *(word for word in sys.argv[1:] if word != "--debug")]
    try:
        app(prog_name="aisle")
    except Stopped:
        raise
    except SystemExit as ended:
        if ended.code == ExitCode.INTERRUPTED:
            complain("interrupted; nothing half done is visible, and the next run goes on from here")
        raise
    except Exception as error:  # noqa: BLE001 - the process boundary: a shell gets a line, not a page
        if debug:
            traceback.print_exc()
        code = exit_code(error)
        complain(_line(error, code))
        sys.exit(code)


def _line(error: Exception, code: ExitCode) -> str:
    match error:
        case AisleError():
            return str(error)
        case ModuleNotFoundError():
            return f"this command needs the package {error.name}: {_remedy(error.name or '')}"
        case OSError() if code is ExitCode.AGAIN:
            where = f" at {error.filename}" if error.filename else ""
            return f"the disk is full{where} ({error.strerror}); what was finished is kept: make room and run again"
        case _:
            return f"unexpected {type(error).__name__}: {error} (again with --debug for the traceback)"


_EXTRAS = {
    "aiohttp": "loadtest",
    "uvloop": "loadtest",
    "torch": "export",
    "transformers": "export",
    "optimum": "export",
    "ir_measures": "evaluation",
    "jinja2": "train",
    "matplotlib": "train",
    "onnx": "export",
    "peft": "train",
    "ray": "batch",
    "datasets": "batch",
    "bentoml": "serving",
    "fastapi": "serving",
    "resvg_py": "demo",
    "onnxruntime": "cpu",
    "faiss": "cpu",
}


def _remedy(module: str) -> str:
    extra = _EXTRAS.get(module.partition(".")[0])
    return f"pip install 'aisle[{extra}]'" if extra else f"pip install {module}"
