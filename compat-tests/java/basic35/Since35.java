package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.that;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** What clients learned in 3.5: stats from create, containers, time to live, taking watches back, the configuration. */
public final class Since35 {
    private Since35() {
    }

    public static void run(ZooKeeper zk) {
        check("create returns the stat", () -> {
            Stat stat = new Stat();
            zk.create("/c2", new byte[] {1, 2}, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat);
            equal(zk.exists("/c2", false), stat, "stat");
            List<OpResult> results = zk.multi(Arrays.asList(
                Op.create("/c2/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.delete("/c2/x", -1), Op.delete("/c2", -1)));
            equal(3, results.size(), "results");
        });
        check("a container that was used and is empty goes", () -> {
            zk.create("/box", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
            zk.create("/box/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            equal(0L, zk.exists("/box", false).getEphemeralOwner(), "a container looks like a plain node");
            zk.delete("/box/a", -1);
            eventually("the container goes", () -> zk.exists("/box", false) == null);
        });
        check("a node with a time to live goes", () -> {
            Stat stat = new Stat();
            zk.create("/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 200);
            String name = zk.create("/ttl-", null, Ids.OPEN_ACL_UNSAFE,
                CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, null, 1_000_000);
            eventually("the node goes", () -> zk.exists("/ttl", false) == null);
            zk.delete(name, -1);
        });
        check("watches can be taken back", () -> {
            zk.create("/rm", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
            Watcher watcher = events::add;
            zk.getData("/rm", watcher, null);
            zk.getChildren("/rm", watcher);
            zk.removeWatches("/rm", watcher, Watcher.WatcherType.Data, false);
            WatchedEvent event = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
            that(event != null && event.getType() == Watcher.Event.EventType.DataWatchRemoved, "told: " + event);
            zk.setData("/rm", null, -1);
            Scenario.refused(Code.NOWATCHER, "/rm",
                () -> zk.removeWatches("/rm", watcher, Watcher.WatcherType.Data, false));
            zk.delete("/rm", -1);
            event = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
            that(event != null && event.getType() == Watcher.Event.EventType.NodeDeleted, "the other stays: " + event);
        });
        check("the configuration of a standalone server is empty", () ->
            equal(0, zk.getConfig(false, null).length, "length"));
    }
}
