package dev.slipway.analysis.mixnode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;

/**
 * The image's health check, as a program of its own since the image has no curl: exits with 0 if the node is ready and
 * listens where packets come, at the container's own address.
 */
final class HealthCheck {

    private HealthCheck() {}

    public static void main(String[] args) throws Exception {
        // A GET is no packet, which a node that listens says.
        System.exit(answers(ownAddress(), 8080, "/packets", " 405")
                && answers(InetAddress.getLoopbackAddress(), 8081, "/actuator/health/readiness", " 200") ? 0 : 1);
    }

    private static boolean answers(InetAddress address, int port, String path, String status) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), 2000);
            socket.setSoTimeout(2000);
            socket.getOutputStream()
                    .write(("GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            String line = new BufferedReader(
                            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
                    .readLine();
            return line != null && line.contains(status);
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
