package dev.slipway.analysis.http;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;

@ServiceTest
class OpenApiTest {

    @Autowired
    Api api;

    @Test
    void theApiDescribesItself() {
        api.get("/api/openapi")
                .expectStatus().isOk()
                .expectBody()
                .jsonPath("$.openapi").isEqualTo("3.1.0")
                .jsonPath("$.paths['/api/analyses'].post.responses['202']").exists()
                .jsonPath("$.paths['/api/analyses'].post.responses.default.content['application/problem+json']").exists()
                .jsonPath("$.paths['/api/analyses/{id}'].delete.responses['204']").exists();
    }

    @Test
    void andHasAPageForABrowser() {
        api.get("/api/docs").expectStatus().isFound();
        api.get("/api/swagger-ui/index.html").expectStatus().isOk();
    }
}
