package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.test.context.ActiveProfiles;

/** What the document says of an ordinary controller, beside OpenApiTest's of any. */
@ServiceTest
@ActiveProfiles({"web", "migrate", "notes"})
class OpenApiOfNotesTest {

    @Autowired
    Api api;

    @Test
    void aBodyIsJsonWithItsLimitsAndNoUnknownField() {
        api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths['/api/test-notes'].post.requestBody.content.length()").isEqualTo(1)
                .jsonPath("$.paths['/api/test-notes'].post.requestBody.content['application/json']").exists()
                .jsonPath("$.paths['/api/test-notes'].post.responses['201'].content.length()").isEqualTo(1)
                .jsonPath("$.paths['/api/test-notes'].post.responses['201'].content['application/json']").exists()
                .jsonPath("$.components.schemas.NewNote.additionalProperties").isEqualTo(false)
                .jsonPath("$.components.schemas.NewNote.properties.values.maxItems").isEqualTo(100_000);
    }

    @Test
    void itNamesTheStatusesOfEachOperation() {
        Map<String, Set<String>> statuses = Map.of(
                "['/api/test-notes'].post", Set.of("201", "400", "406", "409", "413", "415", "503", "default"),
                "['/api/test-notes'].get", Set.of("200", "400", "406", "503", "default"),
                "['/api/test-notes/{id}'].get", Set.of("200", "400", "404", "406", "503", "default"),
                "['/api/test-notes/{id}'].delete", Set.of("204", "400", "404", "406", "503", "default"));
        statuses.forEach((operation, expected) -> api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths" + operation + ".responses").value(Map.class, responses -> assertThat(responses.keySet()).isEqualTo(expected)));
    }
}
