package oxkeeper.examiner;

/** A test looked into the server's objects, where a process cannot be looked into. */
public final class Unseen extends UnsupportedOperationException {
    Unseen(String what) {
        super("not to be seen of a server in another process: " + what);
    }

    /** For woven code, which may call what is public. */
    public static Unseen of(String what) {
        return new Unseen(what);
    }
}
