package dev.slipway.analysis.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.access.RefusedTokenException.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Date;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.ActiveProfiles;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;

/** An identity provider, whose JWTs are taken where the property of its address is set; tokens of our own are taken beside them. */
@ServiceTest
@ActiveProfiles({"web", "migrate", "tokens"})
@Import(TokensTest.Scoped.class)
class IssuerTest {

    private static final RSAKey KEY = key();
    private static final HttpServer SERVER = server();

    @Autowired
    Api api;

    @Value("${access.prefix}")
    String prefix;

    @DynamicPropertySource
    static void nameTheIssuer(DynamicPropertyRegistry properties) {
        properties.add("spring.security.oauth2.resourceserver.jwt.issuer-uri", IssuerTest::issuer);
    }

    @AfterAll
    static void stop() {
        SERVER.stop(0);
    }

    @Test
    void aJwtOfTheIssuerIsItsSubjectAndHasItsScopes() throws JOSEException {
        assertThat(ask(jwt(issuer(), "tests:read profile", 60, KEY)).expectStatus().isOk().expectBody(String.class).returnResult().getResponseBody())
                .isEqualTo("maria");
        ask(jwt(issuer(), "tests:write", 60, KEY)).expectStatus().isForbidden();
    }

    @Test
    void anotherIssuersOrAnothersOrAnOldOneIsRefused() throws JOSEException {
        assertRefused(Reason.INVALID, jwt("http://127.0.0.1:1", "tests:read", 60, KEY));
        assertRefused(Reason.INVALID, jwt(issuer(), "tests:read", 60, key()));
        assertRefused(Reason.INVALID, jwt(issuer(), "tests:read", -120, KEY)); // A minute is left to clocks that differ.
    }

    @Test
    void tokensOfOurOwnAreKnownAsEver() {
        api.client().get().uri(TokensTest.PATH).exchange().expectStatus().isForbidden(); // Development's has no scope of this test.
        assertRefused(Reason.UNKNOWN, TokensTest.token(prefix));
    }

    private ResponseSpec ask(String token) {
        return api.stranger().get().uri(TokensTest.PATH).header("Authorization", "Bearer " + token).exchange();
    }

    private void assertRefused(Reason reason, String token) {
        ask(token)
                .expectStatus().isUnauthorized()
                .expectHeader().valueEquals("WWW-Authenticate", "Bearer error=\"invalid_token\"")
                .expectBody().jsonPath("$.detail").isEqualTo(reason.detail);
    }

    private static String jwt(String issuer, String scope, int seconds, RSAKey key) throws JOSEException {
        JWTClaimsSet claims = new JWTClaimsSet.Builder()
                .issuer(issuer)
                .subject("maria")
                .claim("scope", scope)
                .expirationTime(Date.from(Instant.now().plusSeconds(seconds)))
                .build();
        SignedJWT jwt = new SignedJWT(new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build(), claims);
        jwt.sign(new RSASSASigner(key));
        return jwt.serialize();
    }

    private static RSAKey key() {
        try {
            return new RSAKeyGenerator(2048).keyID("of-the-test").keyUse(KeyUse.SIGNATURE).algorithm(JWSAlgorithm.RS256).generate();
        } catch (JOSEException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String issuer() {
        return "http://127.0.0.1:" + SERVER.getAddress().getPort();
    }

    /** Says where its keys are, and which. */
    private static HttpServer server() {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", exchange -> {
                String said = exchange.getRequestURI().getPath().equals("/keys")
                        ? new JWKSet(KEY.toPublicJWK()).toString()
                        : "{\"issuer\": \"%s\", \"jwks_uri\": \"%s/keys\"}".formatted(issuer(), issuer());
                byte[] body = said.getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
                exchange.close();
            });
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
