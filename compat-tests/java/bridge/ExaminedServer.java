package oxkeeper.examiner;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.server.SyncRequestProcessor;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A server process. All that still run end with the tests. */
public final class ExaminedServer {
    private static final String BINARY = System.getProperty("examiner.binary");
    private static final Path WORK = Path.of(System.getProperty("examiner.work"));
    private static final long PATIENCE_S = 30;
    private static final int WORD_TIMEOUT_MS = 2000;
    /** Properties of the tests' own machinery, which no server knows. */
    private static final Set<String> OURS = Set.of("zookeeper.serverCnxnFactory", "zookeeper.junit.threadid");

    /** Where tests that read the server's log listen. */
    private static final Logger LOG = LoggerFactory.getLogger(QuorumPeer.class);
    /** Time, id, level and place, then the message. */
    private static final Pattern LINE = Pattern.compile("\\S+ \\S+ \\[myid:\\d*\\] - (\\S+) +\\[\\S+\\] - (.*)");
    private static final Pattern ROLE = Pattern.compile("(LOOKING|FOLLOWING|LEADING|OBSERVING)(?: .*)?");

    private final Process process;
    private final Path log;
    private final Thread reader;
    private String role = "LOOKING";
    private boolean ended;

    private ExaminedServer(Process process, Path log) {
        this.process = process;
        this.log = log;
        reader = new Thread(this::read, "log of a process");
        reader.setDaemon(true);
        reader.start();
    }

    /** Keeps what the process prints, and prints it among the lines of the tests. */
    private void read() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
             BufferedWriter file = Files.newBufferedWriter(log)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                file.write(line);
                file.newLine();
                file.flush();
                Matcher parts = LINE.matcher(line);
                if (parts.matches()) {
                    show(parts.group(1), parts.group(2));
                } else {
                    LOG.info(line);
                }
            }
        } catch (IOException broken) {
            LOG.warn("the log of a process ends", broken);
        } finally {
            synchronized (this) {
                ended = true;
                notifyAll();
            }
        }
    }

    private void show(String level, String message) {
        Matcher change = ROLE.matcher(message);
        if (change.matches()) {
            synchronized (this) {
                role = change.group(1);
                notifyAll();
            }
        }
        switch (level) {
            case "ERROR":
                LOG.error(message);
                break;
            case "WARN":
                LOG.warn(message);
                break;
            default:
                LOG.info(message);
        }
    }

    /** The role that it has said to have last: LOOKING, FOLLOWING, LEADING or OBSERVING. */
    synchronized String role() {
        return role;
    }

    /** Waits until it has another role than this one; null once it has ended. */
    synchronized String awaitOther(String than) throws InterruptedException {
        while (!ended && role.equals(than)) {
            wait();
        }
        return ended ? null : role;
    }

    /** An empty directory for one start of a server. */
    static Path home() throws IOException {
        return Files.createTempDirectory(Files.createDirectories(WORK), "server-");
    }

    /** Starts the server with this settings file, and with what the tests have set in this virtual machine. */
    static ExaminedServer start(Path home, Path file) throws IOException {
        List<String> command = new ArrayList<>(List.of(BINARY, "server"));
        command.addAll(properties());
        command.add(file.toString());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        Path log = home.resolve("log");
        Process process = builder.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        // The examiner counts: a class that starts no server proves nothing.
        System.setProperty("examiner.started", String.valueOf(Integer.getInteger("examiner.started", 0) + 1));
        return new ExaminedServer(process, log);
    }

    /** What the tests set as system properties, and in fields that Apache's server reads them into, is meant for the server. */
    private static List<String> properties() {
        Properties all = new Properties();
        for (String name : System.getProperties().stringPropertyNames()) {
            boolean known = name.startsWith("zookeeper.") || name.startsWith("jute.") || name.startsWith("znode.")
                || name.startsWith("readonlymode.");
            if (known && !OURS.contains(name)) {
                all.setProperty(name, System.getProperty(name));
            }
        }
        if (ZooKeeperServer.isEnableEagerACLCheck()) {
            all.setProperty("zookeeper.enableEagerACLCheck", "true");
        }
        if (!ZooKeeperServer.isCloseSessionTxnEnabled()) {
            all.setProperty("zookeeper.closeSessionTxn.enabled", "false");
        }
        if (SyncRequestProcessor.getSnapCount() != ZooKeeperServer.getSnapCount()) {
            all.setProperty("zookeeper.snapCount", String.valueOf(SyncRequestProcessor.getSnapCount()));
        }
        long snapBytes = snapSizeInBytes();
        if (snapBytes != ZooKeeperServer.getSnapSizeInBytes()) {
            all.setProperty("zookeeper.snapSizeLimitInKb", String.valueOf(snapBytes / 1024));
        }
        List<String> flags = new ArrayList<>();
        for (String name : new TreeSet<>(all.stringPropertyNames())) {
            flags.add("-D" + name + "=" + all.getProperty(name));
        }
        return flags;
    }

    private static long snapSizeInBytes() {
        try {
            Field field = SyncRequestProcessor.class.getDeclaredField("snapSizeInBytes");
            field.setAccessible(true);
            return field.getLong(null);
        } catch (ReflectiveOperationException changed) {
            throw new IllegalStateException(changed);
        }
    }

    /** Waits until something listens at the address. */
    void awaitListening(InetSocketAddress address) throws IOException, InterruptedException {
        InetAddress bound = address.getAddress();
        InetAddress host = bound.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : bound;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (System.nanoTime() < deadline) {
            if (!process.isAlive()) {
                throw new IOException("the server ended: " + said());
            }
            try (Socket probe = new Socket(host, address.getPort())) {
                return;
            } catch (IOException notYet) {
                Thread.sleep(5);
            }
        }
        stop();
        throw new IOException("the server does not listen at " + address);
    }

    /** The answer to a four-letter word, or null where nobody answers. */
    static String ask(int port, String word) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(WORD_TIMEOUT_MS);
            socket.getOutputStream().write(word.getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().flush();
            InputStream answer = socket.getInputStream();
            return new String(answer.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException silent) {
            return null;
        }
    }

    /** A port that is free now. */
    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    /** What it has printed before its end. */
    private String said() throws IOException, InterruptedException {
        reader.join();
        return Files.readString(log);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for its end; false where it still runs after that time. */
    boolean awaitEnd(long millis) throws InterruptedException {
        return process.waitFor(millis, TimeUnit.MILLISECONDS);
    }

    /** Waits for its end. */
    int exitCode() throws InterruptedException {
        return process.waitFor();
    }

    void stop() {
        // Not by the process object, which would close its output before its last words.
        process.toHandle().destroy();
        try {
            if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new IllegalStateException("the server did not stop within " + PATIENCE_S + " s");
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    void join() throws InterruptedException {
        process.waitFor();
    }
}
