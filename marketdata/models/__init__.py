from marketdata.models.api_token import ApiToken
from marketdata.models.archived_year import ArchivedYear
from marketdata.models.bar import Bar
from marketdata.models.bar_revision import BarRevision
from marketdata.models.browsable_bar import BrowsableBar
from marketdata.models.failed_login import FailedLogin
from marketdata.models.feeds.backfill import Backfill
from marketdata.models.feeds.days import FeedStore, KnownEmpty, SeriesDay, VendorDataset, VendorDay
from marketdata.models.feeds.feed_request import FeedRequest
from marketdata.models.feeds.sessions import FeedSession, FeedSessionSeries, FeedStatus
from marketdata.models.hourly_bar import HourlyBar
from marketdata.models.ingest_run import IngestRun
from marketdata.models.quality.alert import QualityAlert, QualityAlertEvent, QualityDelivery
from marketdata.models.quality.check import QualityCheck
from marketdata.models.quality.finding import QualityEvent, QualityFinding
from marketdata.models.series import Series
from marketdata.models.series_count import SeriesCount
from marketdata.models.series_instrument import SeriesInstrument

__all__ = [
    "ApiToken",
    "ArchivedYear",
    "Backfill",
    "Bar",
    "BarRevision",
    "BrowsableBar",
    "FailedLogin",
    "FeedRequest",
    "FeedSession",
    "FeedSessionSeries",
    "FeedStatus",
    "FeedStore",
    "HourlyBar",
    "IngestRun",
    "KnownEmpty",
    "QualityAlert",
    "QualityAlertEvent",
    "QualityCheck",
    "QualityDelivery",
    "QualityEvent",
    "QualityFinding",
    "Series",
    "SeriesCount",
    "SeriesDay",
    "SeriesInstrument",
    "VendorDataset",
    "VendorDay",
]
