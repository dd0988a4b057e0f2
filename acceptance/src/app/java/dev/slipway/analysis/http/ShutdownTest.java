package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import dev.slipway.analysis.Api;
import dev.slipway.analysis.Application;
import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

class ShutdownTest {

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void readinessGoesDownFirstThenRequestsFinishThenThePoolCloses() throws Exception {
        ConfigurableApplicationContext service = new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .profiles("web", "migrate", "notes")
                .run("--server.port=0", "--management.server.port=0", "--web.drain-delay=5s");
        TestDatabase database = service.getBean(TestDatabase.class);
        HikariDataSource pool = service.getBean(HikariDataSource.class);
        String url = "http://localhost:" + service.getEnvironment().getProperty("local.server.port");
        try {
            // A request that lasts.
            database.sql("CREATE OR REPLACE TRIGGER app.slow BEFORE INSERT ON app.test_note FOR EACH ROW DO SLEEP(10)").update();
            CompletableFuture<HttpResponse<String>> creation = http.sendAsync(
                    HttpRequest.newBuilder(URI.create(url + "/api/test-notes"))
                            .header("Authorization", Api.authorization(service.getEnvironment()))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"slow\", \"values\": [1]}"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            await().until(() -> pool.getHikariPoolMXBean().getActiveConnections() == 1);

            CompletableFuture<Void> shutdown = CompletableFuture.runAsync(service::close);

            await().atMost(Duration.ofSeconds(4)).until(() -> readiness(url).statusCode() == 503);
            assertThat(readiness(url).headers().firstValue("Connection")).hasValue("close");
            assertThat(pool.isClosed()).isFalse();
            assertThat(creation).isNotDone();
            assertThat(creation.get().statusCode()).isEqualTo(201);
            shutdown.get();
            assertThat(pool.isClosed()).isTrue();
        } finally {
            database.sql("DROP TRIGGER IF EXISTS app.slow").update();
            database.clear("test_note");
        }
    }

    private HttpResponse<Void> readiness(String url) throws Exception {
        return http.send(HttpRequest.newBuilder(URI.create(url + "/readyz")).build(), HttpResponse.BodyHandlers.discarding());
    }
}
