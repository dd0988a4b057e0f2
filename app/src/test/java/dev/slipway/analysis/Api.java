package dev.slipway.analysis;

import java.util.Map;
import java.util.UUID;
import org.springframework.boot.test.context.TestComponent;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;

/** The service as its clients see it, with the steps that many tests take. */
@TestComponent
@Lazy
public class Api {

    private final Environment environment;

    Api(Environment environment) {
        this.environment = environment;
    }

    public String url() {
        return "http://localhost:" + environment.getRequiredProperty("local.server.port");
    }

    public RestTestClient client() {
        return RestTestClient.bindToServer().baseUrl(url()).build();
    }

    public RestTestClient.ResponseSpec post(Object body, String... headers) {
        RestTestClient.RequestBodySpec request =
                client().post().uri("/api/analyses").contentType(MediaType.APPLICATION_JSON);
        for (int i = 0; i < headers.length; i += 2) {
            request = request.header(headers[i], headers[i + 1]);
        }
        return request.body(body).exchange();
    }

    public RestTestClient.ResponseSpec get(String uri, Object... variables) {
        return client().get().uri(uri, variables).exchange();
    }

    public UUID submit(String name, double... values) {
        return id(post(Map.of("name", name, "values", values)).expectStatus().isAccepted());
    }

    @SuppressWarnings("unchecked")
    public static UUID id(RestTestClient.ResponseSpec response) {
        return UUID.fromString((String) response.expectBody(Map.class).returnResult().getResponseBody().get("id"));
    }
}
