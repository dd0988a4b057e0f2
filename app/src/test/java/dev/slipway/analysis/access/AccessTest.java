package dev.slipway.analysis.access;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatusCode;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/** Every method of every controller, whoever wrote it; the actuator's have a port of their own. */
@ServiceTest
class AccessTest {

    /** The API's document, which a stranger may read but in production, and where one becomes known. */
    private static final String OPEN = "/api/(openapi|docs|swagger-ui)(/.*)?|/page/sign-in";

    /** What is for a browser: a stranger's is led to the sign-in, and its forms have no token. */
    private static final String PAGE = "/|/page/.*";

    /** It, and what a filter or Tomcat refuses, which no client asks for. */
    private static final String UNSAID = OPEN + "|/api/openapi\\.yaml|/error";

    @Autowired
    Api api;

    @Autowired
    Map<String, RequestMappingHandlerMapping> mappings;

    private record Mapped(String path, Set<RequestMethod> methods, HandlerMethod handler) {}

    @Test
    void aStrangerIsLetInNowhere() {
        List<String> asked = new ArrayList<>();
        List<String> letIn = new ArrayList<>();
        mapped().filter(mapped -> !mapped.path.matches(OPEN)).forEach(mapped -> {
            String path = mapped.path.replaceAll("\\{.*?}", "01890000-0000-7000-8000-000000000000");
            for (RequestMethod method : mapped.methods.isEmpty() ? Set.of(RequestMethod.GET, RequestMethod.POST) : mapped.methods) {
                HttpStatusCode answer = api.stranger().method(HttpMethod.valueOf(method.name())).uri(path).exchange().returnResult().getStatus();
                asked.add(method + " " + path);
                if (answer.value() != (!path.matches(PAGE) ? 401 : method == RequestMethod.GET ? 303 : 403)) {
                    letIn.add(method + " " + path + ": " + answer.value());
                }
            }
        });

        System.out.println("Asked by a stranger: " + asked.size() + " methods of paths");
        assertThat(asked).isNotEmpty();
        assertThat(letIn).isEmpty();
    }

    @Test
    void everyMethodSaysWhatItAsksFor() {
        assertThat(mapped().filter(mapped -> !mapped.path.matches(UNSAID)))
                .as("say @PreAuthorize(\"hasAuthority('SCOPE_...')\"): without it nobody is let in")
                .isNotEmpty()
                .allMatch(mapped -> mapped.handler.hasMethodAnnotation(PreAuthorize.class)
                        || AnnotatedElementUtils.hasAnnotation(mapped.handler.getBeanType(), PreAuthorize.class));
    }

    private Stream<Mapped> mapped() {
        return mappings.values().stream()
                .flatMap(mapping -> mapping.getHandlerMethods().entrySet().stream())
                .flatMap(entry -> entry.getKey().getPatternValues().stream()
                        .map(path -> new Mapped(path, entry.getKey().getMethodsCondition().getMethods(), entry.getValue())));
    }
}
