"""The line about the contract of a series."""

from datetime import date

import pytest

from marketdata.command_line import manage
from marketdata.models import Series
from marketdata.pages.contract_texts import describe_contract

TODAY = date(2025, 5, 1)
NQ = {"kind": "outright", "root": "NQ", "contract_month": 3, "contract_year": 2025}
GE = {"kind": "outright", "root": "GE", "contract_month": 3, "is_settled": False}
MARCH, JUNE = date(2025, 3, 21), date(2025, 6, 20)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (NQ | {"last_date": MARCH, "expiration_date": MARCH}, "NQ March 2025 · outright · expired 2025-03-21"),
        (NQ | {"last_date": JUNE, "expiration_date": JUNE}, "NQ March 2025 · outright · active, expires 2025-06-20"),
        (NQ | {"last_date": TODAY, "expiration_date": TODAY}, "NQ March 2025 · outright · active, expires 2025-05-01"),
        (NQ | {"last_date": date(2025, 3, 31)}, "NQ March 2025 · outright · expired by 2025-03-31"),
        (
            NQ | {"last_date": date(2025, 6, 30)},
            "NQ March 2025 · outright · active until 2025-06-30 at the latest",
        ),
        (
            NQ | {"kind": "spread", "last_date": date(2025, 3, 31)},
            "NQ · spread, first leg March 2025 · expired by 2025-03-31",
        ),
        (NQ | {"kind": "option", "last_date": MARCH}, "NQ March 2025 · option · expired by 2025-03-21"),
        ({"kind": "continuous", "root": "MNQ"}, "MNQ · continuous"),
        ({"kind": "equity"}, "equity"),
        ({"kind": "other"}, ""),
        (
            GE | {"symbol": "GEH5 #12345"},
            "GE March · outright · year not settled: put a definition file beside the data, or load later bars",
        ),
        (
            GE | {"symbol": "GEH5"},
            "GE March · outright · year not settled, perhaps several contracts: "
            f"{manage()} split_contracts separates them",
        ),
        (
            {"kind": "spread", "root": "GE", "symbol": "GE:BF H5 #1", "is_settled": False},
            "GE · spread · year not settled: put a definition file beside the data, or load later bars",
        ),
    ],
)
def test_the_line_has_what_is_known(columns, text):
    assert describe_contract(Series(**{"root": ""} | columns), TODAY) == text
