"""A client that is content with reading while the server has no leader."""

import sys

from kazoo.client import KazooClient, KeeperState
from kazoo.exceptions import NotReadOnlyCallError
from kazoo.retry import KazooRetry

from scenario import ask, check, end, equal, eventually, refused

ADDRESS = sys.argv[1]


def connect(**kwargs):
    client = KazooClient(ADDRESS, timeout=20, connection_retry=KazooRetry(max_tries=-1, max_delay=1), **kwargs)
    client.start(timeout=60)
    return client


def connects_to_read(client):
    eventually("it may read", lambda: client.client_state == KeeperState.CONNECTED_RO)


def reads(client):
    equal(b"old", client.get("/read")[0], "data")
    assert "read" in client.get_children("/")


def does_not_write(client):
    refused(NotReadOnlyCallError, client.create, "/other")
    refused(NotReadOnlyCallError, client.set, "/read", b"x")
    refused(NotReadOnlyCallError, client.delete, "/read")


def goes_on_with_a_leader(client):
    eventually("there is a leader", lambda: client.client_state == KeeperState.CONNECTED)
    client.retry(client.set, "/read", b"new")
    equal(b"new", client.get("/read")[0], "data")


before = connect()
before.create("/read", b"old")
before.stop()
before.close()
ask("alone")
reader = connect(read_only=True)
check("connects to read", connects_to_read, reader)
check("reads", reads, reader)
check("does not write", does_not_write, reader)
ask("together")
check("goes on with a leader", goes_on_with_a_leader, reader)
reader.stop()
end()
