package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.refused;
import static compat.Scenario.retried;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Every operation that clients since 3.4 have, and the life of a session across restarts. */
public final class Basic {
    private static final List<ACL> OPEN = Ids.OPEN_ACL_UNSAFE;

    private Basic() {
    }

    public static void main(String[] args) throws Exception {
        String servers = args[0];
        ZooKeeper zk = Scenario.connect(servers, 30_000);
        check("create, read, change and delete", () -> nodes(zk));
        check("errors name their code and path", () -> errors(zk));
        check("sequence numbers", () -> sequences(zk));
        check("large and empty data", () -> sizes(zk));
        check("ephemerals go with their session", () -> ephemerals(zk, servers));
        check("one-shot watches", () -> watches(zk));
        check("access lists", () -> access(zk, servers));
        check("multi is all or nothing", () -> multi(zk));
        check("asynchronous calls answer in order", () -> asynchronous(zk));
        check("an expired session", () -> handedOver(servers));
        for (String later : args[1].isEmpty() ? new String[0] : args[1].split(",")) {
            Class.forName("compat." + later).getMethod("run", ZooKeeper.class).invoke(null, zk);
        }
        check("the session survives a restart", () -> survives(servers, "restart"));
        check("the session survives a crash", () -> survives(servers, "kill"));
        zk.close();
        Scenario.end();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static void nodes(ZooKeeper zk) throws Exception {
        equal("/n", zk.create("/n", bytes("one"), OPEN, CreateMode.PERSISTENT), "name");
        Stat stat = new Stat();
        equal("one", new String(zk.getData("/n", false, stat), UTF_8), "data");
        equal(0, stat.getVersion(), "version");
        equal(3, stat.getDataLength(), "length");
        equal(stat.getCzxid(), stat.getMzxid(), "zxids of a new node");
        equal(stat.getCtime(), stat.getMtime(), "times of a new node");
        Stat changed = zk.setData("/n", bytes("three"), 0);
        equal(1, changed.getVersion(), "version");
        equal(stat.getCzxid(), changed.getCzxid(), "creation zxid");
        that(changed.getMzxid() > stat.getMzxid(), "the modification zxid grows");
        equal(changed, zk.exists("/n", false), "stat of exists");
        zk.create("/n/\u00e4\u6f22\u00df", bytes("x"), OPEN, CreateMode.PERSISTENT);
        zk.create("/n/b", null, OPEN, CreateMode.PERSISTENT);
        Stat parent = new Stat();
        equal(new TreeSet<>(Arrays.asList("\u00e4\u6f22\u00df", "b")),
            new TreeSet<>(zk.getChildren("/n", false, parent)), "children");
        equal(2, parent.getNumChildren(), "number of children");
        equal(2, parent.getCversion(), "child version");
        zk.delete("/n/b", 0);
        zk.delete("/n/\u00e4\u6f22\u00df", -1);
        zk.delete("/n", 1);
        equal(null, zk.exists("/n", false), "deleted");
        CountDownLatch synced = new CountDownLatch(1);
        zk.sync("/", (rc, path, ctx) -> synced.countDown(), null);
        that(synced.await(30, TimeUnit.SECONDS), "sync answers");
    }

    private static void errors(ZooKeeper zk) throws Exception {
        zk.create("/err", null, OPEN, CreateMode.PERSISTENT);
        zk.create("/err/child", null, OPEN, CreateMode.EPHEMERAL);
        refused(Code.NODEEXISTS, "/err", () -> zk.create("/err", null, OPEN, CreateMode.PERSISTENT));
        refused(Code.NONODE, "/err/a/b", () -> zk.create("/err/a/b", null, OPEN, CreateMode.PERSISTENT));
        refused(Code.NONODE, "/err/a", () -> zk.getData("/err/a", false, null));
        refused(Code.NONODE, "/err/a", () -> zk.getChildren("/err/a", false));
        refused(Code.NONODE, "/err/a", () -> zk.setData("/err/a", null, -1));
        refused(Code.NONODE, "/err/a", () -> zk.delete("/err/a", -1));
        refused(Code.NONODE, "/err/a", () -> zk.getACL("/err/a", null));
        refused(Code.BADVERSION, "/err", () -> zk.setData("/err", null, 7));
        refused(Code.BADVERSION, "/err/child", () -> zk.delete("/err/child", 7));
        refused(Code.BADVERSION, "/err", () -> zk.setACL("/err", OPEN, 7));
        refused(Code.NOTEMPTY, "/err", () -> zk.delete("/err", -1));
        refused(Code.NOCHILDRENFOREPHEMERALS, "/err/child/x",
            () -> zk.create("/err/child/x", null, OPEN, CreateMode.PERSISTENT));
        List<ACL> unknown = Collections.singletonList(new ACL(Perms.ALL, new Id("nonsense", "x")));
        refused(Code.INVALIDACL, "/err/b", () -> zk.create("/err/b", null, unknown, CreateMode.PERSISTENT));
        zk.delete("/err/child", -1);
        zk.delete("/err", -1);
    }

    private static void sequences(ZooKeeper zk) throws Exception {
        zk.create("/seq", null, OPEN, CreateMode.PERSISTENT);
        equal("/seq/a0000000000", zk.create("/seq/a", null, OPEN, CreateMode.PERSISTENT_SEQUENTIAL), "first");
        zk.create("/seq/plain", null, OPEN, CreateMode.PERSISTENT);
        equal("/seq/b0000000002", zk.create("/seq/b", null, OPEN, CreateMode.EPHEMERAL_SEQUENTIAL), "third");
        zk.delete("/seq/b0000000002", -1);
        equal("/seq/0000000003", zk.create("/seq/", null, OPEN, CreateMode.PERSISTENT_SEQUENTIAL), "without a name");
        for (String child : zk.getChildren("/seq", false)) {
            zk.delete("/seq/" + child, -1);
        }
        zk.delete("/seq", -1);
    }

    private static void sizes(ZooKeeper zk) throws Exception {
        byte[] large = new byte[1_000_000];
        Arrays.fill(large, (byte) 0xA5);
        zk.create("/size", large, OPEN, CreateMode.PERSISTENT);
        that(Arrays.equals(large, zk.getData("/size", false, null)), "a million bytes come back");
        zk.setData("/size", new byte[0], -1);
        equal(0, zk.getData("/size", false, null).length, "empty data");
        zk.setData("/size", null, -1);
        equal(null, zk.getData("/size", false, null), "no data");
        zk.delete("/size", -1);
    }

    private static void ephemerals(ZooKeeper zk, String servers) throws Exception {
        ZooKeeper other = Scenario.connect(servers, 30_000);
        other.create("/eph", null, OPEN, CreateMode.EPHEMERAL);
        equal(other.getSessionId(), zk.exists("/eph", false).getEphemeralOwner(), "owner");
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        that(zk.exists("/eph", events::add) != null, "seen by others");
        other.close();
        expect(events, EventType.NodeDeleted, "/eph");
        equal(null, zk.exists("/eph", false), "gone");
    }

    private static void watches(ZooKeeper zk) throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        Watcher watcher = events::add;
        equal(null, zk.exists("/w", watcher), "not there yet");
        zk.create("/w", null, OPEN, CreateMode.PERSISTENT);
        expect(events, EventType.NodeCreated, "/w");
        zk.getData("/w", watcher, null);
        zk.setData("/w", bytes("x"), -1);
        expect(events, EventType.NodeDataChanged, "/w");
        zk.setData("/w", bytes("y"), -1);
        zk.getChildren("/w", watcher);
        zk.create("/w/c", null, OPEN, CreateMode.PERSISTENT);
        expect(events, EventType.NodeChildrenChanged, "/w");
        zk.exists("/w/c", watcher);
        zk.getChildren("/w", watcher);
        zk.delete("/w/c", -1);
        expect(events, EventType.NodeDeleted, "/w/c");
        expect(events, EventType.NodeChildrenChanged, "/w");
        zk.getData("/w", watcher, null);
        zk.delete("/w", -1);
        expect(events, EventType.NodeDeleted, "/w");
        zk.sync("/", (rc, path, ctx) -> { }, null);
        equal(null, zk.exists("/w", false), "gone");
        equal(null, events.poll(), "no event that nobody asked for");
    }

    private static void expect(BlockingQueue<WatchedEvent> events, EventType type, String path) throws Exception {
        WatchedEvent event = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
        while (event != null && event.getType() == EventType.None) {
            event = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
        }
        that(event != null, "an event " + type + " for " + path);
        equal(type + " " + path, event.getType() + " " + event.getPath(), "event");
    }

    private static void access(ZooKeeper anyone, String servers) throws Exception {
        ZooKeeper alice = Scenario.connect(servers, 30_000);
        alice.addAuthInfo("digest", bytes("alice:secret"));
        List<ACL> mixed = new ArrayList<>(Ids.CREATOR_ALL_ACL);
        mixed.addAll(Ids.READ_ACL_UNSAFE);
        alice.create("/acl", bytes("x"), mixed, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        List<ACL> stored = anyone.getACL("/acl", stat);
        equal(2, stored.size(), "entries");
        equal("digest", stored.get(0).getId().getScheme(), "the creator's scheme");
        that(stored.get(0).getId().getId().startsWith("alice:"), "the creator's name");
        equal("x", new String(anyone.getData("/acl", false, null), UTF_8), "anyone may read");
        refused(Code.NOAUTH, "/acl", () -> anyone.setData("/acl", null, -1));
        refused(Code.NOAUTH, "/acl/c", () -> anyone.create("/acl/c", null, OPEN, CreateMode.PERSISTENT));
        refused(Code.NOAUTH, "/acl", () -> anyone.setACL("/acl", OPEN, -1));
        alice.setData("/acl", bytes("y"), -1);
        ACL local = new ACL(Perms.ALL, new Id("ip", "127.0.0.0/8"));
        equal(1, alice.setACL("/acl", Collections.singletonList(local), 0).getAversion(), "access version");
        equal(Collections.singletonList(local), anyone.getACL("/acl", stat), "an address range");
        anyone.setData("/acl", bytes("z"), -1);
        anyone.delete("/acl", -1);
        alice.close();
    }

    private static void multi(ZooKeeper zk) throws Exception {
        List<OpResult> results = zk.multi(Arrays.asList(
            Op.create("/m", bytes("1"), OPEN, CreateMode.PERSISTENT),
            Op.create("/m/s-", null, OPEN, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.setData("/m", bytes("2"), 0),
            Op.check("/m", 1),
            Op.create("/m/t", null, OPEN, CreateMode.PERSISTENT),
            Op.delete("/m/t", 0)));
        equal(6, results.size(), "results");
        equal("/m/s-0000000000", ((OpResult.CreateResult) results.get(1)).getPath(), "sequential name");
        equal(1, ((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), "version in between");
        long zxid = zk.exists("/m", false).getCzxid();
        equal(zxid, zk.exists("/m", false).getMzxid(), "one transaction, one zxid");
        try {
            zk.multi(Arrays.asList(Op.setData("/m", bytes("3"), -1), Op.check("/m", 9), Op.delete("/m", -1)));
            throw new AssertionError("a failing check must fail the whole");
        } catch (KeeperException failure) {
            equal(Code.BADVERSION, failure.code(), "the code of the first that failed");
            List<Integer> codes = new ArrayList<>();
            for (OpResult result : failure.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
            equal(Arrays.asList(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()), codes, "codes");
        }
        equal("2", new String(zk.getData("/m", false, null), UTF_8), "unchanged");
        zk.transaction().delete("/m/s-0000000000", -1).delete("/m", -1).commit();
        equal(null, zk.exists("/m", false), "gone");
    }

    private static void asynchronous(ZooKeeper zk) throws Exception {
        int count = 500;
        BlockingQueue<Integer> answers = new LinkedBlockingQueue<>();
        zk.create("/async", null, OPEN, CreateMode.PERSISTENT);
        for (int i = 0; i < count; i++) {
            int number = i;
            switch (i % 3) {
                case 0:
                    zk.setData("/async", bytes("" + i), -1, (rc, path, ctx, stat) -> answers.add(number), null);
                    break;
                case 1:
                    // A read sees the write before it.
                    zk.getData("/async", false, (rc, path, ctx, data, stat) ->
                        answers.add(new String(data, UTF_8).equals("" + (number - 1)) ? number : -number), null);
                    break;
                default:
                    zk.exists("/nothing", false, (rc, path, ctx, stat) -> answers.add(number), null);
            }
        }
        for (int i = 0; i < count; i++) {
            equal(i, answers.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS), "answer number " + i);
        }
        zk.delete("/async", -1);
    }

    /** The same session from a second client moves there; closing it there ends it for the first. */
    private static void handedOver(String servers) throws Exception {
        ZooKeeper first = Scenario.connect(servers, 30_000);
        first.create("/moved", null, OPEN, CreateMode.EPHEMERAL);
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper second = new ZooKeeper(servers, 30_000, event -> connected.countDown(),
            first.getSessionId(), first.getSessionPasswd());
        that(connected.await(30, TimeUnit.SECONDS), "connected with the session of the first");
        equal(first.getSessionId(), second.getSessionId(), "session");
        that(second.exists("/moved", false) != null, "the ephemeral is still there");
        second.close();
        eventually("the first learns that its session is over", () -> !first.getState().isAlive());
        ZooKeeper third = Scenario.connect(servers, 30_000);
        equal(null, third.exists("/moved", false), "the ephemeral went with the session");
        third.close();
    }

    private static void survives(String servers, String wish) throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        ZooKeeper zk = Scenario.connect(servers, 30_000);
        long session = zk.getSessionId();
        zk.create("/live", bytes("x"), OPEN, CreateMode.EPHEMERAL);
        zk.create("/kept", bytes("1"), OPEN, CreateMode.PERSISTENT);
        zk.getData("/kept", events::add, null);
        zk.getChildren("/", events::add);
        Scenario.ask(wish);
        equal(session, retried(() -> zk.exists("/live", false)).getEphemeralOwner(), "owner after the restart");
        equal(session, zk.getSessionId(), "session after the restart");
        equal("1", new String(retried(() -> zk.getData("/kept", false, null)), UTF_8), "data after the restart");
        zk.setData("/kept", bytes("2"), 0);
        expect(events, EventType.NodeDataChanged, "/kept");
        zk.delete("/kept", 1);
        expect(events, EventType.NodeChildrenChanged, "/");
        zk.close();
    }
}
