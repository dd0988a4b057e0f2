package dev.slipway.analysis.http;

import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.parameters.RequestBody;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.responses.ApiResponses;
import java.util.List;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springframework.boot.info.BuildProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;

/** The description of the API at {@code /api/openapi}. */
@Configuration(proxyBeanMethods = false)
class OpenApi {

    @Bean
    OpenAPI openApiInfo(BuildProperties build) {
        return new OpenAPI().info(new Info().title(build.getName()).version(build.getVersion())
                .description("JSON alone, in UTF-8. A field that is not described here, or is of another type, is refused. "
                        + "Cache-Control says whether an answer may be kept: none may, but where an ETag stands beside it."));
    }

    @Bean
    OpenApiCustomizer problemResponses() {
        Schema<?> schema = new Schema<>();
        List.of("type", "title", "status", "detail", "instance", "requestId").forEach(field -> schema.addProperty(field, new Schema<>()));
        return api -> {
            api.getComponents().addSchemas("Problem", schema);
            api.getPaths().forEach((path, item) -> item.readOperations().forEach(operation -> {
                addProblems(path, operation);
                if (operation.getRequestBody() != null) {
                    forbidUnknownFields(api, operation.getRequestBody());
                }
            }));
        };
    }

    private static void addProblems(String path, Operation operation) {
        ApiResponses responses = operation.getResponses();
        add(responses, HttpStatus.BAD_REQUEST);
        if (path.contains("{")) {
            add(responses, HttpStatus.NOT_FOUND);
        }
        add(responses, HttpStatus.NOT_ACCEPTABLE);
        if (operation.getRequestBody() != null) {
            add(responses, HttpStatus.CONTENT_TOO_LARGE);
            add(responses, HttpStatus.UNSUPPORTED_MEDIA_TYPE);
        }
        responses.forEach((status, response) -> {
            if (status.startsWith("4")) {
                response.setContent(problem("").getContent());
            }
        });
        add(responses, HttpStatus.SERVICE_UNAVAILABLE);
        responses.get("503").addHeaderObject("Retry-After", new Header().description("Seconds").schema(new Schema<>().type("integer")));
        responses.setDefault(problem("A problem (RFC 9457)"));
    }

    private static void add(ApiResponses responses, HttpStatus status) {
        responses.putIfAbsent(String.valueOf(status.value()), problem(ProblemType.of(status).title()));
    }

    private static ApiResponse problem(String description) {
        MediaType problem = new MediaType().schema(new Schema<>().$ref("#/components/schemas/Problem"));
        return new ApiResponse().description(description).content(new Content().addMediaType("application/problem+json", problem));
    }

    private static void forbidUnknownFields(OpenAPI api, RequestBody body) {
        body.getContent().values().stream()
                .filter(media -> media.getSchema() != null && media.getSchema().get$ref() != null)
                .map(media -> media.getSchema().get$ref().replaceFirst(".*/", ""))
                .forEach(name -> api.getComponents().getSchemas().get(name).setAdditionalProperties(false));
    }
}
