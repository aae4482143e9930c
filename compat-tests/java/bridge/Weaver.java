package oxkeeper.examiner;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import java.io.File;
import java.io.IOException;
import java.util.List;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.asm.Advice;
import org.apache.zookeeper.server.NIOServerCnxnFactory;
import org.apache.zookeeper.server.NettyServerCnxnFactory;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.apache.zookeeper.server.quorum.QuorumPeer.ServerState;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;
import org.apache.zookeeper.server.quorum.flexible.QuorumVerifier;

/**
 * Writes variants of five of Apache's classes, to stand before the jar on the class path: a member of an ensemble whose
 * thread runs a process, a parser that tells which file it has read, and server sockets that are always ours. All else in them, and every class of the tests,
 * is as released. Run once, when the bridge is built, with the folder to write to.
 */
public final class Weaver {
    public static void main(String[] args) throws IOException {
        File dir = new File(args[0]);
        new ByteBuddy().redefine(QuorumPeer.class)
            .visit(Advice.to(Left.class).on(named("loadDataBase").or(named("startServerCnxnFactory"))
                .or(named("startLeaderElection")).or(named("startJvmPauseMonitor"))))
            .visit(Advice.to(Run.class).on(named("run")))
            .visit(Advice.to(Shutdown.class).on(named("shutdown").and(takesArguments(0))))
            .visit(Advice.to(State.class).on(named("getPeerState")))
            .visit(Advice.to(StateName.class).on(named("getServerState")))
            .visit(Advice.to(Zxid.class).on(named("getLastLoggedZxid")))
            .visit(Advice.to(CurrentEpoch.class).on(named("getCurrentEpoch")))
            .visit(Advice.to(AcceptedEpoch.class).on(named("getAcceptedEpoch")))
            .visit(Advice.to(Verifier.class).on(named("getQuorumVerifier")))
            .visit(Advice.to(Server.class).on(named("getActiveServer")))
            .visit(Advice.to(Database.class).on(named("getZkDb")))
            .make().saveIn(dir);
        new ByteBuddy().redefine(ServerCnxnFactory.class)
            .visit(Advice.to(Factory.class).on(named("createFactory").and(takesArguments(0))))
            .make().saveIn(dir);
        for (Class<?> other : List.of(NIOServerCnxnFactory.class, NettyServerCnxnFactory.class)) {
            new ByteBuddy().redefine(other)
                .visit(Advice.to(Refused.class).on(named("configure")))
                .make().saveIn(dir);
        }
        new ByteBuddy().redefine(QuorumPeerConfig.class)
            .visit(Advice.to(Parse.class).on(named("parse").and(takesArgument(0, String.class))))
            // The process looks after the files; done here as well, it would prove nothing.
            .visit(Advice.to(Left.class).on(named("backupOldConfig").or(named("deleteFile"))))
            .make().saveIn(dir);
    }

    /** The process does it. */
    static final class Left {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static boolean enter() {
            return true;
        }
    }

    static final class Run {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static boolean enter(@Advice.This QuorumPeer peer) {
            Peers.run(peer);
            return true;
        }
    }

    static final class Shutdown {
        @Advice.OnMethodEnter
        static void enter(@Advice.This QuorumPeer peer) {
            Peers.shutdown(peer);
        }
    }

    static final class State {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static ServerState enter(@Advice.This QuorumPeer peer) {
            return Peers.state(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter ServerState seen, @Advice.Return(readOnly = false) ServerState state) {
            if (seen != null) {
                state = seen;
            }
        }
    }

    static final class StateName {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static String enter(@Advice.This QuorumPeer peer) {
            return Peers.stateName(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter String seen, @Advice.Return(readOnly = false) String state) {
            if (seen != null) {
                state = seen;
            }
        }
    }

    static final class Zxid {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static Long enter(@Advice.This QuorumPeer peer) {
            return Peers.zxid(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter Long seen, @Advice.Return(readOnly = false) long zxid) {
            if (seen != null) {
                zxid = seen;
            }
        }
    }

    static final class CurrentEpoch {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static Long enter(@Advice.This QuorumPeer peer) throws IOException {
            return Peers.epoch(peer, "currentEpoch");
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter Long seen, @Advice.Return(readOnly = false) long epoch) {
            if (seen != null) {
                epoch = seen;
            }
        }
    }

    static final class AcceptedEpoch {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static Long enter(@Advice.This QuorumPeer peer) throws IOException {
            return Peers.epoch(peer, "acceptedEpoch");
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter Long seen, @Advice.Return(readOnly = false) long epoch) {
            if (seen != null) {
                epoch = seen;
            }
        }
    }

    static final class Verifier {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static QuorumVerifier enter(@Advice.This QuorumPeer peer) {
            return Peers.verifier(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter QuorumVerifier seen, @Advice.Return(readOnly = false) QuorumVerifier verifier) {
            if (seen != null) {
                verifier = seen;
            }
        }
    }

    static final class Server {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static ZooKeeperServer enter(@Advice.This QuorumPeer peer) {
            return Peers.server(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter ZooKeeperServer seen, @Advice.Return(readOnly = false) ZooKeeperServer server) {
            if (seen != null) {
                server = seen;
            }
        }
    }

    static final class Database {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static ZKDatabase enter(@Advice.This QuorumPeer peer) {
            return Peers.database(peer);
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter ZKDatabase seen, @Advice.Return(readOnly = false) ZKDatabase database) {
            if (seen != null) {
                database = seen;
            }
        }
    }

    /** Whatever the tests choose, a process serves. */
    static final class Factory {
        @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
        static ServerCnxnFactory enter() {
            return new ProcessCnxnFactory();
        }

        @Advice.OnMethodExit
        static void exit(@Advice.Enter ServerCnxnFactory ours, @Advice.Return(readOnly = false) ServerCnxnFactory factory) {
            factory = ours;
        }
    }

    /** Apache's own sockets would serve from this virtual machine, and the test prove nothing. */
    static final class Refused {
        @Advice.OnMethodEnter
        static void enter(@Advice.Origin("#t") String type) {
            throw Unseen.of(type);
        }
    }

    static final class Parse {
        @Advice.OnMethodExit(onThrowable = QuorumPeerConfig.ConfigException.class)
        static void exit(@Advice.Argument(0) String file, @Advice.Thrown Throwable refusal) {
            Parsed.parsed(file, refusal);
        }
    }
}
