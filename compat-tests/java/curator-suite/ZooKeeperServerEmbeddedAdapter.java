package org.apache.curator.test;

import java.io.IOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;

/**
 * Takes the place of the class of the same name in curator-test, the one through which all its servers, single or of a cluster, are
 * started: a process with the settings that Apache's server would get, instead of that server in this virtual machine.
 */
public class ZooKeeperServerEmbeddedAdapter implements ZooKeeperMainFace {
    private static final String BINARY = System.getProperty("examiner.binary");
    private static final Path WORK = Path.of(System.getProperty("examiner.work"));
    private static final long PATIENCE_S = 30;
    private static final int POLL_MS = 5;
    private static final Pattern LISTENS = Pattern.compile("binding to port \\S*:(\\d+)");

    private Process process;
    private Path log;
    private int port;

    @Override
    public void start(QuorumPeerConfigBuilder configBuilder) {
        try {
            Properties settings = configBuilder.buildProperties();
            // As the class that this one replaces.
            settings.setProperty("admin.enableServer", "false");
            settings.setProperty("4lw.commands.whitelist", "*");
            if (QuorumPeerConfig.isReconfigEnabled()) {
                settings.setProperty("reconfigEnabled", "true");
            }
            Path home = Files.createTempDirectory(Files.createDirectories(WORK), "server-");
            Path file = home.resolve("zoo.cfg");
            try (Writer out = Files.newBufferedWriter(file)) {
                settings.store(out, null);
            }
            log = home.resolve("log");
            process = spawn(file);
            port = Integer.parseInt(settings.getProperty("clientPort"));
            awaitListening();
        } catch (Exception e) {
            throw new FailedServerStartException(e);
        }
    }

    private Process spawn(Path file) throws IOException {
        List<String> command = new ArrayList<>(List.of(BINARY, "server"));
        command.addAll(flags());
        command.add(file.toString());
        Process started = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        Runtime.getRuntime().addShutdownHook(new Thread(started::destroyForcibly));
        // The examiner counts: a class that starts no server proves nothing.
        System.setProperty("examiner.started", String.valueOf(Integer.getInteger("examiner.started", 0) + 1));
        return started;
    }

    /** What the tests set as system properties is meant for the server. */
    private static List<String> flags() {
        Properties all = System.getProperties();
        List<String> flags = new ArrayList<>();
        for (String name : new TreeSet<>(all.stringPropertyNames())) {
            boolean known = name.startsWith("zookeeper.") || name.startsWith("jute.") || name.startsWith("znode.")
                || name.startsWith("readonlymode.");
            if (known) {
                flags.add("-D" + name + "=" + all.getProperty(name));
            }
        }
        return flags;
    }

    /** Until the server takes connections; a member does that before it has found a leader, as Apache's does. */
    private void awaitListening() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (System.nanoTime() < deadline) {
            if (!process.isAlive()) {
                throw new IOException("the server ended: " + Files.readString(log));
            }
            if (port == 0) {
                Matcher said = LISTENS.matcher(Files.readString(log));
                port = said.find() ? Integer.parseInt(said.group(1)) : 0;
            }
            if (port != 0 && listens()) {
                return;
            }
            Thread.sleep(POLL_MS);
        }
        close();
        throw new IOException("the server does not listen: " + Files.readString(log));
    }

    private boolean listens() {
        try (Socket probe = new Socket()) {
            probe.connect(new InetSocketAddress("127.0.0.1", port));
            return true;
        } catch (IOException notYet) {
            return false;
        }
    }

    @Override
    public int getClientPort() {
        return port;
    }

    @Override
    public void kill() {
        if (process != null) {
            process.destroyForcibly();
            join();
        }
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroy();
            join();
        }
    }

    /** Until it has ended, whatever interrupts the thread: the tests start the next one on the same port and directory. */
    private void join() {
        boolean interrupted = false;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        boolean ended = false;
        while (!ended) {
            try {
                ended = process.waitFor(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
                if (!ended) {
                    process.destroyForcibly();
                    throw new IllegalStateException("the server did not stop within " + PATIENCE_S + " s");
                }
            } catch (InterruptedException again) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
