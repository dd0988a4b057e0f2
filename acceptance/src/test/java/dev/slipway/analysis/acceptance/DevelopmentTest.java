package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What docker compose up starts, looked at from outside. */
@ExtendWith(Docker.class)
class DevelopmentTest {

    @Test
    void everythingAnswersAndOnlyTheGatewayIsPublishedBeyondThisHost() throws Exception {
        try (Stack stack = Stack.up("docker-compose.yml", "docker-compose.override.yml")) {
            assertThat(stack.get("/api/analyses").statusCode()).isEqualTo(200);
            assertThat(stack.get("/api/swagger-ui/index.html").statusCode()).isEqualTo(200);

            Set<String> beyond = new TreeSet<>();
            for (String container : stack.containers()) {
                Stack.inspect(container).at("/NetworkSettings/Ports").forEach(bindings -> bindings.forEach(binding -> {
                    if (!binding.path("HostIp").asString().equals("127.0.0.1")) {
                        beyond.add(binding.path("HostPort").asString());
                    }
                }));
            }
            assertThat(beyond).containsExactly(stack.httpPort());
        }
    }
}
