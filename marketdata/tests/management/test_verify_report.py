"""The text and the JSON object of verify_candles."""

from datetime import UTC, datetime

from marketdata.management.verify_report import count_unrepaired, format_result, serialize_results
from marketdata.rollup.verify import VerifyResult

HOUR = datetime(2024, 1, 2, tzinfo=UTC)
AGREES = VerifyResult("A", 1_000, [], [], 60_000, 60_000)
DIFFERS = VerifyResult("B", 3, [HOUR, HOUR, HOUR], [], 180, 181)
REPAIRED = VerifyResult("C", 3, [HOUR], [], 180, 180, repaired=True)


def test_a_result_that_agrees_is_one_line():
    assert format_result(AGREES) == "A: 1,000 hours agree with 60,000 bars."
    one = VerifyResult("A", 1, [], [], 4, 4)
    assert format_result(one) == "A: 1 hour agrees with 4 bars."
    assert format_result(VerifyResult("A", 1, [HOUR], [], 1, 1)) == "A: 1 hour differs from the 1 bar\n  and 1 more"


def test_a_result_that_differs_has_a_line_for_each_kind_of_difference():
    assert format_result(DIFFERS).splitlines() == [
        "B: 3 hours differ from the 180 bars",
        "  and 3 more",
        "181 bars are on record, and there are 180",
    ]
    assert format_result(REPAIRED).splitlines()[-1] == "repaired"


def test_only_unrepaired_differences_count():
    assert count_unrepaired([AGREES, DIFFERS, REPAIRED]) == 1
    assert serialize_results([AGREES, REPAIRED])["ok"] is True
    result = serialize_results([DIFFERS])
    assert result["ok"] is False
    assert result["series"][0] == {
        "symbol": "B",
        "hours": 3,
        "bars": 180,
        "bars_on_record": 181,
        "differences": 4,
        "first_differences": [],
        "repaired": False,
        "archived_years": [],
    }
