package dev.slipway.analysis.access;

import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.security.SecurityRequirement;
import io.swagger.v3.oas.models.security.SecurityScheme;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;

/** The API's document says that each call wants a token. */
@Configuration(proxyBeanMethods = false)
class AccessInOpenApi {

    /** Before the one that gives every refusal the form of a problem. */
    @Bean
    @Order(0)
    OpenApiCustomizer token() {
        return api -> {
            api.getComponents().addSecuritySchemes("token", new SecurityScheme().type(SecurityScheme.Type.HTTP).scheme("bearer"));
            api.addSecurityItem(new SecurityRequirement().addList("token"));
            api.getPaths().values().stream().flatMap(path -> path.readOperations().stream()).forEach(operation -> operation.getResponses()
                    .addApiResponse("401", new ApiResponse().description("The token is missing, or lets nobody in"))
                    .addApiResponse("403", new ApiResponse().description("The token does not have the scope that this asks for"))
                    .addApiResponse("429", new ApiResponse().description("Too many requests, or too much is kept: see Retry-After")));
        };
    }
}
