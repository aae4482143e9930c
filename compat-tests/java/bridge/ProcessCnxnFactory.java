package oxkeeper.examiner;

import java.io.IOException;
import java.io.Reader;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Properties;
import org.apache.zookeeper.server.ServerCnxn;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;

/**
 * Stands where Apache's tests expect the sockets of a server, and starts a process instead: the server under
 * examination, on the same port and directories, with the same settings. The ZooKeeperServer that they hand in is never started; it only tells settings.
 */
public final class ProcessCnxnFactory extends ServerCnxnFactory {
    private InetSocketAddress address;
    private int perAddress;
    private int backlog;
    private ExaminedServer process;

    @Override
    public void configure(InetSocketAddress addr, int maxcc, int backlog, boolean secure) throws IOException {
        if (secure) {
            throw new IOException("the server under examination has no TLS yet");
        }
        address = addr.getPort() == 0 ? new InetSocketAddress(addr.getAddress(), ExaminedServer.freePort()) : addr;
        perAddress = maxcc;
        this.backlog = backlog;
        initMaxCnxns();
    }

    @Override
    public void startup(ZooKeeperServer server, boolean startServer) throws IOException, InterruptedException {
        setZooKeeperServer(server);
        if (startServer && process == null) {
            Path home = ExaminedServer.home();
            process = ExaminedServer.start(home, file(home, server));
            process.awaitListening(address);
        }
    }

    /** The file that the test had parsed for these data, or one that says what the test gave to constructors. */
    private Path file(Path home, ZooKeeperServer server) throws IOException {
        Path parsed = Parsed.last();
        if (parsed != null && Files.exists(parsed)) {
            Properties lines = new Properties();
            try (Reader reader = Files.newBufferedReader(parsed)) {
                lines.load(reader);
            }
            if (settings(server).contains("\ndataDir=" + lines.getProperty("dataDir") + "\n")) {
                Peers.complete(parsed);
                return parsed;
            }
        }
        return Files.writeString(home.resolve("zoo.cfg"), settings(server));
    }

    private String settings(ZooKeeperServer server) {
        FileTxnSnapLog files = server.getTxnLogFactory();
        StringBuilder text = new StringBuilder();
        text.append("clientPort=").append(address.getPort()).append('\n');
        if (!address.getAddress().isAnyLocalAddress()) {
            text.append("clientPortAddress=").append(address.getAddress().getHostAddress()).append('\n');
        }
        text.append("dataDir=").append(files.getSnapDir().getParent()).append('\n');
        text.append("dataLogDir=").append(files.getDataLogDir().getParent()).append('\n');
        text.append("tickTime=").append(server.getTickTime()).append('\n');
        text.append("minSessionTimeout=").append(server.getMinSessionTimeout()).append('\n');
        text.append("maxSessionTimeout=").append(server.getMaxSessionTimeout()).append('\n');
        // 0 and less mean the same to Apache's factory, and only 0 in a settings file.
        text.append("maxClientCnxns=").append(Math.max(perAddress, 0)).append('\n');
        text.append("reconfigEnabled=").append(QuorumPeerConfig.isReconfigEnabled()).append('\n');
        return text.toString();
    }

    @Override
    public void shutdown() {
        if (process != null) {
            process.stop();
            process = null;
            tellWhoWaits();
        }
    }

    /** Whoever runs the server waits for its object to shut down. */
    private void tellWhoWaits() {
        try {
            Class<?> state = Class.forName("org.apache.zookeeper.server.ZooKeeperServer$State");
            Method setState = ZooKeeperServer.class.getDeclaredMethod("setState", state);
            setState.setAccessible(true);
            setState.invoke(zkServer, Enum.valueOf(state.asSubclass(Enum.class), "SHUTDOWN"));
        } catch (ReflectiveOperationException changed) {
            throw new IllegalStateException(changed);
        }
    }

    @Override
    public int getLocalPort() {
        return address.getPort();
    }

    @Override
    public InetSocketAddress getLocalAddress() {
        return address;
    }

    @Override
    public int getMaxClientCnxnsPerHost() {
        return perAddress;
    }

    @Override
    public void setMaxClientCnxnsPerHost(int max) {
        perAddress = max;
    }

    @Override
    public int getSocketListenBacklog() {
        return backlog;
    }

    @Override
    public void join() throws InterruptedException {
        if (process != null) {
            process.join();
        }
    }

    @Override
    public void start() {
        // The process starts with its settings, in startup.
    }

    @Override
    public void reconfigure(InetSocketAddress addr) {
        throw new Unseen("reconfigure");
    }

    @Override
    public void closeAll(ServerCnxn.DisconnectReason reason) {
        throw new Unseen("closeAll");
    }

    @Override
    public Iterable<ServerCnxn> getConnections() {
        throw new Unseen("getConnections");
    }

    @Override
    public void resetAllConnectionStats() {
        throw new Unseen("resetAllConnectionStats");
    }

    @Override
    public Iterable<Map<String, Object>> getAllConnectionInfo(boolean brief) {
        return Collections.emptyList();
    }
}
