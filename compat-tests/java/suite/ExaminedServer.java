package oxkeeper.examiner;

import java.io.File;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** A server process. All that still run end with the tests. */
public final class ExaminedServer {
    private static final String BINARY = System.getProperty("examiner.binary");
    private static final Path WORK = Path.of(System.getProperty("examiner.work"));
    private static final long PATIENCE_S = 30;
    /** Properties of the tests' own machinery, which no server knows. */
    private static final Set<String> OURS = Set.of("zookeeper.serverCnxnFactory");

    private final Process process;

    private ExaminedServer(Process process) {
        this.process = process;
    }

    /** Starts the server with these settings, and waits until it listens. */
    static ExaminedServer start(String settings) throws IOException, InterruptedException {
        Path home = Files.createTempDirectory(Files.createDirectories(WORK), "server-");
        Path file = Files.writeString(home.resolve("zoo.cfg"), settings);
        List<String> command = new ArrayList<>(List.of(BINARY, "server"));
        command.addAll(properties());
        command.add(file.toString());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        File log = home.resolve("log").toFile();
        Process process = builder.redirectOutput(log).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        awaitListening(process, port(settings), log);
        return new ExaminedServer(process);
    }

    /** What the tests set as system properties is meant for the server. */
    private static List<String> properties() {
        Properties all = System.getProperties();
        List<String> flags = new ArrayList<>();
        for (String name : new TreeSet<>(all.stringPropertyNames())) {
            boolean known = name.startsWith("zookeeper.") || name.startsWith("jute.") || name.startsWith("znode.")
                || name.startsWith("readonlymode.");
            if (known && !OURS.contains(name)) {
                flags.add("-D" + name + "=" + all.getProperty(name));
            }
        }
        return flags;
    }

    private static int port(String settings) {
        for (String line : settings.split("\n")) {
            if (line.startsWith("clientPort=")) {
                return Integer.parseInt(line.substring("clientPort=".length()));
            }
        }
        throw new IllegalArgumentException("settings without a client port");
    }

    private static void awaitListening(Process process, int port, File log) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (System.nanoTime() < deadline) {
            if (!process.isAlive()) {
                throw new IOException("the server ended: " + Files.readString(log.toPath()));
            }
            try (Socket probe = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (ConnectException notYet) {
                Thread.sleep(5);
            }
        }
        throw new IOException("the server does not listen on port " + port);
    }

    /** A port that is free now. */
    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    void stop() {
        process.destroy();
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
