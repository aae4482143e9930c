package compat;

import static compat.Scenario.check;
import static compat.Scenario.equal;

import java.util.TreeSet;

import org.apache.zookeeper.ZooKeeper;

/** What clients learned in 3.7: asking who one is. */
public final class Since37 {
    private Since37() {
    }

    public static void run(ZooKeeper zk) {
        check("who am I", () -> {
            zk.addAuthInfo("digest", "bob:secret".getBytes());
            TreeSet<String> seen = new TreeSet<>();
            zk.whoAmI().forEach(client -> seen.add(client.getAuthScheme() + ":" + client.getUser()));
            equal("[digest:bob, ip:127.0.0.1]", seen.toString(), "identities");
        });
    }
}
