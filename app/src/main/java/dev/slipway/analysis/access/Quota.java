package dev.slipway.analysis.access;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import java.net.URI;
import java.time.Duration;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.ErrorResponseException;

/** How much one subject may keep, over all replicas: the database counted a moment ago, and what this one took in since is added. */
@Component
@Profile("web")
public class Quota {

    private final double maxRows;
    private final double maxBytes;
    private final LoadingCache<String, Counted> counted;

    /** What the domain counts for its subjects: one bean, without which nothing is limited. */
    public interface Usage {

        Kept of(String subject);
    }

    /** @param bytes of what waits for the workers */
    public record Kept(long rows, long bytes) {}

    /** A subject keeps as much as it may. */
    public static class QuotaExceededException extends ErrorResponseException {

        QuotaExceededException() {
            super(HttpStatus.TOO_MANY_REQUESTS);
            setType(URI.create("urn:problem-type:quota-exceeded"));
            setTitle("You keep as much as you may");
            setDetail("Delete what you no longer need, or wait until the workers have computed what waits.");
            getHeaders().set(HttpHeaders.RETRY_AFTER, "60");
        }
    }

    private static class Counted {

        long rows;
        long bytes;

        Counted(Kept kept) {
            rows = kept.rows;
            bytes = kept.bytes;
        }
    }

    Quota(Access.Properties properties, ObjectProvider<Usage> domain) {
        Usage usage = domain.getIfAvailable(() -> subject -> new Kept(0, 0));
        this.maxRows = properties.maxRows();
        this.maxBytes = properties.maxSize().toBytes();
        this.counted = Caffeine.newBuilder()
                .refreshAfterWrite(Duration.ofSeconds(5)) // Beside the requests.
                .expireAfterAccess(Duration.ofMinutes(1))
                .maximumSize(10_000)
                .build(subject -> new Counted(usage.of(subject)));
    }

    /**
     * Lets a subject keep one row more.
     *
     * @param bytes of it that wait for the workers
     * @throws QuotaExceededException if it keeps as much as it may
     */
    public void admit(String subject, int bytes) {
        Counted kept = counted.get(subject);
        synchronized (kept) {
            if (kept.rows >= maxRows || kept.bytes >= maxBytes) {
                throw new QuotaExceededException();
            }
            kept.rows++;
            kept.bytes += bytes;
        }
    }
}
