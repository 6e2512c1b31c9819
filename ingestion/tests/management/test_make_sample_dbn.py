"""The command make_sample_dbn: its help, and errors that are not those of an option."""

import pytest
from django.core.management import CommandError, call_command, load_command_class


def test_help_describes_the_minutes():
    parser = load_command_class("ingestion", "make_sample_dbn").create_parser("manage.py", "make_sample_dbn")
    help_text = " ".join(parser.format_help().split())
    assert "The minutes are those of the exchange's calendar (CME Globex Equity), with its holidays" in help_text


@pytest.mark.parametrize(
    ("options", "message"),
    [({"bars": 0}, r"--bars must be at least 1\."), ({"seed": -1}, r"--seed must not be negative\.")],
)
def test_a_number_out_of_range_is_refused(tmp_path, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("make_sample_dbn", str(tmp_path / "a.dbn"), **options)
    assert not (tmp_path / "a.dbn").exists()


def test_a_path_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"a\.dbn cannot be written \((Not a directory|File exists)\)\."):
        call_command("make_sample_dbn", str(tmp_path / "file" / "a.dbn"), bars=1)
