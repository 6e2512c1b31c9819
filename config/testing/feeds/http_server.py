"""HTTP of the historical API: requests, answers, and connections that end too early."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .endpoints import answer_json, read_batch_file
from .faults import BEFORE_ANSWER, CUTS, Fault, join_frames
from .queries import DOCS, Query, Refused
from .times import to_day, to_iso

if TYPE_CHECKING:
    from .historical import Ask, FakeHistorical

Headers = Iterable[tuple[str, str]]
LOSES_RECORDS = {"cut_frame", "metadata_only", "cut_record", "cut_zstd", "garbage", "empty_body", "html_200"}
CANNED = {
    401: ("auth_authentication_failed", "Authentication failed."),
    402: ("account_insufficient_funds", "There are insufficient funds in your account to complete this request."),
    403: ("license_not_found_unauthorized", "A live data license is required to access GLBX.MDP3 data after {now}."),
    408: ("request_timeout", "The request timed out."),
    422: ("symbology_invalid_request", "None of the symbols could be resolved."),
    429: ("rate_limit_exceeded", "Rate limit exceeded."),
    500: ("internal_server_error", "Internal server error."),
    503: ("service_unavailable", "Service unavailable."),
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, historical: FakeHistorical, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.historical = historical

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that end, or do not trust the certificate, are expected."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    ask: Ask

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def setup(self) -> None:
        self.request.settimeout(300)
        super().setup()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self._answer("GET", url.path, _parse(url.query))

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._answer("POST", urlsplit(self.path).path, _parse(form))

    def _answer(self, method: str, path: str, fields: dict[str, str]) -> None:
        historical = self.server.historical
        is_file = path.startswith("/v0/batch/download/")
        endpoint = "batch.file" if is_file else path.rsplit("/", 1)[-1]
        agent = self.headers.get("User-Agent", "")
        self.ask = historical.record(method, endpoint, fields or {"path": path}, agent)
        fault = historical.faults.next_for(endpoint)
        self.ask.fault = fault.kind if fault else None
        try:
            if fault and fault.kind in BEFORE_ANSWER:
                self._fail(fault)
            elif self._read_key() != historical.key:
                self._send_error(401)
            else:
                self._serve(endpoint, path, fields, fault)
        except Refused as refused:
            self._send_json(refused.body, refused.status)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as gone:
            self.ask.note = f"the client ended the connection: {type(gone).__name__}"
            self.close_connection = True

    def _read_key(self) -> str:
        header = self.headers.get("Authorization", "Basic ").removeprefix("Basic ")
        return base64.b64decode(header).decode().partition(":")[0]

    def _serve(self, endpoint: str, path: str, fields: dict[str, str], fault: Fault | None) -> None:
        historical = self.server.historical
        if endpoint == "timeseries.get_range":
            self._stream(historical.parse(fields), fields.get("compression", "zstd"), fault)
        elif endpoint == "batch.download":
            self._send_file(historical.jobs.make_zip(fields["job_id"]), fault)
        elif endpoint == "batch.file":
            self._send_file(read_batch_file(historical, path), fault)
        else:
            answer = answer_json(historical, self.ask, endpoint, fields)
            if fault and fault.kind == "lost_answer":
                self._drop(reset=False)
            else:
                self._send_json(answer)

    # Answers

    def _send_json(self, value: object, status: int = 200, headers: Headers = ()) -> None:
        self._send(json.dumps(value).encode(), status, [("Content-Type", "application/json"), *headers])

    def _send(self, body: bytes, status: int = 200, headers: Headers = ()) -> None:
        self._send_headers(status, [("Content-Length", str(len(body))), *headers])
        self._write(body)

    def _send_headers(self, status: int, headers: Headers) -> None:
        self.ask.status = status
        self.send_response(status)
        for name, value in (("request-id", f"fake-{self.ask.n}"), *headers):
            self.send_header(name, value)
        self.end_headers()

    def _write(self, part: bytes, framed: bytes | None = None) -> None:
        self.wfile.write(part if framed is None else framed)
        self.wfile.flush()
        self.ask.sent += len(part)

    def _send_error(self, status: int, retry_after: object = None, body: str = "json") -> None:
        case, message = CANNED.get(status, ("error", f"Error {status}."))
        message = message.format(now=to_iso(self.server.historical.now()))
        headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
        if body == "html":
            html = f"<html><body><h1>{status}</h1></body></html>".encode()
            self._send(html, status, [("Content-Type", "text/html"), *headers])
            return
        detail = {"case": case, "message": message, "status_code": status, "docs": DOCS, "payload": None}
        self._send_json({"detail": message if body == "text" else detail}, status, headers)

    def _stream(self, query: Query, compression: str, fault: Fault | None) -> None:
        """timeseries.get_range: DBN, in chunked HTTP unless the fault is about another form."""
        historical, kind = self.server.historical, fault.kind if fault else ""
        body = join_frames(historical.encode(query, compression), fault)
        purchase = historical.buy(self.ask, "streaming", query)
        if kind == "html_200":
            self._send(b"<html>proxy login</html>", 200, [("Content-Type", "text/html")])
            return
        forms = {"cut_length": ("Content-Length", str(len(body))), "cut_close": ("Connection", "close")}
        form = forms.get(kind, ("Transfer-Encoding", "chunked"))
        headers = [("Content-Type", "application/octet-stream"), *self._warn(query, fault), form]
        self._send_headers(200, headers)
        self._send_parts(body, fault, framed=kind not in forms)
        if kind in CUTS and fault:
            self._end_early(fault)
            return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        purchase.whole = kind not in LOSES_RECORDS

    def _send_parts(self, body: bytes, fault: Fault | None, *, framed: bool) -> None:
        kind, options = (fault.kind, fault.options) if fault else ("", {})
        end = min(options.get("after", len(body) // 2), len(body)) if kind in CUTS else len(body)
        step = max(1, int(options.get("rate", 2000) / 5)) if kind == "slow" else 4096
        for start in range(0, end, step):
            part = body[start : min(start + step, end)]
            self._write(part, b"%x\r\n" % len(part) + part + b"\r\n" if framed else None)
            time.sleep(0.2 if kind == "slow" else 0)

    def _warn(self, query: Query, fault: Fault | None) -> Headers:
        """The header about degraded days, and the fault's own warning."""
        historical = self.server.historical
        warnings = [fault.options["text"]] if fault and fault.kind == "warning" else []
        last = to_day(query.end - 1)
        known = historical.market.conditions(query.first_day, last, historical.available_end, historical.now())
        degraded = [f"{day['date']} (degraded)" for day in known if day["condition"] == "degraded"]
        if degraded:
            start = "Warning: The streaming request contained one or more days which have reduced quality: "
            warnings.append(f"{start}{', '.join(degraded)}.")
        return [("X-Warning", json.dumps(warnings))] if warnings else []

    def _send_file(self, body: bytes, fault: Fault | None) -> None:
        """A file of a batch job, or from the first byte of its Range."""
        kind, asked = fault.kind if fault else "", self.headers.get("Range")
        self.ask.note = asked or ""
        status, headers = 200, [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
        if asked and kind != "ignore_range":
            first, _, last = asked.removeprefix("bytes=").partition("-")
            headers.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
            body, status = body[int(first) : int(last) + 1 if last else None], 206
        if kind == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 255])
        if not fault or kind not in CUTS:
            self._send(body, status, headers)
            return
        form = ("Connection", "close") if kind == "cut_close" else ("Content-Length", str(len(body)))
        self._send_headers(status, [*headers, form])
        self._write(body[: fault.options.get("after", len(body) // 2)])
        self._end_early(fault)

    # Faults

    def _fail(self, fault: Fault) -> None:
        """Answer with an error or any JSON, or end the connection without an answer."""
        options: dict[str, Any] = fault.options
        if fault.kind == "status":
            self._send_error(**options)
        elif fault.kind == "json":
            self._send_json(options["value"])
        else:
            time.sleep(options.get("seconds", 120) if fault.kind == "hang" else 0)
            self._drop(reset=fault.kind == "reset")

    def _end_early(self, fault: Fault) -> None:
        """End the connection, after the client has read what was sent."""
        time.sleep(fault.options.get("seconds", 120) if fault.kind == "stall" else 0.1)
        self._drop(reset=fault.kind == "reset_body")

    def _drop(self, *, reset: bool) -> None:
        """End the connection by a FIN (with the goodbye of TLS), or by a RST."""
        self.close_connection = True
        connection = self.connection
        with contextlib.suppress(OSError, ValueError):
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif isinstance(connection, ssl.SSLSocket):
                connection.settimeout(1)
                connection.unwrap()
        self.rfile.close()
        connection.close()
        self.wfile = io.BytesIO()  # which the base class flushes


def _parse(form: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(form, keep_blank_values=True).items()}
