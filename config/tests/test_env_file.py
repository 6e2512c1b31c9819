"""The .env file is understood completely, or the program stops."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env_file import parse_env_file, read_env_file


@pytest.mark.parametrize(
    "content, expected",
    [
        ("A=1\nB_2=two\n", {"A": "1", "B_2": "two"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A = 1\r\n  B\t=2  \r\n", {"A": "1", "B": "2"}),
        ("export A=1", {"A": "1"}),
        ("# a comment\n\n   # another\nA=1 # why\nB=a#b", {"A": "1", "B": "a#b"}),
        (
            'A=\'single # quoted\' # why\nB="double \\" \\\\ quoted"',
            {"A": "single # quoted", "B": 'double " \\ quoted'},
        ),
        ("A=\nB=''", {"A": "", "B": ""}),
        ("A=$x\nB=a=b$c", {"A": "$x", "B": "a=b$c"}),
        (
            "URL=postgresql://u:p%40ss@h:5432/n?sslmode=require",
            {"URL": "postgresql://u:p%40ss@h:5432/n?sslmode=require"},
        ),
        ("A=two words", {"A": "two words"}),
        ("", {}),
    ],
)
def test_lines_that_are_understood(tmp_path, content, expected):
    path = tmp_path / ".env"
    path.write_bytes(content.encode())
    assert parse_env_file(path) == expected


@pytest.mark.parametrize(
    "line",
    ["A", "A: secret", "A-B=secret", "1A=secret", "A='secret", 'A="secret', "A='a' secret", "=secret", "A=sec\0ret"],
)
def test_any_other_line_is_named_without_its_value(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(f"OK=1\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match=r"\.env, line 2 is not understood: write NAME=value") as refusal:
        parse_env_file(path)
    assert "sec" not in str(refusal.value)


def test_a_name_that_is_set_twice_is_refused(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=2\nA=3\n")
    with pytest.raises(ImproperlyConfigured, match=r"line 3 sets A again"):
        parse_env_file(tmp_path / ".env")


@pytest.mark.parametrize("content", ["# Schlüssel\nA=1".encode("latin-1"), "A=1".encode("utf-16")])
def test_another_encoding_is_refused(tmp_path, content):
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=r"\.env is not a text in UTF-8: save it in that encoding"):
        parse_env_file(tmp_path / ".env")


def test_a_folder_of_that_name_is_refused_and_a_missing_file_is_none(tmp_path):
    assert parse_env_file(tmp_path / ".env") == {}
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read \(Is a directory\)"):
        parse_env_file(tmp_path)


def test_the_environment_has_precedence(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("BARKEEP_A=file\nBARKEEP_B=file\n")
    monkeypatch.setenv("BARKEEP_A", "environment")
    monkeypatch.delenv("BARKEEP_B", raising=False)
    read_env_file(tmp_path / ".env")
    assert (os.environ["BARKEEP_A"], os.environ.pop("BARKEEP_B")) == ("environment", "file")
