package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;

/** Pebble, Let's Encrypt's authority for tests, on a network where names are the aliases of containers. It checks challenges on port 80. */
final class Authority implements AutoCloseable {

    private static final String IMAGE = "letsencrypt/pebble";

    /** The layer that has a stack's certificates trust it, try again soon, and take their time from nobody. */
    private static final String LAYER = """
            services:
              certificates:
                deploy: {resources: {limits: {cpus: "1.0"}}}
                environment: {REQUESTS_CA_BUNDLE: /run/secrets/authority, FIRST_RETRY: "3"}
                secrets: [authority]
            secrets: {authority: {file: authority/api.pem}}
            """;

    private final String container;
    private final String network;
    private final Path folder;

    /**
     * Writes the layer authority.yml into the project of a stack; {@link #start} starts it.
     *
     * @param life how long its certificates are valid
     */
    Authority(Stack stack, Path project, Duration life) throws IOException {
        container = stack.name() + "-pebble";
        network = stack.variable("PROXY_NETWORK");
        folder = Files.createDirectory(project.resolve("authority"));
        if (Docker.run("docker", "image", "inspect", IMAGE).exitCode() != 0 && Docker.run("docker", "pull", "-q", IMAGE).exitCode() != 0) {
            System.out.println("SKIPPED: what asks an authority for certificates, for its image " + IMAGE + " cannot be had");
            Assumptions.abort();
        }
        Files.writeString(project.resolve("authority.yml"), LAYER);
        Files.writeString(folder.resolve("pebble.json"), """
                {"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000", "httpPort": 80,
                  "certificate": "/authority/api.pem", "privateKey": "/authority/api.key",
                  "profiles": {"default": {"description": "the only one", "validityPeriod": %d}}}}
                """.formatted(life.toSeconds()));
        stack.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pebble"
                        + " -addext subjectAltName=DNS:pebble -keyout authority/api.key -out authority/api.pem && chmod a+r authority/*")
                .assertSuccess();
        stack.with("EDGE_ACME_SERVER", "https://pebble:14000/dir");
    }

    Authority start() {
        Docker.run("docker", "run", "--rm", "-d", "--name", container, "--network", network, "--network-alias", "pebble", "-v", folder + ":/authority:ro",
                        "--env", "PEBBLE_VA_NOSLEEP=1", "--env", "PEBBLE_WFE_NONCEREJECT=0", IMAGE, "-config", "/authority/pebble.json")
                .assertSuccess();
        Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> Docker.run("docker", "logs", container).text().contains("ACME directory available"));
        return this;
    }

    @Override
    public void close() {
        Docker.run("docker", "rm", "-f", container);
    }
}
