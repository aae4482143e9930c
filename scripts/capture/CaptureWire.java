import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/**
 * Writes down a conversation of Apache's client with Apache's server, frame by frame: one line a frame, with
 * ">" for the client's, "<" for the server's and "=" where a connection begins. The first line has the first and
 * the last millisecond of the conversation.
 */
public class CaptureWire {
    private static PrintStream out;
    private static volatile Socket client;

    private static synchronized void write(char direction, byte[] frame) {
        StringBuilder line = new StringBuilder().append(direction).append(' ');
        for (byte b : frame) {
            line.append(String.format("%02x", b));
        }
        out.println(line);
    }

    /** Passes frames on until either side ends. */
    private static void pass(char direction, Socket from, Socket to) {
        try (from; to) {
            DataInputStream in = new DataInputStream(from.getInputStream());
            DataOutputStream sink = new DataOutputStream(to.getOutputStream());
            while (true) {
                byte[] frame = new byte[in.readInt()];
                in.readFully(frame);
                write(direction, frame);
                sink.writeInt(frame.length);
                sink.write(frame);
                sink.flush();
            }
        } catch (EOFException | SocketException ended) {
            // Ends are part of the conversation.
        } catch (IOException unexpected) {
            throw new java.io.UncheckedIOException(unexpected);
        }
    }

    private static void accept(ServerSocket proxy, int port) {
        try {
            while (true) {
                Socket near = proxy.accept();
                Socket far = new Socket("127.0.0.1", port);
                near.setTcpNoDelay(true);
                far.setTcpNoDelay(true);
                client = near;
                synchronized (CaptureWire.class) {
                    out.println("=");
                }
                new Thread(() -> pass('>', near, far)).start();
                new Thread(() -> pass('<', far, near)).start();
            }
        } catch (IOException closed) {
            // The end.
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    interface Operation {
        void run() throws Exception;
    }

    private static void refused(Operation operation) throws Exception {
        try {
            operation.run();
        } catch (KeeperException expected) {
            return;
        }
        throw new IllegalStateException("an operation that must fail succeeded");
    }

    private static void await(BlockingQueue<WatchedEvent> events, EventType wanted) throws Exception {
        while (events.take().getType() != wanted) {
            continue;
        }
    }

    private static void awaitConnected(BlockingQueue<WatchedEvent> events) throws Exception {
        while (events.take().getState() != Watcher.Event.KeeperState.SyncConnected) {
            continue;
        }
    }

    private static void writes(ZooKeeper zk) throws Exception {
        List<ACL> open = Ids.OPEN_ACL_UNSAFE;
        zk.create("/a", bytes("hello"), open, CreateMode.PERSISTENT);
        zk.create("/a/stat", bytes("t"), open, CreateMode.PERSISTENT, new Stat());
        zk.create("/null", null, open, CreateMode.PERSISTENT);
        zk.create("/gr\u00fc\u00dfe-\u4f60\u597d", new byte[0], open, CreateMode.PERSISTENT);
        zk.create("/seq-", bytes("s"), open, CreateMode.PERSISTENT_SEQUENTIAL);
        zk.create("/e", bytes("e"), open, CreateMode.EPHEMERAL, new Stat());
        zk.create("/container", null, open, CreateMode.CONTAINER, new Stat());
        zk.create("/ttl", null, open, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 86400000L);
        zk.setData("/a", bytes("world!"), 0);
        zk.setACL("/seq-0000000003", Ids.READ_ACL_UNSAFE, 0);
        zk.delete("/gr\u00fc\u00dfe-\u4f60\u597d", 0);
        refused(() -> zk.create("/a", null, open, CreateMode.PERSISTENT));
        refused(() -> zk.setData("/a", null, 7));
        refused(() -> zk.delete("/a", -1));
        refused(() -> zk.delete("/nope", -1));
        zk.multi(Arrays.asList(
            Op.check("/a", 1),
            Op.create("/m", bytes("m"), open, CreateMode.PERSISTENT),
            Op.setData("/m", bytes("mm"), 0),
            Op.delete("/m", 1)));
        refused(() -> zk.multi(Arrays.asList(
            Op.create("/m2", bytes("1"), open, CreateMode.PERSISTENT), Op.delete("/nope", -1))));
        zk.getConfig(false, new Stat());
    }

    private static void reads(ZooKeeper zk) throws Exception {
        zk.getData("/a", false, new Stat());
        zk.getData("/null", false, new Stat());
        refused(() -> zk.getData("/nope", false, null));
        zk.exists("/a", false);
        zk.exists("/nope", false);
        zk.getChildren("/a", false);
        zk.getChildren("/a", false, new Stat());
        zk.getACL("/a", new Stat());
        zk.getAllChildrenNumber("/a");
        zk.getEphemerals();
        zk.getEphemerals("/e");
        zk.sync("/a", (code, path, context) -> { }, null);
        zk.whoAmI();
        zk.multi(Arrays.asList(Op.getData("/a"), Op.getChildren("/a"), Op.getData("/nope")));
    }

    private static void access(ZooKeeper zk) throws Exception {
        zk.addAuthInfo("digest", bytes("user:pass"));
        zk.create("/secret", bytes("x"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        zk.getACL("/secret", new Stat());
        zk.whoAmI();
    }

    private static void watches(ZooKeeper zk, BlockingQueue<WatchedEvent> events) throws Exception {
        zk.getData("/a", true, null);
        zk.setData("/a", bytes("1"), -1);
        await(events, EventType.NodeDataChanged);
        zk.exists("/later", true);
        zk.create("/later", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        await(events, EventType.NodeCreated);
        zk.getChildren("/later", true);
        zk.create("/later/child", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        await(events, EventType.NodeChildrenChanged);
        BlockingQueue<WatchedEvent> more = new LinkedBlockingQueue<>();
        zk.addWatch("/later", more::add, AddWatchMode.PERSISTENT_RECURSIVE);
        zk.addWatch("/later/child", more::add, AddWatchMode.PERSISTENT);
        zk.delete("/later/child", -1);
        await(more, EventType.NodeDeleted);
        zk.removeAllWatches("/later/child", WatcherType.Any, false);
        refused(() -> zk.removeAllWatches("/nope", WatcherType.Any, false));
        // Left behind, so that the next connection sets them again.
        zk.getData("/a", true, null);
        zk.exists("/absent", true);
        zk.getChildren("/a", true);
    }

    public static void main(String[] args) throws Exception {
        out = new PrintStream(new File(args[1]), StandardCharsets.UTF_8);
        File dir = new File(args[0]);
        ZooKeeperServer server = new ZooKeeperServer(dir, dir, 2000);
        ServerCnxnFactory factory = ServerCnxnFactory.createFactory(new InetSocketAddress("127.0.0.1", 0), 10);
        factory.startup(server);
        ServerSocket proxy = new ServerSocket(0);
        new Thread(() -> accept(proxy, factory.getLocalPort())).start();

        out.println(System.currentTimeMillis());
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        ZooKeeper zk = new ZooKeeper("127.0.0.1:" + proxy.getLocalPort(), 6000, events::add);
        awaitConnected(events);
        writes(zk);
        reads(zk);
        access(zk);
        watches(zk, events);
        // Long enough for a ping.
        Thread.sleep(3000);
        events.clear();
        client.close();
        awaitConnected(events);
        zk.setData("/a", bytes("2"), -1);
        await(events, EventType.NodeDataChanged);
        zk.close();
        factory.shutdown();
        proxy.close();
        out.println(System.currentTimeMillis());
        out.close();
        System.exit(0);
    }
}
