package dev.slipway.analysis;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/**
 * The image's health check, as a program of its own since the image has no curl: exits with 0 if the service is ready.
 * Unless it is a worker alone, it is asked as clients ask: at the container's own address and the port of requests.
 */
final class HealthCheck {

    private HealthCheck() {}

    public static void main(String[] args) throws Exception {
        List<String> profiles = Stream.of(System.getenv().getOrDefault("SPRING_PROFILES_ACTIVE", "").split(",")).map(String::strip).toList();
        boolean web = profiles.contains("web") || !profiles.contains("worker");
        System.exit(web ? ask(ownAddress(), 8080, "/readyz") : ask(InetAddress.getLoopbackAddress(), 8081, "/actuator/health/readiness"));
    }

    private static int ask(InetAddress address, int port, String path) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), 4000);
            socket.setSoTimeout(4000);
            socket.getOutputStream().write(("GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            String status = new String(socket.getInputStream().readNBytes("HTTP/1.1 200".length()), StandardCharsets.US_ASCII);
            return status.endsWith(" 200") ? 0 : 1;
        }
    }

    /** The first that others can reach; loopback where there is no network. */
    private static InetAddress ownAddress() throws SocketException {
        return NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
                .findFirst()
                .orElse(InetAddress.getLoopbackAddress());
    }
}
