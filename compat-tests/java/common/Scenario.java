package compat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/** What every scenario needs: checks that report, waiting for a condition, and asking for the server to be acted upon. */
public final class Scenario {
    /** How long a condition may take to come true on a loaded machine. */
    public static final long PATIENCE_MS = 60_000;
    private static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    private Scenario() {
    }

    /** A piece of a scenario that reports by throwing. */
    public interface Body {
        void run() throws Exception;
    }

    /** Runs one check and prints how it went. Later checks run even after a failure. */
    public static void check(String name, Body body) {
        try {
            body.run();
            say("PASS " + name);
        } catch (Throwable thrown) {
            FAILED.set(true);
            say("FAIL " + name + ": " + thrown);
            thrown.printStackTrace();
        }
    }

    /** Whether any check has failed so far. */
    public static boolean failed() {
        return FAILED.get();
    }

    public static void equal(Object want, Object got, String what) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + ": want " + want + ", got " + got);
        }
    }

    public static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("not so: " + what);
        }
    }

    /** The body must be refused with this code, for this path. */
    public static void refused(KeeperException.Code code, String path, Body body) throws Exception {
        try {
            body.run();
        } catch (KeeperException refusal) {
            equal(code, refusal.code(), "error for " + path);
            equal(path, refusal.getPath(), "path in the error");
            return;
        }
        throw new AssertionError("want " + code + " for " + path + ", but it went through");
    }

    public static void eventually(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("never: " + what);
            }
            Thread.sleep(10);
        }
    }

    /** Asks whoever runs this program: restart, kill, stop, start, become another server. Returns when it is done. */
    public static synchronized void ask(String wish) throws IOException {
        say("ASK " + wish);
        String answer = ANSWERS.readLine();
        if (!"DONE".equals(answer)) {
            throw new IOException("asked to " + wish + ", was told " + answer);
        }
    }

    public static void say(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    /** Ends the program; never returns. Threads that clients left behind do not keep it. */
    public static void end() {
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(FAILED.get() ? 1 : 0);
    }

    /** A connected client. */
    public static ZooKeeper connect(String servers, int timeoutMs, Watcher watcher) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(servers, timeoutMs, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
            watcher.process(event);
        });
        that(connected.await(PATIENCE_MS, TimeUnit.MILLISECONDS), "a session within " + PATIENCE_MS + " ms");
        return client;
    }

    public static ZooKeeper connect(String servers, int timeoutMs) throws Exception {
        return connect(servers, timeoutMs, (WatchedEvent event) -> { });
    }

    /** Repeats an idempotent call while the connection comes and goes; any other error is the caller's. */
    public static <T> T retried(Callable<T> call) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (true) {
            try {
                return call.call();
            } catch (KeeperException.ConnectionLossException lost) {
                if (System.nanoTime() > deadline) {
                    throw lost;
                }
                Thread.sleep(20);
            }
        }
    }
}
