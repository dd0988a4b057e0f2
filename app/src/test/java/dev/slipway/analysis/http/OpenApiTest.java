package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import java.util.Map;
import java.util.Set;
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
                .jsonPath("$.paths['/api/notes'].post.responses['201']").exists()
                .jsonPath("$.paths['/api/notes'].post.responses.default.content['application/problem+json']").exists()
                .jsonPath("$.paths['/api/notes/{id}'].delete.responses['204']").exists();
    }

    @Test
    void andNothingElse() {
        api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths").value(Map.class, paths -> assertThat(paths.keySet()).allMatch(path -> path.toString().startsWith("/api/")))
                .jsonPath("$.paths['/api/notes'].post.requestBody.content.length()").isEqualTo(1)
                .jsonPath("$.paths['/api/notes'].post.requestBody.content['application/json']").exists()
                .jsonPath("$.paths['/api/notes'].post.responses['201'].content.length()").isEqualTo(1)
                .jsonPath("$.paths['/api/notes'].post.responses['201'].content['application/json']").exists()
                .jsonPath("$.components.schemas.NewNote.additionalProperties").isEqualTo(false)
                .jsonPath("$.components.schemas.NewNote.properties.values.maxItems").isEqualTo(100_000);
    }

    @Test
    void itNamesTheStatusesOfEachOperation() {
        Map<String, Set<String>> statuses = Map.of(
                "['/api/notes'].post", Set.of("201", "400", "406", "409", "413", "415", "503", "default"),
                "['/api/notes'].get", Set.of("200", "400", "406", "503", "default"),
                "['/api/notes/{id}'].get", Set.of("200", "400", "404", "406", "503", "default"),
                "['/api/notes/{id}'].delete", Set.of("204", "400", "404", "406", "503", "default"));
        statuses.forEach((operation, expected) -> api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths" + operation + ".responses").value(Map.class, responses -> assertThat(responses.keySet()).isEqualTo(expected)));
    }

    @Test
    void andHasAPageForABrowser() {
        api.get("/api/docs").expectStatus().isFound();
        api.get("/api/swagger-ui/index.html").expectStatus().isOk();
    }
}
