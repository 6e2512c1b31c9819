import pytest

from ingestion.dbn.records import RecordReader


@pytest.fixture(params=[1 << 16, 2], ids=["one batch", "batches of 2"])
def batch_size(request, monkeypatch):
    monkeypatch.setattr(RecordReader.read_batches, "__defaults__", (request.param,))
    return request.param
