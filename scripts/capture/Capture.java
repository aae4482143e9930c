import java.io.File;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/**
 * Runs Apache's standalone server on a directory: "start" writes nothing but what a start writes, "work"
 * makes transactions of every kind that a client can cause, "write" makes a few more, "check" fails unless
 * the nodes of "work" are there.
 */
public class Capture {
    private static ZooKeeper client(int port) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper("127.0.0.1:" + port, 30000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        connected.await();
        return client;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void refused(ThrowingRunnable operation) throws Exception {
        try {
            operation.run();
        } catch (KeeperException expected) {
            return;
        }
        throw new IllegalStateException("an operation that must fail succeeded");
    }

    interface ThrowingRunnable {
        void run() throws Exception;
    }

    private static void work(ZooKeeper zk) throws Exception {
        List<ACL> open = Ids.OPEN_ACL_UNSAFE;
        zk.create("/a", bytes("hello"), open, CreateMode.PERSISTENT);
        zk.setData("/a", bytes("world!"), 0);
        zk.create("/a/null", null, open, CreateMode.PERSISTENT);
        zk.create("/a/empty", new byte[0], open, CreateMode.PERSISTENT);
        zk.create("/a/seq-", bytes("s"), open, CreateMode.PERSISTENT_SEQUENTIAL);
        zk.create("/a/stat", bytes("t"), open, CreateMode.PERSISTENT, new Stat());
        zk.create("/a/gr\u00fc\u00dfe-\u4f60\u597d", bytes("u"), open, CreateMode.PERSISTENT);
        byte[] zeros = new byte[1500];
        zk.create("/a/zeros", zeros, open, CreateMode.PERSISTENT);
        zk.create("/gone", bytes("g"), open, CreateMode.PERSISTENT);
        zk.delete("/gone", 0);
        List<ACL> two = Arrays.asList(
            new ACL(Perms.READ, Ids.ANYONE_ID_UNSAFE),
            new ACL(Perms.ALL, new Id("digest", "user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=")));
        zk.create("/secret", bytes("x"), two, CreateMode.PERSISTENT);
        zk.create("/opened", bytes("y"), open, CreateMode.PERSISTENT);
        zk.setACL("/opened", Ids.READ_ACL_UNSAFE, 0);
        zk.create("/ttl", bytes("l"), open, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 86400000L);
        zk.create("/container", null, open, CreateMode.CONTAINER, new Stat());
        zk.create("/container/child", null, open, CreateMode.PERSISTENT);
        zk.create("/short", null, open, CreateMode.CONTAINER, new Stat());
        zk.create("/short/child", null, open, CreateMode.PERSISTENT);
        zk.delete("/short/child", -1);
        while (zk.exists("/short", false) != null) {
            Thread.sleep(50);
        }
        zk.multi(Arrays.asList(
            Op.check("/a", 1),
            Op.create("/m", bytes("m"), open, CreateMode.PERSISTENT),
            Op.create("/m/1", bytes("1"), open, CreateMode.PERSISTENT),
            Op.setData("/m", bytes("mm"), 0),
            Op.delete("/m/1", 0)));
        refused(() -> zk.multi(Arrays.asList(
            Op.create("/m2", bytes("1"), open, CreateMode.PERSISTENT),
            Op.delete("/nope", -1),
            Op.setData("/m", bytes("2"), 99))));
        refused(() -> zk.create("/a", bytes("again"), open, CreateMode.PERSISTENT));
        refused(() -> zk.delete("/nope", -1));
        zk.create("/a/e", bytes("e"), open, CreateMode.EPHEMERAL);
        zk.create("/a/es-", bytes("e"), open, CreateMode.EPHEMERAL_SEQUENTIAL);
    }

    private static void check(ZooKeeper zk) throws Exception {
        if (!Arrays.equals(zk.getData("/a", false, null), bytes("world!"))
            || zk.getData("/a/null", false, null) != null
            || zk.exists("/a/e", false) != null
            || zk.exists("/gone", false) != null
            || zk.exists("/m2", false) != null
            || zk.getACL("/secret", null).size() != 2
            || zk.getChildren("/a", false).size() != 6
            || !Arrays.equals(zk.getData("/m", false, null), bytes("mm"))) {
            throw new IllegalStateException("the state is not the one that was written");
        }
    }

    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        ZooKeeperServer server = new ZooKeeperServer(dir, dir, 2000);
        ServerCnxnFactory factory = ServerCnxnFactory.createFactory(new InetSocketAddress("127.0.0.1", 0), 10);
        factory.startup(server);
        org.apache.zookeeper.server.ContainerManager containers =
            new org.apache.zookeeper.server.ContainerManager(
                server.getZKDatabase(), firstProcessor(server), 100, 10000);
        containers.start();
        for (String step : Arrays.copyOfRange(args, 1, args.length)) {
            if (step.equals("start")) {
                continue;
            }
            ZooKeeper zk = client(factory.getLocalPort());
            if (step.equals("work")) {
                work(zk);
            } else if (step.equals("check")) {
                check(zk);
            } else if (step.equals("write")) {
                zk.create("/more", bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
            } else {
                throw new IllegalArgumentException(step);
            }
            zk.close();
        }
        containers.stop();
        factory.shutdown();
        System.exit(0);
    }

    private static org.apache.zookeeper.server.RequestProcessor firstProcessor(ZooKeeperServer server)
        throws Exception {
        java.lang.reflect.Field field = ZooKeeperServer.class.getDeclaredField("firstProcessor");
        field.setAccessible(true);
        return (org.apache.zookeeper.server.RequestProcessor) field.get(server);
    }
}
