"""Whatever the files' series, and however long each takes: files of one series are taken one by one, in order."""

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
    taken, now = [], []
    while schedule.waiting or now:
        while len(now) < jobs and (path := schedule.start_next()):
            assert not any(share(symbols_of[path], symbols_of[other]) for other in now)
            taken.append(path)
            now.append(path)
        assert now, "nothing goes on"
        ended = data.draw(st.sampled_from(now))
        now.remove(ended)
        schedule.finish(ended)
    options = {path: place for place, path in enumerate(taken)}
    assert len(taken) == len(files)
    paths = list(symbols_of)
    for place, early in enumerate(paths):
        for late in paths[place + 1 :]:
            if share(symbols_of[early], symbols_of[late]):
                assert options[early] < options[late]


def test_a_long_queue_of_one_series_is_not_read_to_its_end():
    asked = []
    paths = [Path(str(number)) for number in range(1000)]
    schedule = Schedule(paths, lambda path: asked.append(path) or frozenset("A"))
    assert schedule.start_next() == paths[0]
    assert schedule.start_next() is None
    assert schedule.start_next() is None
    assert len(asked) == 1 + LOOK_AHEAD


def test_a_file_of_another_series_overtakes_those_that_wait():
    symbols = {Path("1"): frozenset("A"), Path("2"): frozenset("A"), Path("3"): frozenset("B")}
    schedule = Schedule(list(symbols), symbols.get)
    assert [schedule.start_next(), schedule.start_next(), schedule.start_next()] == [Path("1"), Path("3"), None]
    schedule.finish(Path("1"))
    assert schedule.start_next() == Path("2")


@given(files=FILES)
def test_a_file_is_alone_if_none_could_go_beside_it(files):
    symbols_of = {Path(str(number)): symbols for number, symbols in enumerate(files)}
    first, second = Schedule(list(symbols_of), symbols_of.get), Schedule(list(symbols_of), symbols_of.get)
    path, beside = second.start_next(), second.start_next()
    if path is None or beside is not None:
        assert first.start_only() is None
        assert first.waiting == list(symbols_of)
    else:
        assert first.start_only() == path
        assert first.waiting == second.waiting
