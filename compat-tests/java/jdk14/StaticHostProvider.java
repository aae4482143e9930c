package org.apache.zookeeper.client;

import java.net.InetSocketAddress;
import java.util.Collection;

/**
 * Stands in for the class of the same name in the 3.4 client, which takes a host's name from the printed form of its
 * address; Java 14 changed that form, so that the client finds no server at all. Everything else of it is unchanged.
 */
public final class StaticHostProvider implements HostProvider {
    private final InetSocketAddress[] servers;
    private int next;

    public StaticHostProvider(Collection<InetSocketAddress> addresses) {
        servers = addresses.toArray(new InetSocketAddress[0]);
    }

    @Override
    public int size() {
        return servers.length;
    }

    @Override
    public InetSocketAddress next(long pauseMs) {
        if (next >= servers.length && pauseMs > 0) {
            try {
                Thread.sleep(pauseMs);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        InetSocketAddress server = servers[next++ % servers.length];
        return new InetSocketAddress(server.getHostString(), server.getPort());
    }

    @Override
    public void onConnected() {
        next = 0;
    }
}
