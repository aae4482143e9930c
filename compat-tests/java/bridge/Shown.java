package oxkeeper.examiner;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.TxnLog;
import org.apache.zookeeper.server.quorum.Leader.Proposal;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.apache.zookeeper.server.quorum.QuorumPeer.ServerState;
import org.apache.zookeeper.txn.TxnHeader;
import org.mockito.Mockito;
import org.mockito.stubbing.Answer;

/** The server object of a member: it tells what the member's process tells by four-letter words, and refuses all else. */
final class Shown {
    private static final Pattern SESSION = Pattern.compile("\\s*0x([0-9a-f]+)(?:\\t(\\d+)ms)?");

    private Shown() { }

    static ZooKeeperServer server(QuorumPeer peer) {
        ZKDatabase database = Mockito.mock(ZKDatabase.class, answer("ZKDatabase", peer));
        Answer<Object> rest = answer("ZooKeeperServer", peer);
        return Mockito.mock(ZooKeeperServer.class, (Answer<Object>) call ->
            call.getMethod().getName().equals("getZKDatabase") ? database : rest.answer(call));
    }

    static ZKDatabase database(QuorumPeer peer) {
        return Mockito.mock(ZKDatabase.class, answer("ZKDatabase", peer));
    }

    private static Answer<Object> answer(String type, QuorumPeer peer) {
        return call -> {
            switch (call.getMethod().getName()) {
                case "getZxid":
                    // The leader's counter of proposals; that of others stays where it began.
                    return peer.getPeerState() == ServerState.LEADING ? Peers.zxid(peer) : 0L;
                case "getDataTreeLastProcessedZxid":
                    return Peers.zxid(peer);
                case "getInProcess":
                    return Peers.outstanding(peer);
                case "getServerId":
                    return peer.getMyId();
                case "getCommittedLog":
                    return logged(peer);
                case "getSessions":
                    return owners(peer);
                case "getSessionWithTimeOuts":
                    return global(peer);
                case "getEphemerals":
                    if (call.getArguments().length == 1) {
                        return ephemerals(peer, call.getArgument(0));
                    }
                    throw new Unseen(type + ".getEphemerals");
                case "toString":
                    return type + " of member " + peer.getMyId();
                default:
                    throw new Unseen(type + "." + call.getMethod().getName());
            }
        };
    }

    /** The transactions in the log files. */
    private static List<Proposal> logged(QuorumPeer peer) throws IOException {
        List<Proposal> found = new ArrayList<>();
        File dir = peer.getTxnFactory().getDataLogDir();
        try (TxnLog.TxnIterator log = new FileTxnLog(dir).read(0)) {
            for (boolean more = log.getHeader() != null; more; more = log.next()) {
                TxnHeader header = log.getHeader();
                Request request = new Request(header.getClientId(), header.getCxid(), header.getType(), header, log.getTxn(),
                    header.getZxid());
                found.add(new Proposal(request, null));
            }
        }
        return found;
    }

    /** The global sessions with their timeouts, or -1 where the member, as the leader does, tells only when they expire. */
    private static ConcurrentHashMap<Long, Integer> global(QuorumPeer peer) {
        ConcurrentHashMap<Long, Integer> found = new ConcurrentHashMap<>();
        boolean local = false;
        for (String line : dump(peer)) {
            if (line.startsWith("ephemeral nodes dump")) {
                break;
            }
            local = line.startsWith("Local ") || local && !line.startsWith("Global ");
            Matcher session = SESSION.matcher(line);
            if (!local && session.matches()) {
                String timeout = session.group(2);
                found.put(Long.parseUnsignedLong(session.group(1), 16), timeout == null ? -1 : Integer.parseInt(timeout));
            }
        }
        return found;
    }

    /** The sessions that own ephemeral nodes. */
    private static Set<Long> owners(QuorumPeer peer) {
        Set<Long> found = new TreeSet<>();
        for (String line : dump(peer)) {
            if (line.startsWith("0x") && line.endsWith(":")) {
                found.add(Long.parseUnsignedLong(line.substring(2, line.length() - 1), 16));
            }
        }
        return found;
    }

    /** The ephemeral nodes of a session, which `dump` lists under its number. */
    private static Set<String> ephemerals(QuorumPeer peer, long session) {
        Set<String> found = new TreeSet<>();
        boolean within = false;
        for (String line : dump(peer)) {
            if (line.equals("0x" + Long.toHexString(session) + ":")) {
                within = true;
            } else if (within && line.startsWith("\t")) {
                found.add(line.substring(1));
            } else {
                within = false;
            }
        }
        return found;
    }

    private static String[] dump(QuorumPeer peer) {
        String answer = ExaminedServer.ask(peer.getClientPort(), "dump");
        if (answer == null) {
            throw new Unseen("`dump` of a member that does not answer");
        }
        return answer.split("\n");
    }
}
