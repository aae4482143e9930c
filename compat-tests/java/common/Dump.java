package compat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;

import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** The whole tree as text: one line per node with its data, its access list and every field of its stat. */
public final class Dump {
    private Dump() {
    }

    /** Prints the tree of the server in {@code args[0]}. */
    public static void main(String[] args) throws Exception {
        ZooKeeper zk = Scenario.connect(args[0], 30_000);
        asSuper(zk);
        of(zk, path -> true).forEach((path, line) -> Scenario.say("NODE " + path + " " + line));
        Scenario.say("PASS dump");
        zk.close();
        Scenario.end();
    }

    /** So that no access list hides anything; the server must be started with the digest of this password. */
    public static void asSuper(ZooKeeper zk) {
        zk.addAuthInfo("digest", "super:test".getBytes());
    }

    public static SortedMap<String, String> of(ZooKeeper zk, Predicate<String> wanted) throws Exception {
        SortedMap<String, String> lines = new TreeMap<>();
        visit(zk, "/", wanted, lines);
        return lines;
    }

    private static void visit(ZooKeeper zk, String path, Predicate<String> wanted, SortedMap<String, String> lines)
        throws Exception {
        if (!wanted.test(path)) {
            return;
        }
        Stat stat = new Stat();
        byte[] data = Scenario.retried(() -> zk.getData(path, false, stat));
        List<ACL> access = Scenario.retried(() -> zk.getACL(path, null));
        lines.put(path, line(data, access, stat));
        List<String> children = new ArrayList<>(Scenario.retried(() -> zk.getChildren(path, false)));
        Collections.sort(children);
        for (String child : children) {
            visit(zk, path.equals("/") ? "/" + child : path + "/" + child, wanted, lines);
        }
    }

    private static String line(byte[] data, List<ACL> access, Stat stat) {
        StringBuilder line = new StringBuilder("data=").append(hex(data)).append(" acl=");
        for (ACL entry : access) {
            line.append(entry.getId().getScheme()).append(':').append(entry.getId().getId()).append(':')
                .append(entry.getPerms()).append(',');
        }
        return line.append(String.format(
            " czxid=0x%x mzxid=0x%x pzxid=0x%x ctime=%d mtime=%d version=%d cversion=%d aversion=%d owner=0x%x"
                + " length=%d children=%d",
            stat.getCzxid(), stat.getMzxid(), stat.getPzxid(), stat.getCtime(), stat.getMtime(), stat.getVersion(),
            stat.getCversion(), stat.getAversion(), stat.getEphemeralOwner(), stat.getDataLength(),
            stat.getNumChildren())).toString();
    }

    private static String hex(byte[] data) {
        if (data == null) {
            return "null";
        }
        StringBuilder text = new StringBuilder();
        for (byte one : data) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }
}
