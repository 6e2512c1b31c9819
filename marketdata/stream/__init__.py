"""Streams of events: what runs change in the bars of a series, sent to clients as soon as it is committed.

`opening` opens a stream. `hub` has one thread per process, whose `work` reads each change once for all clients.
`listener` waits for notifications of the database. `position` is where a stream is among the commits, `news` which runs
have committed since, `query` what they have changed, `confirmed` which bars are no longer provisional, `rows` the bars
and candles, `channel` the clients of a topic, `subscription` the queue of a client, `events` the text, `access` whether
a login or token is still valid, `response` what the view returns.
"""
