package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.stream.Stream;
import org.hibernate.TransactionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.core.env.Environment;
import org.springframework.orm.jpa.JpaSystemException;
import org.springframework.test.context.ActiveProfiles;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@ServiceTest
@ActiveProfiles({"web", "migrate", "notes"})
class ProblemsTest {

    private static final String ID = "01890000-0000-7000-8000-000000000000";

    @Autowired
    Api api;

    @Autowired
    TestDatabase database;

    @Autowired
    Environment environment;

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
                arguments("NaN as text", body("a", "\"NaN\""), "malformed-body", "values[0] is not of the type"),
                arguments("Infinity", body("a", "-Infinity"), "malformed-body", "not valid JSON"),
                arguments("a number as text", body("a", "1, \"1.5\""), "malformed-body", "values[1] is not of the type"),
                arguments("base64 for numbers", "{\"name\": \"a\", \"values\": \"QAAAAAAAAAA=\"}", "malformed-body", "values is not of the type"),
                arguments("a number for text", "{\"name\": 5, \"values\": [1]}", "malformed-body", "name is not of the type"),
                arguments("more after the end", body("a", "1") + "1", "malformed-body", "The body is not of the type"),
                arguments("a field's name of 40 kB", "{\"" + "f".repeat(40_000) + "\": 1}", "malformed-body", "f...\" here"),
                arguments("a field twice", "{\"name\": \"a\", \"name\": \"b\", \"values\": [1]}", "malformed-body", "not valid JSON"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badBodies")
    void aBadBodyIsA400(String what, String body, String type, String detail) throws Exception {
        assertProblem(post(body, "application/json"), 400, type, detail);
    }

    @Test
    void aBodyOverTheLimitIsA413() throws Exception {
        String tooLarge = body("a", "1" + " ".repeat(5_000_000));

        assertProblem(post(tooLarge, "application/json"), 413, "body-too-large", "send less at once");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "application/x-www-form-urlencoded", "text/plain", "application/yaml", "application/cbor", "application/x-jackson-smile",
        "application/vnd.a+json", "multipart/form-data", "multipart/form-data; boundary=b", "*/*", "application/*", "json", "a/b; c", "/"
    })
    void anotherMediaTypeIsA415(String mediaType) throws Exception {
        String form = "%";
        assertProblem(send("POST", "/api/test-notes", form, "Content-Type", mediaType), 415, "unsupported-media-type", "application/json");
        assertThat(send("PUT", "/api/test-notes", form, "Content-Type", mediaType).statusCode()).isIn(405, 415);
        assertThat(send("DELETE", "/api/test-notes/" + ID, form, "Content-Type", mediaType).statusCode()).isIn(404, 415);
    }

    static Stream<Arguments> badRequests() {
        return Stream.of(
                arguments("GET", "/api/test-notes?page=-1", 400, "invalid-request", "page must be greater than or equal to 0."),
                arguments("GET", "/api/test-notes?page=1001", 400, "invalid-request", "page must be less than or equal to 1000."),
                arguments("GET", "/api/test-notes?page=x", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/test-notes?page=0x10", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/test-notes?page=%EF%BC%91", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/test-notes?page=%201", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/test-notes?=1", 400, "invalid-request", "The query cannot be read"),
                arguments("GET", "/api/test-notes?" + "a=1&".repeat(1500), 400, "invalid-request", "The query cannot be read"),
                arguments("GET", "/api/test-notes?colour=RED&colour=BLUE", 400, "invalid-request", "each parameter comes once"),
                arguments("GET", "/api/test-notes?sort=name&sort=desc", 400, "invalid-request", "The query cannot be read"),
                arguments("GET", "/api/test-notes?page=99999999999", 400, "invalid-request", "page must be a whole number."),
                arguments("GET", "/api/test-notes?sort=failure", 400, "invalid-request", "sort must be name or id."),
                arguments("GET", "/api/test-notes?colour=GREEN", 400, "invalid-request", "colour must be one of [RED, BLUE]."),
                arguments("GET", "/api/test-notes?colour=red", 400, "invalid-request", "colour must be one of [RED, BLUE]."),
                arguments("GET", "/api/test-notes/1-1-1-1-1", 400, "invalid-request", "id must be a UUID."),
                arguments("GET", "/api/test-notes/no-id", 400, "invalid-request", "id must be a UUID."),
                arguments("GET", "/api/test-notes/" + ID, 404, "not-found", "There is no note " + ID + "."),
                arguments("DELETE", "/api/test-notes/" + ID, 404, "not-found", "There is no note " + ID + "."),
                arguments("GET", "/api/nothing", 404, "not-found", "No such path"),
                arguments("GET", "/index.html", 404, "not-found", "No such path"),
                arguments("GET", "/favicon.ico", 404, "not-found", "No such path"),
                arguments("GET", "/webjars/a", 404, "not-found", "No such path"),
                arguments("GET", "/api/openapi.yaml", 404, "not-found", "No such path"),
                arguments("GET", "/error", 404, "not-found", "No such path"),
                arguments("PUT", "/api/test-notes", 405, "method-not-allowed", "PUT is not allowed here: use "),
                arguments("TRACE", "/api/test-notes", 405, "method-not-allowed", ""));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("badRequests")
    void aBadRequestSaysWhatIsWrong(String method, String path, int status, String type, String detail) throws Exception {
        assertProblem(send(method, path, ""), status, type, detail);
    }

    @Test
    void anExceptionSaysOfItselfWhatProblemItIs() throws Exception {
        HttpResponse<String> response = post(body("taken", "1"), "application/json");

        assertProblem(response, 409, "name-taken", "Take another name.");
        assertThat(json.readTree(response.body()).path("title").asString()).isEqualTo("There is such a note");
        assertThat(response.headers().firstValue("Retry-After")).hasValue("7");
    }

    @Test
    void aConnectionThatBrokeBeforeItsRollbackIsA503() {
        var broken = new JpaSystemException(new TransactionException("Unable to rollback", new SQLException("Connection is closed")));

        assertThat(new Problems().handleUnwilling(broken).getStatusCode().value()).isEqualTo(503);
    }

    @Test
    void aBadIdempotencyKeyIsA400() throws Exception {
        for (String key : new String[] {"k".repeat(256), "two words"}) {
            assertProblem(
                    send("POST", "/api/test-notes", body("a", "1"), "Content-Type", "application/json", "Idempotency-Key", key),
                    400, "invalid-request", "Idempotency-Key ");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/xml", "application/yaml", "text/html", "image/*", "nothing", "a/b; c", "*/x"})
    void anotherRepresentationIsA406AndStoresNothing(String accept) throws Exception {
        database.clear("test_note");

        assertProblem(send("GET", "/api/test-notes", "", "Accept", accept), 406, "not-acceptable", "application/json");
        assertProblem(
                send("POST", "/api/test-notes", body("a", "1"), "Content-Type", "application/json", "Accept", accept),
                406, "not-acceptable", "application/json");

        api.get("/api/test-notes").expectBody().jsonPath("$").isEmpty();
    }

    @Test
    void aProblemIsOneWhateverIsAccepted() throws Exception {
        for (String accept : new String[] {"text/html", "nothing"}) {
            assertProblem(send("GET", "/api/nothing", "", "Accept", accept), 404, "not-found", "No such path");
            assertProblem(send("GET", "/api/test-notes?=1", "", "Accept", accept), 400, "invalid-request", "The query");
        }
    }

    @Test
    void pagesOfOtherOriginsAreRefused() throws Exception {
        assertThat(raw("OPTIONS /api/test-notes HTTP/1.1", "Host: a", "Origin: http://b", "Access-Control-Request-Method: POST"))
                .startsWith("HTTP/1.1 403")
                .contains("application/problem+json");
    }

    @Test
    void noAnswerIsKeptByACache() throws Exception {
        for (String path : new String[] {"/api/test-notes", "/api/nothing", "/api/test-notes?=1", "/api/openapi"}) {
            HttpHeaders headers = send("GET", path, "").headers();
            assertThat(headers.allValues("Cache-Control")).as(path).containsExactly("no-store");
            assertThat(headers.allValues("Vary")).as(path).contains("Accept-Encoding");
        }
    }

    @Test
    void aDatabaseThatTakesNoWritesIsA503() throws Exception {
        database.sql("SET GLOBAL read_only = ON").update();
        try {
            HttpResponse<String> response = post(body("a", "1"), "application/json");

            assertProblem(response, 503, "unavailable", "try again in a moment");
            assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
            api.get("/api/test-notes").expectStatus().isOk();
        } finally {
            database.sql("SET GLOBAL read_only = OFF").update();
        }
    }

    @Test
    void aStatementThatTakesTooLongIsA503() throws Exception {
        database.sql("CREATE TRIGGER too_long BEFORE INSERT ON test_note FOR EACH ROW "
                + "SIGNAL SQLSTATE '70100' SET MYSQL_ERRNO = 1969, MESSAGE_TEXT = 'Query was interrupted: execution time limit 12.0 sec exceeded'")
                .update();
        try {
            assertProblem(post(body("a", "1"), "application/json"), 503, "unavailable", "try again in a moment");
        } finally {
            database.sql("DROP TRIGGER too_long").update();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 1000\r\n\r\n", "Content-Length: 1000\r\n\r\n{\"name\":", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam"})
    void aBodyThatEndsEarlyIsA400(String end) throws Exception {
        assertThat(exchange("POST /api/test-notes HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: " + authorization()
                        + "\r\nContent-Type: application/json\r\n" + end))
                .startsWith("HTTP/1.1 400")
                .contains("The body ended early");
    }

    static Stream<Arguments> unparsable() {
        return Stream.of(
                arguments("GET /api/test-notes?name=<|> HTTP/1.1", "Host: a", "does not allow"),
                arguments("GET /api/test-notes?page=% HTTP/1.1", "Host: a", "The query cannot be read"),
                arguments("GET /api/%00 HTTP/1.1", "Host: a", ""),
                arguments("GET /api/test-notes HTTP/1.1", "Host: a b", "does not allow"),
                arguments("GET /api/test-notes HTTP/1.1", "X: no host", "Host is missing"),
                arguments("GET /api/test-notes HTTP/1.1", "Host: a\r\nContent-Length: x", "does not allow"));
    }

    @ParameterizedTest
    @MethodSource("unparsable")
    void aRequestThatTheServerCannotParseIsAProblemToo(String line, String header, String detail) throws Exception {
        String response = raw(line, header, "X-Request-ID: from-test");

        assertThat(response)
                .startsWith("HTTP/1.1 400")
                .containsIgnoringCase("Content-Type: application/problem+json")
                .containsPattern("(?i)x-request-id: [A-Za-z0-9-]+")
                .contains("urn:problem-type:invalid-request", detail)
                .doesNotContain("Exception", "Tomcat");
        String id = response.replaceAll("(?si).*x-request-id: ([A-Za-z0-9-]+).*", "$1");
        assertThat(response.substring(response.indexOf("\r\n\r\n"))).contains(id);
    }

    @Test
    void http10WithoutAHostIsAnswered() throws Exception {
        assertThat(raw("GET /api/test-notes HTTP/1.0")).startsWith("HTTP/1.1 200");
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
        return send("POST", "/api/test-notes", body, "Content-Type", contentType);
    }

    private HttpResponse<String> send(String method, String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(api.url() + path))
                .header("Authorization", authorization())
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** What no client library would send: the lines of a request's head, and the whole answer. */
    private String raw(String... head) throws Exception {
        return exchange(String.join("\r\n", head) + "\r\nAuthorization: " + authorization() + "\r\nConnection: close\r\n\r\n");
    }

    private String authorization() {
        return Api.authorization(environment);
    }

    private String exchange(String request) throws Exception {
        URI uri = URI.create(api.url());
        try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
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
