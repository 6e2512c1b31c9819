from marketdata.models.api_token import ApiToken
from marketdata.models.bar import Bar
from marketdata.models.bar_revision import BarRevision
from marketdata.models.browsable_bar import BrowsableBar
from marketdata.models.failed_login import FailedLogin
from marketdata.models.hourly_bar import HourlyBar
from marketdata.models.ingest_run import IngestRun
from marketdata.models.series import Series
from marketdata.models.series_count import SeriesCount
from marketdata.models.series_instrument import SeriesInstrument

__all__ = [
    "ApiToken",
    "Bar",
    "BarRevision",
    "BrowsableBar",
    "FailedLogin",
    "HourlyBar",
    "IngestRun",
    "Series",
    "SeriesCount",
    "SeriesInstrument",
]
