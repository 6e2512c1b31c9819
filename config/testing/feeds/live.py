"""A gateway that the client's `Live` talks to, by plain TCP as the vendor's, with faults and a record of all sessions.

    gateway = FakeLive(Market(), clock=Clock(back_s=6 * 3600, speed=60)).start()
    gateway.fault("rst", after=50)

Each minute's bars come when it is over, then END_OF_INTERVAL. With a start, all bars since then come first, and
REPLAY_COMPLETED. A heartbeat comes when nothing else was sent for heartbeat_interval_s.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from .gateway.clock import Clock
from .gateway.connection import Connection
from .gateway.sessions import LiveFault, Session, SessionEnded
from .gateway.stream import Stream
from .historical import KEY
from .market import Market

T = TypeVar("T")


class FakeLive:
    """`market` and `clock`: what is sent, and when. `replay_hours`: how far back a start reaches; `aged_out`: an
    earlier one begins at the oldest ("skip") or is refused ("error"). `lag_s`: real seconds between the end of a minute
    and its bars. `max_sessions`: as the vendor's. `intervals_when_closed`: END_OF_INTERVAL also in closed minutes."""

    def __init__(
        self,
        market: Market | None = None,
        *,
        clock: Clock | None = None,
        key: str = KEY,
        replay_hours: float = 24.0,
        aged_out: str = "skip",
        lag_s: float = 0.0,
        max_sessions: int = 10,
        intervals_when_closed: bool = False,
    ) -> None:
        self.market, self.clock, self.key = market or Market(), clock or Clock(), key
        self.replay_hours, self.aged_out, self.lag_s = replay_hours, aged_out, lag_s
        self.max_sessions, self.intervals_when_closed = max_sessions, intervals_when_closed
        self.sessions: list[Session] = []
        self.faults: list[LiveFault] = []
        self.port = 0

    def start(self, port: int = 0) -> FakeLive:
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="live")
        self._thread.start()
        self.up()
        return self

    def stop(self) -> None:
        self._run(self._close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """For DATABENTO_LIVE_GATEWAY."""
        return f"127.0.0.1:{self.port}"

    def up(self) -> None:
        """Accept connections."""
        self._run(self._listen())

    def down(self) -> None:
        """Refuse connections. Open ones stay."""
        self._run(self._close())

    def restart(self, seconds: float, *, how: str = "eof") -> None:
        """All sessions end, and no connection is accepted for a time."""
        self.down()
        for session in self.open_sessions:
            self.fault(how, session=session.n)
        time.sleep(seconds)
        self.up()

    def fault(self, kind: str, *, after: int = 0, session: int | None = None, times: int = 1, **options: Any) -> None:
        """A session goes wrong once it has sent `after` bars. See gateway/faults.py for the kinds."""
        self.faults.append(LiveFault(kind, after, session, times, options))

    @property
    def open_sessions(self) -> list[Session]:
        return [session for session in self.sessions if session.open]

    def delivered(self) -> set[tuple[int, int]]:
        """Instrument and time (ns) of all bars that were sent."""
        return {bar for session in self.sessions for bar in session.sent}

    def next_fault(self, session: Session, kinds: set[str]) -> LiveFault | None:
        """The fault that a session meets now, of these kinds; without kinds, at a bar."""
        fault = next((fault for fault in self.faults if fault.meets(session, kinds)), None)
        if fault:
            fault.times -= 1
        return fault

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()

    async def _close_all(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(len(self.sessions) + 1, time.time())
        self.sessions.append(session)
        connection = Connection(self, session, reader, writer)
        try:
            await connection.open()
            await self._stream(connection)
        except SessionEnded as ended:
            session.ended = str(ended)
        except (ConnectionError, asyncio.IncompleteReadError) as gone:
            session.ended = f"the client ended the connection: {type(gone).__name__}"
        except asyncio.CancelledError:
            session.ended = "stopped"
        finally:
            session.open = False
            writer.close()

    async def _stream(self, connection: Connection) -> None:
        """Send until the fault that ends the session, or until the client ends it."""
        gone = asyncio.ensure_future(connection.reader.read())
        stream = asyncio.ensure_future(Stream(connection).run())
        try:
            await asyncio.wait({gone, stream}, return_when=asyncio.FIRST_COMPLETED)
            if stream.done():
                await stream
            raise SessionEnded("the client ended the connection")
        finally:
            for task in (gone, stream):
                task.cancel()
            await asyncio.gather(gone, stream, return_exceptions=True)
