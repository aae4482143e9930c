package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.retried;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.zookeeper.AsyncCallback.StringCallback;
import org.apache.zookeeper.AsyncCallback.VoidCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * Clients write as fast as they can while the server is killed again and again. In the end every acknowledged write is
 * there, once; every other write is there once or not at all; and there is nothing that nobody wrote. What is asked for
 * instead of a crash may be given; in an ensemble, a change of members. Ends by creating /crash/over.
 */
public final class Crash {
    private static final int WORKERS = 4;
    /** Requests that one worker keeps in flight, so that a crash always meets some. */
    private static final int WINDOW = 32;
    /** How long to wait between two of them, for a load that lasts without filling the tree. */
    private static final int PACE_MS = Integer.getInteger("compat.pace", 0);
    /** Acknowledgements that each worker collects between two crashes. */
    private static final int PER_ROUND = 150;

    private Crash() {
    }

    /** Arguments: the servers, the number of crashes, what to ask for at each (default: kill). */
    public static void main(String[] args) throws Exception {
        int rounds = Integer.parseInt(args[1]);
        ZooKeeper setup = Scenario.connect(args[0], 30_000);
        setup.create("/crash", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            workers.add(new Worker(args[0], i));
        }
        AtomicReference<Throwable> broken = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (Worker worker : workers) {
            for (Scenario.Body body : new Scenario.Body[] {worker::count, worker::append}) {
                Thread thread = new Thread(() -> {
                    try {
                        body.run();
                    } catch (Throwable thrown) {
                        thrown.printStackTrace();
                        broken.compareAndSet(null, thrown);
                    }
                });
                thread.start();
                threads.add(thread);
            }
        }
        for (int round = 1; round <= rounds && !Scenario.failed(); round++) {
            String wish = args.length > 2 ? args[1 + round] : "kill";
            check(round + ": " + wish + " under load", () -> {
                for (Worker worker : workers) {
                    worker.awaitProgress(broken);
                }
                Scenario.ask(wish);
                for (Worker worker : workers) {
                    worker.sameSession();
                }
            });
        }
        Worker.stop = true;
        for (Thread thread : threads) {
            thread.join();
        }
        check("no worker broke", () -> equal(null, broken.get(), "first failure"));
        for (Worker worker : workers) {
            check("worker " + worker.number + " finds what it wrote", worker::verify);
        }
        for (Worker worker : workers) {
            worker.zk.close();
        }
        retried(() -> setup.create("/crash/over", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        setup.close();
        Scenario.end();
    }

    /** One session with a counter that it increments and a folder that it appends to and deletes from. */
    private static final class Worker {
        static volatile boolean stop;
        final int number;
        private final String top;
        private final ZooKeeper zk;
        private final long session;
        private final AtomicInteger acknowledged = new AtomicInteger();
        private int awaited;
        private int counted;
        /** What was sent, by the data that tells it apart, and how it was answered: the name, or an error code. */
        private final Map<String, String> appended = new ConcurrentHashMap<>();
        private final Map<String, Code> deleted = new ConcurrentHashMap<>();
        private final AtomicReference<String> unexpected = new AtomicReference<>();

        Worker(String servers, int number) throws Exception {
            this.number = number;
            top = "/crash/" + number;
            zk = Scenario.connect(servers, 30_000);
            session = zk.getSessionId();
            zk.create(top, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.create(top + "/alive", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            zk.create(top + "/counter", bytes(0), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.create(top + "/log", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }

        private static byte[] bytes(Object value) {
            return String.valueOf(value).getBytes(UTF_8);
        }

        /** The version counts how often a change was applied; the data says how often it should have been. */
        void count() throws Exception {
            while (!stop) {
                try {
                    Stat stat = zk.setData(top + "/counter", bytes(counted + 1), counted);
                    counted++;
                    equal(counted, stat.getVersion(), "version after a change");
                    acknowledged.incrementAndGet();
                } catch (KeeperException.ConnectionLossException lost) {
                    caughtUp();
                    Stat stat = new Stat();
                    int stored = Integer.parseInt(new String(retried(() -> zk.getData(top + "/counter", false, stat)),
                        UTF_8));
                    equal(stored, stat.getVersion(), "changes applied");
                    that(stored == counted || stored == counted + 1, counted + " were acknowledged, not " + stored);
                    counted = stored;
                }
            }
        }

        /** Appends without waiting for the answers, and deletes every fourth of what it has appended. */
        void append() throws Exception {
            Semaphore window = new Semaphore(WINDOW);
            VoidCallback onDeleted = (rc, path, ctx) -> {
                answered(rc, path, Code.NONODE);
                deleted.put(path, Code.get(rc));
                window.release();
            };
            StringCallback onCreated = (rc, path, ctx, name) -> {
                answered(rc, path, null);
                appended.put((String) ctx, rc == 0 ? name : Code.get(rc).name());
                if (rc == 0 && ((String) ctx).endsWith("3")) {
                    deleted.put(name, Code.CONNECTIONLOSS);
                    zk.delete(name, -1, onDeleted, null);
                } else {
                    window.release();
                }
            };
            for (int i = 0; !stop; i++) {
                window.acquire();
                String mark = "mark-" + i;
                appended.put(mark, "in flight");
                zk.create(top + "/log/n-", bytes(mark), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL, onCreated,
                    mark);
                Thread.sleep(PACE_MS);
                if (!zk.getState().isConnected()) {
                    // Requests fail at once while there is no connection; there is no point in counting them up.
                    Thread.sleep(20);
                }
            }
            window.acquire(WINDOW);
        }

        private void answered(int rc, String path, Code alsoFine) {
            Code code = Code.get(rc);
            if (code == Code.OK) {
                acknowledged.incrementAndGet();
            } else if (code != Code.CONNECTIONLOSS && code != alsoFine) {
                unexpected.compareAndSet(null, code + " for " + path);
            }
        }

        void awaitProgress(AtomicReference<Throwable> broken) throws Exception {
            awaited = acknowledged.get() + PER_ROUND;
            eventually("worker " + number + " gets on", () -> acknowledged.get() >= awaited || broken.get() != null);
            equal(null, broken.get(), "first failure");
        }

        /** The server that the session has moved to has seen what the one before it may still have sent. */
        private void caughtUp() throws Exception {
            retried(() -> {
                CompletableFuture<Integer> answer = new CompletableFuture<>();
                zk.sync(top, (rc, path, ctx) -> answer.complete(rc), null);
                Code code = Code.get(answer.get());
                if (code != Code.OK) {
                    throw KeeperException.create(code, top);
                }
                return code;
            });
        }

        void sameSession() throws Exception {
            Stat alive = retried(() -> zk.exists(top + "/alive", false));
            that(alive != null, "the ephemeral of worker " + number + " is there");
            equal(session, alive.getEphemeralOwner(), "owner");
            equal(session, zk.getSessionId(), "session");
        }

        void verify() throws Exception {
            equal(null, unexpected.get(), "unexpected answer");
            caughtUp();
            sameSession();
            Stat counter = new Stat();
            equal("" + counted, new String(retried(() -> zk.getData(top + "/counter", false, counter)), UTF_8), "count");
            equal(counted, counter.getVersion(), "changes applied");
            Stat folder = new Stat();
            Map<String, String> found = new HashMap<>();
            TreeSet<String> names = new TreeSet<>(retried(() -> zk.getChildren(top + "/log", false, folder)));
            for (String child : names) {
                String name = top + "/log/" + child;
                String mark = new String(retried(() -> zk.getData(name, false, null)), UTF_8);
                equal(null, found.put(mark, name), mark + " is there once");
                that(appended.containsKey(mark), "somebody wrote " + mark);
                that(deleted.get(name) != Code.OK, name + " was deleted for good");
            }
            int lost = 0;
            for (Map.Entry<String, String> write : appended.entrySet()) {
                String name = write.getValue();
                if (name.startsWith("/")) {
                    if (!deleted.containsKey(name)) {
                        equal(name, found.get(write.getKey()), "node of " + write.getKey());
                    }
                } else {
                    lost++;
                }
            }
            equal(names.size(), folder.getNumChildren(), "number of children");
            Scenario.say("worker " + number + ": counted " + counted + ", appended " + appended.size() + ", unanswered "
                + lost + ", deleted " + deleted.size());
            that(lost > 0, "some write was in flight during a crash");
        }
    }
}
