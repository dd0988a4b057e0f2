package dev.slipway.analysis;

import org.springframework.boot.test.context.TestComponent;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
import org.springframework.http.HttpHeaders;
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

    /** What the header Authorization says of development, where there is no {@link Api}. */
    public static String authorization(Environment environment) {
        return "Bearer " + environment.getProperty("access.tokens.development.token");
    }

    /** Development, who may do everything. */
    public RestTestClient client() {
        return client(authorization(environment));
    }

    /** Another subject, who sees nothing of development's. */
    public RestTestClient other() {
        return client("Bearer " + environment.getProperty("access.tokens.other.token"));
    }

    /** Somebody without a token. */
    public RestTestClient stranger() {
        return RestTestClient.bindToServer().baseUrl(url()).build();
    }

    public RestTestClient.ResponseSpec get(String uri, Object... variables) {
        return client().get().uri(uri, variables).exchange();
    }

    private RestTestClient client(String authorization) {
        return RestTestClient.bindToServer().baseUrl(url()).defaultHeader(HttpHeaders.AUTHORIZATION, authorization).build();
    }
}
