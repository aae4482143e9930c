package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.retried;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;

import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;

/**
 * Fills a server, then asks one server after another to take over its data directory, by a clean stop and by a crash,
 * and compares the whole tree before and after each. Its session lives through all of it, with its ephemerals.
 */
public final class Takeover {
    private static final List<ACL> OPEN = Ids.OPEN_ACL_UNSAFE;
    private static final List<ACL> MIXED = Arrays.asList(
        new ACL(Perms.READ, new Id("world", "anyone")),
        new ACL(Perms.ALL, new Id("digest", "alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E=")),
        new ACL(Perms.READ | Perms.WRITE, new Id("ip", "10.1.2.3")));
    private static int round;

    private Takeover() {
    }

    /** Arguments: the server, the release that it is, and the servers to come: {@code stop:kind} or {@code kill:kind}. */
    public static void main(String[] args) throws Exception {
        ZooKeeper zk = Scenario.connect(args[0], 40_000);
        Dump.asSuper(zk);
        long session = zk.getSessionId();
        check("filled", () -> fill(zk, args[1]));
        zk.create("/left", null, OPEN, CreateMode.PERSISTENT);
        for (String successor : Arrays.copyOfRange(args, 2, args.length)) {
            round++;
            check("changed before " + successor, () -> change(zk));
            Doomed doomed = new Doomed(args[0]);
            String left = "/left/" + round;
            retried(() -> doomed.create(left, null, OPEN, CreateMode.EPHEMERAL));
            SortedMap<String, String> before = Dump.of(zk, compared());
            // Its client goes at the same moment as the server, without a word.
            doomed.vanish();
            Scenario.ask(successor.replace("stop:", "become ").replace("kill:", "usurp "));
            check("the same tree after " + successor, () -> same(before, Dump.of(zk, compared())));
            check("the same session after " + successor, () -> {
                equal(session, zk.getSessionId(), "session");
                equal(session, zk.exists("/held", false).getEphemeralOwner(), "owner of the ephemeral");
            });
            check("a dead session is let go after " + successor,
                () -> eventually("the ephemeral goes", () -> retried(() -> zk.exists(left, false)) == null));
        }
        zk.close();
        ZooKeeper later = Scenario.connect(args[0], 30_000);
        check("the session ends with its ephemerals", () -> equal(null, later.exists("/held", false), "ephemeral"));
        Scenario.end();
    }

    /** Ephemerals of sessions without a client may go at any time. */
    private static Predicate<String> compared() {
        return path -> !path.equals("/left");
    }

    /** A client that can go away without closing its session. */
    private static final class Doomed extends ZooKeeper {
        Doomed(String servers) throws Exception {
            super(servers, 1_000, event -> { });
        }

        void vanish() {
            cnxn.disconnect();
        }
    }

    private static void same(SortedMap<String, String> before, SortedMap<String, String> after) {
        List<String> different = new ArrayList<>();
        SortedMap<String, String> all = new TreeMap<>(before);
        all.putAll(after);
        for (String path : all.keySet()) {
            String was = before.get(path);
            String is = after.get(path);
            if (was == null || !was.equals(is)) {
                different.add("\n  " + path + "\n    was " + was + "\n    is  " + is);
            }
        }
        that(before.size() > 100, "there is something to compare: " + before.size());
        equal(Collections.emptyList(), different, "nodes that differ");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static void fill(ZooKeeper zk, String release) throws Exception {
        zk.create("/held", bytes("mine"), OPEN, CreateMode.EPHEMERAL);
        zk.create("/empty", new byte[0], OPEN, CreateMode.PERSISTENT);
        zk.create("/nothing", null, OPEN, CreateMode.PERSISTENT);
        byte[] large = new byte[300_000];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31 + i / 251);
        }
        zk.create("/large", large, OPEN, CreateMode.PERSISTENT);
        zk.create("/\u00e4\u00df\u6f22\u5b57", bytes("\u6f22"), OPEN, CreateMode.PERSISTENT);
        zk.create("/mixed", bytes("x"), MIXED, CreateMode.PERSISTENT);
        zk.create("/mixed/none", null, Collections.singletonList(new ACL(0, new Id("world", "anyone"))),
            CreateMode.PERSISTENT);
        zk.create("/seq", null, OPEN, CreateMode.PERSISTENT);
        for (int i = 0; i < 150; i++) {
            String name = zk.create("/seq/n-", bytes("v" + i), i % 2 == 0 ? OPEN : MIXED,
                i % 5 == 0 ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.PERSISTENT_SEQUENTIAL);
            if (i % 7 == 0) {
                zk.delete(name, -1);
            }
        }
        String path = "";
        for (int depth = 0; depth < 40; depth++) {
            path += "/deep";
            zk.create(path, bytes("" + depth), OPEN, CreateMode.PERSISTENT);
        }
        zk.multi(Arrays.asList(
            Op.create("/multi", bytes("1"), OPEN, CreateMode.PERSISTENT),
            Op.create("/multi/a", null, MIXED, CreateMode.PERSISTENT),
            Op.setData("/multi", bytes("2"), 0),
            Op.create("/multi/b", null, OPEN, CreateMode.EPHEMERAL),
            Op.check("/multi/a", 0),
            Op.delete("/multi/a", 0)));
        zk.create("/zookeeper/quota/seq", null, OPEN, CreateMode.PERSISTENT);
        zk.create("/zookeeper/quota/seq/zookeeper_limits", bytes("count=500,bytes=100000"), OPEN,
            CreateMode.PERSISTENT);
        zk.create("/zookeeper/quota/seq/zookeeper_stats", bytes("count=0,bytes=0"), OPEN, CreateMode.PERSISTENT);
        if (!release.startsWith("3.4.")) {
            List<ACL> range = Collections.singletonList(new ACL(Perms.ALL, new Id("ip", "10.1.2.0/24")));
            zk.create("/range", null, range, CreateMode.PERSISTENT);
            zk.create("/box", null, OPEN, CreateMode.CONTAINER);
            zk.create("/box/a", null, OPEN, CreateMode.PERSISTENT);
            zk.create("/ttl", bytes("day"), OPEN, CreateMode.PERSISTENT_WITH_TTL, null, 86_400_000);
            zk.create("/ttl-s-", null, OPEN, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, null, 86_400_001);
        }
    }

    /** More of everything, so that each server adds to what the one before it left, in logs and in snapshots. */
    private static void change(ZooKeeper zk) throws Exception {
        String top = "/round-" + round;
        zk.create(top, null, OPEN, CreateMode.PERSISTENT);
        for (int i = 0; i < 60; i++) {
            zk.setData("/seq", bytes(top + i), -1);
            zk.create(top + "/n-", bytes("" + i), i % 3 == 0 ? MIXED : OPEN, CreateMode.PERSISTENT_SEQUENTIAL);
        }
        zk.create("/seq/more-", null, OPEN, CreateMode.EPHEMERAL_SEQUENTIAL);
        zk.setACL("/empty", round % 2 == 0 ? OPEN : MIXED, -1);
        zk.setData("/held", bytes(top), -1);
        zk.setData("/nothing", round % 2 == 0 ? null : bytes("something"), -1);
        zk.delete(top + "/n-0000000007", -1);
        zk.multi(Arrays.asList(
            Op.create(top + "/m", null, MIXED, CreateMode.PERSISTENT),
            Op.setData("/multi", bytes(top), -1),
            Op.delete(top + "/n-0000000011", 0)));
        try {
            zk.multi(Arrays.asList(Op.setData("/multi", null, -1), Op.delete("/deep", -1)));
            throw new AssertionError("a node with children went");
        } catch (KeeperException.NotEmptyException expected) {
            // A refused transaction leaves its mark in the log.
        }
    }
}
