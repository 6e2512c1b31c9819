"""A forked child is no user of the server until it connects."""

import pytest

from config.embedded import server
from config.testing.database.embedded import Client, run_script, wait_until_stopped


def test_a_forked_child_that_ends_stops_nothing(home):
    script = """
import os, sys, psycopg2
from config.embedded import server
folder = server.ensure_running(sys.argv[1])
for uses in (False, True):
    if not (child := os.fork()):
        uses and server.ensure_running(sys.argv[1])
        sys.exit()
    os.waitpid(child, 0)
    psycopg2.connect(host=str(folder), user="postgres", dbname="postgres").close()
print("alive")
"""
    done = run_script(script, home)
    assert done.stdout.strip() == "alive", done.stderr
    assert not server.is_running(home)


@pytest.mark.parametrize("parent_connects_first", [True, False])
def test_a_forked_child_that_outlives_its_parent_keeps_the_server(home, parent_connects_first):
    script = f"""
import os, sys, time
from config.embedded import server
{parent_connects_first} and server.ensure_running(sys.argv[1])
ready, notify = os.pipe()
if os.fork():
    os.read(ready, 1)
    server.ensure_running(sys.argv[1])
    sys.exit()
server.ensure_running(sys.argv[1])
os.write(notify, b"x")
sys.stdin.read()
"""
    with Client(home, script) as family:
        family.process.wait(30)  # the parent is gone, the child waits for its input to end
        assert server.is_running(home)
    assert wait_until_stopped(home)
