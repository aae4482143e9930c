package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;
import static compat.Scenario.eventually;
import static compat.Scenario.that;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;

/**
 * Curator's recipes, used by several processes at once. Each recipe is a phase that all of them enter together; in some
 * the first process asks for a restart or a crash of the server half-way.
 */
public final class Recipes {
    private static CuratorFramework curator;
    private static int me;
    private static int all;
    private static String name;

    private Recipes() {
    }

    /** Arguments: the server, the number of this process, the number of all. */
    public static void main(String[] args) throws Exception {
        me = Integer.parseInt(args[1]);
        all = Integer.parseInt(args[2]);
        name = "worker-" + me;
        curator = CuratorFrameworkFactory.newClient(args[0], 30_000, 15_000, new RetryForever(50));
        curator.start();
        that(curator.blockUntilConnected(60, TimeUnit.SECONDS), "connected");
        phase("mutex", Recipes::mutex);
        phase("read-write lock", Recipes::readWriteLock);
        phase("semaphore", Recipes::semaphore);
        phase("leader latch", Recipes::leaderLatch);
        phase("leader selector", Recipes::leaderSelector);
        phase("barrier", Recipes::barrier);
        phase("double barrier", Recipes::doubleBarrier);
        phase("queue", Recipes::queue);
        phase("priority queue", Recipes::priorityQueue);
        phase("simple queue", Recipes::simpleQueue);
        phase("shared count", Recipes::sharedCount);
        phase("atomic long", Recipes::atomicLong);
        phase("persistent node", Recipes::persistentNode);
        phase("group", Recipes::group);
        phase("discovery", Recipes::discovery);
        meet("the end");
        curator.close();
        Scenario.end();
    }

    private static void phase(String recipe, Scenario.Body body) throws Exception {
        meet("before " + recipe);
        check(recipe, body);
    }

    private static byte[] bytes(Object value) {
        return String.valueOf(value).getBytes(UTF_8);
    }

    /** Waits until every process is here. Made of plain nodes, not of a recipe. */
    private static void meet(String place) throws Exception {
        put("/meet/" + place + "/" + me, "");
        eventually("everybody is at " + place, () -> children("/meet/" + place).size() == all);
    }

    /** Creates a node; after a lost connection it may have been there already. */
    private static void put(String path, String data) throws Exception {
        try {
            curator.create().creatingParentsIfNeeded().forPath(path, bytes(data));
        } catch (KeeperException.NodeExistsException exists) {
            equal(data, new String(curator.getData().forPath(path), UTF_8), path + " is ours");
        }
    }

    private static void drop(String path) throws Exception {
        curator.delete().quietly().forPath(path);
    }

    private static Set<String> children(String path) throws Exception {
        try {
            return new TreeSet<>(curator.getChildren().forPath(path));
        } catch (KeeperException.NoNodeException none) {
            return new TreeSet<>();
        }
    }

    /** Fails if another process is in the same place at the same time. */
    private static void alone(String place, Scenario.Body body) throws Exception {
        put(place + "/inside", name);
        body.run();
        drop(place + "/inside");
    }

    private static void mutex() throws Exception {
        int turns = 6;
        InterProcessMutex mutex = new InterProcessMutex(curator, "/mutex/lock");
        for (int i = 0; i < turns; i++) {
            int turn = i;
            mutex.acquire();
            that(mutex.acquire(1, TimeUnit.SECONDS), "the same thread may enter again");
            alone("/mutex", () -> {
                put("/mutex/turns/" + me + "-" + turn, "");
                if (me == 0 && turn == 2) {
                    Scenario.ask("restart");
                }
                if (me == 0 && turn == 4) {
                    Scenario.ask("kill");
                }
            });
            mutex.release();
            mutex.release();
        }
        meet("mutex done");
        equal(turns * all, children("/mutex/turns").size(), "turns taken");
        equal(Collections.emptyList(), new ArrayList<>(mutex.getParticipantNodes()), "nobody waits");
    }

    private static void readWriteLock() throws Exception {
        InterProcessReadWriteLock lock = new InterProcessReadWriteLock(curator, "/rw/lock");
        for (int turn = 0; turn < 4; turn++) {
            lock.writeLock().acquire();
            alone("/rw", () -> equal(Collections.emptySet(), children("/rw/readers"), "readers beside a writer"));
            lock.writeLock().release();
            lock.readLock().acquire();
            put("/rw/readers/" + me, "");
            equal(null, curator.checkExists().forPath("/rw/inside"), "a writer beside a reader");
            if (me == 0 && turn == 1) {
                Scenario.ask("kill");
            }
            drop("/rw/readers/" + me);
            lock.readLock().release();
        }
        meet("read and write");
        lock.readLock().acquire();
        meet("all read at once");
        lock.readLock().release();
    }

    private static void semaphore() throws Exception {
        int permits = 2;
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(curator, "/semaphore/permits", permits);
        for (int turn = 0; turn < 5; turn++) {
            Lease lease = semaphore.acquire(60, TimeUnit.SECONDS);
            that(lease != null, "a lease");
            put("/semaphore/inside/" + me, "");
            that(children("/semaphore/inside").size() <= permits, "no more than " + permits);
            drop("/semaphore/inside/" + me);
            semaphore.returnLease(lease);
        }
        meet("semaphore");
        equal(0, semaphore.getParticipantNodes().size(), "leases out");
    }

    private static void leaderLatch() throws Exception {
        LeaderLatch latch = new LeaderLatch(curator, "/latch", name);
        latch.start();
        that(latch.await(60, TimeUnit.SECONDS), "everybody leads once");
        alone("/leading", () -> {
            equal(name, latch.getLeader().getId(), "leader");
            put("/led/" + me, "");
            if (children("/led").size() == 1) {
                // All are candidates by now, and a leader that is cut off may give up the lead; it is not lost for it.
                eventually("all have joined", () -> latch.getParticipants().size() == all);
            }
        });
        latch.close();
        meet("latch");
        equal(all, children("/led").size(), "leaders");
    }

    private static void leaderSelector() throws Exception {
        CountDownLatch led = new CountDownLatch(2);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        LeaderSelector selector = new LeaderSelector(curator, "/selector", new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework client) {
                try {
                    alone("/selected", () -> { });
                } catch (Throwable thrown) {
                    failure.compareAndSet(null, thrown);
                }
                led.countDown();
            }
        });
        selector.setId(name);
        selector.autoRequeue();
        selector.start();
        that(led.await(60, TimeUnit.SECONDS), "led twice");
        equal(null, failure.get(), "leading alone");
        selector.close();
        meet("selector");
    }

    private static void barrier() throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(curator, "/barrier");
        if (me == 0) {
            barrier.setBarrier();
        }
        meet("barrier");
        if (me == 0) {
            Scenario.ask("restart");
            put("/opened", "");
            barrier.removeBarrier();
        } else {
            that(barrier.waitOnBarrier(60, TimeUnit.SECONDS), "opened");
            that(curator.checkExists().forPath("/opened") != null, "not before it was opened");
        }
    }

    private static void doubleBarrier() throws Exception {
        for (int turn = 0; turn < 3; turn++) {
            DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(curator, "/double-" + turn, all);
            that(barrier.enter(60, TimeUnit.SECONDS), "entered");
            put("/entered-" + turn + "/" + me, "");
            that(barrier.leave(60, TimeUnit.SECONDS), "left");
            equal(all, children("/entered-" + turn).size(), "all entered before any left");
        }
    }

    private static final QueueSerializer<String> TEXT = new QueueSerializer<String>() {
        @Override
        public byte[] serialize(String item) {
            return bytes(item);
        }

        @Override
        public String deserialize(byte[] data) {
            return new String(data, UTF_8);
        }
    };

    private static QueueConsumer<String> into(Collection<String> taken, String place) {
        return new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String message) throws Exception {
                // Curator puts an item again if it does not learn that it has arrived: it may come twice.
                curator.create().orSetData().creatingParentsIfNeeded().forPath(place + "/" + message);
                taken.add(message);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {
            }
        };
    }

    /**
     * The crash comes while items are put. While they are taken Curator would not get over one: it takes a lock that it
     * left itself, in an answer that it never got, for somebody else's.
     */
    private static void queue() throws Exception {
        int items = 40;
        DistributedQueue<String> producer = QueueBuilder.builder(curator, null, TEXT, "/queue").buildQueue();
        producer.start();
        for (int i = 0; i < items; i++) {
            producer.put(me + "-" + i);
            if (me == 0 && i == 20) {
                Scenario.ask("kill");
            }
        }
        that(producer.flushPuts(60, TimeUnit.SECONDS), "everything is put");
        producer.close();
        meet("queue filled");
        LinkedBlockingQueue<String> taken = new LinkedBlockingQueue<>();
        DistributedQueue<String> consumer = QueueBuilder.builder(curator, into(taken, "/queue-taken"), TEXT, "/queue")
            .lockPath("/queue-locks").buildQueue();
        consumer.start();
        eventually("everything is taken", () -> children("/queue-taken").size() == items * all);
        eventually("the queue is empty", () -> children("/queue").isEmpty());
        consumer.close();
    }

    private static void priorityQueue() throws Exception {
        if (me == 0) {
            DistributedPriorityQueue<String> producer =
                QueueBuilder.builder(curator, null, TEXT, "/priority").buildPriorityQueue(1);
            producer.start();
            for (int i = 0; i < 20; i++) {
                producer.put("" + i, (i * 7) % 20);
            }
            producer.flushPuts(60, TimeUnit.SECONDS);
            producer.close();
            LinkedBlockingQueue<String> taken = new LinkedBlockingQueue<>();
            DistributedPriorityQueue<String> consumer =
                QueueBuilder.builder(curator, into(taken, "/priority-taken"), TEXT, "/priority").buildPriorityQueue(0);
            consumer.start();
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                String item = taken.poll(60, TimeUnit.SECONDS);
                that(item != null, "item number " + i);
                order.add(Integer.parseInt(item) * 7 % 20);
            }
            List<Integer> sorted = new ArrayList<>(order);
            Collections.sort(sorted);
            equal(sorted, order, "order of priority");
            consumer.close();
        }
    }

    private static void simpleQueue() throws Exception {
        SimpleDistributedQueue queue = new SimpleDistributedQueue(curator, "/simple");
        for (int i = 0; i < 10; i++) {
            that(queue.offer(bytes(me + "-" + i)), "offered");
        }
        meet("simple queue filled");
        byte[] item = queue.poll();
        while (item != null) {
            put("/simple-taken/" + new String(item, UTF_8), name);
            item = queue.poll();
        }
        meet("simple queue empty");
        equal(10 * all, children("/simple-taken").size(), "each was taken once");
        equal(null, queue.peek(), "nothing is left");
    }

    private static void sharedCount() throws Exception {
        SharedCount count = new SharedCount(curator, "/shared", 0);
        LinkedBlockingQueue<Integer> seen = new LinkedBlockingQueue<>();
        count.addListener(new org.apache.curator.framework.recipes.shared.SharedCountListener() {
            @Override
            public void countHasChanged(org.apache.curator.framework.recipes.shared.SharedCountReader reader, int value) {
                seen.add(value);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {
            }
        });
        count.start();
        meet("shared count");
        for (int i = 0; i < 10; i++) {
            VersionedValue<Integer> previous = count.getVersionedValue();
            while (!count.trySetCount(previous, previous.getValue() + 1)) {
                previous = count.getVersionedValue();
            }
        }
        meet("shared count done");
        eventually("everybody sees the sum", () -> count.getCount() == 10 * all);
        that(!seen.isEmpty(), "changes were told");
        count.close();
    }

    private static void atomicLong() throws Exception {
        DistributedAtomicLong number = new DistributedAtomicLong(curator, "/atomic", new RetryNTimes(200, 5));
        for (int i = 0; i < 10; i++) {
            AtomicValue<Long> result = number.increment();
            that(result.succeeded(), "incremented");
            equal(result.preValue() + 1, result.postValue(), "one more");
        }
        meet("atomic");
        equal(10L * all, number.get().postValue(), "sum");
        meet("atomic read");
        if (me == 0) {
            that(number.compareAndSet(10L * all, -1L).succeeded(), "compared and set");
            that(!number.compareAndSet(5L, 6L).succeeded(), "compared and not set");
        }
    }

    private static void persistentNode() throws Exception {
        PersistentNode node = new PersistentNode(curator, CreateMode.EPHEMERAL, false, "/persistent/" + me, bytes(me));
        node.start();
        that(node.waitForInitialCreate(60, TimeUnit.SECONDS), "created");
        meet("persistent");
        equal(all, children("/persistent").size(), "nodes");
        meet("persistent seen");
        drop("/persistent/" + me);
        eventually("it comes back", () -> curator.checkExists().forPath("/persistent/" + me) != null);
        meet("persistent came back");
        if (me == 0) {
            Scenario.ask("kill");
        }
        meet("persistent after crash");
        equal(all, children("/persistent").size(), "nodes after a crash");
        meet("persistent over");
        node.close();
    }

    private static void group() throws Exception {
        GroupMember member = new GroupMember(curator, "/group", name, bytes(name));
        member.start();
        Set<String> everybody = new TreeSet<>();
        for (int i = 0; i < all; i++) {
            everybody.add("worker-" + i);
        }
        eventually("everybody is a member", () -> everybody.equals(new TreeSet<>(member.getCurrentMembers().keySet())));
        meet("group");
        if (me == 0) {
            member.close();
        } else {
            eventually("the first has left", () -> member.getCurrentMembers().size() == all - 1);
            meet("group smaller");
            member.close();
            return;
        }
        meet("group smaller");
    }

    private static void discovery() throws Exception {
        ServiceInstance<String> mine = ServiceInstance.<String>builder().name("search").id(name).address("10.0.0." + me)
            .port(8000 + me).payload("payload of " + name).build();
        ServiceDiscovery<String> discovery = ServiceDiscoveryBuilder.builder(String.class).client(curator)
            .basePath("/services").thisInstance(mine).watchInstances(true).build();
        discovery.start();
        ServiceCache<String> cache = discovery.serviceCacheBuilder().name("search").build();
        cache.start();
        ServiceProvider<String> provider = discovery.serviceProviderBuilder().serviceName("search").build();
        provider.start();
        eventually("all instances are found", () -> discovery.queryForInstances("search").size() == all);
        eventually("the cache has them", () -> cache.getInstances().size() == all);
        Set<String> used = new TreeSet<>();
        eventually("the provider takes turns", () -> {
            used.add(provider.getInstance().getId());
            return used.size() == all;
        });
        meet("discovered");
        if (me == 0) {
            Scenario.ask("restart");
        }
        meet("discovered after restart");
        // Discovery takes every registration back and makes it again when the connection returns.
        eventually("the first is found with its payload", () -> {
            ServiceInstance<String> first = discovery.queryForInstance("search", "worker-0");
            return first != null && first.getPayload().equals("payload of worker-0");
        });
        meet("discovery used");
        if (me == 1) {
            discovery.unregisterService(mine);
        }
        eventually("one is gone", () -> cache.getInstances().size() == all - 1
            && cache.getInstances().stream().noneMatch(instance -> instance.getId().equals("worker-1")));
        meet("discovery over");
        provider.close();
        cache.close();
        discovery.close();
    }
}
