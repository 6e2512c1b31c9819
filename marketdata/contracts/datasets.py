"""Groups of Databento's datasets."""

from __future__ import annotations

# Databento's venues of US equities, the first part of a dataset's name; EQUS and DBEQ combine several of them.
_US_EQUITIES = {
    *("ARCX", "BATS", "BATY", "DBEQ", "EDGA", "EDGX", "EPRL", "EQUS", "FINN", "FINY", "IEXG"),
    *("MEMX", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPSX"),
}


def is_us_equities(dataset: str) -> bool:
    """Whether the dataset has US equities, whose symbols are tickers."""
    return dataset.partition(".")[0] in _US_EQUITIES
