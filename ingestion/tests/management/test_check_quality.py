"""`manage.py check_quality` and `backtest_quality` on real files and a real database."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import FRONT, at, ingest, undo_run, write
from config.testing.processes import run
from config.testing.quality.bars import check_quality, make_session_bars
from config.testing.rows import execute
from config.testing.web.pages import create_failed_run
from ingestion.dbn.writer import empty_records
from marketdata.models import IngestRun, QualityFinding, Series
from marketdata.quality.reading import to_datetime

KEYS = {"kind", "severity", "series", "start", "end", "state", "value", "threshold"}
JANUARY = date(2024, 1, 2), date(2024, 1, 24)
MINUTE = timedelta(minutes=1)
# A Wednesday, 10:00 in Chicago.
NOON = at(16 * 60, day=date(2024, 1, 10))
SATURDAY = at(12 * 60, day=date(2024, 1, 13))


@pytest.fixture(scope="module")
def january() -> np.ndarray:
    return make_session_bars(*JANUARY)


def scale(records: np.ndarray, ts: int, factor: int = 100) -> np.ndarray:
    """The records with one bar's prices times a factor."""
    changed = records.copy()
    row = int(np.searchsorted(changed["ts_event"], ts))
    for name in ("open", "high", "low", "close"):
        changed[name][row] *= factor
    return changed


def load(path: Path, records: np.ndarray) -> None:
    ingest(write(path / f"{IngestRun.objects.count()}.dbn", records))


def read_json(**options) -> list[dict]:
    printed = check_quality(json=True, **options)
    assert printed.err == ""
    content = json.loads(printed.out)
    assert set(content) == {"findings"}
    assert all(set(finding) == KEYS for finding in content["findings"])
    return content["findings"]


def test_clean_bars_have_no_findings(market_db, tmp_path, january):
    load(tmp_path, january)
    assert read_json() == []
    assert "0 findings in 1 series" in check_quality().out


def test_a_scaled_bar_is_a_finding_until_it_is_corrected(market_db, tmp_path, january):
    load(tmp_path, scale(january, NOON))
    (finding,) = read_json()
    assert finding["kind"] == "scale"
    assert (finding["series"], finding["state"]) == ("mnq", "open")
    assert (finding["start"], finding["end"]) == ("2024-01-10T16:00:00+00:00", "2024-01-10T16:01:00+00:00")
    assert finding["value"] > finding["threshold"]
    load(tmp_path, january)
    assert read_json() == []
    assert QualityFinding.objects.get().resolution == "Run 2 corrected the bars."


def test_missing_minutes_and_bars_while_closed_are_findings(market_db, tmp_path, january):
    lost = (january["ts_event"] >= NOON) & (january["ts_event"] < NOON + 60 * MINUTE // MINUTE * 60 * 10**9)
    closed = january[:10].copy()
    closed["ts_event"] = SATURDAY + np.arange(10) * 60 * 10**9
    records = np.concatenate([january[~lost], closed])
    load(tmp_path, records[np.argsort(records["ts_event"])])
    found = {finding["kind"]: (finding["start"], finding["end"]) for finding in read_json()}
    assert found["missing"] == ("2024-01-10T16:00:00+00:00", "2024-01-10T17:00:00+00:00")
    assert found["outside_session"] == ("2024-01-13T12:00:00+00:00", "2024-01-13T12:10:00+00:00")


def test_an_hour_that_becomes_fifty_minutes_is_the_same_finding(market_db, tmp_path, january):
    minute = 60 * 10**9
    ts = january["ts_event"]
    load(tmp_path, january[(ts < NOON) | (ts >= NOON + 60 * minute)])
    read_json()
    load(tmp_path, january[(ts < NOON) | (ts >= NOON + 50 * minute)])
    (finding,) = read_json()
    assert finding["end"] == "2024-01-10T16:50:00+00:00"
    assert QualityFinding.objects.get().pk == 1
    load(tmp_path, january)
    assert read_json() == []
    assert QualityFinding.objects.get().resolution == "Run 3 loaded bars of these minutes."
    undo_run(3)
    assert len(read_json()) == 1
    assert QualityFinding.objects.get().pk == 1


def test_a_range_lists_only_its_findings(market_db, tmp_path, january):
    load(tmp_path, scale(scale(january, NOON), NOON + 5 * 86_400 * 10**9))
    assert len(read_json()) == 2
    day = to_datetime(NOON)
    assert len(read_json(start=day, end=day + MINUTE)) == 1
    assert read_json(start=day + MINUTE, end=day + 2 * MINUTE) == []
    assert len(read_json(start=day + MINUTE)) == 1


def test_a_dry_run_lists_what_it_does_not_store(market_db, tmp_path, january):
    load(tmp_path, scale(january, NOON))
    assert len(read_json(dry_run=True)) == 1
    assert not QualityFinding.objects.exists()
    assert "1 would be new" in check_quality(dry_run=True).out


def test_the_settings_of_the_series_count_as_they_are_now(market_db, tmp_path, january):
    load(tmp_path, scale(january, NOON, factor=10))
    assert [finding["kind"] for finding in read_json()] == ["scale"]
    Series.objects.update(quality_thresholds={"scale": 1000, "spike": 1e9, "jump": 1e9})
    assert read_json() == []
    Series.objects.update(quality_thresholds={})
    assert [finding["kind"] for finding in read_json()] == ["scale"]


@pytest.mark.parametrize(("severity", "code"), [("info", 1), ("error", 1), (None, 0)])
def test_the_exit_code_follows_the_severity(market_db, severity, code):
    create_failed_run()
    options = ["--fail-on", severity] if severity else []
    ended = run("--json", *options, command="check_quality")
    assert (ended.code, ended.err) == (code, "")
    assert [finding["kind"] for finding in json.loads(ended.out)["findings"]] == ["run_failed"]


def test_less_severe_and_acknowledged_findings_do_not_fail(market_db):
    create_failed_run()
    check_quality(fail_on="critical")
    with pytest.raises(CommandError, match="Open findings with severity warning or above: 1"):
        check_quality(fail_on="warning")
    QualityFinding.objects.update(state="acknowledged", acknowledged_by="ann", acknowledged_at=to_datetime(NOON))
    check_quality(fail_on="warning")
    assert [finding["state"] for finding in read_json()] == ["acknowledged"]


def test_named_series_leave_runs_out(market_db, tmp_path, january):
    create_failed_run()
    load(tmp_path, january)
    assert read_json(series=["mnq"]) == []
    assert [finding["series"] for finding in read_json()] == [None]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("calendar = 'Moon'", 'No trading calendar is called "Moon"'),
        ("quality_thresholds = '{\"gap\": 1}'", 'Thresholds of mnq: "gap" is no kind of finding.'),
        ("quality_thresholds = '{\"spike\": -1}'", "Thresholds of mnq: The threshold of spike is -1"),
        ('quality_thresholds = \'{"spike": "high"}\'', "Thresholds of mnq: The threshold of spike is 'high'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(set_mnq_calendar, tmp_path, january, change, sentence):
    load(tmp_path, january)
    execute(f"UPDATE market_series SET {change} WHERE slug = 'mnq'")  # noqa: S608
    with pytest.raises(CommandError) as refusal:
        check_quality()
    assert sentence in str(refusal.value)
    assert not QualityFinding.objects.exists()


@pytest.fixture
def set_mnq_calendar(market_db):
    before = Series.objects.get(slug="mnq").calendar
    yield
    Series.objects.filter(slug="mnq").update(calendar=before, quality_thresholds={})


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--series", "nope"], 1, "There is no series 'nope'"),
        (["--start", "2024-02-01", "--end", "2024-01-01"], 2, "--start is not before --end."),
        (["--start", "2024-01-01T00:00:30"], 2, "is not a full minute"),
        (["--fail-on", "fatal"], 2, "invalid choice"),
        (["--against", "/nowhere.dbn"], 1, "/nowhere.dbn"),
    ],
)
def test_a_wrong_command_line_is_refused(market_db, arguments, code, sentence):
    ended = run(*arguments, "--json", command="check_quality")
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err


class TestAgainst:
    """The sums of the minutes equal the vendor's bars of hours and days."""

    def write_periods(self, path: Path, january: np.ndarray, schema: str) -> Path:
        """What the vendor's file has, computed slowly."""
        length = {"ohlcv-1h": 3600, "ohlcv-1d": 86_400}[schema] * 10**9
        starts = np.unique(january["ts_event"] // length * length)
        records = empty_records(len(starts), instrument_id=FRONT)
        records["rtype"] = {"ohlcv-1h": 0x22, "ohlcv-1d": 0x23}[schema]
        records["ts_event"] = starts
        for record in records:
            part = [bar for bar in january if record["ts_event"] <= bar["ts_event"] < record["ts_event"] + length]
            record["open"], record["close"] = part[0]["open"], part[-1]["close"]
            record["high"], record["low"] = max(bar["high"] for bar in part), min(bar["low"] for bar in part)
            record["volume"] = sum(int(bar["volume"]) for bar in part)
        return write(path / f"{schema}.dbn", records, schema=schema)

    @pytest.fixture
    def week(self, january) -> np.ndarray:
        return january[: 1380 * 3]

    @pytest.mark.parametrize("schema", ["ohlcv-1h", "ohlcv-1d"])
    def test_equal_sums_are_no_finding(self, market_db, tmp_path, week, schema):
        load(tmp_path, week)
        assert read_json(against=[self.write_periods(tmp_path, week, schema)]) == []

    def test_differences_are_found_until_the_bars_are_corrected(self, market_db, tmp_path, week):
        file = self.write_periods(tmp_path, week, "ohlcv-1h")
        wrong = week.copy()
        wrong["volume"][100] += 500
        wrong["high"][1000] += 50 * 250_000_000
        load(tmp_path, wrong)
        found = [finding for finding in read_json(against=[file]) if finding["kind"] == "cross_check"]
        hours = [int(week["ts_event"][row]) // (3600 * 10**9) * 3600 * 10**9 for row in (100, 1000)]
        assert [finding["start"] for finding in found] == [to_datetime(hour).isoformat() for hour in hours]
        assert len([one for one in read_json() if one["kind"] == "cross_check"]) == 2  # not compared, and still listed
        load(tmp_path, week)
        assert [one for one in read_json(against=[file]) if one["kind"] == "cross_check"] == []

    def test_a_lost_hour_is_found(self, market_db, tmp_path, week):
        file = self.write_periods(tmp_path, week, "ohlcv-1h")
        hour = int(week["ts_event"][500]) // (3600 * 10**9)
        load(tmp_path, week[week["ts_event"] // (3600 * 10**9) != hour])
        (found,) = [one for one in read_json(against=[file]) if one["kind"] == "cross_check"]
        assert found["value"] == 1000.0

    def test_a_dry_run_stores_nothing(self, market_db, tmp_path, week):
        file = self.write_periods(tmp_path, week, "ohlcv-1d")
        load(tmp_path, week[:-100])
        assert [one["kind"] for one in read_json(against=[file], dry_run=True)] == ["cross_check"]
        assert not QualityFinding.objects.exists()

    def test_minute_bars_are_refused(self, market_db, tmp_path, week):
        load(tmp_path, week)
        with pytest.raises(CommandError, match="contains ohlcv-1m, not ohlcv-1h or ohlcv-1d"):
            check_quality(against=[tmp_path / "0.dbn"])

    def test_a_file_of_other_contracts_is_refused(self, market_db, tmp_path, week):
        with pytest.raises(CommandError, match="load the minutes first"):
            check_quality(against=[self.write_periods(tmp_path, week, "ohlcv-1d")])


class TestBacktest:
    def count(self, **options) -> dict[float, int]:
        out = io.StringIO()
        call_command("backtest_quality", stdout=out, json=True, **options)
        return {trial["threshold"]: trial["findings"] for trial in json.loads(out.getvalue())["trials"]}

    def test_other_thresholds_are_counted_and_nothing_is_stored(self, market_db, tmp_path, january):
        load(tmp_path, scale(january, NOON, factor=10))
        assert self.count(kind=["scale"], threshold=[2, 1000]) == {2.0: 1, 5.0: 1, 1000.0: 0}
        assert not QualityFinding.objects.exists()

    def test_all_kinds_are_listed_as_text(self, market_db, tmp_path, january):
        load(tmp_path, january)
        out = io.StringIO()
        call_command("backtest_quality", stdout=out)
        assert "mnq (CME_MINI:MNQ1!): findings by threshold" in out.getvalue()
        assert "volume_outlier" in out.getvalue()

    @pytest.mark.parametrize("arguments", [["--threshold", "3"], ["--kind", "spike", "--threshold", "-1"]])
    def test_a_wrong_command_line_is_refused(self, market_db, arguments):
        assert run(*arguments, command="backtest_quality").code == 2
