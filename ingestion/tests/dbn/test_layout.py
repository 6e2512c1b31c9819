"""The layout is that of Databento's own library."""

import databento_dbn
import numpy as np
import pytest

from ingestion.dbn.layout import OHLCV, PRICES, RTYPE_NAMES, RTYPE_OHLCV_1M, SCHEMA, UNDEFINED_PRICE, UNDEFINED_TIME

# Records that the library names otherwise than their schema.
SCHEMAS = {"mbp-0": "trades", "instrument-def": "definition"}


def test_undefined_values_are_the_librarys():
    assert UNDEFINED_PRICE == databento_dbn.UNDEF_PRICE
    assert UNDEFINED_TIME == databento_dbn.UNDEF_TIMESTAMP


def test_a_record_of_the_library_has_the_same_fields():
    message = databento_dbn.OHLCVMsg(RTYPE_OHLCV_1M, 7, 8, 9, 14, 16, -12, 13, 15)
    [record] = np.frombuffer(bytes(message), dtype=OHLCV)
    assert [int(record[name]) for name in PRICES] == [14, 16, -12, 13]
    values = (record["length"], record["rtype"], record["publisher_id"], record["instrument_id"], record["ts_event"])
    assert values == (OHLCV.itemsize // 4, RTYPE_OHLCV_1M, 7, 8, 9)
    assert record["volume"] == 15


@pytest.mark.parametrize("rtype", RTYPE_NAMES)
def test_each_record_type_has_the_name_of_its_schema(rtype):
    name = str(databento_dbn.RType.from_int(rtype))
    assert RTYPE_NAMES[rtype].replace(" ", "-") == SCHEMAS.get(name, name)


def test_the_schema_is_that_of_its_record_type():
    assert RTYPE_NAMES[RTYPE_OHLCV_1M] == SCHEMA
