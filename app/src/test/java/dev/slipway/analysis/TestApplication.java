package dev.slipway.analysis;

import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.EmbeddedConfiguration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.event.EventListener;

/** Starts the service for a developer, in all roles and with a database: {@code mvn spring-boot:test-run}. */
public class TestApplication {

    public static void main(String[] args) {
        System.setProperty(EmbeddedConfiguration.NAME_PROPERTY, "data");
        SpringApplication.from(Application::main)
                .with(DatabaseConfiguration.class, Greeting.class)
                .withAdditionalProfiles("web", "worker", "migrate", "development")
                .run(args);
    }

    @TestConfiguration(proxyBeanMethods = false)
    static class Greeting {

        @EventListener
        void greet(ApplicationReadyEvent ready) {
            String url = "http://localhost:" + ready.getApplicationContext().getEnvironment().getProperty("local.server.port");
            System.out.printf(
                    "Ready. Open %s/api/docs or try: curl %s/api/analyses -H 'Content-Type: application/json' -d '%s'%n",
                    url, url, "{\"name\": \"first\", \"values\": [1, 2, 4]}");
        }
    }
}
