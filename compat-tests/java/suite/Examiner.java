package oxkeeper.examiner;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs test classes one after the other and prints a line for each method: class, method, and "pass", "skip" or "fail"
 * with the first line of the reason, parted by tabs.
 */
public final class Examiner {
    public static void main(String[] classes) throws Exception {
        if (classes.length == 2 && classes[0].equals("--list")) {
            list(classes[1]);
            return;
        }
        // Tests print, too; the results have the real output for themselves.
        PrintStream results = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Launcher launcher = LauncherFactory.create();
        for (String name : classes) {
            Map<Object, Object> before = new TreeMap<>(System.getProperties());
            try {
                launcher.execute(request().selectors(selectClass(Class.forName(name))).build(), new Lines(results, name));
            } catch (ClassNotFoundException | LinkageError broken) {
                results.printf("%s\t-\tfail\t%s%n", name, firstLine(broken));
            }
            results.printf("%s\t-\tservers\t%s%n", name, System.getProperty("examiner.started", "0"));
            System.getProperties().clear();
            System.getProperties().putAll(before);
        }
        results.flush();
        System.exit(0);
    }

    /** Prints the names of all classes that hold tests in the jar of tests that this class is in. */
    private static void list(String one) throws Exception {
        Path jar = Path.of(Class.forName(one).getProtectionDomain().getCodeSource().getLocation().toURI());
        try (JarFile entries = new JarFile(jar.toFile())) {
            entries.stream()
                .map(JarEntry::getName)
                .filter(name -> name.endsWith("Test.class") && !name.contains("$"))
                .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
                .sorted()
                .forEach(System.out::println);
        }
    }

    private static String firstLine(Throwable reason) {
        String text = String.valueOf(reason);
        int end = text.indexOf('\n');
        return (end < 0 ? text : text.substring(0, end)).replace('\t', ' ');
    }

    private static final class Lines implements TestExecutionListener {
        private final PrintStream results;
        private final String className;

        Lines(PrintStream results, String className) {
            this.results = results;
            this.className = className;
        }

        private void line(TestIdentifier test, String result, String reason) {
            // With the method's name also where it is run once for each argument.
            String name = test.getLegacyReportingName().replace("\t", " ").replace("\n", " ");
            results.printf("%s\t%s\t%s\t%s%n", className, name, result, reason);
        }

        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            line(test, "skip", reason.replace("\n", " "));
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            boolean failed = result.getStatus() == TestExecutionResult.Status.FAILED;
            if (test.isTest() || failed) {
                Throwable reason = result.getThrowable().orElse(null);
                String outcome = failed ? "fail" : result.getStatus() == TestExecutionResult.Status.ABORTED ? "skip" : "pass";
                line(test, outcome, reason == null ? "" : firstLine(reason));
                if (failed && reason != null) {
                    reason.printStackTrace(System.err);
                }
            }
        }
    }
}
