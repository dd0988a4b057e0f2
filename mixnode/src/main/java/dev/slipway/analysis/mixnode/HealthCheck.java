package dev.slipway.analysis.mixnode;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** The image's health check, as a program of its own since the image has no curl: exits with 0 if the node is ready. */
final class HealthCheck {

    private HealthCheck() {}

    public static void main(String[] args) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", 8081)) {
            socket.setSoTimeout(4000);
            socket.getOutputStream()
                    .write("GET /actuator/health/readiness HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            String status = new BufferedReader(
                            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
                    .readLine();
            System.exit(status != null && status.contains(" 200") ? 0 : 1);
        }
    }
}
