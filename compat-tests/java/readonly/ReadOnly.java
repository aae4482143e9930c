package compat;

import java.util.Collections;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.ZooKeeper.States;

/** A client that is content with reading (`canBeReadOnly`), and one that is not, while a server has no leader. */
public final class ReadOnly {
    private static final int TIMEOUT_MS = 20_000;

    private ReadOnly() {
    }

    /** Against the server in {@code args[0]}, which can be left alone and be joined again. */
    public static void main(String[] args) throws Exception {
        ZooKeeper before = Scenario.connect(args[0], TIMEOUT_MS);
        before.create("/read", "old".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        before.close();
        Scenario.ask("alone");

        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch whole = new CountDownLatch(1);
        CountDownLatch changed = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(args[0], TIMEOUT_MS, (WatchedEvent event) -> {
            if (event.getState() == KeeperState.ConnectedReadOnly) {
                reading.countDown();
            } else if (event.getState() == KeeperState.SyncConnected) {
                whole.countDown();
            }
        }, true);
        ZooKeeper unwilling = new ZooKeeper(args[0], TIMEOUT_MS, event -> { }, false);

        Scenario.check("connects to read", () -> {
            Scenario.that(reading.await(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS), "ConnectedReadOnly");
            Scenario.equal(States.CONNECTEDREADONLY, client.getState(), "state");
        });
        Scenario.check("reads", () -> {
            Watcher watcher = event -> {
                if (event.getType() == Watcher.Event.EventType.NodeDataChanged) {
                    changed.countDown();
                }
            };
            Scenario.equal("old", new String(client.getData("/read", watcher, null)), "data");
            Scenario.that(client.getChildren("/", false).contains("read"), "a child");
            Scenario.equal(Collections.emptyList(), client.getEphemerals(), "ephemerals");
        });
        Scenario.check("does not write", () -> {
            Scenario.refused(Code.NOTREADONLY, "/other", () ->
                client.create("/other", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
            Scenario.refused(Code.NOTREADONLY, "/read", () -> client.setData("/read", null, -1));
            Scenario.refused(Code.NOTREADONLY, "/read", () -> client.delete("/read", -1));
            Scenario.refused(Code.NOTREADONLY, null, () ->
                client.multi(Collections.singletonList(Op.setData("/read", null, -1))));
        });
        Scenario.check("the unwilling waits", () ->
            Scenario.equal(States.CONNECTING, unwilling.getState(), "state"));

        Scenario.ask("together");
        Scenario.check("goes on with a leader", () -> {
            Scenario.that(whole.await(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS), "SyncConnected");
            Scenario.equal(States.CONNECTED, client.getState(), "state");
            Scenario.retried(() -> client.setData("/read", "new".getBytes(), -1));
            Scenario.that(changed.await(Scenario.PATIENCE_MS, TimeUnit.MILLISECONDS), "the watch came along");
        });
        Scenario.check("the unwilling is served", () -> Scenario.equal("new",
            new String(Scenario.retried(() -> unwilling.getData("/read", false, null))), "data"));
        client.close();
        unwilling.close();
        Scenario.end();
    }
}
