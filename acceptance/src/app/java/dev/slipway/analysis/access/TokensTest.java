package dev.slipway.analysis.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.Application;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.access.RefusedTokenException.Reason;
import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Profile;
import org.springframework.http.MediaType;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.core.Authentication;
import org.springframework.test.context.ActiveProfiles;
import org.springframework.test.context.TestPropertySource;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Who is let in, who is not, and what each is told. The client's address is what the gateway says, as in production. */
@ServiceTest
@ActiveProfiles({"web", "migrate", "tokens"})
@Import(TokensTest.Scoped.class)
@ExtendWith(OutputCaptureExtension.class)
@TestPropertySource(properties = {
    "server.forward-headers-strategy=native", "access.failed-tries=40",
    "spring.datasource.hikari.maximum-pool-size=2", "spring.datasource.hikari.connection-timeout=1000"
})
class TokensTest {

    static final String PATH = "/api/test-scopes";

    private static final String LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    @Autowired
    Api api;

    @Autowired
    TestDatabase database;

    @Autowired
    DataSource pool;

    @Autowired
    MeterRegistry meters;

    @Value("${access.prefix}")
    String prefix;

    /** An API of the tests' own: one method asks for a scope, and one says nothing. */
    @RestController
    @Profile("tokens & web")
    @RequestMapping(PATH)
    static class Scoped {

        @PreAuthorize("hasAuthority('SCOPE_tests:read')")
        @GetMapping
        String whoAsks(Authentication who) {
            return who.getName();
        }

        @GetMapping("/unsaid")
        String closed() {
            return "open";
        }
    }

    @AfterEach
    void cleanUp() {
        database.clear("access_token");
    }

    @Test
    void whoHasAValidTokenIsItsSubject() {
        String token = given("maria", "tests:write tests:read", 60);

        assertThat(ask(token).expectStatus().isOk().expectBody(String.class).returnResult().getResponseBody()).isEqualTo("maria");
        ask(given("maria", "tests:read", 60)).expectStatus().isOk(); // A second one beside it.
        ask(token).expectStatus().isOk();
    }

    static Stream<Arguments> unfit() {
        return Stream.of(
                unfitFor("no token", Reason.MALFORMED, test -> "of-no-form-that-is-known"),
                unfitFor("one with another character", Reason.MALFORMED, test -> changed(test.given("maria", "tests:read", 60))),
                unfitFor("one that was cut", Reason.MALFORMED, test -> test.given("maria", "tests:read", 60).replaceFirst(".$", "")),
                unfitFor("an identity provider's, where there is none", Reason.MALFORMED, test -> "eyJhbGciOiJub25lIn0.e30."),
                unfitFor("another project's", Reason.FOREIGN, test -> token("elsewhere")),
                unfitFor("one that nobody was given", Reason.UNKNOWN, test -> token(test.prefix)),
                unfitFor("one that has expired", Reason.EXPIRED, test -> test.given("maria", "tests:read", -1)),
                unfitFor("one that was revoked", Reason.REVOKED, test -> {
                    String token = test.given("maria", "tests:read", 60);
                    test.set("revoked_at = UTC_TIMESTAMP(6)", token);
                    return token;
                }));
    }

    private static Arguments unfitFor(String what, Reason reason, Function<TokensTest, String> token) {
        return arguments(what, reason, token);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unfit")
    void anUnfitTokenLetsNobodyInAndIsNotLogged(String what, Reason reason, Function<TokensTest, String> made, CapturedOutput output) {
        String token = made.apply(this);

        assertRefused(reason, () -> ask(token));

        assertThat(output).contains("Refused, " + reason + ": ").doesNotContain(token);
    }

    @Test
    void whoShowsNoTokenIsAskedForOne() {
        assertRefused(Reason.MISSING, () -> api.stranger().get().uri(PATH).exchange());
        assertRefused(Reason.MISSING, () -> api.stranger().get().uri("/api/no-such-path").exchange());
    }

    @Test
    void aPasswordIsNoToken() {
        assertRefused(Reason.MISSING, () -> askBy("Basic bWFyaWE6c2VjcmV0"));
    }

    @Test
    void ofTwoTokensNoneIsChosen() {
        String token = given("maria", "tests:read", 60);

        assertRefused(Reason.DOUBLED, () -> askBy("Bearer " + token, "Bearer " + token));
    }

    @Test
    void aTokenInTheQueryIsRefusedWhateverTheHeaderSays(CapturedOutput output) {
        String token = given("maria", "tests:read", 60);
        for (String query : new String[] {"?access_token={token}", "?key={token}"}) {
            assertRefused(Reason.LEAKED, () -> api.stranger().get().uri(PATH + query, token).header("Authorization", "Bearer " + token).exchange());
        }
        assertThat(output).contains("Refused, leaked: ").doesNotContain(token);
    }

    @Test
    void whoMayNotDoThisIsToldSo() {
        assertRefused(Reason.SCOPE, () -> ask(given("maria", "tests:write", 60)));
    }

    @Test
    void aMethodThatDoesNotSayWhatItAsksForIsClosed() {
        String token = given("maria", "tests:read", 60);

        assertRefused(Reason.SCOPE, () -> api.stranger().get().uri(PATH + "/unsaid").header("Authorization", "Bearer " + token).exchange());
    }

    @Test
    void aRevocationHoldsWithinFiveSeconds() {
        String token = given("maria", "tests:read", 60);
        ask(token).expectStatus().isOk();

        set("revoked_at = UTC_TIMESTAMP(6)", token);

        await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> ask(token).expectStatus().isUnauthorized());
    }

    @Test
    void itsUseIsNotedOnceAMinute() {
        String never = given("maria", "tests:read", 60);
        String lately = given("maria", "tests:read", 60);
        String longAgo = given("maria", "tests:read", 60);
        set("last_used_at = UTC_TIMESTAMP(6) - INTERVAL 30 SECOND", lately);
        set("last_used_at = UTC_TIMESTAMP(6) - INTERVAL 90 SECOND", longAgo);

        for (String token : new String[] {lately, never, longAgo}) {
            ask(token).expectStatus().isOk();
        }

        await().atMost(Duration.ofSeconds(10)).until(() -> unusedFor(never) < 30 && unusedFor(longAgo) < 30);
        assertThat(unusedFor(lately)).isGreaterThanOrEqualTo(30);
    }

    @Test
    void whoFailsTooOftenWaitsAndWhoSharesTheAddressWithAKnownTokenGoesOn() throws InterruptedException {
        String address = "203.0.113.7";
        String known = given("maria", "tests:read", 60);
        askFrom(address, known).expectStatus().isOk();
        for (int i = 0; i < 40; i++) {
            askFrom(address, "nothing").expectStatus().isUnauthorized();
        }

        assertRefused(Reason.TRIES, () -> askFrom(address, token(prefix)));
        askFrom(address, known).expectStatus().isOk();
        assertRefused(Reason.UNKNOWN, () -> askFrom("203.0.113.8", token(prefix)));
        Thread.sleep(Tokens.REMEMBERED.plusSeconds(1).toMillis());
        askFrom(address, known).expectStatus().isOk();
    }

    @Test
    void whileTheDatabaseIsSilentNobodyIsCalledUnknown() throws SQLException {
        try (Connection one = pool.getConnection(); Connection two = pool.getConnection()) {
            assertThat(one).isNotSameAs(two);

            ask(token(prefix))
                    .expectStatus().isEqualTo(503)
                    .expectHeader().valueEquals("Retry-After", "1")
                    .expectBody().jsonPath("$.type").isEqualTo("urn:problem-type:unavailable");
            api.client().get().uri(PATH).exchange().expectStatus().isForbidden(); // By a secret it is known without the database.
        }
    }

    @Test
    void productionRefusesDevelopmentsToken(CapturedOutput output) {
        assertThatThrownBy(() -> new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                        .profiles("web", "production")
                        .run("--server.port=0", "--management.server.port=0", "--web.drain-delay=0s"))
                .isNotNull();

        assertThat(output).contains("The secret access.tokens.development.token is development's, which everybody knows.");
    }

    private ResponseSpec ask(String token) {
        return askBy("Bearer " + token);
    }

    private ResponseSpec askBy(String... authorization) {
        return api.stranger().get().uri(PATH).header("Authorization", authorization).exchange();
    }

    private ResponseSpec askFrom(String address, String token) {
        return api.stranger().get().uri(PATH).header("X-Forwarded-For", address).header("Authorization", "Bearer " + token).exchange();
    }

    /** That the answer is the reason's, and that it is counted. */
    private void assertRefused(Reason reason, Supplier<ResponseSpec> asking) {
        double before = refused(reason);
        ResponseSpec answer = asking.get();
        switch (reason) {
            case MISSING -> assertProblem(answer, reason, 401, "unauthenticated", "WWW-Authenticate", "Bearer");
            case SCOPE -> assertProblem(answer, reason, 403, "forbidden", "WWW-Authenticate", "Bearer error=\"insufficient_scope\"");
            case TRIES -> assertProblem(answer, reason, 429, "too-many-requests", "Retry-After", "60");
            default -> assertProblem(answer, reason, 401, "unauthenticated", "WWW-Authenticate", "Bearer error=\"invalid_token\"");
        }
        assertThat(refused(reason)).isEqualTo(before + 1);
    }

    private static void assertProblem(ResponseSpec answer, Reason reason, int status, String type, String header, String value) {
        answer.expectStatus().isEqualTo(status)
                .expectHeader().contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectHeader().valueEquals(header, value)
                .expectBody()
                .jsonPath("$.type").isEqualTo("urn:problem-type:" + type)
                .jsonPath("$.detail").isEqualTo(reason.detail)
                .jsonPath("$.requestId").exists();
    }

    private double refused(Reason reason) {
        return meters.counter("access.refused", "reason", reason.toString()).count();
    }

    /** A token of the right form, which nobody was given. */
    static String token(String prefix) {
        String random = new SecureRandom().ints(43, 0, LETTERS.length())
                .mapToObj(letter -> LETTERS.substring(letter, letter + 1))
                .collect(Collectors.joining());
        return prefix + "_" + random + "_" + HexFormat.of().formatHex(Token.sha256(random)).substring(0, 6);
    }

    private static String changed(String token) {
        int at = token.indexOf('_') + 1;
        return token.substring(0, at) + (token.charAt(at) == 'a' ? 'b' : 'a') + token.substring(at + 1);
    }

    /** One that scripts/token.sh might have made, for so many seconds. */
    private String given(String subject, String scopes, int seconds) {
        String token = token(prefix);
        database.sql("INSERT INTO access_token (hash, name, scopes, expires_at)"
                        + " VALUES (:hash, :name, :scopes, UTC_TIMESTAMP(6) + INTERVAL :seconds SECOND)")
                .param("hash", Token.sha256(token))
                .param("name", subject)
                .param("scopes", scopes)
                .param("seconds", seconds)
                .update();
        return token;
    }

    private void set(String assignment, String token) {
        database.sql("UPDATE access_token SET " + assignment + " WHERE hash = :hash").param("hash", Token.sha256(token)).update();
    }

    /** Seconds; many if it never was used. */
    private int unusedFor(String token) {
        return database.sql("SELECT COALESCE(TIMESTAMPDIFF(SECOND, last_used_at, UTC_TIMESTAMP(6)), 9999) FROM access_token WHERE hash = :hash")
                .param("hash", Token.sha256(token))
                .query(int.class)
                .single();
    }
}
