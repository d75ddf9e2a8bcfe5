"""YAML files that an operator applies, with one or several documents each."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import BeyondLimits
from a2actl.terminal.fault import Fault

_SUFFIXES = (".yaml", ".yml")


def documents_in(paths: list[Path], what: str) -> Iterator[tuple[str, object]]:
    """Every document in the files, and in the directories' YAML files, with its position: its file, and
    its number if the file has several.

    ``what`` they are, for the ``Fault`` if one of them cannot be read or holds none.
    """
    for path in paths:
        for file in _files(path):
            yield from _documents(file, what)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    inside = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    if not inside:
        raise Fault(f"{path}: the directory contains no .yaml or .yml file.")
    yield from inside


def _documents(file: Path, what: str) -> list[tuple[str, object]]:
    try:
        documents = [found for found in yaml.safe_load_all(file.read_text("utf-8")) if found is not None]
    except OSError as error:
        raise Fault(f"{file}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise Fault(f"{file}: is not UTF-8 text; save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise Fault(f"{file}: is not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise Fault(f"{file}: {json_limits.TOO_DEEP}.") from None
    except ValueError as error:  # such as a date that there is not
        raise Fault(f"{file}: is not valid YAML: {error}") from None
    try:
        json_limits.check_value(documents)
    except BeyondLimits as error:
        raise Fault(f"{file}: {error}.") from None
    if not documents:
        raise Fault(f"{file}: contains no {what}.")
    if len(documents) == 1:
        return [(str(file), documents[0])]
    return [(f"{file} (document {number})", found) for number, found in enumerate(documents, 1)]
