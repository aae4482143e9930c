package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.that;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/** What clients learned in 3.6: watches that stay, reading several nodes at once, counting and listing ephemerals. */
public final class Since36 {
    private Since36() {
    }

    public static void run(ZooKeeper zk) {
        check("a persistent watch stays", () -> persistent(zk, "/pw", AddWatchMode.PERSISTENT, Arrays.asList(
            "NodeCreated /pw", "NodeDataChanged /pw", "NodeChildrenChanged /pw", "NodeChildrenChanged /pw",
            "NodeDeleted /pw")));
        check("a recursive watch sees the subtree", () -> persistent(zk, "/pr", AddWatchMode.PERSISTENT_RECURSIVE,
            Arrays.asList("NodeCreated /pr", "NodeDataChanged /pr", "NodeCreated /pr/a", "NodeDataChanged /pr/a",
                "NodeDeleted /pr/a", "NodeDeleted /pr")));
        check("several reads in one request", () -> {
            zk.create("/mr", new byte[] {7}, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            List<OpResult> results = zk.multi(Arrays.asList(
                Op.getData("/mr"), Op.getChildren("/mr"), Op.getData("/nothing")));
            equal(1, ((OpResult.GetDataResult) results.get(0)).getData().length, "data");
            equal(0, ((OpResult.GetChildrenResult) results.get(1)).getChildren().size(), "children");
            equal(Code.NONODE.intValue(), ((OpResult.ErrorResult) results.get(2)).getErr(), "one error stays one");
            zk.delete("/mr", -1);
        });
        check("counting and listing", () -> {
            zk.create("/count", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.create("/count/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.create("/count/a/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            equal(2, zk.getAllChildrenNumber("/count"), "descendants");
            equal(Arrays.asList("/count/a/b"), zk.getEphemerals("/count"), "ephemerals below");
            equal(Arrays.asList("/count/a/b"), zk.getEphemerals(), "ephemerals");
            equal(new ArrayList<String>(), zk.getEphemerals("/other"), "ephemerals elsewhere");
            zk.delete("/count/a/b", -1);
            zk.delete("/count/a", -1);
            zk.delete("/count", -1);
        });
    }

    private static void persistent(ZooKeeper zk, String top, AddWatchMode mode, List<String> expected) throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        Watcher watcher = events::add;
        zk.addWatch(top, watcher, mode);
        zk.create(top, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData(top, null, -1);
        zk.create(top + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData(top + "/a", null, -1);
        zk.delete(top + "/a", -1);
        zk.delete(top, -1);
        List<String> seen = new ArrayList<>();
        while (seen.size() < expected.size()) {
            WatchedEvent event = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
            that(event != null, "another event after " + seen);
            seen.add(event.getType() + " " + event.getPath());
        }
        equal(expected, seen, "events");
        zk.removeWatches(top, watcher, Watcher.WatcherType.Any, false);
        WatchedEvent last = events.poll(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS);
        that(last != null && last.getType() == Watcher.Event.EventType.PersistentWatchRemoved, "told: " + last);
        zk.create(top, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete(top, -1);
        equal(null, events.poll(), "nothing after that");
    }
}
