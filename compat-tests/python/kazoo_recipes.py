"""kazoo's recipes, used by several processes at once. Each recipe is a phase that all of them enter together; in some
of them the first process asks for a restart or a crash of the server half-way."""

import sys
import threading
import time

from kazoo import exceptions as errors
from kazoo.client import KazooClient
from kazoo.recipe.cache import TreeCache
from kazoo.retry import KazooRetry

from scenario import ask, check, end, equal, eventually

ADDRESS, ME, ALL = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
NAME = f"worker-{ME}"


def connect():
    retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5)
    client = KazooClient(hosts=ADDRESS, timeout=5, connection_retry=retry, command_retry=retry.copy())
    client.start(timeout=60)
    return client


zk = connect()


def meet(name):
    """Waits until every process is here. Made of plain nodes, not of a recipe."""
    place = f"/meet/{name}"
    zk.retry(zk.ensure_path, place)
    put(f"{place}/{ME}")
    eventually(f"everybody is at {name}", lambda: len(zk.retry(zk.get_children, place)) == ALL)


def put(path, data=b""):
    """Creates a node; after a lost connection it may have been there already."""
    try:
        zk.retry(zk.create, path, data, makepath=True)
    except errors.NodeExistsError:
        equal(data, zk.retry(zk.get, path)[0], f"{path} is ours")


def drop(path):
    try:
        zk.retry(zk.delete, path)
    except errors.NoNodeError:
        pass


def alone(place, body):
    """Fails if another process is in the same place at the same time."""
    put(f"{place}/inside", NAME.encode())
    body()
    drop(f"{place}/inside")


def lock():
    turns = 6
    mutex = zk.Lock("/lock/mutex", NAME)
    for turn in range(turns):
        with mutex:
            def body(turn=turn):
                put(f"/lock/turns/{ME}-{turn}")
                if ME == 0 and turn == 2:
                    ask("restart")
                if ME == 0 and turn == 4:
                    ask("kill")
            alone("/lock", body)
    meet("lock-done")
    equal(turns * ALL, len(zk.retry(zk.get_children, "/lock/turns")), "turns taken")
    equal([], zk.retry(mutex.contenders), "nobody waits")


def read_and_write_lock():
    zk.retry(zk.ensure_path, "/rw/readers")
    for turn in range(4):
        with zk.WriteLock("/rw/lock", NAME):
            alone("/rw", lambda: equal([], zk.retry(zk.get_children, "/rw/readers"), "readers beside a writer"))
        with zk.ReadLock("/rw/lock", NAME):
            put(f"/rw/readers/{ME}")
            equal(None, zk.retry(zk.exists, "/rw/inside"), "a writer beside a reader")
            if ME == 0 and turn == 1:
                ask("restart")
            drop(f"/rw/readers/{ME}")
    meet("readers")
    with zk.ReadLock("/rw/lock", NAME):
        meet("all-read-at-once")


def semaphore():
    permits = 2
    zk.retry(zk.ensure_path, "/sem/inside")
    for _ in range(5):
        with zk.Semaphore("/sem/permits", NAME, max_leases=permits):
            put(f"/sem/inside/{ME}")
            inside = zk.retry(zk.get_children, "/sem/inside")
            assert len(inside) <= permits, inside
            drop(f"/sem/inside/{ME}")


def election():
    done = threading.Event()
    ballot = zk.Election("/election", NAME)

    def lead():
        alone("/leader", lambda: put(f"/led/{ME}"))
        if ME == 0:
            ask("restart")
        done.set()

    ballot.run(lead)
    assert done.is_set(), "led"
    meet("election")
    equal(ALL, len(zk.retry(zk.get_children, "/led")), "leaders")


def barrier():
    gate = zk.Barrier("/barrier")
    if ME == 0:
        gate.create()
    meet("barrier")
    if ME == 0:
        put("/opened")
        assert gate.remove(), "the barrier was there"
    else:
        assert gate.wait(60), "opened"
        assert zk.retry(zk.exists, "/opened"), "not before it was opened"


def double_barrier():
    for turn in range(3):
        both = zk.DoubleBarrier(f"/double-{turn}", ALL, NAME)
        both.enter()
        put(f"/entered-{turn}/{ME}")
        both.leave()
        equal(ALL, len(zk.retry(zk.get_children, f"/entered-{turn}")), "all entered before any left")


def queue():
    work = zk.Queue("/queue")
    if ME == 0:
        for item in range(30):
            work.put(b"%d" % item, priority=100 + (item * 7) % 30)
        eventually("all are there", lambda: len(work) == 30)
    meet("queue-filled")
    taken = []
    while True:
        item = work.get()
        if item is None:
            break
        taken.append(int(item))
        put(f"/queue-taken/{int(item)}", NAME.encode())
    equal(sorted(taken, key=lambda item: (item * 7) % 30), taken, "in order of priority")
    meet("queue-empty")
    equal(30, len(zk.retry(zk.get_children, "/queue-taken")), "each was taken once")


def locking_queue():
    work = zk.LockingQueue("/locking-queue")
    if ME == 0:
        work.put_all([b"%d" % item for item in range(12)])
    meet("locking-queue-filled")
    while True:
        item = work.get(timeout=1)
        if item is None:
            break
        put(f"/locking-taken/{int(item)}", NAME.encode())
        assert work.consume(), "consumed"
    meet("locking-queue-empty")
    equal(12, len(zk.retry(zk.get_children, "/locking-taken")), "each was taken once")


def counter():
    count = zk.Counter("/counter")
    for _ in range(10):
        count += 1
    meet("counted")
    equal(10 * ALL, count.value, "sum")
    real = zk.Counter("/real", default=0.5)
    real += 0.25
    meet("counted-real")
    equal(0.5 + 0.25 * ALL, real.value, "sum of reals")


def party():
    members = zk.Party("/party", NAME)
    members.join()
    eventually("all are here", lambda: len(members) == ALL)
    equal({f"worker-{i}" for i in range(ALL)}, set(members), "members")
    meet("party")
    if ME == 0:
        ask("kill")
    meet("party-after-crash")
    equal(ALL, len(members), "members after a crash")
    meet("party-over")
    members.leave()
    eventually("all left", lambda: len(members) == 0)


def partitioner():
    things = set(range(7))
    parts = zk.SetPartitioner("/parts", set=things, time_boundary=0.5, identifier=NAME)
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, parts.state
        if parts.failed:
            raise AssertionError("the partitioner failed")
        if parts.release:
            parts.release_set()
        elif parts.acquired and len(zk.retry(zk.get_children, "/parts/party")) == ALL:
            break
        else:
            parts.wait_for_acquire(0.2)
    for thing in parts:
        put(f"/owned/{thing}", NAME.encode())
    meet("partitioned")
    equal({str(thing) for thing in things}, set(zk.retry(zk.get_children, "/owned")), "everything is owned")
    parts.finish()


def watches():
    zk.retry(zk.ensure_path, "/watched")
    values, names = [], []
    zk.DataWatch("/watched", lambda data, stat: values.append(data))
    zk.ChildrenWatch("/watched", names.append)
    meet("watching")
    if ME == 0:
        for i in range(20):
            zk.retry(zk.set, "/watched", b"%d" % i)
            put(f"/watched/{i}")
            if i == 10:
                ask("restart")
    eventually("the last value is seen", lambda: values[-1] == b"19")
    eventually("the last child is seen", lambda: len(names[-1]) == 20)
    numbers = [int(value) for value in values if value]
    equal(sorted(numbers), numbers, "values never go back")


def tree_cache():
    cache = TreeCache(zk, "/cached")
    cache.start()
    meet("caching")
    for i in range(5):
        put(f"/cached/{ME}/{i}", b"%d" % i)
    meet("cached")
    if ME == 0:
        ask("kill")
    drop(f"/cached/{ME}/0")
    zk.retry(zk.set, f"/cached/{ME}/4", b"last")
    for worker in range(ALL):
        place = f"/cached/{worker}"
        eventually(f"the cache sees the changes of {place}", lambda place=place: (
            sorted(cache.get_children(place) or []) == ["1", "2", "3", "4"]
            and cache.get_data(f"{place}/4").data == b"last"))
    meet("cache-seen")
    cache.close()


def main():
    phases = (lock, read_and_write_lock, semaphore, election, barrier, double_barrier, queue, locking_queue, counter,
              party, partitioner, watches, tree_cache)
    for phase in phases:
        meet(f"before-{phase.__name__}")
        check(phase.__name__.replace("_", " "), phase)
    meet("the-end")
    zk.stop()
    end()


main()
