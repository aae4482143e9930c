"""kazoo on its own: every operation, access lists, transactions, watches, and a session across a restart and a crash."""

import sys
import threading

from kazoo import exceptions as errors
from kazoo.client import KazooClient, KazooState
from kazoo.retry import KazooRetry
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl, make_digest_acl

from scenario import ask, check, end, equal, eventually, refused

ADDRESS = sys.argv[1]


def connect(**options):
    retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5)
    client = KazooClient(hosts=ADDRESS, timeout=5, connection_retry=retry, command_retry=retry.copy(), **options)
    client.start(timeout=60)
    return client


def nodes(zk):
    equal("/n", zk.create("/n", b"one"), "name")
    data, stat = zk.get("/n")
    equal((b"one", 0, 3), (data, stat.version, stat.dataLength), "data, version, length")
    equal(stat.czxid, stat.mzxid, "zxids of a new node")
    equal(1, zk.set("/n", b"two", version=0).version, "version")
    zk.create("/n/\u00e4\u6f22", b"x")
    zk.create("/n/b")
    equal(["b", "\u00e4\u6f22"], sorted(zk.get_children("/n")), "children")
    children, stat = zk.get_children("/n", include_data=True)
    equal(2, stat.children_count, "count")
    path, stat = zk.create("/n/c", b"y", include_data=True)
    equal(("/n/c", 1), (path, stat.data_length), "create with stat")
    equal(None, zk.exists("/nope"), "exists")
    refused(errors.NodeExistsError, zk.create, "/n")
    refused(errors.NoNodeError, zk.create, "/nope/child")
    refused(errors.NoNodeError, zk.get, "/nope")
    refused(errors.NotEmptyError, zk.delete, "/n")
    refused(errors.BadVersionError, zk.set, "/n", b"x", version=9)
    refused(errors.BadVersionError, zk.delete, "/n/b", version=9)
    zk.ensure_path("/n/deep/er/still")
    zk.delete("/n", recursive=True)
    equal(None, zk.exists("/n"), "gone")
    equal("/", zk.sync("/"), "sync")


def kinds_of_nodes(zk):
    zk.create("/k")
    equal("/k/a-0000000000", zk.create("/k/a-", sequence=True), "first")
    name = zk.create("/k/a-", b"x", sequence=True, ephemeral=True)
    equal("/k/a-0000000001", name, "second")
    equal(zk.client_id[0], zk.get(name)[1].ephemeralOwner, "owner")
    refused(errors.NoChildrenForEphemeralsError, zk.create, name + "/c")
    other = connect()
    other.create("/k/mine", ephemeral=True)
    gone = threading.Event()
    zk.exists("/k/mine", watch=lambda event: gone.set())
    other.stop()
    other.close()
    assert gone.wait(60), "the ephemeral goes with its session"
    zk.delete("/k", recursive=True)


def access(zk):
    alice = connect(auth_data=[("digest", "alice:secret")])
    alice.create("/acl", b"x", acl=CREATOR_ALL_ACL + READ_ACL_UNSAFE)
    equal(b"x", zk.get("/acl")[0], "anyone may read")
    refused(errors.NoAuthError, zk.set, "/acl", b"y")
    refused(errors.NoAuthError, zk.create, "/acl/c")
    zk.add_auth("digest", "alice:wrong")
    refused(errors.NoAuthError, zk.set, "/acl", b"y")
    zk.add_auth("digest", "alice:secret")
    zk.set("/acl", b"y")
    acls, stat = zk.get_acls("/acl")
    equal((2, 0), (len(acls), stat.aversion), "access list")
    assert make_digest_acl("alice", "secret", all=True) in acls, acls
    zk.set_acls("/acl", [make_acl("ip", "127.0.0.1", all=True)], version=0)
    refused(errors.BadVersionError, zk.set_acls, "/acl", OPEN_ACL_UNSAFE, version=0)
    refused(errors.InvalidACLError, zk.set_acls, "/acl", [make_acl("nonsense", "x", all=True)])
    alice.delete("/acl")
    alice.stop()


def transactions(zk):
    transaction = zk.transaction()
    transaction.create("/t", b"1")
    transaction.create("/t/s-", ephemeral=True, sequence=True)
    transaction.set_data("/t", b"2", version=0)
    transaction.check("/t", version=1)
    results = transaction.commit()
    equal(("/t", "/t/s-0000000000", True), (results[0], results[1], results[3]), "results")
    equal(1, results[2].version, "version in between")
    transaction = zk.transaction()
    transaction.set_data("/t", b"3")
    transaction.delete("/t")
    transaction.create("/t/x")
    kinds = [type(result) for result in transaction.commit()]
    equal([errors.RolledBackError, errors.NotEmptyError, errors.RuntimeInconsistency], kinds, "errors")
    equal(b"2", zk.get("/t")[0], "unchanged")
    zk.delete("/t", recursive=True)


def words(zk):
    equal("imok", zk.command(b"ruok"), "ruok")
    assert zk.server_version() >= (3, 9, 5), zk.server_version()
    assert "Mode: standalone" in zk.command(b"srvr"), "srvr"


def survives(wish):
    """States, watches, retried calls and asynchronous ones while the server goes and comes back."""
    zk = connect()
    states = []
    zk.add_listener(states.append)
    session = zk.client_id
    zk.create("/live", b"x", ephemeral=True)
    zk.create("/kept", b"0")
    seen, children = [], []

    @zk.DataWatch("/kept")
    def _data(data, _stat):
        seen.append(data)

    @zk.ChildrenWatch("/")
    def _children(names):
        children.append(sorted(names))

    stop = threading.Event()
    written = []

    def writer():
        while not stop.is_set():
            zk.retry(zk.set, "/kept", b"%d" % (len(written) + 1))
            written.append(None)

    thread = threading.Thread(target=writer)
    thread.start()
    eventually("some writes", lambda: len(written) > 20)
    ask(wish)
    before = len(written)
    eventually("writes go on", lambda: len(written) > before + 20)
    stop.set()
    thread.join()
    equal(session[0], zk.client_id[0], "session")
    equal(session[0], zk.exists("/live").ephemeralOwner, "owner of the ephemeral")
    assert KazooState.SUSPENDED in states and states[-1] == KazooState.CONNECTED, states
    assert KazooState.LOST not in states, states
    last = b"%d" % len(written)
    eventually(f"the watch sees {last!r}", lambda: seen[-1] == last)
    zk.create("/new")
    eventually("the watch sees the new node", lambda: "new" in children[-1])
    zk.delete("/new")
    zk.delete("/kept")
    zk.stop()


def lost():
    """A session that the server has let go is reported as lost, and a new one is made."""
    zk = connect()
    states = []
    zk.add_listener(states.append)
    zk.create("/gone", ephemeral=True)
    first = zk.client_id[0]
    thief = KazooClient(hosts=ADDRESS, client_id=zk.client_id)
    thief.start(timeout=60)
    equal(first, thief.client_id[0], "the session moves")
    thief.stop()
    eventually("the first learns of it", lambda: KazooState.LOST in states)
    eventually("it connects again", lambda: zk.connected and zk.client_id and zk.client_id[0] != first)
    equal(None, zk.retry(zk.exists, "/gone"), "the ephemeral")
    zk.stop()


def main():
    zk = connect()
    for body in (nodes, kinds_of_nodes, access, transactions, words):
        check(body.__name__.replace("_", " "), body, zk)
    check("a session survives a restart", survives, "restart")
    check("a session survives a crash", survives, "kill")
    check("a session is lost", lost)
    zk.stop()
    end()


main()
