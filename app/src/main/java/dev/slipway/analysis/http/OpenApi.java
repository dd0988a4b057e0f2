package dev.slipway.analysis.http;

import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.responses.ApiResponse;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springframework.boot.info.BuildProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The description of the API at {@code /api/openapi}. */
@Configuration(proxyBeanMethods = false)
class OpenApi {

    @Bean
    OpenAPI openApiInfo(BuildProperties build) {
        return new OpenAPI().info(new Info().title(build.getName()).version(build.getVersion()));
    }

    @Bean
    OpenApiCustomizer problemResponses() {
        ApiResponse problem = new ApiResponse()
                .description("A problem (RFC 9457)")
                .content(new Content()
                        .addMediaType(
                                "application/problem+json",
                                new MediaType().schema(new Schema<>().$ref("#/components/schemas/Problem"))));
        Schema<?> schema = new Schema<>()
                .addProperty("type", new Schema<>().format("uri"))
                .addProperty("title", new Schema<>())
                .addProperty("status", new Schema<>())
                .addProperty("detail", new Schema<>())
                .addProperty("instance", new Schema<>().format("uri-reference"))
                .addProperty("requestId", new Schema<>());
        return api -> {
            api.getComponents().addSchemas("Problem", schema);
            api.getPaths().values().stream()
                    .flatMap(path -> path.readOperations().stream())
                    .forEach(operation -> operation.getResponses().setDefault(problem));
        };
    }
}
