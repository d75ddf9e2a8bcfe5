"""What others have written of the console is as they published it, and says so."""

import hashlib

import pytest

from functions.api.console.vendored import FOLDER, LIST, Vendored, vendored

ALL = tuple(vendored().values())


@pytest.mark.parametrize("library", ALL, ids=lambda library: library.path)
def test_each_file_is_the_one_that_was_pinned(library: Vendored) -> None:
    assert hashlib.sha256(library.file.read_bytes()).hexdigest() == library.sha256


@pytest.mark.parametrize("library", ALL, ids=lambda library: library.path)
def test_each_is_sent_with_its_notice_and_its_license_lies_beside_it(library: Vendored) -> None:
    text = library.text()
    assert text.startswith(
        f"/*! {library.package} {library.version} | {library.license} | {library.copyright} */"
    )
    assert "sourceMappingURL" not in text
    assert library.copyright.removeprefix("Copyright ") in library.license_file.read_text()


def test_nothing_lies_there_that_is_not_pinned() -> None:
    known = {library.file for library in ALL} | {library.license_file for library in ALL} | {LIST}
    assert set(FOLDER.iterdir()) == known


def test_no_library_asks_for_a_module_by_a_bare_name() -> None:
    for library in ALL:
        assert 'from"preact"' not in library.text()
