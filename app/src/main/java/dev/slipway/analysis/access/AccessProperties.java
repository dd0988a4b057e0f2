package dev.slipway.analysis.access;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Who may, beside those whom the database knows.
 *
 * @param prefix what this project's tokens begin with
 * @param failedTries tokens that let nobody in, of one address in a minute, after which it waits
 * @param maxRows how many rows one subject may keep
 * @param maxSize how much of one subject's may wait for the workers
 * @param tokens those that come from a secret, by their subject
 */
@ConfigurationProperties("access")
record AccessProperties(String prefix, int failedTries, long maxRows, DataSize maxSize, @DefaultValue Map<String, Configured> tokens) {

    /** @param token null where no secret is mounted: then there is none */
    record Configured(@Nullable String token, @DefaultValue List<String> scopes) {}
}
