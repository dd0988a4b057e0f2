package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.Application;
import dev.slipway.analysis.ServiceTest;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.test.context.ActiveProfiles;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

@ServiceTest
@ActiveProfiles({"web", "migrate", "notes"})
class OpenApiTest {

    @Autowired
    Api api;

    @Autowired
    @Qualifier("requestMappingHandlerMapping")
    RequestMappingHandlerMapping mappings;

    @Test
    void theApiDescribesItselfAndNothingElse() {
        api.get("/api/openapi")
                .expectStatus().isOk()
                .expectBody()
                .jsonPath("$.openapi").isEqualTo("3.1.0")
                .jsonPath("$.paths").value(Map.class, paths -> assertThat(paths.keySet()).isEqualTo(mapped()))
                .jsonPath("$.components.securitySchemes.token.scheme").isEqualTo("bearer")
                .jsonPath("$.security[0].token").exists()
                .jsonPath("$.paths[*][*].responses[?(!@.default.content['application/problem+json'])]").isEmpty();
    }

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
                "['/api/test-notes'].post", Set.of("201", "400", "401", "403", "406", "409", "413", "415", "429", "503", "default"),
                "['/api/test-notes'].get", Set.of("200", "400", "401", "403", "406", "429", "503", "default"),
                "['/api/test-notes/{id}'].get", Set.of("200", "400", "401", "403", "404", "406", "429", "503", "default"),
                "['/api/test-notes/{id}'].delete", Set.of("204", "400", "401", "403", "404", "406", "429", "503", "default"));
        statuses.forEach((operation, expected) -> api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths" + operation + ".responses").value(Map.class, responses -> assertThat(responses.keySet()).isEqualTo(expected)));
    }

    @Test
    void andHasAPageForABrowserWhoeverAsks() {
        api.get("/api/docs").expectStatus().isFound();
        for (String path : new String[] {"/api/openapi", "/api/swagger-ui/index.html"}) {
            api.stranger().get().uri(path).exchange().expectStatus().isOk();
        }
    }

    /** The paths of the API. */
    private Set<String> mapped() {
        return mappings.getHandlerMethods().entrySet().stream()
                .filter(mapping -> mapping.getValue().getBeanType().getPackageName().startsWith(Application.class.getPackageName()))
                .flatMap(mapping -> mapping.getKey().getPatternValues().stream())
                .filter(path -> path.startsWith("/api/"))
                .collect(Collectors.toSet());
    }
}
