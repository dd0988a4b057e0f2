package dev.slipway.analysis;

import org.springframework.boot.test.context.TestComponent;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
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

    public RestTestClient.ResponseSpec get(String uri, Object... variables) {
        return client().get().uri(uri, variables).exchange();
    }
}
