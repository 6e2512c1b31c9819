import pytest
from django.db import connection

from benchmarks.harness.server_cpu import read_server_cpu


@pytest.mark.django_db
def test_the_time_of_a_session_counts_when_it_has_ended():
    before = read_server_cpu()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM generate_series(1, 2000000)")
    other.close()
    assert 0.05 < read_server_cpu() - before < 30
