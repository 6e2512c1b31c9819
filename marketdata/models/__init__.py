from marketdata.models.bar import Bar
from marketdata.models.bar_revision import BarRevision
from marketdata.models.browsable_bar import BrowsableBar
from marketdata.models.ingest_run import IngestRun
from marketdata.models.series import Series
from marketdata.models.series_instrument import SeriesInstrument

__all__ = ["Bar", "BarRevision", "BrowsableBar", "IngestRun", "Series", "SeriesInstrument"]
