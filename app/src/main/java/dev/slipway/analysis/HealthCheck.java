package dev.slipway.analysis;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URL;
import java.util.Arrays;

/**
 * The image's health check, as a program of its own since the image has no curl: exits with 0 if the service is ready.
 * Where it serves HTTP, it is asked as the gateway asks: at the container's own address and the port of requests.
 */
final class HealthCheck {

    private HealthCheck() {}

    public static void main(String[] args) throws Exception {
        String profiles = System.getenv("SPRING_PROFILES_ACTIVE");
        boolean web = profiles == null || profiles.isBlank()
                || Arrays.stream(profiles.split(",")).map(String::strip).anyMatch("web"::equals); // As Spring reads it.
        // The first address that others can reach; loopback where there is no network.
        InetAddress own = NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
                .findFirst()
                .orElse(InetAddress.getLoopbackAddress());
        System.exit(web ? ask(own, 8080, "/readyz") : ask(InetAddress.getLoopbackAddress(), 8081, "/actuator/health/readiness"));
    }

    private static int ask(InetAddress address, int port, String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL("http", address.getHostAddress(), port, path).openConnection();
        connection.setConnectTimeout(4000);
        connection.setReadTimeout(4000);
        return connection.getResponseCode() == 200 ? 0 : 1;
    }
}
