package oxkeeper.examiner;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.WeakHashMap;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.quorum.Follower;
import org.apache.zookeeper.server.quorum.Leader;
import org.apache.zookeeper.server.quorum.Observer;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.apache.zookeeper.server.quorum.QuorumPeer.LearnerType;
import org.apache.zookeeper.server.quorum.QuorumPeer.ServerState;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;
import org.apache.zookeeper.server.quorum.flexible.QuorumVerifier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The members of ensembles. Apache's tests make and start objects of the class QuorumPeer; those keep their settings and
 * their thread, but the thread runs a process, and what it would tell is asked of the process: the role is taken
 * from its log, the zxid from the word `srvr`, the epochs from their files. See {@link Weaver} for the methods that lead here.
 */
public final class Peers {
    private static final Logger LOG = LoggerFactory.getLogger(Peers.class);
    private static final Map<QuorumPeer, ExaminedServer> RUNNING = new WeakHashMap<>();
    /** What a subclass may not replace and still be examined: the parts of the server. */
    private static final String[] PARTS = {"makeLeader", "makeFollower", "makeObserver", "setCurrentEpoch", "setAcceptedEpoch"};

    private Peers() { }

    /** The life of a member's thread. */
    public static void run(QuorumPeer peer) {
        try {
            refuseReplacedParts(peer);
            ExaminedServer server;
            synchronized (RUNNING) {
                if (!peer.isRunning()) {
                    return;
                }
                server = ExaminedServer.start(ExaminedServer.home(), settings(peer));
                RUNNING.put(peer, server);
            }
            for (String role = server.awaitOther(""); role != null; role = server.awaitOther(role)) {
                synchronized (RUNNING) {
                    if (of(peer) == server) {
                        showRole(peer, ServerState.valueOf(role));
                    }
                }
            }
            LOG.info("the member {} ended with {}", peer.getMyId(), server.exitCode());
            showRole(peer, ServerState.LOOKING);
        } catch (IOException broken) {
            LOG.error("no process for the member {}", peer.getMyId(), broken);
        } catch (InterruptedException stopped) {
            shutdown(peer);
        }
    }

    private static void refuseReplacedParts(QuorumPeer peer) {
        for (Class<?> type = peer.getClass(); type != QuorumPeer.class; type = type.getSuperclass()) {
            boolean replaced = Arrays.stream(type.getDeclaredMethods())
                .anyMatch(method -> Arrays.asList(PARTS).contains(method.getName()));
            if (replaced) {
                throw new Unseen("a member with parts of the test's own: " + type.getName());
            }
        }
    }

    /** Ends the member's process; the object's own `shutdown` goes on from here. */
    public static void shutdown(QuorumPeer peer) {
        ExaminedServer server;
        synchronized (RUNNING) {
            server = RUNNING.remove(peer);
            showRole(peer, ServerState.LOOKING);
        }
        if (server != null) {
            server.stop();
        }
    }

    private static ExaminedServer of(QuorumPeer peer) {
        synchronized (RUNNING) {
            return RUNNING.get(peer);
        }
    }

    /** The role, or null where no process was started: the object's own field is right then. */
    public static ServerState state(QuorumPeer peer) {
        ExaminedServer server = of(peer);
        return server == null ? null : ServerState.valueOf(server.role());
    }

    private static String mode(QuorumPeer peer) {
        return line(peer, "Mode: ", "");
    }

    /** The rest of the line of the answer to `srvr` that starts so. */
    private static String line(QuorumPeer peer, String start, String otherwise) {
        String answer = peer.getClientPort() < 0 ? null : ExaminedServer.ask(peer.getClientPort(), "srvr");
        return answer == null ? otherwise : answer.lines()
            .filter(line -> line.startsWith(start))
            .map(line -> line.substring(start.length()).trim())
            .findFirst().orElse(otherwise);
    }

    /** The state's name, or null where no process was started. */
    public static String stateName(QuorumPeer peer) {
        if (of(peer) == null) {
            return null;
        }
        switch (mode(peer)) {
            case "leader": return "leading";
            case "follower": return "following";
            case "observer": return "observing";
            case "read-only": return "read-only";
            default: return "leaderelection";
        }
    }

    /** The zxid of the last transaction, or null where no process was started. */
    public static Long zxid(QuorumPeer peer) {
        return of(peer) == null ? null : Long.decode(line(peer, "Zxid: ", "0x0"));
    }

    /** How many requests wait for their answers. */
    static int outstanding(QuorumPeer peer) {
        return Integer.parseInt(line(peer, "Outstanding: ", ""));
    }

    /** The number in a file of the data directory, or null where no process was started. */
    public static Long epoch(QuorumPeer peer, String file) throws IOException {
        if (of(peer) == null) {
            return null;
        }
        return Long.parseLong(Files.readString(peer.getTxnFactory().getSnapDir().toPath().resolve(file)).trim());
    }

    /**
     * The membership as the word `conf` tells it, or null where the object's own is right: no process was started, or it does not
     * serve.
     */
    public static QuorumVerifier verifier(QuorumPeer peer) {
        if (of(peer) == null || of(peer).role().equals("LOOKING")) {
            return null;
        }
        String answer = ExaminedServer.ask(peer.getClientPort(), "conf");
        int start = answer == null ? -1 : answer.indexOf("membership: \n");
        if (start < 0) {
            return null;
        }
        try {
            Properties lines = new Properties();
            lines.load(new StringReader(answer.substring(start + "membership: \n".length())));
            return QuorumPeerConfig.parseDynamicConfig(lines, 3, false, false, null);
        } catch (IOException | QuorumPeerConfig.ConfigException broken) {
            throw new IllegalStateException("the membership in " + answer, broken);
        }
    }

    /** What stands for the server object of a running member, or null where no process was started. */
    public static ZooKeeperServer server(QuorumPeer peer) {
        return of(peer) == null ? null : Shown.server(peer);
    }

    /** What stands for the database of a running member, or null where no process was started. */
    public static ZKDatabase database(QuorumPeer peer) {
        return of(peer) == null ? null : Shown.database(peer);
    }

    /** The role's object is there while the member has the role: tests find out by it who leads. */
    private static void showRole(QuorumPeer peer, ServerState state) {
        show(peer, "leader", Leader.class, state == ServerState.LEADING);
        show(peer, "follower", Follower.class, state == ServerState.FOLLOWING);
        show(peer, "observer", Observer.class, state == ServerState.OBSERVING);
    }

    private static void show(QuorumPeer peer, String name, Class<?> role, boolean present) {
        try {
            Field field = QuorumPeer.class.getDeclaredField(name);
            field.setAccessible(true);
            if ((field.get(peer) != null) != present) {
                // Made without a constructor: there is nothing in it to be seen.
                Field unsafe = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
                unsafe.setAccessible(true);
                field.set(peer, present ? ((sun.misc.Unsafe) unsafe.get(null)).allocateInstance(role) : null);
            }
        } catch (ReflectiveOperationException changed) {
            throw new IllegalStateException(changed);
        }
    }

    /** The settings file that the test wrote, or one that says what it gave to the constructor. */
    private static Path settings(QuorumPeer peer) throws IOException {
        Path written = file(peer);
        if (written != null) {
            complete(written);
            return written;
        }
        Path data = peer.getTxnFactory().getSnapDir().getParentFile().toPath();
        Files.writeString(data.resolve("myid"), String.valueOf(peer.getMyId()));
        return Files.writeString(ExaminedServer.home().resolve("zoo.cfg"), text(peer, data));
    }

    /** Tests switch some settings in static fields of Apache's server, where its settings file says nothing. */
    static void complete(Path file) throws IOException {
        Properties lines = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            lines.load(reader);
        }
        StringBuilder more = new StringBuilder();
        if (QuorumPeerConfig.isReconfigEnabled() && lines.getProperty("reconfigEnabled") == null) {
            more.append("\nreconfigEnabled=true\n");
        }
        if (!QuorumPeerConfig.isStandaloneEnabled() && lines.getProperty("standaloneEnabled") == null) {
            more.append("\nstandaloneEnabled=false\n");
        }
        Files.writeString(file, more, StandardOpenOption.APPEND);
    }

    private static Path file(QuorumPeer peer) {
        try {
            Field field = QuorumPeer.class.getDeclaredField("configFilename");
            field.setAccessible(true);
            String name = (String) field.get(peer);
            return name == null ? null : Path.of(name);
        } catch (ReflectiveOperationException changed) {
            throw new IllegalStateException(changed);
        }
    }

    private static String text(QuorumPeer peer, Path data) {
        StringBuilder text = new StringBuilder();
        text.append("tickTime=").append(peer.getTickTime()).append('\n');
        text.append("initLimit=").append(peer.getInitLimit()).append('\n');
        text.append("syncLimit=").append(peer.getSyncLimit()).append('\n');
        text.append("dataDir=").append(data).append('\n');
        text.append("dataLogDir=").append(peer.getTxnFactory().getDataLogDir().getParent()).append('\n');
        text.append("minSessionTimeout=").append(peer.getMinSessionTimeout()).append('\n');
        text.append("maxSessionTimeout=").append(peer.getMaxSessionTimeout()).append('\n');
        // Made by a constructor, a member has no limit.
        text.append("maxClientCnxns=0\n");
        text.append("localSessionsEnabled=").append(peer.areLocalSessionsEnabled()).append('\n');
        text.append("localSessionsUpgradingEnabled=").append(peer.isLocalSessionsUpgradingEnabled()).append('\n');
        text.append("reconfigEnabled=").append(QuorumPeerConfig.isReconfigEnabled()).append('\n');
        text.append("standaloneEnabled=").append(QuorumPeerConfig.isStandaloneEnabled()).append('\n');
        if (peer.getLearnerType() == LearnerType.OBSERVER) {
            text.append("peerType=observer\n");
        }
        // The oracle is asked only where exactly two vote.
        boolean oracle = peer.getVotingView().size() == 2;
        peer.getQuorumVerifier().toString().lines()
            .filter(line -> !line.startsWith("version=") && (oracle || !line.startsWith("oraclePath=")))
            .forEach(line -> text.append(line).append('\n'));
        return text.toString();
    }
}
