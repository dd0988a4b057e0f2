package dev.slipway.analysis.http;

import io.micrometer.observation.ObservationPredicate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.server.observation.ServerRequestObservationContext;

/** Measures and traces the requests of clients alone: probes and scrapes would outnumber them. */
@Configuration(proxyBeanMethods = false)
class ObservedRequests {

    @Bean
    ObservationPredicate clientsAlone() {
        return (name, context) -> !(context instanceof ServerRequestObservationContext request
                && request.getCarrier().getRequestURI().matches("/(actuator/.*|livez|readyz)"));
    }
}
