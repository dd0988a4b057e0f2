package dev.slipway.analysis.http;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.autoconfigure.AutoConfigurationImportFilter;
import org.springframework.boot.autoconfigure.AutoConfigurationMetadata;
import org.springframework.context.EnvironmentAware;
import org.springframework.core.env.Environment;

/** Configures no tracing unless traces go somewhere: or each request would make spans for nobody. */
class TracingSwitch implements AutoConfigurationImportFilter, EnvironmentAware {

    private static final String ENDPOINT = "management.opentelemetry.tracing.export.otlp.endpoint";
    private static final String TRACING = "org.springframework.boot.micrometer.tracing.";

    private boolean traced;

    @Override
    public void setEnvironment(Environment environment) {
        traced = environment.containsProperty(ENDPOINT);
    }

    @Override
    public boolean[] match(@Nullable String[] configurations, AutoConfigurationMetadata metadata) {
        boolean[] matches = new boolean[configurations.length];
        for (int i = 0; i < matches.length; i++) {
            matches[i] = traced || configurations[i] == null || !configurations[i].startsWith(TRACING);
        }
        return matches;
    }
}
