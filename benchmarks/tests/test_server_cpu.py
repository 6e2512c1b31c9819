import threading

import pytest
from django.db import connection

from benchmarks.harness.server_cpu import read_server_cpu
from config.testing.processes import until


@pytest.mark.django_db
def test_the_time_of_a_session_counts_when_it_has_ended():
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT 1")
    threading.Timer(0.3, other.connection.close).start()  # psycopg2's: Django's belongs to this thread
    before = read_server_cpu()  # waits for that session, in the transaction of the test
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM generate_series(1, 2000000)")
    other.close()
    # The server counts the time of a session once its process has ended, shortly after the connection.
    assert until(lambda: read_server_cpu() - before > 0.05)
    assert read_server_cpu() - before < 30
