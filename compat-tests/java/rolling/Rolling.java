package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;

/**
 * Several of these run while the members of an ensemble are replaced. They take a lock in turns, append under it, and
 * watch all of it with a cache. That nobody else holds the lock is proved by a file's lock, of which the servers know
 * nothing. They end when another program has created /crash/over.
 */
public final class Rolling {
    private static CuratorFramework curator;
    private static int me;
    private static int all;
    private static int turns;
    private static final AtomicInteger LOST = new AtomicInteger();

    private Rolling() {
    }

    /** Arguments: the servers, the number of this process, the number of all, a file that they share. */
    public static void main(String[] args) throws Exception {
        me = Integer.parseInt(args[1]);
        all = Integer.parseInt(args[2]);
        Path file = Path.of(args[3]);
        curator = CuratorFrameworkFactory.newClient(args[0], 30_000, 15_000, new RetryForever(50));
        curator.getConnectionStateListenable().addListener((client, state) -> {
            if (state == ConnectionState.LOST) {
                LOST.incrementAndGet();
            }
        });
        curator.start();
        that(curator.blockUntilConnected(60, TimeUnit.SECONDS), "connected");
        // Left to the recipes they would be containers, which go at some time when they are empty.
        put("/rolling/lock", "");
        put("/rolling/present", "");
        put("/rolling/turns/start-" + me, "");
        PersistentNode present =
            new PersistentNode(curator, CreateMode.EPHEMERAL, false, "/rolling/present/" + me, bytes(me));
        present.start();
        that(present.waitForInitialCreate(60, TimeUnit.SECONDS), "present");
        SortedMap<String, String> seen = new TreeMap<>();
        CuratorCache cache = CuratorCache.build(curator, "/rolling/turns");
        cache.start();
        check("locks", () -> takeTurns(file));
        put("/rolling/done/" + me, "" + turns);
        eventually("everybody is done", () -> children("/rolling/done").size() == all);
        check("what was written under the lock", Rolling::everyTurnIsThere);
        check("cache", () -> eventually("the cache has it all", () -> {
            seen.clear();
            cache.stream().filter(node -> !node.getPath().equals("/rolling/turns"))
                .forEach(node -> seen.put(node.getPath(), new String(node.getData(), UTF_8)));
            return seen.equals(stored());
        }));
        check("session", () -> {
            equal(0, LOST.get(), "sessions lost");
            equal(all, children("/rolling/present").size(), "ephemerals");
        });
        put("/rolling/checked/" + me, "");
        eventually("everybody has checked", () -> children("/rolling/checked").size() == all);
        cache.close();
        present.close();
        curator.close();
        Scenario.say("took " + turns + " turns");
        Scenario.end();
    }

    private static void takeTurns(Path file) throws Exception {
        InterProcessMutex mutex = new InterProcessMutex(curator, "/rolling/lock");
        while (curator.checkExists().forPath("/crash/over") == null) {
            mutex.acquire();
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = channel.tryLock()) {
                that(held != null, "nobody else holds the lock");
                put("/rolling/turns/" + me + "-" + turns, "turn " + turns);
                turns++;
            }
            mutex.release();
        }
        that(turns > 3, "the lock goes round, not only " + turns + " times");
    }

    private static void everyTurnIsThere() throws Exception {
        curator.sync().forPath("/rolling");
        int expected = all;
        for (String who : children("/rolling/done")) {
            int taken = Integer.parseInt(new String(curator.getData().forPath("/rolling/done/" + who), UTF_8));
            expected += taken;
        }
        SortedMap<String, String> stored = stored();
        for (int turn = 0; turn < turns; turn++) {
            equal("turn " + turn, stored.get("/rolling/turns/" + me + "-" + turn), "what was acknowledged");
        }
        equal(expected, stored.size(), "turns of all");
    }

    private static SortedMap<String, String> stored() throws Exception {
        SortedMap<String, String> stored = new TreeMap<>();
        for (String name : children("/rolling/turns")) {
            String path = "/rolling/turns/" + name;
            stored.put(path, new String(curator.getData().forPath(path), UTF_8));
        }
        return stored;
    }

    private static byte[] bytes(Object value) {
        return String.valueOf(value).getBytes(UTF_8);
    }

    /** Creates a node; after a lost connection it may have been there already. */
    private static void put(String path, String data) throws Exception {
        try {
            curator.create().creatingParentsIfNeeded().forPath(path, bytes(data));
        } catch (KeeperException.NodeExistsException exists) {
            equal(data, new String(curator.getData().forPath(path), UTF_8), path + " is ours");
        }
    }

    private static Set<String> children(String path) throws Exception {
        try {
            return new TreeSet<>(curator.getChildren().forPath(path));
        } catch (KeeperException.NoNodeException none) {
            return new TreeSet<>();
        }
    }
}
