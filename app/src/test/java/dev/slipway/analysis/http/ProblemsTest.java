package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@ServiceTest
class ProblemsTest {

    private static final String ID = "01890000-0000-7000-8000-000000000000";

    @Autowired
    Api api;

    @Autowired
    TestDatabase database;

    @Autowired
    JsonMapper json;

    private final HttpClient http = HttpClient.newHttpClient();

    static Stream<Arguments> badBodies() {
        return Stream.of(
                arguments("nothing", "", "malformed-body", "There is no body"),
                arguments("no JSON", "{\"name\": ", "malformed-body", "not valid JSON: see line 1"),
                arguments("an array", "[1, 2]", "malformed-body", "The body is not of the type"),
                arguments("an unknown field", body("a", "1").replace("values", "valves"), "malformed-body", "no field \"valves\""),
                arguments("text for a number", body("a", "\"x\""), "malformed-body", "values[0] is not of the type"),
                arguments("null for a number", body("a", "null"), "malformed-body", "values[0] is not of the type"),
                arguments("no name", "{\"values\": [1]}", "invalid-request", "name must not be blank."),
                arguments("an empty name", body("", "1"), "invalid-request", "name must not be blank."),
                arguments("a blank name", body(" ", "1"), "invalid-request", "name must not be blank."),
                arguments("a long name", body("a".repeat(201), "1"), "invalid-request", "name size must be between 0 and 200."),
                arguments("no values", "{\"name\": \"a\"}", "invalid-request", "values must not be null."),
                arguments("0 values", body("a", ""), "invalid-request", "values size must be between 1 and 100000."),
                arguments("100,001 values", body("a", "1,".repeat(100_000) + "1"), "invalid-request", "values size must be between 1 and 100000."),
                arguments("NaN", body("a", "NaN"), "malformed-body", "not valid JSON"),
                arguments("NaN as text", body("a", "\"NaN\""), "invalid-request", "values must hold finite numbers alone."),
                arguments("Infinity", body("a", "-Infinity"), "malformed-body", "not valid JSON"),
                arguments("infinity as text", body("a", "\"-Infinity\""), "invalid-request", "values must hold finite numbers alone."),
                arguments("a number beyond double", body("a", "1e999"), "invalid-request", "values must hold finite numbers alone."));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badBodies")
    void aBadBodyIsA400(String what, String body, String type, String detail) throws Exception {
        assertProblem(post(body, "application/json"), 400, type, detail);
    }

    @Test
    void aBodyOverTheLimitIsA413() throws Exception {
        String tooLarge = body("a", "1" + " ".repeat(5_000_000));

        assertProblem(post(tooLarge, "application/json"), 413, "body-too-large", "send fewer values");
    }

    @Test
    void anotherMediaTypeIsA415() throws Exception {
        assertProblem(post("a=b", "application/x-www-form-urlencoded"), 415, "unsupported-media-type", "application/json");
        assertProblem(post("{}", "text/plain"), 415, "unsupported-media-type", "application/json");
    }

    static Stream<Arguments> badRequests() {
        return Stream.of(
                arguments("GET", "/api/analyses?page=-1", 400, "invalid-request", "page must be greater than or equal to 0."),
                arguments("GET", "/api/analyses?page=1001", 400, "invalid-request", "page must be less than or equal to 1000."),
                arguments("GET", "/api/analyses?page=x", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/analyses?page=99999999999", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/analyses?size=0", 400, "invalid-request", "size must be greater than or equal to 1."),
                arguments("GET", "/api/analyses?size=101", 400, "invalid-request", "size must be less than or equal to 100."),
                arguments("GET", "/api/analyses?sort=failure", 400, "invalid-request", "sort must be createdAt or name"),
                arguments("GET", "/api/analyses?sort=name,up", 400, "invalid-request", "sort must be createdAt or name"),
                arguments("GET", "/api/analyses?status=LOST", 400, "invalid-request", "status must be one of [QUEUED, RUNNING, DONE, FAILED]."),
                arguments("GET", "/api/analyses/no-id", 400, "invalid-request", "id must be a UUID."),
                arguments("GET", "/api/analyses/" + ID, 404, "not-found", "There is no analysis " + ID + "."),
                arguments("DELETE", "/api/analyses/" + ID, 404, "not-found", "There is no analysis " + ID + "."),
                arguments("GET", "/api/nothing", 404, "not-found", "No such path"),
                arguments("GET", "/error", 404, "not-found", ""),
                arguments("PUT", "/api/analyses", 405, "method-not-allowed", "PUT is not allowed here: use "),
                arguments("TRACE", "/api/analyses", 405, "method-not-allowed", ""));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("badRequests")
    void aBadRequestSaysWhatIsWrong(String method, String path, int status, String type, String detail) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(api.url() + path))
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();

        assertProblem(http.send(request, HttpResponse.BodyHandlers.ofString()), status, type, detail);
    }

    @Test
    void aBadIdempotencyKeyIsA400() throws Exception {
        for (String key : new String[] {"k".repeat(256), "two words"}) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(api.url() + "/api/analyses"))
                    .header("Content-Type", "application/json")
                    .header("Idempotency-Key", key)
                    .POST(HttpRequest.BodyPublishers.ofString(body("a", "1")))
                    .build();

            assertProblem(http.send(request, HttpResponse.BodyHandlers.ofString()), 400, "invalid-request", "Idempotency-Key ");
        }
    }

    @Test
    void anotherRepresentationIsA406() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(api.url() + "/api/analyses"))
                .header("Accept", "application/xml")
                .build();

        assertProblem(http.send(request, HttpResponse.BodyHandlers.ofString()), 406, "not-acceptable", "");
    }

    @Test
    void aDatabaseThatTakesNoWritesIsA503() throws Exception {
        database.sql("SET GLOBAL read_only = ON").update();
        try {
            HttpResponse<String> response = post(body("a", "1"), "application/json");

            assertProblem(response, 503, "unavailable", "try again in a moment");
            assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
            api.get("/api/analyses").expectStatus().isOk();
        } finally {
            database.sql("SET GLOBAL read_only = OFF").update();
        }
    }

    @Test
    void aRequestThatTheServerCannotParseIsAProblemToo() throws Exception {
        URI uri = URI.create(api.url());
        try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
            socket.getOutputStream()
                    .write("GET /api/analyses?name=<|> HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            String response = new String(in.readAllBytes(), StandardCharsets.UTF_8);

            assertThat(response)
                    .startsWith("HTTP/1.1 400")
                    .containsIgnoringCase("Content-Type: application/problem+json")
                    .contains("urn:problem-type:invalid-request")
                    .doesNotContain("Exception", "Tomcat");
        }
    }

    @Test
    void aProblemCarriesTheGatewaysRequestId() {
        api.client().get().uri("/api/nothing").header("X-Request-ID", "from-nginx.1").exchange()
                .expectHeader().valueEquals("X-Request-ID", "from-nginx.1")
                .expectBody().jsonPath("$.requestId").isEqualTo("from-nginx.1");
    }

    @Test
    void aRequestIdThatCouldForgeALogLineIsReplaced() {
        api.client().get().uri("/api/nothing").header("X-Request-ID", "a b\tc").exchange()
                .expectBody().jsonPath("$.requestId").value(String.class, id -> assertThat(id).hasSize(36));
    }

    private HttpResponse<String> post(String body, String contentType) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(api.url() + "/api/analyses"))
                .header("Content-Type", contentType)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private void assertProblem(HttpResponse<String> response, int status, String type, String detail) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        JsonNode problem = json.readTree(response.body());
        assertThat(problem.path("type").asString()).isEqualTo("urn:problem-type:" + type);
        assertThat(problem.path("title").asString()).isNotBlank();
        assertThat(problem.path("status").asInt()).isEqualTo(status);
        assertThat(problem.path("requestId").asString()).isNotBlank();
        assertThat(problem.path("detail").asString()).contains(detail);
        assertThat(response.body())
                .doesNotContain("Exception", "trace", "java.", "tools.jackson", "org.", Problems.class.getPackageName());
    }

    private static String body(String name, String values) {
        return "{\"name\": \"" + name + "\", \"values\": [" + values + "]}";
    }
}
