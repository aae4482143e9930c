package oxkeeper.examiner;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import java.io.File;
import java.io.IOException;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.asm.Advice;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.apache.zookeeper.server.quorum.QuorumPeer.ServerState;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig;

/**
 * Writes variants of two of Apache's classes, to stand before the jar on the class path: a member of an ensemble whose
 * thread runs a process, and a parser that tells which file it has read. All else in them, and every class of the tests,
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
            .visit(Advice.to(Hidden.class).on(named("getActiveServer").or(named("getZkDb"))))
            .make().saveIn(dir);
        new ByteBuddy().redefine(QuorumPeerConfig.class)
            .visit(Advice.to(Parse.class).on(named("parse").and(takesArgument(0, String.class))))
            // The process makes the copy; made here as well, it would prove nothing.
            .visit(Advice.to(Left.class).on(named("backupOldConfig")))
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

    static final class Hidden {
        @Advice.OnMethodEnter
        static void enter(@Advice.This QuorumPeer peer, @Advice.Origin("#m") String method) {
            Peers.refuse(peer, method);
        }
    }

    static final class Parse {
        @Advice.OnMethodExit(onThrowable = QuorumPeerConfig.ConfigException.class)
        static void exit(@Advice.Argument(0) String file, @Advice.Thrown Throwable refusal) {
            Parsed.parsed(file, refusal);
        }
    }
}
