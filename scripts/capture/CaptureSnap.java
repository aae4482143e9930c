import java.io.BufferedOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.OutputStream;
import org.apache.jute.BinaryOutputArchive;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;

/** Loads a data directory and writes its state as a leader sends it to a learner that gets a snapshot. */
public class CaptureSnap {
    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        try (OutputStream out = new BufferedOutputStream(new FileOutputStream(args[1]))) {
            ZKDatabase database = new ZKDatabase(new FileTxnSnapLog(dir, dir));
            database.loadDataBase();
            BinaryOutputArchive archive = BinaryOutputArchive.getArchive(out);
            database.serializeSnapshot(archive);
            archive.writeString("BenWasHere", "signature");
        }
    }
}
