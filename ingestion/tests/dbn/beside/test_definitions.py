"""Definition files beside the data: when contracts begin and end."""

from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from config.testing.builders import bars, save, write
from config.testing.contracts import write_definitions
from ingestion.dbn.beside.definitions import (
    Definition,
    find_definition_files,
    read_definitions,
    read_definitions_beside,
)
from ingestion.errors import UnreadableFile

GLOBEX = "GLBX.MDP3"
LISTED, ENDED, NEXT = date(2005, 3, 14), date(2015, 3, 16), date(2025, 3, 17)
REAL = Path(settings.BASE_DIR).parent / "shared" / "fixtures" / "refused" / "definition.v3.dbn.zst"


@pytest.mark.parametrize("name", ["glbx-mdp3.definition.dbn", "x.dbn.zst"])
def test_definitions_are_listed_by_expiration(tmp_path, name):
    path = write_definitions(
        tmp_path / name,
        ("GEH5", 9, ENDED, NEXT),
        ("GEH5", 9, LISTED, ENDED),
        ("GEM5", 4, None, None),
        ("ZQH5", 1, None, NEXT),
    )

    assert read_definitions(path, GLOBEX, {"GEH5", "GEM5"}) == {
        ("GEH5", 9): [Definition(LISTED, ENDED), Definition(ENDED, NEXT)],
        ("GEM5", 4): [Definition(None, None)],
    }


def test_files_of_other_schemas_and_datasets_have_none(tmp_path):
    assert read_definitions(write(tmp_path / "bars.dbn", bars(3)), GLOBEX, {"MNQ.c.0"}) == {}
    other = write_definitions(tmp_path / "other.dbn", ("GEH5", 9, LISTED, ENDED), dataset="IFEU.IMPACT")
    assert read_definitions(other, GLOBEX, {"GEH5"}) == {}


def test_files_named_definition_are_found_or_else_those_of_a_small_folder(tmp_path):
    data = write(tmp_path / "nq.ohlcv-1m.dbn", bars(1))
    for number in range(49):
        write(tmp_path / f"{number}.dbn", bars(1))
    other = write_definitions(tmp_path / "other.dbn", ("GEH5", 9, LISTED, ENDED))
    save(tmp_path / ".hidden.dbn", b"")
    save(tmp_path / "notes.txt", b"")
    assert find_definition_files(data) == [other]

    write(tmp_path / "one more.dbn", bars(1))
    assert find_definition_files(data) == []

    named = write_definitions(tmp_path / "nq.DEFINITION.dbn.zst", ("GEH5", 9, LISTED, ENDED))
    assert find_definition_files(data) == [named]


def test_all_files_beside_the_data_are_read(tmp_path):
    data = write(tmp_path / "ge.dbn", bars(1))
    write_definitions(tmp_path / "a.dbn", ("GEH5", 9, LISTED, ENDED))
    write_definitions(tmp_path / "b.dbn.zst", ("GEH5", 9, ENDED, NEXT), ("GEH5", 8, LISTED, ENDED))
    save(tmp_path / "damaged.dbn", b"DBN")

    assert read_definitions_beside(data, GLOBEX, ["GEH5"]) == {
        ("GEH5", 9): [Definition(LISTED, ENDED), Definition(ENDED, NEXT)],
        ("GEH5", 8): [Definition(LISTED, ENDED)],
    }


@pytest.mark.parametrize("cut", [1, 100, 519])
def test_a_cut_definition_file_is_refused(tmp_path, cut):
    path = write_definitions(tmp_path / "definition.dbn", ("GEH5", 9, LISTED, ENDED), ("GEM5", 9, LISTED, ENDED))
    save(path, path.read_bytes()[:-cut])

    with pytest.raises(UnreadableFile, match="is cut off: it ends within a record"):
        read_definitions_beside(tmp_path / "ge.dbn", GLOBEX, ["GEH5"])


@pytest.mark.skipif(not REAL.exists(), reason="no real definition file: it is NOT tested")
def test_a_real_definition_file_is_read():
    undefined = [Definition(None, None)]
    assert read_definitions(REAL, "XNAS.ITCH", {"MSFT"}) == {("MSFT", 6819): undefined, ("MSFT", 6830): undefined}
