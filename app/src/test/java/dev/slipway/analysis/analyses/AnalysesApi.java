package dev.slipway.analysis.analyses;

import dev.slipway.analysis.Api;
import java.util.Map;
import java.util.UUID;
import org.springframework.boot.test.context.TestComponent;
import org.springframework.context.annotation.Lazy;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;

/** The calls of {@code /api/analyses} that many tests make. */
@TestComponent
@Lazy
class AnalysesApi {

    private final Api api;

    AnalysesApi(Api api) {
        this.api = api;
    }

    RestTestClient client() {
        return api.client();
    }

    RestTestClient other() {
        return api.other();
    }

    RestTestClient.ResponseSpec get(String uri, Object... variables) {
        return api.get(uri, variables);
    }

    RestTestClient.ResponseSpec post(Object body, String... headers) {
        return postAs(client(), body, headers);
    }

    RestTestClient.ResponseSpec postAs(RestTestClient subject, Object body, String... headers) {
        RestTestClient.RequestBodySpec request = subject.post().uri("/api/analyses").contentType(MediaType.APPLICATION_JSON);
        for (int i = 0; i < headers.length; i += 2) {
            request = request.header(headers[i], headers[i + 1]);
        }
        return request.body(body).exchange();
    }

    UUID submit(String name, double... values) {
        return id(post(Map.of("name", name, "values", values)).expectStatus().isAccepted());
    }

    @SuppressWarnings("unchecked")
    static UUID id(RestTestClient.ResponseSpec response) {
        return UUID.fromString((String) response.expectBody(Map.class).returnResult().getResponseBody().get("id"));
    }
}
