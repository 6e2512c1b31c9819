"""The layout of DBN's ohlcv-1m records, and the units and undefined values of their fields.

An OHLCV record has 56 bytes in DBN versions 1, 2 and 3, and 64 with `ts_out`. See
https://databento.com/docs/standards-and-conventions/databento-binary-encoding.
"""

from __future__ import annotations

from datetime import date

import numpy as np

SCHEMA = "ohlcv-1m"
RTYPE_OHLCV_1M = 0x21
# The schema, or the kind of message, of each record type: for messages about records of another schema.
RTYPE_NAMES = {
    0x00: "trades",
    0x01: "mbp-1",
    0x0A: "mbp-10",
    0x12: "status",
    0x13: "definition",
    0x14: "imbalance",
    0x15: "error",
    0x16: "symbol mapping",
    0x17: "system",
    0x18: "statistics",
    0x20: "ohlcv-1s",
    0x21: "ohlcv-1m",
    0x22: "ohlcv-1h",
    0x23: "ohlcv-1d",
    0x24: "ohlcv-eod",
    0xA0: "mbo",
    0xB1: "cmbp-1",
    0xC0: "cbbo-1s",
    0xC1: "cbbo-1m",
    0xC2: "tcbbo",
    0xC3: "bbo-1s",
    0xC4: "bbo-1m",
}
OHLCV_RTYPES = {"ohlcv-1m": 0x21, "ohlcv-1h": 0x22, "ohlcv-1d": 0x23}
# The bytes of a record of these types in any DBN version, without `ts_out`; 80 for all that are not listed.
RECORD_SIZES = {
    0x00: (48,),
    0x0A: (368,),
    0x12: (40,),
    0x13: (360, 400, 520),
    0x14: (112,),
    0x15: (80, 320),
    0x16: (80, 176),
    0x17: (80, 320),
    0x18: (64, 80),
    0xA0: (56,),
    **dict.fromkeys((0x20, 0x21, 0x22, 0x23, 0x24), (56,)),
}

_OHLCV_FIELDS = [
    ("length", "u1"),  # of the record, in units of 4 bytes
    ("rtype", "u1"),
    ("publisher_id", "<u2"),
    ("instrument_id", "<u4"),
    ("ts_event", "<u8"),  # nanoseconds since 1970 UTC: the start of the minute
    ("open", "<i8"),  # prices: units of 1e-9
    ("high", "<i8"),
    ("low", "<i8"),
    ("close", "<i8"),
    ("volume", "<u8"),
]
OHLCV = np.dtype(_OHLCV_FIELDS)
OHLCV_WITH_TS_OUT = np.dtype([*_OHLCV_FIELDS, ("ts_out", "<u8")])
PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")

UNDEFINED_PRICE = 2**63 - 1
UNDEFINED_TIME = 2**64 - 1

EPOCH = date(1970, 1, 1)
NANOSECONDS_PER_MINUTE = 60 * 10**9
NANOSECONDS_PER_DAY = 86_400 * 10**9
