"""Files of one series run one after another, in order, whatever their series and however long each runs."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ingestion.batch.schedule import LOOK_AHEAD, Schedule

FILES = st.lists(st.one_of(st.none(), st.frozensets(st.sampled_from("ABCD"), max_size=3)), max_size=12)


def share(one: frozenset | None, other: frozenset | None) -> bool:
    return one is None or other is None or bool(one & other)


@given(files=FILES, jobs=st.integers(1, 4), data=st.data())
def test_files_that_share_a_series_keep_their_order(files, jobs, data):
    symbols_of = {Path(str(number)): symbols for number, symbols in enumerate(files)}
    schedule = Schedule(list(symbols_of), symbols_of.get)
    started, running = [], []
    while schedule.waiting or running:
        while len(running) < jobs and (path := schedule.start_next()):
            assert not any(share(symbols_of[path], symbols_of[other]) for other in running)
            started.append(path)
            running.append(path)
        assert running, "no file can start"
        ended = data.draw(st.sampled_from(running))
        running.remove(ended)
        schedule.finish(ended)
    position_of = {path: position for position, path in enumerate(started)}
    assert len(started) == len(files)
    paths = list(symbols_of)
    for position, early in enumerate(paths):
        for late in paths[position + 1 :]:
            if share(symbols_of[early], symbols_of[late]):
                assert position_of[early] < position_of[late]


def test_not_all_files_of_a_long_batch_of_one_series_are_opened():
    opened = []
    paths = [Path(str(number)) for number in range(1000)]
    schedule = Schedule(paths, lambda path: opened.append(path) or frozenset("A"))
    assert schedule.start_next() == paths[0]
    assert schedule.start_next() is None
    assert schedule.start_next() is None
    assert len(opened) == 1 + LOOK_AHEAD


def test_a_file_of_another_series_overtakes_waiting_files():
    symbols = {Path("1"): frozenset("A"), Path("2"): frozenset("A"), Path("3"): frozenset("B")}
    schedule = Schedule(list(symbols), symbols.get)
    assert [schedule.start_next(), schedule.start_next(), schedule.start_next()] == [Path("1"), Path("3"), None]
    schedule.finish(Path("1"))
    assert schedule.start_next() == Path("2")


@given(files=FILES)
def test_start_only_starts_a_file_that_no_other_can_run_in_parallel_with(files):
    symbols_of = {Path(str(number)): symbols for number, symbols in enumerate(files)}
    first, second = Schedule(list(symbols_of), symbols_of.get), Schedule(list(symbols_of), symbols_of.get)
    path, other = second.start_next(), second.start_next()
    if path is None or other is not None:
        assert first.start_only() is None
        assert first.waiting == list(symbols_of)
    else:
        assert first.start_only() == path
        assert first.waiting == second.waiting
