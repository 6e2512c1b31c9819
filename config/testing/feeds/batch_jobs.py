"""Batch jobs of the historical API: queued, processing, done, and their files."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .contracts import get_raw_symbol
from .dbn_files import encode_stream, split_days
from .queries import Query, Refused
from .times import DAY, to_day, to_iso, to_ns, to_sentence

if TYPE_CHECKING:
    from .historical import FakeHistorical

_EMPTY = (
    *("limit", "split_size", "packaging", "actual_size", "package_size", "ts_process_start", "ts_process_done"),
    *("ts_expiration", "progress"),
)
_QUERY = (
    *("dataset", "schema", "symbols", "stype_in", "stype_out", "start", "end", "limit", "encoding", "compression"),
)


class BatchJobs(dict[str, dict[str, Any]]):
    """All jobs by their id. A job has `job` (what the API answers), `query`, `made` (monotonic time), `files` (name to
    bytes, None until it is done) and `expired`, which a test may set."""

    def __init__(self, server: FakeHistorical) -> None:
        super().__init__()
        self._server = server

    def submit(self, query: Query, fields: Mapping[str, str], records: int) -> dict[str, Any]:
        now = self._server.now()
        job_id = f"GLBX-{to_day(now):%Y%m%d}-FAKE{len(self) + 1:06d}"
        job = dict.fromkeys(_EMPTY) | {
            "id": job_id,
            "user_id": "FAKEUSER",
            "cost_usd": self._server.cost(records),
            "dataset": fields["dataset"],
            "symbols": fields["symbols"],
            "stype_in": query.stype_in,
            "stype_out": "instrument_id",
            "schema": query.schema,
            "start": to_iso(query.start),
            "end": to_iso(query.end),
            "limit": query.limit,
            "encoding": fields.get("encoding"),
            "compression": fields.get("compression"),
            "pretty_px": False,
            "pretty_ts": False,
            "map_symbols": False,
            "split_symbols": fields.get("split_symbols") == "True",
            "split_duration": fields.get("split_duration", "day"),
            "delivery": "download",
            "record_count": records,
            "billed_size": records * 56,
            "state": "queued",
            "ts_received": to_sentence(now),
            "ts_queued": to_sentence(now),
        }
        self[job_id] = {"job": job, "query": query, "made": time.monotonic(), "files": None, "expired": False}
        return dict(job)

    def describe(self, job_id: str) -> dict[str, Any]:
        """The job as it is now. Raises Refused if there is none."""
        if job_id not in self:
            raise Refused(404, "batch_job_not_found", f"Batch job '{job_id}' not found.")
        held, now = self[job_id], self._server.now()
        job: dict[str, Any] = held["job"]
        age, whole = time.monotonic() - held["made"], self._server.batch_seconds
        if held["expired"]:
            job["state"] = "expired"
        elif age >= whole and held["files"] is None:
            files = held["files"] = self._make_files(job, held["query"])
            size = sum(len(body) for body in files.values())
            job |= {"state": "done", "progress": 100, "actual_size": size, "package_size": size}
            job |= {"ts_process_done": to_sentence(now), "ts_expiration": to_sentence(now + 30 * DAY)}
        elif whole / 2 <= age < whole:
            job |= {"state": "processing", "progress": 50, "ts_process_start": to_sentence(now)}
        return job

    def list_jobs(self, fields: Mapping[str, str]) -> list[dict[str, Any]]:
        """Jobs in the asked states, received since a time."""
        states = (fields.get("states") or "queued,processing,done").split(",")
        since = to_ns(fields["since"]) if fields.get("since") else 0
        jobs = [self.describe(job_id) for job_id in list(self)]
        return [job for job in jobs if job["state"] in states and to_ns(job["ts_received"]) >= since]

    def list_files(self, job_id: str) -> list[dict[str, Any]]:
        return [self._describe_file(job_id, name, body) for name, body in self.get_files(job_id).items()]

    def get_files(self, job_id: str) -> dict[str, bytes]:
        """Names and contents of the files. Raises Refused unless the job is done."""
        state = self.describe(job_id)["state"]
        if state != "done":
            raise Refused(404, "batch_job_not_ready", f"Batch job '{job_id}' is {state}.")
        files: dict[str, bytes] = self[job_id]["files"]
        return files

    def make_zip(self, job_id: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, body in self.get_files(job_id).items():
                archive.writestr(name, body)
        return out.getvalue()

    def _make_files(self, job: dict[str, Any], query: Query) -> dict[str, bytes]:
        server = self._server
        first, last = query.first_day, to_day(query.end - 1)
        files = {}
        for start, end in split_days(first, last, job["split_duration"]):
            times = max(query.start, to_ns(start)), min(query.end, to_ns(end) + DAY)
            part = Query(query.symbols, query.stype_in, query.schema, *times, query.limit)
            if job["split_duration"] == "none" or len(part.read_rows(server.market, server.now())):
                days = f"{start:%Y%m%d}" + (f"-{end:%Y%m%d}" if start != end else "")
                files[f"glbx-mdp3-{days}.{query.schema}.dbn.zst"] = b"".join(
                    encode_stream(
                        server.market,
                        part,
                        as_of=server.now(),
                        frame_records=server.frame_records,
                        compression="zstd",
                    )
                )
        asked = {name: job[name] for name in _QUERY}
        duration = {"split_duration": job["split_duration"]}
        files["metadata.json"] = _to_json(
            {"version": 1, "job_id": job["id"], "query": asked, "customizations": duration}
        )
        conditions = server.market.conditions(first, last, server.available_end, server.now())
        files["condition.json"] = _to_json(conditions)
        files["symbology.json"] = _to_json(describe_symbology(server.market.resolve, query))
        listed = [self._describe_file(job["id"], name, body) for name, body in files.items()]
        files["manifest.json"] = _to_json({"job_id": job["id"], "files": listed})
        return files

    def _describe_file(self, job_id: str, name: str, body: bytes) -> dict[str, Any]:
        path = f"FAKEUSER/{job_id}/{name}"
        urls = {"https": f"{self._server.url}/v0/batch/download/{path}", "ftp": f"ftp://ftp.databento.com/{path}"}
        digest = hashlib.sha256(body).hexdigest()
        return {"filename": name, "size": len(body), "hash": f"sha256:{digest}", "urls": urls}


def describe_symbology(
    resolve: Callable[..., list[tuple[Any, Any, int]]], query: Query, stype_out: str = "instrument_id"
) -> dict[str, Any]:
    """The answer of symbology.resolve for the days of a query."""
    first, last = query.first_day, query.last_day
    days = (last - first).days
    found = {symbol: resolve(symbol, query.stype_in, first, last) for symbol in query.symbols}
    not_found = [symbol for symbol, rows in found.items() if not rows]
    whole = {symbol: sum((end - start).days for start, end, _ in rows) >= days for symbol, rows in found.items()}
    partial = [symbol for symbol, rows in found.items() if rows and not whole[symbol]]

    def describe(start: object, end: object, instrument: int) -> dict[str, str]:
        name = str(instrument) if stype_out == "instrument_id" else get_raw_symbol(instrument)
        return {"d0": str(start), "d1": str(end), "s": name}

    return {
        "result": {symbol: [describe(*row) for row in rows] for symbol, rows in found.items() if rows},
        "symbols": list(query.symbols),
        "stype_in": query.stype_in,
        "stype_out": stype_out,
        "start_date": str(first),
        "end_date": str(last),
        "partial": partial,
        "not_found": not_found,
        "message": "Not found" if not_found else "Partially resolved" if partial else "OK",
        "status": 2 if not_found else 1 if partial else 0,
    }


def _to_json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()
