package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** How the edge comes by its certificate, and what it serves when that fails; with an empty volume each time, and no service behind it. */
@ExtendWith(Docker.class)
class CertificatesTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String PEBBLE = "CN=Pebble Intermediate";

    @TempDir
    static Path project;

    private static Stack stack;
    private static Authority authority;

    @BeforeAll
    static void prepare() throws IOException {
        stack = Stack.production(project).profile("edge");
        authority = new Authority(stack, project, Duration.ofSeconds(40));
        Files.writeString(project.resolve("alone.yml"), """
                services:
                  nginx: {depends_on: !reset {}}
                  edge:
                    deploy: {resources: {limits: {cpus: "1.0"}}}
                    networks: {nginx_proxy: {aliases: [one.test, two.test]}}
                """);
        stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:published.yml:alone.yml:authority.yml");
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            authority.close();
            stack.close();
        }
    }

    @AfterEach
    void empty() {
        authority.close();
        stack.compose("rm", "--stop", "--force", "edge", "certificates").assertSuccess();
        Docker.run("docker", "volume", "rm", stack.name() + "_certificates", stack.name() + "_certificate-metrics").assertSuccess();
    }

    @Test
    void anAuthorityThatIsDownKeepsNothingFromStartingAndIsAskedAgain() throws Exception {
        up("one.test, two.test");

        assertThat(issuer()).isEqualTo("CN=self-signed");
        assertThat(names()).containsExactly("one.test");
        await().atMost(SOON).untilAsserted(() -> assertThat(log()).contains("no new certificate for one.test two.test: the next try is in 3 s"));
        assertThat(metrics()).contains("certificate_renewal_failed{name=\"edge\"} 1");
        assertThat(stack.script("doctor.sh").text()).contains("warn  the edge has signed its certificate itself, and browsers warn");

        authority.start();

        await().atMost(SOON).untilAsserted(() -> assertThat(issuer()).startsWith(PEBBLE));
        await().atMost(SOON).untilAsserted(() -> assertThat(names()).containsExactlyInAnyOrder("one.test", "two.test")); // Of either process.
        await().atMost(SOON).untilAsserted(() -> assertThat(metrics()).contains("certificate_renewal_failed{name=\"edge\"} 0",
                "certificate_expiry_timestamp_seconds{name=\"edge\"} "));
    }

    /** Who asks all the time, each time by a connection of its own, meanwhile gets every answer; then the authority goes away. */
    @Test
    void aRenewedCertificateIsServedWithoutALostRequestAndTheLastGoodOneStays() throws Exception {
        authority.start();
        up("one.test");
        await().atMost(SOON).untilAsserted(() -> assertThat(issuer()).startsWith(PEBBLE));

        Set<Object> serials = new HashSet<>();
        int asked = 0;
        for (long end = System.nanoTime() + Duration.ofSeconds(90).toNanos(); serials.size() < 3 && System.nanoTime() < end; asked++) {
            assertThat(Raw.ask("127.0.0.1", port(), true, "GET /healthz/edge HTTP/1.1\r\nHost: one.test\r\n\r\n".getBytes(StandardCharsets.US_ASCII)).status())
                    .isEqualTo(200);
            serials.add(served().getSerialNumber());
        }
        System.out.println("requests while the certificate was renewed twice: " + asked + ", and none was lost");
        assertThat(serials).hasSize(3);

        authority.close();
        await().atMost(SOON).until(() -> log().contains("the edge serves the one that is acme"));
        stack.compose("restart", "certificates", "edge").assertSuccess();
        await().atMost(SOON).ignoreExceptions().untilAsserted(() -> assertThat(issuer()).startsWith(PEBBLE));
    }

    @Test
    void aNameThatLeadsElsewhereIsNamedAndTriedMoreAndMoreSeldom() throws Exception {
        authority.start();
        up("one.test nowhere.test");

        await().atMost(SOON).untilAsserted(() -> assertThat(log())
                .contains("Domain: nowhere.test", "the next try is in 3 s", "the next try is in 6 s", "the edge serves the one that is self-signed"));
        assertThat(Stack.inspect(stack.containers("certificates").get(0)).at("/RestartCount").asInt()).isZero();

        stack.with("EDGE_DOMAIN", "one.test");
        stack.compose("up", "--detach", "--wait", "certificates").assertSuccess();
        await().atMost(SOON).untilAsserted(() -> assertThat(issuer()).startsWith(PEBBLE));
    }

    @Test
    void anAuthorityThatLimitsTheRateIsLeftAloneForAnHour() {
        String limiter = stack.name() + "-limiter";
        Docker.run("docker", "run", "--rm", "-d", "--name", limiter, "--network", stack.variable("PROXY_NETWORK"), "--network-alias", "limiter",
                        "--entrypoint", "sh", "nginxinc/nginx-unprivileged:1.30-alpine", "-c", """
                        echo 'pid /tmp/pid; events {} http { access_log off; server { listen 8080; default_type application/problem+json; location / {
                          return 429 "{\\"type\\": \\"urn:ietf:params:acme:error:rateLimited\\", \\"detail\\": \\"too many\\"}"; } } }' > /tmp/nginx.conf
                        exec nginx -c /tmp/nginx.conf -g 'daemon off;'""")
                .assertSuccess();
        String pebble = stack.variable("EDGE_ACME_SERVER");
        try {
            stack.with("EDGE_ACME_SERVER", "http://limiter:8080/dir");
            up("one.test");

            await().atMost(SOON).untilAsserted(() -> assertThat(log()).contains("too many", "no new certificate for one.test: the next try is in 3600 s"));
        } finally {
            stack.with("EDGE_ACME_SERVER", pebble);
            Docker.run("docker", "rm", "-f", limiter);
        }
    }

    @Test
    void onesOwnIsLeftAloneUntilItIsTakenBack() throws Exception {
        stack.run("""
                own() { openssl req -x509 -newkey rsa:2048 -nodes -days "$2" -subj "/CN=$1" -addext "subjectAltName=DNS:$3" -keyout $1.key -out $1.pem; }
                own good 30 one.test; own other 30 two.test; cat good.pem other.pem > chain.pem""").assertSuccess();
        authority.start();
        stack.with("EDGE_DOMAIN", "one.test");

        assertRefused("KEY is not the key of CHAIN: name the two that were issued together", "good.pem", "other.key");
        assertRefused("the certificate is not for one.test, which EDGE_DOMAIN names", "other.pem", "other.key");
        assertRefused("CHAIN holds no certificate: ", "good.key", "good.key");
        assertRefused("KEY holds no private key: ", "good.pem", "good.pem");
        assertRefused("nothing.pem cannot be read: ", "nothing.pem", "good.key");
        assertThat(stack.script("certificate.sh", "install", "chain.pem", "good.key").assertSuccess().text()).contains("one's own is in place until ");
        up("one.test");
        assertThat(issuer()).isEqualTo("CN=good");
        assertThat(metrics()).contains("certificate_renewal_failed{name=\"edge\"} 0");

        stack.compose("restart", "certificates").assertSuccess();
        Thread.sleep(10_000); // In less the authority has given one elsewhere in this test.
        assertThat(issuer()).isEqualTo("CN=good");
        assertThat(stack.script("doctor.sh").text()).contains("ok    the certificate is good until ");

        stack.script("certificate.sh", "automatic").assertSuccess();
        await().atMost(SOON).untilAsserted(() -> assertThat(issuer()).startsWith(PEBBLE));
        stack.script("certificate.sh", "install", "good.pem", "good.key").assertSuccess();
        await().atMost(SOON).untilAsserted(() -> assertThat(issuer()).isEqualTo("CN=good"));
    }

    private static void assertRefused(String said, String chain, String key) {
        Docker.Output install = stack.script("certificate.sh", "install", chain, key);

        assertThat(install.text()).contains(said);
        assertThat(install.exitCode()).isEqualTo(1);
    }

    private static void up(String domains) {
        stack.with("EDGE_DOMAIN", domains);
        stack.up("edge", "certificates");
    }

    private static int port() {
        return Integer.parseInt(stack.variable("EDGE_HTTPS_PORT"));
    }

    private static X509Certificate served() throws IOException {
        try (Socket socket = Raw.connect("127.0.0.1", port(), true)) {
            return (X509Certificate) ((SSLSocket) socket).getSession().getPeerCertificates()[0];
        }
    }

    private static String issuer() throws IOException {
        return served().getIssuerX500Principal().getName();
    }

    private static List<Object> names() throws Exception {
        return served().getSubjectAlternativeNames().stream().<Object>map(name -> name.get(1)).toList();
    }

    private static String log() {
        return stack.compose("logs", "--no-log-prefix", "certificates").text();
    }

    private static String metrics() {
        return stack.exec("certificates", "cat", "/tmp/certificate.prom").text();
    }
}
