package oxkeeper.examiner;

import java.io.IOException;
import java.nio.file.Path;

/** The settings files that the tests hand to Apache's parser: the process gets the very same file. */
public final class Parsed {
    private static final ThreadLocal<Path> LAST = new ThreadLocal<>();
    private static final long REFUSAL_MS = 20_000;

    private Parsed() { }

    /** Apache's parser has read this file, and refused it where `refusal` is given. */
    public static void parsed(String file, Throwable refusal) {
        LAST.set(Path.of(file).toAbsolutePath());
        if (refusal != null) {
            mustRefuse(LAST.get(), refusal);
        }
    }

    /** The file that this thread has parsed last, or null. */
    static Path last() {
        return LAST.get();
    }

    /** What Apache's parser refuses, the server must refuse, too; it would prove nothing that only the former does. */
    private static void mustRefuse(Path file, Throwable refusal) {
        try {
            ExaminedServer server = ExaminedServer.start(ExaminedServer.home(), file);
            boolean ended = server.awaitEnd(REFUSAL_MS);
            server.stop();
            if (!ended || server.exitCode() == 0) {
                throw new AssertionError("the server takes " + file + ", of which Apache's says " + refusal);
            }
        } catch (IOException | InterruptedException broken) {
            throw new AssertionError(broken);
        }
    }
}
