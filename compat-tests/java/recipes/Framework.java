package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.refused;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** Curator's own operations, transactions and caches, from one process, across a restart and a crash. */
public final class Framework {
    private Framework() {
    }

    public static void main(String[] args) throws Exception {
        CuratorFramework curator = CuratorFrameworkFactory.builder().connectString(args[0]).sessionTimeoutMs(30_000)
            .connectionTimeoutMs(15_000).retryPolicy(new RetryForever(50)).authorization("digest", bytes("me:secret"))
            .build();
        Collection<ConnectionState> states = new ConcurrentLinkedQueue<>();
        curator.getConnectionStateListenable().addListener((client, state) -> states.add(state));
        curator.start();
        that(curator.blockUntilConnected(60, TimeUnit.SECONDS), "connected");
        check("operations", () -> operations(curator));
        check("background operations", () -> background(curator));
        check("transactions", () -> transactions(curator));
        check("persistent watches", () -> watches(curator));
        check("caches", () -> caches(curator, "restart"));
        check("caches after a crash", () -> caches(curator, "kill"));
        check("the session was never lost", () -> {
            that(states.contains(ConnectionState.SUSPENDED), "the connection was: " + states);
            that(!states.contains(ConnectionState.LOST), "the session was not: " + states);
        });
        curator.close();
        Scenario.end();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static void operations(CuratorFramework curator) throws Exception {
        CuratorFramework ours = curator.usingNamespace("ours");
        equal("/a/b/c", ours.create().creatingParentContainersIfNeeded().forPath("/a/b/c", bytes("x")), "name");
        that(curator.checkExists().forPath("/ours/a/b/c") != null, "in its namespace");
        String guarded = ours.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/a/p-");
        that(guarded.startsWith("/a/_c_"), "a protected name: " + guarded);
        Stat stat = new Stat();
        ours.create().storingStatIn(stat).forPath("/a/stat", bytes("1"));
        equal(stat, ours.checkExists().forPath("/a/stat"), "stat");
        ours.create().orSetData().forPath("/a/stat", bytes("22"));
        equal(1, ours.checkExists().forPath("/a/stat").getVersion(), "set, as it was there");
        ours.setData().compressed().withVersion(1).forPath("/a/stat", bytes("compressed"));
        equal("compressed", new String(ours.getData().decompressed().forPath("/a/stat"), UTF_8), "data");
        ours.create().idempotent().forPath("/a/again", bytes("same"));
        ours.create().idempotent().forPath("/a/again", bytes("same"));
        refused(Code.NODEEXISTS, "/ours/a/again", () -> ours.create().forPath("/a/again"));
        ours.setACL().withACL(Ids.CREATOR_ALL_ACL).forPath("/a/again");
        equal("digest", ours.getACL().forPath("/a/again").get(0).getId().getScheme(), "access");
        ours.delete().guaranteed().forPath("/a/again");
        ours.delete().deletingChildrenIfNeeded().forPath("/a");
        equal(null, ours.checkExists().forPath("/a"), "gone");
        ours.sync().forPath("/");
    }

    private static void background(CuratorFramework curator) throws Exception {
        int count = 200;
        CountDownLatch done = new CountDownLatch(count);
        Collection<Integer> codes = new ConcurrentLinkedQueue<>();
        curator.create().forPath("/background");
        for (int i = 0; i < count; i++) {
            curator.create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).inBackground((client, event) -> {
                codes.add(event.getResultCode());
                done.countDown();
            }).forPath("/background/n-");
        }
        that(done.await(60, TimeUnit.SECONDS), "all answers");
        that(codes.stream().allMatch(code -> code == 0), "all well: " + codes);
        equal(count, curator.getChildren().forPath("/background").size(), "children");
        curator.delete().deletingChildrenIfNeeded().forPath("/background");
    }

    private static void transactions(CuratorFramework curator) throws Exception {
        List<CuratorTransactionResult> results = curator.transaction().forOperations(
            curator.transactionOp().create().forPath("/t", bytes("1")),
            curator.transactionOp().create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/t/s-"),
            curator.transactionOp().setData().withVersion(0).forPath("/t", bytes("2")),
            curator.transactionOp().check().withVersion(1).forPath("/t"));
        equal("/t/s-0000000000", results.get(1).getResultPath(), "sequential name");
        equal(1, results.get(2).getResultStat().getVersion(), "version in between");
        try {
            curator.transaction().forOperations(
                curator.transactionOp().setData().forPath("/t", bytes("3")),
                curator.transactionOp().delete().forPath("/t"));
            throw new AssertionError("a node with children went");
        } catch (org.apache.zookeeper.KeeperException refusal) {
            equal(Code.NOTEMPTY, refusal.code(), "code");
            equal(2, refusal.getResults().size(), "results");
        }
        equal("2", new String(curator.getData().forPath("/t"), UTF_8), "unchanged");
        inTransaction(curator);
        equal(null, curator.checkExists().forPath("/t"), "gone");
    }

    /** The older way to say it. */
    @SuppressWarnings("deprecation")
    private static void inTransaction(CuratorFramework curator) throws Exception {
        Collection<CuratorTransactionResult> results = curator.inTransaction().delete().forPath("/t/s-0000000000").and()
            .delete().withVersion(1).forPath("/t").and().commit();
        equal(2, results.size(), "results");
    }

    private static void watches(CuratorFramework curator) throws Exception {
        Collection<String> events = new ConcurrentLinkedQueue<>();
        curator.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE)
            .usingWatcher((org.apache.curator.framework.api.CuratorWatcher) event ->
                events.add(event.getType() + " " + event.getPath())).forPath("/watched");
        curator.create().forPath("/watched");
        curator.create().forPath("/watched/a");
        curator.setData().forPath("/watched/a", bytes("x"));
        curator.delete().deletingChildrenIfNeeded().forPath("/watched");
        eventually("all events", () -> events.size() == 5);
        equal("[NodeCreated /watched, NodeCreated /watched/a, NodeDataChanged /watched/a, NodeDeleted /watched/a, "
            + "NodeDeleted /watched]", events.toString(), "events");
        curator.watchers().removeAll().forPath("/watched");
    }

    /** Three kinds of cache must come to the same view, and keep it while the server goes and comes back. */
    private static void caches(CuratorFramework curator, String wish) throws Exception {
        String top = "/cached-" + wish;
        curator.create().creatingParentsIfNeeded().forPath(top + "/old/deep", bytes("1"));
        Map<String, String> told = new ConcurrentHashMap<>();
        CuratorCache cache = CuratorCache.build(curator, top);
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forCreates(node -> told.put(node.getPath(), "created"))
            .forChanges((before, now) -> told.put(now.getPath(), "changed"))
            .forDeletes(node -> told.put(node.getPath(), "deleted")).build());
        cache.start();
        @SuppressWarnings("deprecation") TreeCache tree = new TreeCache(curator, top);
        tree.start();
        @SuppressWarnings("deprecation") PathChildrenCache flat = new PathChildrenCache(curator, top, true);
        flat.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
        eventually("the first view", () -> told.containsKey(top + "/old/deep"));
        for (int i = 0; i < 10; i++) {
            curator.create().orSetData().forPath(top + "/n" + i, bytes("" + i));
            if (i == 5) {
                Scenario.ask(wish);
            }
        }
        curator.setData().forPath(top + "/old/deep", bytes("2"));
        curator.delete().quietly().forPath(top + "/n0");
        eventually("the cache: " + told, () -> "changed".equals(told.get(top + "/old/deep"))
            && "deleted".equals(told.get(top + "/n0")) && cache.size() == 12);
        equal("2", new String(cache.get(top + "/old/deep").map(ChildData::getData).orElse(bytes("none")), UTF_8), "data");
        eventually("the tree cache", () -> tree.getCurrentData(top + "/n9") != null
            && tree.getCurrentChildren(top).size() == 10
            && "2".equals(new String(tree.getCurrentData(top + "/old/deep").getData(), UTF_8)));
        eventually("the cache of children", () -> flat.getCurrentData().size() == 10
            && flat.getCurrentData(top + "/n9") != null);
        flat.close();
        tree.close();
        cache.close();
    }
}
