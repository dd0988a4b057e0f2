package dev.slipway.analysis;

import dev.slipway.analysis.database.DatabaseConfiguration;
import org.springframework.boot.SpringApplication;
import org.springframework.core.env.Environment;

/** Starts the service for a developer, in all roles and with a database: {@code mvn spring-boot:test-run}. */
public class TestApplication {

    public static void main(String[] args) {
        System.setProperty(DatabaseConfiguration.NAME_PROPERTY, "data");
        System.setProperty("logging.level.root", "warn");
        System.setProperty("logging.level." + Application.class.getPackageName(), "info");
        SpringApplication.Running service = SpringApplication.from(Application::main).with(DatabaseConfiguration.class).run(args);

        Environment environment = service.getApplicationContext().getEnvironment();
        String url = "http://localhost:" + environment.getProperty("local.server.port");
        System.out.printf(
                "Ready. Open %s/ and sign in with the token in secrets/dev/api_token.txt, or try:"
                        + " curl %s/api/analyses -H 'Authorization: %s' -H 'Content-Type: application/json' -d '%s'%n",
                url, url, Api.authorization(environment), "{\"name\": \"first\", \"values\": [1, 2, 4]}");
    }
}
