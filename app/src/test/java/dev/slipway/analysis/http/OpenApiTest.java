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
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

@ServiceTest
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
                .jsonPath("$.paths[*][*].responses[?(!@.default.content['application/problem+json'])]").isEmpty();
    }

    @Test
    void andHasAPageForABrowser() {
        api.get("/api/docs").expectStatus().isFound();
        api.get("/api/swagger-ui/index.html").expectStatus().isOk();
    }

    /** The paths of this service's own controllers, the page of errors apart. */
    private Set<String> mapped() {
        return mappings.getHandlerMethods().entrySet().stream()
                .filter(mapping -> mapping.getValue().getBeanType().getPackageName().startsWith(Application.class.getPackageName()))
                .filter(mapping -> mapping.getValue().getBeanType() != ErrorPage.class)
                .flatMap(mapping -> mapping.getKey().getPatternValues().stream())
                .collect(Collectors.toSet());
    }
}
